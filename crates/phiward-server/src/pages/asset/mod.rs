//! One asset: what it is and whose, whether it holds ePHI, what is wrong with the fix to paste, what it touches, the
//! facts with where and when they were read, its history.

mod touches;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use jiff::Timestamp;
use phiward_core::asset::{AssetId, Ephi, Status};
use phiward_core::words::Verdict;
use phiward_store::model::{FindingQuery, FindingRow, StoredAsset};

use super::{Chrome, reply};
use crate::Shared;
use crate::params::{Params, address, encode};
use crate::problem::Problem;
use crate::view::badge::{self, Badge};
use crate::view::facts::{Row, Section, deciding, sections};
use crate::view::history::{Entry, entries};
use crate::view::map::Picture;
use crate::view::remedy::{Block, blocks};
use crate::view::time::When;
use crate::view::words;

/// Findings on the page, failing and unknown together.
const FINDINGS: u32 = 120;
/// Changes read.
const CHANGES: u32 = 60;
/// Remedies that stand open.
const OPEN: usize = 3;

pub fn routes() -> Router<Shared> {
    Router::new().route("/asset", get(page))
}

#[derive(Template)]
#[template(path = "asset/page.html")]
struct AssetPage {
    chrome: Chrome,
    kind: String,
    id: String,
    api: String,
    ephi: Badge,
    /// Why it counts as ePHI or not.
    ephi_text: String,
    state: Badge,
    facts_line: Vec<(String, String)>,
    first_seen: When,
    collected: When,
    collector: String,
    /// Nothing could be read: why.
    failed: String,
    wrong: Vec<Wrong>,
    wrong_total: i64,
    unknown: Vec<Unknown>,
    unknown_total: i64,
    passing: i64,
    not_applicable: i64,
    all_findings: String,
    picture: Option<Picture>,
    touches: Vec<touches::Touch>,
    touches_more: usize,
    sections: Vec<Section>,
    history: Vec<Entry>,
}

/// A failing check with its remedy.
struct Wrong {
    check: String,
    badge: Badge,
    title: String,
    href: String,
    citation: String,
    since: When,
    facts: Vec<(String, Vec<String>)>,
    remedy: Vec<Block>,
    open: bool,
}

/// A check that could not be decided.
struct Unknown {
    check: String,
    badge: Badge,
    title: String,
    href: String,
    reason: String,
}

async fn page(State(app): State<Shared>, params: Params) -> Response {
    let result = build(&app, &params).await;
    reply(&app, &params, result).await
}

async fn build(app: &Shared, params: &Params) -> Result<AssetPage, Problem> {
    let id = params
        .text("id")?
        .ok_or_else(|| Problem::bad("The address names no asset. Choose one from the list of assets."))?;
    let id = AssetId(id.to_owned());
    let missing = || {
        Problem::missing(
            "No asset has this id now. It may have been removed: containers get a new id whenever they are made again. Look for it by name among the assets.",
        )
    };
    let stored = app.store.asset(&id).await?.ok_or_else(missing)?;
    let chrome = Chrome::load(app, "/assets", &words::cut(&stored.row.name, 120)).await?;
    let now = chrome.now;
    let query = FindingQuery { asset: id.0.clone(), limit: FINDINGS, ..FindingQuery::default() };
    let found = app.store.findings(&query).await?.items;
    let (wrong, unknown): (Vec<FindingRow>, Vec<FindingRow>) =
        found.into_iter().partition(|row| row.verdict == Verdict::Fail);
    let changes = app.store.recent_changes(Timestamp::UNIX_EPOCH, Some(&id), CHANGES).await?;
    let (touches, touches_more) = touches::touches(app, &stored).await?;
    let history = entries(&changes, &app.content, now, 30, CHANGES);
    Ok(AssetPage {
        kind: words::kind(&stored.row.kind).to_owned(),
        api: format!("/api/v1/assets/{}", encode(id.as_str())),
        ephi: badge::ephi(stored.row.ephi),
        ephi_text: ephi_text(&stored),
        state: badge::asset(&stored.row),
        facts_line: about(&stored),
        first_seen: When::ago(stored.row.first_seen, now),
        collected: When::ago(stored.row.collected_at, now),
        collector: stored.asset.collector.clone(),
        failed: match &stored.asset.status {
            Status::Failed { why } => why.clone(),
            _ => String::new(),
        },
        wrong_total: stored.row.failing,
        wrong: wrong.into_iter().enumerate().map(|(index, row)| wrong_line(app, row, now, index < OPEN)).collect(),
        unknown_total: stored.row.unknown,
        unknown: unknown.into_iter().map(|row| unknown_line(app, row)).collect(),
        passing: stored.row.passing,
        not_applicable: stored.row.not_applicable,
        all_findings: address("/findings", [("asset", id.as_str())]),
        picture: touches::picture(&stored, &touches),
        touches,
        touches_more,
        sections: sections(&stored.asset.facts, &stored.asset.status),
        history,
        id: id.0,
        chrome,
    })
}

fn ephi_text(stored: &StoredAsset) -> String {
    let labelled = stored.asset.labels.contains_key("phiward.phi");
    match (stored.row.ephi, labelled) {
        (Ephi::Yes, true) => "Holds ePHI: its label phiward.phi says so.".to_owned(),
        (Ephi::Yes, false) => "Holds ePHI: something that uses it does.".to_owned(),
        (Ephi::No, true) => "Holds no ePHI: its label phiward.phi says so.".to_owned(),
        (Ephi::No, false) => "Holds no ePHI: nothing that uses it does.".to_owned(),
        (Ephi::Unknown, _) => {
            "Nobody has said whether it holds ePHI, so it counts as if it did. Set the label phiward.phi to yes or no."
                .to_owned()
        }
    }
}

/// What tells this asset apart, by kind: few words for the top of the page.
fn about(stored: &StoredAsset) -> Vec<(String, String)> {
    let facts = &stored.asset.facts;
    let text = |path: &str| {
        let value = phiward_core::judge::lookup(facts, path)?;
        let text = match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Number(number) => number.to_string(),
            serde_json::Value::Array(items) => {
                items.iter().filter_map(|item| item.as_str()).take(3).collect::<Vec<_>>().join(", ")
            }
            _ => return None,
        };
        (!text.is_empty()).then(|| words::cut(&text, 120))
    };
    let wanted: &[(&str, &str)] = match stored.row.kind.as_str() {
        "docker.container" => &[
            ("State", "state"),
            ("Image", "image"),
            ("Role", "role"),
            ("Compose project", "compose.project"),
            ("Service", "compose.service"),
        ],
        "docker.engine" => &[("Version", "version"), ("Endpoint", "endpoint"), ("System", "os")],
        "docker.image" => &[("Tags", "tags"), ("Made", "created_at")],
        "docker.volume" => &[("Driver", "driver"), ("Used by", "used_by"), ("Lies on", "storage.device")],
        "docker.network" => &[("Driver", "driver"), ("Subnets", "subnets")],
        "host" => &[("System", "os.pretty_name"), ("Kernel", "os.kernel"), ("Processors", "hardware.cpus")],
        _ => &[],
    };
    let mut line = vec![(
        "Owner".to_owned(),
        if stored.row.owner.is_empty() { "nobody named".to_owned() } else { stored.row.owner.clone() },
    )];
    line.extend(wanted.iter().filter_map(|(label, path)| text(path).map(|value| ((*label).to_owned(), value))));
    line
}

fn wrong_line(app: &Shared, row: FindingRow, now: Timestamp, open: bool) -> Wrong {
    let check = app.content.check(&row.check).map(|c| c.as_ref());
    Wrong {
        badge: badge::severity(row.severity),
        title: words::finding_title(check, &row.check, Verdict::Fail).to_owned(),
        href: words::check_href(&row.check),
        citation: check.map(|c| c.citation_line()).unwrap_or_default(),
        since: When::lasting(row.since, now),
        facts: deciding(&row.facts),
        remedy: check.map(|c| blocks(&c.remedy)).unwrap_or_default(),
        open,
        check: row.check,
    }
}

fn unknown_line(app: &Shared, row: FindingRow) -> Unknown {
    let check = app.content.check(&row.check).map(|c| c.as_ref());
    Unknown {
        badge: badge::severity(row.severity),
        title: words::check_title(check, &row.check).to_owned(),
        href: words::check_href(&row.check),
        reason: words::cut(&row.reason, 300),
        check: row.check,
    }
}
