//! What the words mean.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use phiward_core::asset::Ephi;
use phiward_core::control::ControlState;
use phiward_core::posture::State as Standing;
use phiward_core::words::{Severity, Verdict};

use super::{Chrome, reply};
use crate::Shared;
use crate::params::Params;
use crate::problem::Problem;
use crate::view::badge::{self, Badge};

/// Word, anchor, meaning.
const WORDS: [(&str, &str, &str); 14] = [
    (
        "ePHI",
        "ephi",
        "Electronic protected health information: data about a person’s health that can be tied to that person. The HIPAA Security Rule is about keeping it safe.",
    ),
    (
        "Asset",
        "asset",
        "Something phiward keeps track of: a host, a Docker engine, a container, an image, a volume or a network.",
    ),
    (
        "Facts",
        "facts",
        "What a collector read about an asset, with when and from where. Facts are never edited, and never hold the value of a secret.",
    ),
    (
        "Check",
        "check",
        "One question with a definite answer, asked of every asset of its kind. Each check is a file you can read: its expression, its reason, its remedy, its citations.",
    ),
    (
        "Finding",
        "finding",
        "A check that fails on an asset, or could not be decided for it, with the facts it rests on and when it began.",
    ),
    (
        "Unknown",
        "unknown",
        "A fact that the check needs is missing, so nobody can tell. Unknown is never counted as a pass. The reason says what to make readable.",
    ),
    (
        "Control",
        "control",
        "One standard or implementation specification of the Security Rule. Checks cite the controls they serve. A required specification must be met; an addressable one must be met, or replaced by an equal measure with a written reason.",
    ),
    (
        "Compliance",
        "compliance",
        "Of the assets that were judged, the share with no open failing check of severity medium or worse. Rounded down, so that 100% means all.",
    ),
    (
        "Coverage",
        "coverage",
        "Of the assets known, the share judged within their freshness window: “38 of 41 judged”. The rest was not seen lately, or an answer that counts is unknown. A compliance number without it says little.",
    ),
    (
        "Undetermined",
        "undetermined",
        "Nothing that counts fails on the asset, but some check that counts is unknown. It is neither compliant nor failing.",
    ),
    (
        "Source",
        "source",
        "Where facts come from: a host, an engine. Complete means all was read, partial that some was not, failed that nothing was.",
    ),
    (
        "Gap",
        "gap",
        "Docker keeps only its latest events. When phiward missed some, it says so and reads everything anew.",
    ),
    ("Owner", "owner", "Who answers for an asset: the label phiward.owner on a container or image."),
    (
        "Exception",
        "exception",
        "A failure that was accepted: with a reason, an end date, asked by one person and approved by another.",
    ),
];

pub fn routes() -> Router<Shared> {
    Router::new().route("/help", get(page))
}

#[derive(Template)]
#[template(path = "help/page.html")]
struct Help {
    chrome: Chrome,
    words: &'static [(&'static str, &'static str, &'static str)],
    severities: Vec<(Badge, &'static str)>,
    others: Vec<(Badge, &'static str)>,
    states: Vec<(Badge, &'static str)>,
}

async fn page(State(app): State<Shared>, params: Params) -> Response {
    let result = build(&app).await;
    reply(&app, &params, result).await
}

async fn build(app: &Shared) -> Result<Help, Problem> {
    let severities = Severity::ALL.map(|s| {
        let meaning = match s {
            Severity::Critical => "ePHI or the whole host can be taken now. Act today.",
            Severity::High => "A likely way in, or a safeguard that is missing. Act this week.",
            Severity::Medium => "Weakens a safeguard. It makes an asset count as failing. Plan it.",
            Severity::Low => "Good practice that is missing. It does not change compliance.",
            Severity::Info => "Worth knowing. It does not change compliance.",
        };
        (badge::severity(s), meaning)
    });
    let states = [
        (ControlState::Failing, "A check that serves the control fails somewhere."),
        (ControlState::Unknown, "Nothing fails, but some answers could not be decided."),
        (
            ControlState::Supported,
            "Every check passes, yet they cover only part of what the rule asks. A person must show the rest.",
        ),
        (ControlState::Met, "Every check passes, and together they decide the whole of it."),
        (ControlState::NotJudged, "Checks would serve it, but nothing they apply to has been read."),
        (ControlState::NeedsPerson, "No check can serve it. A person must show how it is met."),
    ];
    Ok(Help {
        chrome: Chrome::load(app, "/help", "What the words mean").await?,
        words: &WORDS,
        severities: severities.to_vec(),
        others: vec![
            (badge::state(Standing::Failing), "A check of severity medium or worse fails on the asset."),
            (badge::state(Standing::Undetermined), "None of those fails, but at least one is unknown."),
            (badge::state(Standing::Compliant), "None of those fails, and each has a definite answer."),
            (badge::verdict(Verdict::NotApplicable), "The check’s question does not arise for the asset."),
            (badge::ephi(Ephi::Yes), "The label phiward.phi says that it holds ePHI."),
            (badge::ephi(Ephi::Unknown), "Nobody has said. It is treated as if it held ePHI."),
            (badge::ephi(Ephi::No), "The label says that it holds none."),
        ],
        states: states.into_iter().map(|(state, meaning)| (badge::control(state), meaning)).collect(),
    })
}
