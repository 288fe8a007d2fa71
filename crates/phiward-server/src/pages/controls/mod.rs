//! Controls: the Security Rule section by section, and the paper's rows, each with its state and what that rests on.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use phiward_core::control::{ControlState, Tally};

use super::{Chrome, reply};
use crate::Shared;
use crate::judged::{Judged, judged, tallies};
use crate::params::{Params, address};
use crate::problem::Problem;
use crate::view::badge::{self, Badge};
use crate::view::words;

const STATES: [ControlState; 6] = [
    ControlState::Failing,
    ControlState::Unknown,
    ControlState::Supported,
    ControlState::Met,
    ControlState::NotJudged,
    ControlState::NeedsPerson,
];

pub fn routes() -> Router<Shared> {
    Router::new().route("/controls", get(page))
}

#[derive(Template)]
#[template(path = "controls/page.html")]
struct Controls {
    chrome: Chrome,
    sub: String,
    source: String,
    /// Framework's title, address, shown.
    tabs: Vec<(String, String, bool)>,
    /// State, how many, address of the list of only these, chosen.
    states: Vec<(Badge, i64, String, bool)>,
    sections: Vec<Section>,
    /// Rows of the paper: who is responsible has a column.
    rows: bool,
}

struct Section {
    id: String,
    /// First and last section number in it.
    first: String,
    last: String,
    name: String,
    lines: Vec<Line>,
}

struct Line {
    /// The id as cited: a row of the paper shows the control it stands for.
    shown: String,
    href: String,
    name: String,
    requirement: &'static str,
    below: bool,
    badge: Badge,
    checks: String,
    checks_href: String,
    population: String,
    duty: String,
}

async fn page(State(app): State<Shared>, params: Params) -> Response {
    let result = build(&app, &params).await;
    reply(&app, &params, result).await
}

async fn build(app: &Shared, params: &Params) -> Result<Controls, Problem> {
    let chrome = Chrome::load(app, "/controls", "Controls").await?;
    let state = params.word("state", &STATES.map(|s| (s.as_str(), s)))?;
    let frameworks = app.content.frameworks();
    let wanted = params.text("framework")?.unwrap_or("hipaa");
    let Some(framework) = frameworks.iter().find(|f| f.framework == wanted) else {
        return Err(Problem::missing("No framework has this id."));
    };
    let tallies = tallies(app.store.tallies().await?);
    let all: Vec<Judged> = framework
        .controls
        .iter()
        .filter(|c| c.kind != "heading")
        .map(|c| judged(&app.content, framework, c, &tallies))
        .collect();
    let states = STATES
        .into_iter()
        .map(|s| {
            let count = i64::try_from(all.iter().filter(|judged| judged.state == s).count()).unwrap_or(0);
            let chosen = state == Some(s);
            let href = params.with(&[("state", if chosen { "" } else { s.as_str() })]);
            (badge::control(s), count, href, chosen)
        })
        .filter(|(_, count, ..)| *count > 0)
        .collect();
    let mut sections: Vec<Section> = Vec::new();
    for judged in all.iter().filter(|judged| state.is_none_or(|s| judged.state == s)) {
        let control = judged.control;
        match sections.last_mut().filter(|section| section.name == control.section_name) {
            Some(section) => {
                section.last = control.section.clone();
                section.lines.push(line(judged));
            }
            None => sections.push(Section {
                id: format!("s{}", control.section),
                first: control.section.clone(),
                last: control.section.clone(),
                name: control.section_name.clone(),
                lines: vec![line(judged)],
            }),
        }
    }
    let total = i64::try_from(all.len()).unwrap_or(0);
    let person = all.iter().filter(|judged| judged.state == ControlState::NeedsPerson).count();
    Ok(Controls {
        sub: format!(
            "{}, {person} of them need a person: no program can decide them",
            words::count(total, "standard and specification", "standards and specifications"),
        ),
        source: framework.source.clone(),
        tabs: frameworks
            .iter()
            .map(|f| {
                let id = if f.framework == "hipaa" { "" } else { f.framework.as_str() };
                (f.title.clone(), address("/controls", [("framework", id)]), f.framework == framework.framework)
            })
            .collect(),
        states,
        sections,
        rows: framework.framework != "hipaa",
        chrome,
    })
}

fn line(judged: &Judged) -> Line {
    let control = judged.control;
    Line {
        shown: if control.kind == "row" { control.maps_to.join(", ") } else { control.id.clone() },
        href: words::control_href(&control.id),
        name: control.name.clone(),
        requirement: requirement(&control.requirement),
        below: control.kind == "implementation-specification",
        badge: badge::control(judged.state),
        checks: words::count(i64::try_from(judged.checks.len()).unwrap_or(0), "check", "checks"),
        checks_href: words::control_href(&control.id),
        population: population(&judged.tally),
        duty: control.duty.clone(),
    }
}

/// The requirement as a word; empty where the rule has none.
pub fn requirement(word: &str) -> &'static str {
    match word {
        "required" => "Required",
        "addressable" => "Addressable",
        _ => "",
    }
}

/// `4 fail, 2 unknown, 210 pass`; empty when nothing was judged.
pub fn population(tally: &Tally) -> String {
    let parts = [(tally.fail, "fail"), (tally.unknown, "unknown"), (tally.pass, "pass"), (tally.excepted, "excepted")];
    let said: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", words::number(*n))).collect();
    said.join(", ")
}
