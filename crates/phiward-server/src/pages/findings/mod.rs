//! Findings: grouped by check, or one by one for a check or an asset.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use jiff::Timestamp;
use phiward_core::check::Check;
use phiward_core::control::Tally;
use phiward_core::words::Verdict;
use phiward_store::model::{FindingQuery, FindingRow};

use super::{Chrome, reply};
use crate::Shared;
use crate::judged::tallies;
use crate::params::Params;
use crate::problem::Problem;
use crate::view::badge::{self, Badge};
use crate::view::facts::deciding;
use crate::view::filter::{Chip, Pager, Select, chips};
use crate::view::time::When;
use crate::view::words;

/// A check with more findings than this is listed without a sample of its assets.
const FEW: i64 = 5000;
/// Groups on a page.
const GROUPS: usize = 25;

pub fn routes() -> Router<Shared> {
    Router::new().route("/findings", get(page))
}

#[derive(Template)]
#[template(path = "findings/page.html")]
struct Findings {
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
    /// Both lists at once are never filled.
    groups: Vec<Group>,
    lines: Vec<Line>,
    /// One by one.
    flat: bool,
    /// Way back to the groups; empty when these are they.
    back: String,
    /// Page of the check whose findings these are; empty for several checks.
    check_href: String,
    unknown: bool,
    pager: Pager,
}

/// A check with the assets it fails on.
struct Group {
    badge: Badge,
    title: String,
    href: String,
    citation: String,
    count: String,
    list: String,
    /// Name, address, whether it holds ePHI.
    sample: Vec<(String, String, Badge)>,
    more: i64,
    /// Of the first asset.
    since: Option<When>,
}

/// One finding.
struct Line {
    badge: Badge,
    verdict: Badge,
    title: String,
    href: String,
    asset: String,
    asset_href: String,
    asset_note: String,
    ephi: Badge,
    /// Why it is unknown; empty for a failure.
    reason: String,
    facts: Vec<(String, Vec<String>)>,
    since: When,
}

async fn page(State(app): State<Shared>, params: Params) -> Response {
    let result = build(&app, &params).await;
    reply(&app, &params, result).await
}

async fn build(app: &Shared, params: &Params) -> Result<Findings, Problem> {
    let query = params.findings(50)?;
    let chrome = Chrome::load(app, "/findings", "Findings").await?;
    let flat = !query.check.is_empty() || !query.asset.is_empty();
    let verdicts = [("fail", "Failing"), ("unknown", "Unknown")];
    let verdict = Select::new(
        params,
        "verdict",
        "Answer",
        if flat { "Failing and unknown" } else { "Failing (default)" },
        &verdicts,
    );
    let mut hidden = Vec::new();
    for name in ["check", "asset"] {
        if let Some(value) = params.raw(name) {
            hidden.push((name, value.to_owned()));
        }
    }
    let names = [
        ("search", "Words"),
        ("severity", "Severity"),
        ("kind", "Kind"),
        ("ephi", "ePHI"),
        ("verdict", "Answer"),
        ("owner", "Owner"),
        ("check", "Check"),
        ("asset", "Asset"),
    ];
    let mut page = Findings {
        heading: "Findings".to_owned(),
        sub: format!(
            "{} failing, {} unknown, over all assets",
            words::number(chrome.failing()),
            words::number(chrome.counts.unknown)
        ),
        action: "/findings",
        search: Some(query.search.clone()),
        placeholder: "Name of an asset",
        selects: vec![Select::severity(params), Select::kind(params), Select::ephi(params), verdict],
        owner: Some(query.owner.clone()),
        hidden,
        chips: chips(params, &names),
        groups: Vec::new(),
        lines: Vec::new(),
        flat,
        back: String::new(),
        check_href: String::new(),
        unknown: query.verdict == Some(Verdict::Unknown),
        pager: Pager::default(),
        chrome,
    };
    if flat {
        one_by_one(app, params, query, &mut page).await?
    } else {
        grouped(app, params, query, &mut page).await?
    }
    Ok(page)
}

async fn one_by_one(app: &Shared, params: &Params, query: FindingQuery, page: &mut Findings) -> Result<(), Problem> {
    let found = app.store.findings(&query).await?;
    let now = page.chrome.now;
    if let Some(check) = app.content.check(&query.check) {
        let verdict = query.verdict.unwrap_or(Verdict::Fail);
        page.heading = words::finding_title(Some(check), &check.id, verdict).to_owned();
        page.check_href = words::check_href(&check.id);
    } else if let (false, Some(first)) = (query.asset.is_empty(), found.items.first()) {
        page.heading = format!("Findings on {}", first.asset_name);
    }
    page.sub = words::count(found.total, "finding", "findings");
    page.back = params.with(&[("check", ""), ("asset", ""), ("cursor", "")]);
    page.pager = Pager::new(params, found.next.as_deref());
    // The heading says it already.
    let alone = !query.check.is_empty();
    page.lines = found
        .items
        .into_iter()
        .map(|row| {
            let check = app.content.check(&row.check).map(|c| c.as_ref());
            Line {
                badge: badge::severity(row.severity),
                verdict: badge::verdict(row.verdict),
                title: if alone {
                    String::new()
                } else {
                    words::finding_title(check, &row.check, row.verdict).to_owned()
                },
                href: words::check_href(&row.check),
                asset_href: format!("{}#{}", words::asset_href(row.asset.as_str()), row.check),
                asset: row.asset_name,
                asset_note: words::kind(&row.asset_kind).to_owned(),
                ephi: badge::ephi(row.ephi),
                reason: if row.verdict == Verdict::Unknown { row.reason } else { String::new() },
                facts: if row.verdict == Verdict::Unknown { Vec::new() } else { deciding(&row.facts) },
                since: When::lasting(row.since, now),
            }
        })
        .collect();
    Ok(())
}

async fn grouped(app: &Shared, params: &Params, query: FindingQuery, page: &mut Findings) -> Result<(), Problem> {
    let verdict = query.verdict.unwrap_or(Verdict::Fail);
    let from = usize::try_from(params.number("from", 0, 100_000)?.unwrap_or(0)).unwrap_or(0);
    let tallies = tallies(app.store.tallies().await?);
    let count = |tally: &Tally| if verdict == Verdict::Unknown { tally.unknown } else { tally.fail };
    let wanted = |check: &Check| {
        query.severity.is_none_or(|least| check.severity >= least)
            && (query.kind.is_empty() || check.kind == query.kind)
    };
    let checks = app.content.checks().iter().filter(|check| wanted(check));
    let mut candidates: Vec<_> = checks
        .filter_map(|check| tallies.get(&check.id).map(|tally| (check, count(tally))))
        .filter(|(_, n)| *n > 0)
        .collect();
    candidates.sort_by_key(|(check, n)| std::cmp::Reverse((check.severity, *n)));
    let total = candidates.len();
    let narrowed = query.ephi.is_some() || !query.owner.is_empty() || !query.search.is_empty();
    for (index, (check, tallied)) in candidates.into_iter().enumerate().skip(from) {
        if page.groups.len() == GROUPS {
            page.pager.next = params.with(&[("from", &index.to_string())]);
            break;
        }
        // How many is known without counting, unless the assets are filtered; and counting very many takes long.
        if !narrowed && tallied > FEW {
            page.groups.push(group(check, verdict, tallied, &[], params, page.chrome.now));
            continue;
        }
        let of_check =
            FindingQuery { check: check.id.clone(), verdict: Some(verdict), limit: 3, cursor: None, ..query.clone() };
        let found = app.store.findings(&of_check).await?;
        if !found.items.is_empty() {
            page.groups.push(group(check, verdict, found.total, &found.items, params, page.chrome.now));
        }
    }
    if from > 0 {
        page.pager.first = params.with(&[("from", "")]);
    }
    let total = words::count(i64::try_from(total).unwrap_or(0), "check", "checks");
    page.sub =
        format!("{} · {total}{}", page.sub, if page.chips.is_empty() { "" } else { " before filters on assets" });
    Ok(())
}

fn group(check: &Check, verdict: Verdict, total: i64, sample: &[FindingRow], params: &Params, now: Timestamp) -> Group {
    Group {
        badge: badge::severity(check.severity),
        title: words::finding_title(Some(check), &check.id, verdict).to_owned(),
        href: words::check_href(&check.id),
        citation: check.citation_line(),
        count: words::count(
            total,
            &words::lower_first(words::kind(&check.kind)),
            &words::lower_first(words::kinds(&check.kind)),
        ),
        list: params.with(&[("check", &check.id), ("verdict", verdict.as_str()), ("from", "")]),
        since: sample.first().map(|row| When::lasting(row.since, now)),
        more: if sample.is_empty() { 0 } else { total - i64::try_from(sample.len()).unwrap_or(0) },
        sample: sample
            .iter()
            .map(|row| {
                let href = format!("{}#{}", words::asset_href(row.asset.as_str()), row.check);
                (words::cut(&row.asset_name, 48), href, badge::ephi(row.ephi))
            })
            .collect(),
    }
}
