//! An assessment seen from the side of a reader: what fails by check, what is unknown by reason, what to do first.

use std::collections::{BTreeMap, BTreeSet};

use phiward_core::asset::{Ephi, Missing, Status};
use phiward_core::check::Check;
use phiward_core::control::Tally;
use phiward_core::finding::{Assessment, Finding, SourceState};
use phiward_core::words::{Severity, Verdict};

use super::text::count;

/// A check that fails, with where.
pub(crate) struct FailingCheck<'a> {
    pub check: &'a Check,
    /// Those on assets with ePHI first, then by name.
    pub findings: Vec<&'a Finding>,
}

/// Answers that could not be given, for one reason.
pub(crate) struct UnknownReason<'a> {
    pub reason: &'a str,
    /// Ids.
    pub checks: BTreeSet<&'a str>,
    /// Names, one for each asset.
    pub assets: BTreeMap<&'a str, &'a str>,
    pub findings: usize,
}

/// The one thing to do next.
pub(crate) struct First<'a> {
    /// What is asked of the reader, in a few words.
    pub call: &'static str,
    /// What is wrong, or that nothing is.
    pub title: String,
    /// Why it comes first, and what to do.
    pub detail: String,
    /// The failing check it is about.
    pub check: Option<&'a Check>,
    /// A person has to act.
    pub urgent: bool,
}

/// What is wrong when `check` fails.
pub(crate) fn says(check: &Check) -> String {
    match check.message.trim() {
        "" => format!("This does not hold: {}", check.title),
        message => message.to_owned(),
    }
}

/// Failing checks, worst first: by severity, then by how many assets with ePHI and how many assets in all.
pub(crate) fn failing(assessment: &Assessment) -> Vec<FailingCheck<'_>> {
    let mut by_check: BTreeMap<&str, FailingCheck> = BTreeMap::new();
    for finding in assessment.findings.iter().filter(|f| f.verdict == Verdict::Fail) {
        let group = by_check.entry(&finding.check.id);
        group.or_insert_with(|| FailingCheck { check: &finding.check, findings: Vec::new() }).findings.push(finding);
    }
    let mut failing: Vec<FailingCheck> = by_check.into_values().collect();
    for group in &mut failing {
        group.findings.sort_by_key(|f| (ephi_rank(f.asset.ephi), &f.asset.name, &f.asset.id));
    }
    let with_ephi = |g: &FailingCheck| g.findings.iter().filter(|f| f.asset.ephi == Ephi::Yes).count();
    failing.sort_by(|a, b| {
        (b.check.severity.cmp(&a.check.severity))
            .then(with_ephi(b).cmp(&with_ephi(a)))
            .then(b.findings.len().cmp(&a.findings.len()))
    });
    failing
}

fn ephi_rank(ephi: Ephi) -> u8 {
    match ephi {
        Ephi::Yes => 0,
        Ephi::Unknown => 1,
        Ephi::No => 2,
    }
}

/// What is unknown, the reason that leaves most answers open first.
pub(crate) fn unknown(assessment: &Assessment) -> Vec<UnknownReason<'_>> {
    let mut by_reason: BTreeMap<&str, UnknownReason> = BTreeMap::new();
    for finding in assessment.findings.iter().filter(|f| f.verdict == Verdict::Unknown) {
        let reason = match finding.reason.trim() {
            "" => "no reason was given",
            reason => reason,
        };
        let group = by_reason.entry(reason).or_insert_with(|| UnknownReason {
            reason,
            checks: BTreeSet::new(),
            assets: BTreeMap::new(),
            findings: 0,
        });
        group.checks.insert(&finding.check.id);
        group.assets.insert(finding.asset.id.as_str(), &finding.asset.name);
        group.findings += 1;
    }
    let mut unknown: Vec<UnknownReason> = by_reason.into_values().collect();
    unknown.sort_by_key(|u| std::cmp::Reverse(u.findings));
    unknown
}

/// How often each verdict was given, by check id.
pub(crate) fn tallies(assessment: &Assessment) -> BTreeMap<&str, (&Check, Tally)> {
    let mut tallies: BTreeMap<&str, (&Check, Tally)> = BTreeMap::new();
    for finding in &assessment.findings {
        let (_, tally) = tallies.entry(&finding.check.id).or_insert_with(|| (&finding.check, Tally::default()));
        tally.count(finding.verdict, 1);
    }
    tallies
}

/// How often each verdict was given, over all.
pub(crate) fn total(assessment: &Assessment) -> Tally {
    let mut total = Tally::default();
    for finding in &assessment.findings {
        total.count(finding.verdict, 1);
    }
    total
}

/// The verdicts counted, in words.
pub(crate) fn counts(tally: &Tally) -> String {
    let mut text = format!(
        "{} passed, {} failed, {} unknown, {} not applicable",
        tally.pass, tally.fail, tally.unknown, tally.not_applicable
    );
    if tally.excepted > 0 {
        text.push_str(&format!(", {} excepted", tally.excepted));
    }
    text
}

/// The single worst thing to do next. A source that cannot be read at all comes before failures of middling
/// severity: nobody knows what it hides.
pub(crate) fn first<'a>(assessment: &'a Assessment, failing: &[FailingCheck<'a>]) -> First<'a> {
    let blind = assessment.sources.iter().find(|s| matches!(s.status, Status::Failed { .. }));
    let worst = failing.first();
    if let Some(group) = worst
        && (blind.is_none() || group.check.severity >= Severity::High)
        && let Some(finding) = group.findings.first()
    {
        return fix(group, finding);
    }
    if let Some(source) = blind {
        let detail = [gaps(&source.status), source.help.clone().unwrap_or_default()];
        return First {
            call: "Do first",
            title: format!("Make {} readable: nothing is known of what it holds", source_name(source)),
            detail: sentences(&detail),
            check: None,
            urgent: true,
        };
    }
    let total = total(assessment);
    if let Some(most) = unknown(assessment).first() {
        return First {
            call: "Find out",
            title: format!("No check fails, but {} could not be given", count(total.unknown, "answer")),
            detail: sentences(&[format!(
                "The commonest reason, on {}: {}",
                count(most.assets.len(), "asset"),
                most.reason
            )]),
            check: None,
            urgent: true,
        };
    }
    if total.judged() == 0 {
        return First {
            call: "Connect a source",
            title: "Nothing was judged".to_owned(),
            detail: "No asset was found that a check applies to. This is no statement of compliance.".to_owned(),
            check: None,
            urgent: true,
        };
    }
    let mut detail = vec![format!("{} on {}", count(total.pass, "pass verdict"), count(assessment.assets, "asset"))];
    if total.excepted > 0 {
        detail.push(format!("{} accepted by exception", count(total.excepted, "failure")));
    }
    First {
        call: "Nothing to do first",
        title: "No check fails and none is unknown".to_owned(),
        detail: sentences(&detail),
        check: None,
        urgent: false,
    }
}

fn fix<'a>(group: &FailingCheck<'a>, finding: &Finding) -> First<'a> {
    let mut detail: Vec<String> = Vec::new();
    match finding.asset.ephi {
        Ephi::Yes => detail.push("It holds ePHI".to_owned()),
        Ephi::Unknown => detail.push("Nobody has said whether it holds ePHI, so it counts as if it did".to_owned()),
        Ephi::No => {}
    }
    if group.findings.len() > 1 {
        detail.push(format!("The same holds for {}", count(group.findings.len() - 1, "more asset")));
    }
    First {
        call: "Do first",
        title: format!("{}: {}", finding.asset.name, says(group.check)),
        detail: sentences(&detail),
        check: Some(group.check),
        urgent: true,
    }
}

/// The parts as sentences, each with its full stop; empty parts are left out.
pub(crate) fn sentences(parts: &[String]) -> String {
    let ended = |part: &str| if part.ends_with(['.', ':', '!', '?']) { part.to_owned() } else { format!("{part}.") };
    let parts: Vec<String> = parts.iter().map(|p| p.trim()).filter(|p| !p.is_empty()).map(ended).collect();
    parts.join(" ")
}

/// `docker unix:///run/docker.sock`
pub(crate) fn source_name(source: &SourceState) -> String {
    format!("{} {}", source.collector, source.target).trim().to_owned()
}

/// How a source that is not complete was read: what is missing, why, and how to mend it. `None` when all was read.
pub(crate) fn shortfall(source: &SourceState) -> Option<String> {
    let name = source_name(source);
    let help = source.help.clone().unwrap_or_default();
    match &source.status {
        Status::Complete => None,
        Status::Partial { .. } => Some(sentences(&[format!("{name} was read in part"), gaps(&source.status), help])),
        Status::Failed { why } => Some(sentences(&[format!("{name} was not read: {why}"), help])),
    }
}

/// Groups of missing facts spelled out before the rest is counted.
const GAPS: usize = 4;

/// What a source did not give and why; empty when it gave all.
pub(crate) fn gaps(status: &Status) -> String {
    match status {
        Status::Complete => String::new(),
        Status::Failed { why } => format!("It could not be read: {why}"),
        Status::Partial { missing } => {
            let mut by_why: Vec<(&str, Vec<&str>)> = Vec::new();
            for Missing { path, why } in missing {
                let path = if path.is_empty() { "everything" } else { path.as_str() };
                match by_why.iter_mut().find(|(known, _)| known == why) {
                    Some((_, paths)) if !paths.contains(&path) => paths.push(path),
                    Some(_) => {}
                    None => by_why.push((why, vec![path])),
                }
            }
            let mut parts: Vec<String> = (by_why.iter().take(GAPS))
                .map(|(why, paths)| {
                    let rest = paths.len().saturating_sub(GAPS);
                    let mut text = paths[..paths.len() - rest].join(", ");
                    if rest > 0 {
                        text.push_str(&format!(" and {rest} more"));
                    }
                    format!("{text} ({why})")
                })
                .collect();
            if by_why.len() > GAPS {
                parts.push(format!("{} more", by_why.len() - GAPS));
            }
            format!("Missing: {}", parts.join("; "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::fixture;

    #[test]
    fn the_worst_failure_on_an_asset_with_ephi_comes_first() {
        let content = fixture::content();
        let assessment = fixture::assessment(&content);
        let failing = failing(&assessment);
        let first = first(&assessment, &failing);
        assert_eq!(first.check.unwrap().id, "socket-not-mounted");
        assert!(first.title.starts_with("lab-results: The container reaches"), "{}", first.title);
        assert!(first.detail.contains("holds ePHI"));
        let ids: Vec<&str> = failing.iter().map(|f| f.check.id.as_str()).collect();
        assert_eq!(ids, ["socket-not-mounted", "read-only-root"]);
    }

    #[test]
    fn a_source_that_cannot_be_read_comes_before_a_medium_failure() {
        let content = fixture::content();
        let mut assessment = fixture::assessment(&content);
        assessment.findings.retain(|f| f.check.severity <= Severity::Medium);
        assessment.sources[1].status = Status::Failed { why: "permission denied".into() };
        let found = failing(&assessment);
        assert!(!found.is_empty());
        let first = first(&assessment, &found);
        assert!(first.title.contains("host node-1"), "{}", first.title);
        assert!(first.detail.contains("permission denied. Run it as root."), "{}", first.detail);
    }

    #[test]
    fn unknown_is_said_before_that_nothing_fails() {
        let content = fixture::content();
        let mut assessment = fixture::assessment(&content);
        assessment.findings.retain(|f| f.verdict != Verdict::Fail);
        let first_said = first(&assessment, &[]);
        assert!(first_said.title.contains("could not be given") && first_said.urgent);
        assessment.findings.retain(|f| f.verdict == Verdict::Pass);
        assert_eq!(first(&assessment, &[]).title, "No check fails and none is unknown");
        assessment.findings.clear();
        assert_eq!(first(&assessment, &[]).title, "Nothing was judged");
    }

    #[test]
    fn gaps_are_grouped_by_reason_and_long_lists_are_counted() {
        let missing = |path: &str, why: &str| Missing { path: path.into(), why: why.into() };
        let mut gone: Vec<Missing> = (0..7).map(|i| missing(&format!("p{i}"), "denied")).collect();
        gone.push(missing("", "timed out"));
        let text = gaps(&Status::from_missing(gone));
        assert_eq!(text, "Missing: p0, p1, p2, p3 and 3 more (denied); everything (timed out)");
        let many = (0..9).map(|i| missing("x", &format!("why {i}"))).collect();
        assert!(gaps(&Status::from_missing(many)).ends_with("; 5 more"));
    }
}
