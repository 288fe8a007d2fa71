//! One control: the rule in plain words, its state and the population behind it, what supports and fails it, whose
//! duty it is and what an auditor will ask.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use phiward_core::check::Automation;
use phiward_core::control::{Control, ControlState, Tally};
use phiward_core::words::Verdict;
use phiward_store::model::FindingQuery;

use super::controls::{population, requirement};
use super::{Chrome, reply};
use crate::Shared;
use crate::judged::{Judged, Tallies, judged, tallies};
use crate::params::Params;
use crate::problem::Problem;
use crate::view::badge::{self, Badge};
use crate::view::time::When;
use crate::view::words;

/// Failing findings on the page.
const SHOWN: u32 = 12;
/// Checks before the fold.
const CHECKS: usize = 15;

pub fn routes() -> Router<Shared> {
    Router::new().route("/controls/{*id}", get(page))
}

#[derive(Template)]
#[template(path = "control/page.html")]
struct ControlPage {
    chrome: Chrome,
    id: String,
    framework: String,
    section: String,
    requirement: &'static str,
    badge: Badge,
    /// What the state means, in a sentence.
    meaning: String,
    text: String,
    plain: String,
    automation: &'static str,
    duty: String,
    evidence: Vec<String>,
    mechanisms: Vec<String>,
    automatic: usize,
    parent: Option<(String, String)>,
    /// Specifications below a standard, or the controls a row stands for: name, id, address, state.
    related: Vec<(String, String, String, Badge)>,
    checks: Vec<CheckLine>,
    /// Checks behind the fold.
    folded: Vec<CheckLine>,
    failing: Vec<Line>,
    failing_total: i64,
}

struct CheckLine {
    badge: Badge,
    title: String,
    href: String,
    result: Badge,
    population: String,
}

struct Line {
    badge: Badge,
    title: String,
    asset: String,
    href: String,
    ephi: Badge,
    since: When,
}

async fn page(State(app): State<Shared>, Path(id): Path<String>, params: Params) -> Response {
    let result = build(&app, &id).await;
    reply(&app, &params, result).await
}

async fn build(app: &Shared, id: &str) -> Result<ControlPage, Problem> {
    let missing = || Problem::missing("No control has this id. The list of controls has all of the Security Rule.");
    let (framework, control) = app.content.control(id).ok_or_else(missing)?;
    let chrome = Chrome::load(app, "/controls", &control.name).await?;
    let tallies = tallies(app.store.tallies().await?);
    let judged = judged(&app.content, framework, control, &tallies);
    let checks: Vec<String> = judged.checks.iter().map(|check| check.id.clone()).collect();
    let (failing, failing_total) =
        if checks.is_empty() { (Vec::new(), 0) } else { failing(app, checks, &chrome).await? };
    let mut shown = check_lines(&judged, &tallies);
    Ok(ControlPage {
        id: if control.kind == "row" { control.maps_to.join(", ") } else { control.id.clone() },
        framework: framework.title.clone(),
        section: format!("{} {}", control.section, control.section_name),
        requirement: requirement(&control.requirement),
        badge: badge::control(judged.state),
        meaning: meaning(&judged),
        text: control.text.clone(),
        plain: control.plain.clone(),
        automation: match control.automation {
            Automation::Full => "A program can decide all of it.",
            Automation::Partial => "A program can decide part of it; a person must show the rest.",
            Automation::Manual => "No program can decide it; a person must show it.",
        },
        duty: control.duty.clone(),
        evidence: control.evidence.clone(),
        mechanisms: control.mechanisms.clone(),
        automatic: judged.automatic,
        parent: control
            .parent
            .as_ref()
            .and_then(|id| app.content.control(id))
            .map(|(_, c)| (c.name.clone(), words::control_href(&c.id))),
        related: related(app, control, &tallies),
        folded: shown.split_off(shown.len().min(CHECKS)),
        checks: shown,
        failing,
        failing_total,
        chrome,
    })
}

fn meaning(judged: &Judged) -> String {
    let tally = &judged.tally;
    let checks = words::count(i64::try_from(judged.automatic).unwrap_or(0), "check", "checks");
    match judged.state {
        ControlState::Failing => format!(
            "{} of {} from {checks} fail.",
            words::number(tally.fail),
            words::count(tally.judged(), "answer", "answers")
        ),
        ControlState::Unknown => format!(
            "Nothing fails, but {} of {} could not be decided. Unknown is not a pass.",
            words::number(tally.unknown),
            words::count(tally.judged(), "answer", "answers")
        ),
        ControlState::Supported => format!(
            "All {} from {checks} pass. They cover part of what the rule asks: a person must show the rest.",
            words::count(tally.judged(), "answer", "answers")
        ),
        ControlState::Met => format!(
            "All {} from {checks} pass, and together they decide all of it.",
            words::count(tally.judged(), "answer", "answers")
        ),
        ControlState::NotJudged => format!("{checks} would serve it, but nothing they apply to has been read yet."),
        ControlState::NeedsPerson => "No check serves it. A person must show how it is met.".to_owned(),
    }
}

fn related(app: &Shared, control: &Control, tallies: &Tallies) -> Vec<(String, String, String, Badge)> {
    let all = app.content.frameworks().iter().flat_map(|f| f.controls.iter().map(move |c| (f, c)));
    all.filter(|(_, other)| other.parent.as_deref() == Some(&control.id) || control.maps_to.contains(&other.id))
        .map(|(framework, other)| {
            let state = judged(&app.content, framework, other, tallies).state;
            (other.name.clone(), other.id.clone(), words::control_href(&other.id), badge::control(state))
        })
        .collect()
}

fn check_lines(judged: &Judged, tallies: &Tallies) -> Vec<CheckLine> {
    let mut lines: Vec<(i64, bool, i64, CheckLine)> = judged
        .checks
        .iter()
        .map(|check| {
            let tally = tallies.get(&check.id).copied().unwrap_or_default();
            let result = match (check.automatic(), tally) {
                (false, _) => badge::control(ControlState::NeedsPerson),
                (_, Tally { fail: 1.., .. }) => badge::verdict(Verdict::Fail),
                (_, Tally { unknown: 1.., .. }) => badge::verdict(Verdict::Unknown),
                (_, Tally { pass: 1.., .. }) => badge::verdict(Verdict::Pass),
                _ => badge::control(ControlState::NotJudged),
            };
            let line = CheckLine {
                badge: badge::severity(check.severity),
                title: check.title.clone(),
                href: words::check_href(&check.id),
                result,
                population: population(&tally),
            };
            (tally.fail, tally.unknown > 0, check.severity.rank(), line)
        })
        .collect();
    lines.sort_by_key(|(fail, undecided, severity, _)| std::cmp::Reverse((*fail > 0, *undecided, *severity, *fail)));
    lines.into_iter().map(|(.., line)| line).collect()
}

async fn failing(app: &Shared, checks: Vec<String>, chrome: &Chrome) -> Result<(Vec<Line>, i64), Problem> {
    let query = FindingQuery { checks, verdict: Some(Verdict::Fail), limit: SHOWN, ..FindingQuery::default() };
    let found = app.store.findings(&query).await?;
    let lines = found
        .items
        .into_iter()
        .map(|row| {
            let check = app.content.check(&row.check).map(|c| c.as_ref());
            Line {
                badge: badge::severity(row.severity),
                title: words::finding_title(check, &row.check, row.verdict).to_owned(),
                href: format!("{}#{}", words::asset_href(row.asset.as_str()), row.check),
                asset: words::cut(&row.asset_name, 100),
                ephi: badge::ephi(row.ephi),
                since: When::lasting(row.since, chrome.now),
            }
        })
        .collect();
    Ok((lines, found.total))
}
