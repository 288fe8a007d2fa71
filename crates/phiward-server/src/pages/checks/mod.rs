//! Checks: everything that is judged, the failing first.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use phiward_core::check::{Automation, Check};

use super::{Chrome, reply};
use crate::Shared;
use crate::judged::tallies;
use crate::params::Params;
use crate::problem::Problem;
use crate::view::badge::{self, Badge};
use crate::view::filter::{Chip, Pager, Select, chips};
use crate::view::words;

/// What a check did, for the filter.
#[derive(Clone, Copy, PartialEq)]
enum Went {
    Failing,
    Unknown,
    Passing,
    Manual,
    Overriding,
}

const WENT: [(&str, Went); 5] = [
    ("failing", Went::Failing),
    ("unknown", Went::Unknown),
    ("passing", Went::Passing),
    ("manual", Went::Manual),
    ("user", Went::Overriding),
];

/// Checks on a page.
const SHOWN: usize = 100;

pub fn routes() -> Router<Shared> {
    Router::new().route("/checks", get(page))
}

#[derive(Template)]
#[template(path = "checks/page.html")]
struct Checks {
    chrome: Chrome,
    heading: String,
    sub: String,
    action: &'static str,
    search: Option<String>,
    placeholder: &'static str,
    selects: Vec<Select>,
    owner: Option<String>,
    hidden: Vec<(&'static str, String)>,
    chips: Vec<Chip>,
    lines: Vec<Line>,
    pager: Pager,
}

struct Line {
    badge: Badge,
    title: String,
    href: String,
    citation: String,
    kind: String,
    fail: i64,
    unknown: i64,
    pass: i64,
    /// A note on where it comes from or who decides it; empty for a built-in that a program decides.
    note: &'static str,
}

async fn page(State(app): State<Shared>, params: Params) -> Response {
    let result = build(&app, &params).await;
    reply(&app, &params, result).await
}

async fn build(app: &Shared, params: &Params) -> Result<Checks, Problem> {
    let (search, severity, kind) = (params.text("search")?, params.severity()?, params.text("kind")?);
    let from = usize::try_from(params.number("from", 0, 100_000)?.unwrap_or(0)).unwrap_or(0);
    let went = params.word("went", &WENT)?;
    let chrome = Chrome::load(app, "/checks", "Checks").await?;
    let tallies = tallies(app.store.tallies().await?);
    let needles: Vec<String> = search.unwrap_or("").split_whitespace().map(str::to_lowercase).collect();
    let matches = |check: &Check| {
        let text = format!("{} {} {}", check.id, check.title, check.citation_line()).to_lowercase();
        needles.iter().all(|needle| text.contains(needle))
            && severity.is_none_or(|least| check.severity >= least)
            && kind.is_none_or(|k| check.kind == k)
    };
    let mut found: Vec<_> = app
        .content
        .checks()
        .iter()
        .filter(|check| matches(check))
        .map(|check| (check, tallies.get(&check.id).copied().unwrap_or_default()))
        .filter(|(check, tally)| match went {
            None => true,
            Some(Went::Failing) => tally.fail > 0,
            Some(Went::Unknown) => tally.unknown > 0,
            Some(Went::Passing) => tally.fail == 0 && tally.unknown == 0 && tally.pass > 0,
            Some(Went::Manual) => !check.automatic(),
            Some(Went::Overriding) => check.user,
        })
        .collect();
    found.sort_by_key(|(check, tally)| std::cmp::Reverse((tally.fail > 0, check.severity, tally.fail, tally.unknown)));
    let total = i64::try_from(found.len()).unwrap_or(0);
    let count = |wanted: &dyn Fn(&Check) -> bool| {
        i64::try_from(app.content.checks().iter().filter(|c| wanted(c)).count()).unwrap_or(0)
    };
    let users = count(&|check| check.user);
    let mut sub = format!(
        "{} decided by phiward, {} need a person",
        words::number(count(&|check| check.automatic())),
        words::number(count(&|check| !check.automatic()))
    );
    if users > 0 {
        sub.push_str(&format!(", {} from your own files", words::number(users)));
    }
    let words_of = [
        ("failing", "Failing somewhere"),
        ("unknown", "Unknown somewhere"),
        ("passing", "Passing everywhere"),
        ("manual", "Need a person"),
        ("user", "From your own files"),
    ];
    Ok(Checks {
        heading: words::count(total, "check", "checks"),
        sub,
        action: "/checks",
        search: Some(search.unwrap_or("").to_owned()),
        placeholder: "Title, id or citation",
        selects: vec![
            Select::kind(params),
            Select::severity(params),
            Select::new(params, "went", "Result", "Every result", &words_of),
        ],
        owner: None,
        pager: Pager {
            first: if from > 0 { params.with(&[("from", "")]) } else { String::new() },
            next: if found.len() > from + SHOWN {
                params.with(&[("from", &(from + SHOWN).to_string())])
            } else {
                String::new()
            },
        },
        hidden: Vec::new(),
        chips: chips(params, &[("search", "Words"), ("kind", "Kind"), ("severity", "Severity"), ("went", "Result")]),
        lines: found
            .into_iter()
            .skip(from)
            .take(SHOWN)
            .map(|(check, tally)| Line {
                badge: badge::severity(check.severity),
                title: check.title.clone(),
                href: words::check_href(&check.id),
                citation: check.citation_line(),
                kind: words::kind(&check.kind).to_owned(),
                fail: tally.fail,
                unknown: tally.unknown,
                pass: tally.pass,
                note: match (check.overrides_builtin, check.user, check.automation) {
                    (true, ..) => "yours, in place of the built-in",
                    (_, true, _) => "yours",
                    (.., Automation::Manual) => "needs a person",
                    (.., Automation::Partial) => "decided in part",
                    _ => "",
                },
            })
            .collect(),
        chrome,
    })
}
