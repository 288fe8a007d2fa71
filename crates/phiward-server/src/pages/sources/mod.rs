//! Sources: what is read, how that went, what is missing and how to connect it.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use phiward_core::asset::Status;
use phiward_store::model::{SourceRow, gaps};

use super::{Chrome, reply};
use crate::Shared;
use crate::params::Params;
use crate::problem::Problem;
use crate::view::badge::{self, Badge};
use crate::view::remedy::{Block, blocks};
use crate::view::time::When;
use crate::view::words;

/// Gaps shown before the fold.
const SHOWN: usize = 8;

pub fn routes() -> Router<Shared> {
    Router::new().route("/sources", get(page))
}

#[derive(Template)]
#[template(path = "sources/page.html")]
struct Sources {
    chrome: Chrome,
    sub: String,
    sources: Vec<Source>,
    engine: bool,
    host: bool,
}

struct Source {
    title: &'static str,
    target: String,
    badge: Badge,
    watch: Badge,
    at: When,
    last_good: Option<When>,
    failed: bool,
    took: String,
    needs: Vec<String>,
    missing: Vec<(String, String)>,
    folded: Vec<(String, String)>,
    help: Vec<Block>,
    gap: Option<(When, String, Option<When>)>,
}

async fn page(State(app): State<Shared>, params: Params) -> Response {
    let result = build(&app).await;
    reply(&app, &params, result).await
}

async fn build(app: &Shared) -> Result<Sources, Problem> {
    let chrome = Chrome::load(app, "/sources", "Sources").await?;
    let mut rows = app.store.sources().await?;
    let rank = |status: &Status| ["failed", "partial", "complete"].iter().position(|word| *word == status.word());
    rows.sort_by(|a, b| {
        rank(&a.status).cmp(&rank(&b.status)).then(a.collector.cmp(&b.collector)).then(a.target.cmp(&b.target))
    });
    let count = |word: &str| rows.iter().filter(|row| row.status.word() == word).count();
    let sub = match rows.len() {
        0 => "Nothing has been read yet".to_owned(),
        n => format!(
            "{}: {} complete, {} partial, {} failed",
            words::count(i64::try_from(n).unwrap_or(0), "source", "sources"),
            count("complete"),
            count("partial"),
            count("failed")
        ),
    };
    let works = |collector: &str| rows.iter().any(|row| row.collector == collector && row.status.word() != "failed");
    Ok(Sources {
        sub,
        engine: works("docker"),
        host: works("host"),
        sources: rows.iter().map(|row| source(row, &chrome)).collect(),
        chrome,
    })
}

fn source(row: &SourceRow, chrome: &Chrome) -> Source {
    let mut missing: Vec<(String, String)> = gaps(&row.status)
        .into_iter()
        .take(200)
        .map(|gap| (if gap.path.is_empty() { "everything".to_owned() } else { gap.path }, gap.why))
        .collect();
    let folded = missing.split_off(missing.len().min(SHOWN));
    let ago = |at| When::ago(at, chrome.now);
    Source {
        title: match row.collector.as_str() {
            "docker" => "Docker engine",
            "host" => "Host",
            _ => "Source",
        },
        target: row.target.clone(),
        badge: badge::source(&row.status),
        watch: badge::watch(&row.watch),
        at: ago(row.at),
        last_good: row.last_good.map(ago),
        failed: row.status.word() == "failed",
        took: if row.took_ms < 1000 {
            format!("{} ms", row.took_ms)
        } else {
            format!("{}.{} s", row.took_ms / 1000, row.took_ms % 1000 / 100)
        },
        needs: row.needs.clone(),
        missing,
        folded,
        help: row.help.as_deref().map(blocks).unwrap_or_default(),
        gap: row.gap.as_ref().map(|gap| (ago(gap.noticed), gap.why.clone(), gap.healed.map(ago))),
    }
}
