//! The overview: the one thing to do first, then the state, then what is worst and what changed.

mod cards;
mod first;
mod trouble;

pub(crate) use cards::Sparks;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use jiff::Timestamp;
use phiward_core::asset::Ephi;
use phiward_core::check::Check;
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
/// A check that fails on more assets than this is not looked up one by one: counting them would take long.
const FEW: i64 = 2000;
/// Changes read; what is beyond is told as "more than".
const CHANGES: u32 = 300;
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
    /// Failing findings in all.
    all: String,
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
    /// Of the first asset; absent where finding it would take long.
    since: Option<When>,
    /// Order: severity, ePHI, how many.
    rank: (i64, usize, i64),
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
    let day_ago = Timestamp::from_second(now.as_second() - 86_400).unwrap_or(now);
    let changes = app.store.recent_changes(day_ago, None, CHANGES).await?;
    let map = app.store.ephi_map(60).await?;
    let top = app
        .store
        .findings(&FindingQuery { verdict: Some(Verdict::Fail), limit: 100, ..FindingQuery::default() })
        .await?;
    let worst = worst(app, &top.items, now).await?;
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
        all: words::number(chrome.failing()),
        worst,
        ephi,
        picture: picture(&map, Size { containers: 4, width: 162, gap: 40, storage: false, id: "small" }),
        changes: entries(&changes, &app.content, now, 9, CHANGES),
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

/// The worst failing checks, each once however many assets share it. `rows` are the worst findings.
async fn worst(app: &Shared, rows: &[FindingRow], now: Timestamp) -> Result<Vec<Worst>, Problem> {
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
        let known = rows.iter().find(|row| row.check == check.id);
        let asked = if known.is_none() && fail <= FEW {
            let query = FindingQuery {
                check: check.id.clone(),
                verdict: Some(Verdict::Fail),
                limit: 1,
                ..FindingQuery::default()
            };
            app.store.findings(&query).await?.items.into_iter().next()
        } else {
            None
        };
        found.push(line(check, fail, known.or(asked.as_ref()), now));
    }
    found.sort_by_key(|worst| std::cmp::Reverse(worst.rank));
    found.truncate(WORST);
    Ok(found)
}

fn line(check: &Check, fail: i64, row: Option<&FindingRow>, now: Timestamp) -> Worst {
    let (one, many) = (words::kind(&check.kind), words::lower_first(words::kinds(&check.kind)));
    let holds = row.map(|row| match row.ephi {
        Ephi::Yes => "ePHI",
        Ephi::Unknown => "ePHI unknown",
        Ephi::No => "no ePHI",
    });
    let (place, place_href, place_note) = match row.filter(|_| fail == 1) {
        Some(row) => (
            row.asset_name.clone(),
            format!("{}#{}", words::asset_href(row.asset.as_str()), check.id),
            format!("{one} · {}", holds.unwrap_or_default()),
        ),
        None => (
            format!("{} {many}", words::number(fail)),
            crate::params::address("/findings", [("check", check.id.as_str())]),
            row.map(|row| format!("{} first · {}", words::cut(&row.asset_name, 40), holds.unwrap_or_default()))
                .unwrap_or_default(),
        ),
    };
    Worst {
        badge: badge::severity(check.severity),
        title: words::finding_title(Some(check), &check.id, Verdict::Fail).to_owned(),
        href: words::check_href(&check.id),
        citation: check.citation_line(),
        place,
        place_href,
        place_note,
        since: row.map(|row| When::lasting(row.since, now)),
        rank: (
            check.severity.rank(),
            row.map_or(1, |row| [Ephi::No, Ephi::Unknown, Ephi::Yes].iter().position(|e| *e == row.ephi).unwrap_or(1)),
            fail,
        ),
    }
}
