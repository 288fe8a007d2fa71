//! The overview: the one thing to do first, then the state, then what is worst and what changed.

mod cards;
mod first;
mod trouble;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use jiff::Timestamp;
use phiward_core::asset::Ephi;
use phiward_core::words::Verdict;
use phiward_store::model::{FindingQuery, FindingRow};

use super::{Chrome, reply};
use crate::Shared;
use crate::judged::tallies;
use crate::params::Params;
use crate::problem::Problem;
use crate::view::badge::{self, Badge};
use crate::view::history::{Entry, entries};
use crate::view::map::{Picture, Size, picture};
use crate::view::time::When;
use crate::view::words;

/// Groups in the table of the worst.
const WORST: usize = 6;
/// Checks looked at to find them: several of one severity compete for the places.
const CANDIDATES: usize = 12;

pub fn routes() -> Router<Shared> {
    Router::new().route("/", get(page))
}

#[derive(Template)]
#[template(path = "overview/page.html")]
struct Overview {
    chrome: Chrome,
    summary: String,
    first: first::First,
    trouble: Vec<trouble::Trouble>,
    cards: Vec<cards::Card>,
    worst: Vec<Worst>,
    ephi: Vec<EphiLine>,
    picture: Option<Picture>,
    changes: Vec<Entry>,
    /// Something was read at some time.
    begun: bool,
}

/// Assets of one kind that hold or may hold ePHI.
struct EphiLine {
    kind: &'static str,
    yes: i64,
    unknown: i64,
    failing: i64,
    href: String,
}

/// A failing check with where it fails.
struct Worst {
    badge: Badge,
    title: String,
    href: String,
    citation: String,
    place: String,
    place_href: String,
    place_note: String,
    since: When,
    /// Order: severity, ePHI, how many.
    rank: (i64, u8, i64),
}

async fn page(State(app): State<Shared>, params: Params) -> Response {
    let result = build(&app).await;
    reply(&app, &params, result).await
}

async fn build(app: &Shared) -> Result<Overview, Problem> {
    let chrome = Chrome::load(app, "/", &app.title).await?;
    let now = chrome.now;
    let posture = app.store.posture(now).await?;
    let sources = app.store.sources().await?;
    let worst = worst(app, now).await?;
    let day_ago = Timestamp::from_second(now.as_second() - 86_400).unwrap_or(now);
    let changes = app.store.recent_changes(day_ago, None, 200).await?;
    let map = app.store.ephi_map(24).await?;
    let top = app.store.findings(&FindingQuery { verdict: Some(Verdict::Fail), limit: 1, ..FindingQuery::default() }).await?;
    let ephi = words::kind_ids()
        .filter_map(|kind| chrome.counts.kinds.get(kind).map(|count| (kind, count)))
        .filter(|(kind, count)| *kind != "docker.image" && count.ephi_yes + count.ephi_unknown > 0)
        .map(|(kind, count)| EphiLine {
            kind: words::kinds(kind),
            yes: count.ephi_yes,
            unknown: count.ephi_unknown,
            failing: count.ephi_failing,
            href: crate::params::address("/assets", [("kind", kind)]),
        })
        .collect();
    Ok(Overview {
        summary: summary(&chrome),
        first: first::first(&chrome, &app.content, top.items.first(), &sources, now),
        trouble: trouble::trouble(&chrome, &sources, now),
        cards: cards::cards(app, &posture, now).await?,
        begun: chrome.assets() > 0,
        worst,
        ephi,
        picture: picture(&map, Size { containers: 4, width: 162, gap: 40, storage: false, id: "small" }),
        changes: entries(&changes, &app.content, now, 9),
        chrome,
    })
}

/// `1 host · 1 Docker engine · 41 containers, 12 with ePHI`.
fn summary(chrome: &Chrome) -> String {
    let parts = ["host", "docker.engine", "docker.container"].into_iter().filter_map(|kind| {
        let count = chrome.counts.kinds.get(kind).filter(|count| count.all > 0)?;
        let name = if count.all == 1 { words::kind(kind) } else { words::kinds(kind) };
        let name = if kind == "docker.engine" { name.to_owned() } else { words::lower_first(name) };
        let ephi = match (kind, count.ephi_yes) {
            ("docker.container", 1..) => format!(", {} with ePHI", words::number(count.ephi_yes)),
            _ => String::new(),
        };
        Some(format!("{} {name}{ephi}", words::number(count.all)))
    });
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { "Nothing read yet".to_owned() } else { parts.join(" · ") }
}

/// The worst failing checks, each once however many assets share it.
async fn worst(app: &Shared, now: Timestamp) -> Result<Vec<Worst>, Problem> {
    let tallies = tallies(app.store.tallies().await?);
    let mut failing: Vec<_> = app
        .content
        .checks()
        .iter()
        .filter_map(|check| tallies.get(&check.id).map(|tally| (check, tally.fail)))
        .filter(|(_, fail)| *fail > 0)
        .collect();
    failing.sort_by_key(|(check, fail)| std::cmp::Reverse((check.severity, *fail)));
    let mut found = Vec::new();
    for (check, fail) in failing.into_iter().take(CANDIDATES) {
        let query = FindingQuery { check: check.id.clone(), verdict: Some(Verdict::Fail), limit: 1, ..FindingQuery::default() };
        if let Some(row) = app.store.findings(&query).await?.items.into_iter().next() {
            found.push(line(check, fail, &row, now));
        }
    }
    found.sort_by_key(|worst| std::cmp::Reverse(worst.rank));
    found.truncate(WORST);
    Ok(found)
}

fn line(check: &phiward_core::check::Check, fail: i64, row: &FindingRow, now: Timestamp) -> Worst {
    let kind = words::kind(&row.asset_kind);
    let holds = match row.ephi {
        Ephi::Yes => "ePHI",
        Ephi::Unknown => "ePHI unknown",
        Ephi::No => "no ePHI",
    };
    let one = fail == 1;
    let many = words::lower_first(words::kinds(&row.asset_kind));
    Worst {
        badge: badge::severity(row.severity),
        title: words::finding_title(Some(check), &check.id, row.verdict).to_owned(),
        href: words::check_href(&check.id),
        citation: check.citation_line(),
        place: if one { row.asset_name.clone() } else { format!("{} {many}", words::number(fail)) },
        place_href: if one {
            format!("{}#{}", words::asset_href(row.asset.as_str()), check.id)
        } else {
            crate::params::address("/findings", [("check", check.id.as_str())])
        },
        place_note: if one { format!("{kind} · {holds}") } else { format!("{} first · {holds}", words::cut(&row.asset_name, 40)) },
        since: When::lasting(row.since, now),
        rank: (row.severity.rank(), u8::from(row.ephi == Ephi::Yes) * 2 + u8::from(row.ephi == Ephi::Unknown), fail),
    }
}
