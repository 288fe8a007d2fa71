//! What the page shows, computed before the template runs so that the template only lays it out.

use std::collections::BTreeMap;

use phiward_core::asset::{Ephi, Status};
use phiward_core::check::Check;
use phiward_core::content::Content;
use phiward_core::control::{Control, ControlState, Tally, control_state};
use phiward_core::finding::{Assessment, Finding, SourceState};
use phiward_core::posture::Population;
use phiward_core::words::{Category, Severity};
use serde_json::Value;

use crate::parts::summary::{self, FailingCheck, UnknownReason, says};
use crate::parts::text::{Block, blocks, count, ephi, kind, one_line};

/// Assets named under one failing check before the rest is counted: a page of a hundred thousand rows is no page.
const NAMED: usize = 100;
/// Checks and assets named under one reason for unknown answers.
const EXAMPLES: usize = 6;
/// Characters of one fact shown.
const FACT: usize = 160;

pub(super) struct View {
    pub version: &'static str,
    /// RFC 3339.
    pub at: String,
    /// For people.
    pub when: String,
    pub content: String,
    pub assets: String,
    pub with_ephi: String,
    pub first: First,
    pub cards: Vec<Card>,
    pub sources: Vec<Source>,
    pub failing: Vec<Failing>,
    pub unknown: Vec<Unknown>,
    pub sections: Vec<Section>,
    pub checks: Vec<CheckRow>,
    pub total: Tally,
}

pub(super) struct First {
    pub call: &'static str,
    pub title: String,
    pub detail: String,
    pub anchor: Option<String>,
    pub urgent: bool,
}

pub(super) struct Card {
    pub title: &'static str,
    pub numbers: Option<Numbers>,
}

pub(super) struct Numbers {
    pub compliance: Option<i64>,
    pub judged: String,
    pub coverage: i64,
    pub covered: String,
    pub failing: i64,
    pub undetermined: i64,
    pub stale: i64,
}

pub(super) struct Source {
    pub collector: String,
    pub target: String,
    /// `complete`, `partial` or `failed`.
    pub state: &'static str,
    pub said: String,
}

pub(super) struct Failing {
    pub id: String,
    pub title: String,
    pub severity: Severity,
    pub citations: String,
    pub category: &'static str,
    pub message: String,
    pub rationale: String,
    pub fails_on: String,
    pub assets: Vec<AssetRow>,
    pub more: usize,
    pub remedy: Vec<Block>,
}

pub(super) struct AssetRow {
    pub name: String,
    pub id: String,
    pub kind: String,
    pub owner: String,
    pub ephi: &'static str,
    pub since: String,
    /// Path and value.
    pub facts: Vec<(String, String)>,
}

pub(super) struct Unknown {
    pub reason: String,
    pub checks: String,
    pub assets: String,
}

/// Controls of one section of the rule.
pub(super) struct Section {
    pub title: String,
    pub controls: Vec<ControlRow>,
}

pub(super) struct ControlRow {
    pub id: String,
    pub name: String,
    pub plain: String,
    pub requirement: String,
    pub state: ControlState,
    pub support: String,
    /// Ids of its failing checks, which have an anchor on the page.
    pub failing: Vec<String>,
}

pub(super) struct CheckRow {
    pub id: String,
    pub title: String,
    pub severity: Severity,
    pub fails: bool,
    pub tally: Tally,
}

impl View {
    pub fn new(assessment: &Assessment, content: &Content, version: &'static str) -> Self {
        let failing = summary::failing(assessment);
        let first = summary::first(assessment, &failing);
        let tallies = summary::tallies(assessment);
        let posture = &assessment.posture;
        let mut cards = vec![card("Overall", Some(&posture.overall).filter(|p| p.known > 0))];
        cards.extend(Category::ALL.into_iter().map(|c| card(c.title(), posture.category(c))));
        let mut checks: Vec<CheckRow> = tallies.values().map(|(check, tally)| check_row(check, tally)).collect();
        checks.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.id.cmp(&b.id)));
        View {
            version,
            at: assessment.at.to_string(),
            when: assessment.at.strftime("%-d %B %Y, %H:%M UTC").to_string(),
            content: assessment.content.clone(),
            assets: count(assessment.assets, "asset"),
            with_ephi: with_ephi(assessment),
            first: First {
                call: first.call,
                title: one_line(&first.title),
                detail: one_line(&first.detail),
                anchor: first.check.map(|c| c.id.clone()),
                urgent: first.urgent,
            },
            cards,
            sources: assessment.sources.iter().map(source).collect(),
            failing: failing.iter().map(failing_check).collect(),
            unknown: summary::unknown(assessment).iter().map(unknown).collect(),
            sections: sections(content, &tallies),
            checks,
            total: summary::total(assessment),
        }
    }

    pub fn failing_findings(&self) -> String {
        count(self.total.fail, "finding")
    }
}

fn with_ephi(assessment: &Assessment) -> String {
    let assets: BTreeMap<&str, Ephi> =
        assessment.findings.iter().map(|f| (f.asset.id.as_str(), f.asset.ephi)).collect();
    let of = |wanted: Ephi| assets.values().filter(|e| **e == wanted).count();
    format!("{} with ePHI, {} where nobody has said", of(Ephi::Yes), of(Ephi::Unknown))
}

fn card(title: &'static str, population: Option<&Population>) -> Card {
    let numbers = population.map(|p| Numbers {
        compliance: p.compliance(),
        judged: format!("{} of {} judged", p.compliant, p.judged()),
        coverage: p.coverage().unwrap_or(0).clamp(0, 100),
        covered: format!("{} of {} known", p.covered(), p.known),
        failing: p.failing,
        undetermined: p.undetermined,
        stale: p.stale,
    });
    Card { title, numbers }
}

fn source(source: &SourceState) -> Source {
    let said = match &source.status {
        Status::Complete => "Everything it looks for was read.".to_owned(),
        status => summary::sentences(&[summary::gaps(status), source.help.clone().unwrap_or_default()]),
    };
    Source {
        collector: one_line(&source.collector),
        target: one_line(&source.target),
        state: source.status.word(),
        said: one_line(&said),
    }
}

fn failing_check(group: &FailingCheck) -> Failing {
    let check = group.check;
    Failing {
        id: check.id.clone(),
        title: one_line(&check.title),
        severity: check.severity,
        citations: one_line(&check.citation_line()),
        category: check.category.title(),
        message: one_line(&says(check)),
        rationale: one_line(&check.rationale),
        fails_on: count(group.findings.len(), "asset"),
        assets: group.findings.iter().take(NAMED).map(|f| asset(f)).collect(),
        more: group.findings.len().saturating_sub(NAMED),
        remedy: blocks(&check.remedy),
    }
}

fn asset(finding: &Finding) -> AssetRow {
    let asset = &finding.asset;
    let facts = finding.facts.as_object().into_iter().flatten();
    AssetRow {
        name: one_line(&asset.name),
        id: one_line(asset.id.as_str()),
        kind: one_line(kind(&asset.kind)),
        owner: one_line(&asset.owner),
        ephi: ephi(asset.ephi),
        since: finding.since.map(|s| s.strftime("%-d %b %Y").to_string()).unwrap_or_default(),
        facts: facts.map(|(path, value)| (one_line(path), short(value))).collect(),
    }
}

fn short(value: &Value) -> String {
    let text = match value {
        Value::String(text) => one_line(text),
        other => one_line(&other.to_string()),
    };
    match text.char_indices().nth(FACT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn unknown(group: &UnknownReason) -> Unknown {
    let checks: Vec<&str> = group.checks.iter().copied().collect();
    let assets: Vec<&str> = group.assets.values().copied().collect();
    Unknown { reason: one_line(group.reason), checks: named(&checks, "check"), assets: named(&assets, "asset") }
}

/// `2 assets: a, b`, with the rest counted.
fn named(names: &[&str], one: &str) -> String {
    let some: Vec<String> = names.iter().take(EXAMPLES).map(|n| one_line(n)).collect();
    let rest = names.len().saturating_sub(EXAMPLES);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}: {}{more}", count(names.len(), one), some.join(", "))
}

fn check_row(check: &Check, tally: &Tally) -> CheckRow {
    CheckRow {
        id: check.id.clone(),
        title: one_line(&check.title),
        severity: check.severity,
        fails: tally.fail > 0,
        tally: *tally,
    }
}

fn sections(content: &Content, tallies: &BTreeMap<&str, (&Check, Tally)>) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let rule = content.frameworks().iter().filter(|f| f.framework == "hipaa").flat_map(|f| &f.controls);
    // A heading asks for nothing of its own.
    for control in rule.filter(|c| c.kind != "heading" && c.requirement != "not-applicable") {
        let title = match control.section_name.as_str() {
            "" => control.section.clone(),
            name => format!("{} {name}", control.section),
        };
        let row = control_row(content, control, tallies);
        match sections.iter_mut().find(|s| s.title == title) {
            Some(section) => section.controls.push(row),
            None => sections.push(Section { title, controls: vec![row] }),
        }
    }
    sections
}

fn control_row(content: &Content, control: &Control, tallies: &BTreeMap<&str, (&Check, Tally)>) -> ControlRow {
    let mut tally = Tally::default();
    let (mut automatic, mut ran) = (0, 0);
    let mut failing: Vec<String> = Vec::new();
    for check in content.checks_for_control(control, true).into_iter().filter(|c| c.automatic()) {
        automatic += 1;
        if let Some((_, of_check)) = tallies.get(check.id.as_str()) {
            ran += 1;
            tally.add(of_check);
            if of_check.fail > 0 {
                failing.push(check.id.clone());
            }
        }
    }
    let state = match control_state(control, automatic, &tally) {
        // Some of its checks were left out or met no asset, so what the others say is not the whole of it.
        ControlState::Met if ran < automatic => ControlState::Supported,
        state => state,
    };
    ControlRow {
        id: control.id.clone(),
        name: one_line(&control.name),
        plain: one_line(&control.plain),
        requirement: control.requirement.clone(),
        state,
        support: support(&tally, ran, automatic),
        failing,
    }
}

fn support(tally: &Tally, ran: usize, automatic: usize) -> String {
    if automatic == 0 {
        return "No check decides it".to_owned();
    }
    let ran = if ran == automatic { count(ran, "check") } else { format!("{ran} of {}", count(automatic, "check")) };
    let mut parts: Vec<String> = Vec::new();
    for (number, word) in
        [(tally.fail, "failed"), (tally.unknown, "unknown"), (tally.pass, "passed"), (tally.excepted, "excepted")]
    {
        if number > 0 {
            parts.push(format!("{number} {word}"));
        }
    }
    if parts.is_empty() { format!("{ran}, no answer") } else { format!("{ran}: {}", parts.join(", ")) }
}
