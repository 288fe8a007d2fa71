//! Assets: search, filter, sort and page through all of them.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use phiward_core::posture::State as Standing;
use phiward_core::words::Category;

use super::{Chrome, reply};
use crate::Shared;
use crate::params::Params;
use crate::problem::Problem;
use crate::view::badge::{self, Badge};
use crate::view::filter::{Chip, Pager, Select, chips};
use crate::view::time::When;
use crate::view::words;

pub fn routes() -> Router<Shared> {
    Router::new().route("/assets", get(page))
}

#[derive(Template)]
#[template(path = "assets/page.html")]
struct Assets {
    chrome: Chrome,
    heading: String,
    action: &'static str,
    search: Option<String>,
    placeholder: &'static str,
    selects: Vec<Select>,
    owner: Option<String>,
    hidden: Vec<(&'static str, String)>,
    chips: Vec<Chip>,
    sorts: Vec<Sort>,
    lines: Vec<Line>,
    pager: Pager,
}

/// A heading that sorts.
struct Sort {
    text: &'static str,
    href: String,
    /// `ascending`, `descending` or empty.
    now: &'static str,
    class: &'static str,
}

struct Line {
    name: String,
    href: String,
    kind: String,
    owner: String,
    ephi: Badge,
    state: Badge,
    worst: Option<Badge>,
    failing: i64,
    unknown: i64,
    passing: i64,
    seen: When,
    /// `partial` or `failed`; empty when complete.
    trouble: String,
}

async fn page(State(app): State<Shared>, params: Params) -> Response {
    let result = build(&app, &params).await;
    reply(&app, &params, result).await
}

async fn build(app: &Shared, params: &Params) -> Result<Assets, Problem> {
    let query = params.assets(50)?;
    let chrome = Chrome::load(app, "/assets", "Assets").await?;
    let found = app.store.assets(&query, chrome.now).await?;
    let states =
        [Standing::Failing, Standing::Undetermined, Standing::Compliant].map(|s| (s.as_str(), badge::state(s).word));
    let categories = Category::ALL.map(|c| (c.as_str(), c.title()));
    let names = [
        ("search", "Words"),
        ("kind", "Kind"),
        ("ephi", "ePHI"),
        ("state", "State"),
        ("severity", "Severity"),
        ("category", "Category"),
        ("owner", "Owner"),
    ];
    let chips = chips(params, &names);
    let all = words::count(found.total, "asset", "assets");
    let heading = if chips.is_empty() { all } else { format!("{all} of {}", words::number(chrome.assets())) };
    let hidden = ["sort", "order"]
        .into_iter()
        .filter_map(|name| params.raw(name).map(|value| (name, value.to_owned())))
        .collect();
    Ok(Assets {
        heading,
        action: "/assets",
        search: Some(query.search.clone()),
        placeholder: "Name, id, owner or label",
        selects: vec![
            Select::kind(params),
            Select::ephi(params),
            Select::new(params, "state", "State", "Every state", &states),
            Select::severity(params),
            Select::new(params, "category", "Category", "Every category", &categories),
        ],
        owner: Some(query.owner.clone()),
        hidden,
        chips,
        sorts: sorts(params),
        pager: Pager::new(params, found.next.as_deref()),
        lines: found
            .items
            .into_iter()
            .map(|row| Line {
                href: words::asset_href(row.id.as_str()),
                name: words::cut(&row.name, 120),
                kind: words::kind(&row.kind).to_owned(),
                owner: words::cut(&row.owner, 60),
                ephi: badge::ephi(row.ephi),
                state: badge::asset(&row),
                worst: row.worst.map(badge::severity),
                failing: row.failing,
                unknown: row.unknown,
                passing: row.passing,
                seen: When::ago(row.collected_at, chrome.now),
                trouble: if row.status == "complete" { String::new() } else { row.status },
            })
            .collect(),
        chrome,
    })
}

fn sorts(params: &Params) -> Vec<Sort> {
    let current = params.raw("sort").unwrap_or("worst");
    let descending = params.raw("order") == Some("desc");
    let columns = [("Name", "name", ""), ("Kind", "kind", ""), ("State", "worst", ""), ("Read", "seen", "num")];
    columns
        .into_iter()
        .map(|(text, sort, class)| {
            let is = sort == current;
            // Choosing the column that already sorts turns it around.
            let order = if is && !descending { "desc" } else { "" };
            Sort {
                text,
                href: params.with(&[("sort", sort), ("order", order), ("cursor", "")]),
                now: if !is {
                    ""
                } else if descending {
                    "descending"
                } else {
                    "ascending"
                },
                class,
            }
        })
        .collect()
}
