//! One check: why it matters, what to do, what it found.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use phiward_core::check::{Automation, Check};
use phiward_core::words::Verdict;
use phiward_store::model::{FindingQuery, FindingRow};

use super::{Chrome, reply};
use crate::Shared;
use crate::judged::tallies;
use crate::params::{Params, address};
use crate::problem::Problem;
use crate::view::badge::{self, Badge};
use crate::view::facts::deciding;
use crate::view::remedy::{Block, blocks};
use crate::view::time::When;
use crate::view::words;

/// Assets of each verdict on the page.
const SHOWN: u32 = 20;

pub fn routes() -> Router<Shared> {
    Router::new().route("/checks/{id}", get(page))
}

#[derive(Template)]
#[template(path = "check/page.html")]
struct CheckPage {
    chrome: Chrome,
    badge: Badge,
    id: String,
    kind: String,
    /// `3 containers`.
    fails_on: String,
    message: String,
    automation: &'static str,
    /// Where it comes from, when it is a user's.
    origin: String,
    remedy: Vec<Block>,
    rationale: Vec<Block>,
    applies: String,
    pass: String,
    reads: String,
    /// Framework's name, then ids with their addresses.
    citations: Vec<(String, Vec<(String, String)>)>,
    references: Vec<String>,
    tally: phiward_core::control::Tally,
    failing: Vec<Line>,
    failing_total: i64,
    failing_href: String,
    unknown: Vec<Line>,
    unknown_total: i64,
    unknown_href: String,
}

struct Line {
    name: String,
    href: String,
    ephi: Badge,
    owner: String,
    reason: String,
    facts: Vec<(String, Vec<String>)>,
    since: When,
}

async fn page(State(app): State<Shared>, Path(id): Path<String>, params: Params) -> Response {
    let result = build(&app, &id).await;
    reply(&app, &params, result).await
}

async fn build(app: &Shared, id: &str) -> Result<CheckPage, Problem> {
    let check = app.content.check(id).ok_or_else(|| {
        Problem::missing(
            "No check has this id. It may have been renamed or taken away; the list of checks has those in force.",
        )
    })?;
    let chrome = Chrome::load(app, "/checks", &check.title).await?;
    let tally = tallies(app.store.tallies().await?).get(&check.id).copied().unwrap_or_default();
    let list = async |verdict: Verdict| {
        let query =
            FindingQuery { check: check.id.clone(), verdict: Some(verdict), limit: SHOWN, ..FindingQuery::default() };
        app.store.findings(&query).await
    };
    let (failing, unknown) = (list(Verdict::Fail).await?, list(Verdict::Unknown).await?);
    let now = chrome.now;
    let lines = |rows: Vec<FindingRow>| rows.into_iter().map(|row| line(row, now)).collect();
    let href = |verdict: Verdict| address("/findings", [("check", check.id.as_str()), ("verdict", verdict.as_str())]);
    Ok(CheckPage {
        badge: badge::severity(check.severity),
        id: check.id.clone(),
        kind: words::lower_first(words::kinds(&check.kind)),
        fails_on: words::count(
            failing.total,
            &words::lower_first(words::kind(&check.kind)),
            &words::lower_first(words::kinds(&check.kind)),
        ),
        message: check.message.clone(),
        automation: match check.automation {
            Automation::Full => "phiward decides it",
            Automation::Partial => "phiward decides part of it",
            Automation::Manual => "a person must state it",
        },
        origin: match (check.overrides_builtin, check.user) {
            (true, _) => format!("Your file {} stands in place of the built-in check of this id.", check.origin),
            (_, true) => format!("From your file {}.", check.origin),
            _ => String::new(),
        },
        remedy: blocks(&check.remedy),
        rationale: blocks(&check.rationale),
        applies: check.applies_source().unwrap_or("").to_owned(),
        pass: check.pass_source().unwrap_or("").to_owned(),
        reads: check.reads().iter().map(|read| read.path.as_str()).collect::<Vec<_>>().join(", "),
        citations: citations(check),
        references: check.references.iter().filter(|r| r.starts_with("https://")).cloned().collect(),
        tally,
        failing_total: failing.total,
        failing: lines(failing.items),
        failing_href: href(Verdict::Fail),
        unknown_total: unknown.total,
        unknown: lines(unknown.items),
        unknown_href: href(Verdict::Unknown),
        chrome,
    })
}

fn line(row: FindingRow, now: jiff::Timestamp) -> Line {
    Line {
        href: format!("{}#{}", words::asset_href(row.asset.as_str()), row.check),
        name: words::cut(&row.asset_name, 120),
        ephi: badge::ephi(row.ephi),
        owner: row.owner,
        reason: row.reason,
        facts: deciding(&row.facts),
        since: When::lasting(row.since, now),
    }
}

/// Citations by framework; those of the Security Rule lead to the control.
fn citations(check: &Check) -> Vec<(String, Vec<(String, String)>)> {
    let name = |framework: &str| match framework {
        "hipaa" => "HIPAA Security Rule, 45 CFR".to_owned(),
        "nist-800-53r5" => "NIST SP 800-53 r5".to_owned(),
        other => match other.strip_prefix("cis-docker-") {
            Some(version) => format!("CIS Docker Benchmark {version}"),
            None => other.to_owned(),
        },
    };
    let link = |framework: &str, id: &str| if framework == "hipaa" { words::control_href(id) } else { String::new() };
    let mut all: Vec<_> = check.citations.iter().collect();
    all.sort_by_key(|(framework, _)| framework.as_str() != "hipaa");
    all.into_iter()
        .map(|(framework, ids)| (name(framework), ids.iter().map(|id| (id.clone(), link(framework, id))).collect()))
        .collect()
}
