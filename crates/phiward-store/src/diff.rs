//! What changed between two judgments of one asset.

use std::collections::HashMap;

use phiward_core::words::Severity;

use crate::model::ChangeKind;

/// Check ids with the letter each gave.
pub(crate) struct Letters<'a> {
    pub checks: &'a [String],
    pub letters: &'a [u8],
}

impl<'a> Letters<'a> {
    fn each(&self) -> impl Iterator<Item = (&'a str, u8)> + use<'a> {
        self.checks.iter().map(String::as_str).zip(self.letters.iter().copied())
    }
}

/// A check whose letter differs; `None` is not judged by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step<'a> {
    pub check: &'a str,
    pub old: Option<u8>,
    pub new: Option<u8>,
}

/// The checks whose letters differ, in the order of the new ones, then those no longer there.
pub(crate) fn steps<'a>(old: &Letters<'a>, new: &Letters<'a>) -> Vec<Step<'a>> {
    let mut before: HashMap<&str, u8> = old.each().collect();
    let mut steps = Vec::new();
    for (check, letter) in new.each() {
        let was = before.remove(check);
        if was != Some(letter) {
            steps.push(Step { check, old: was, new: Some(letter) });
        }
    }
    steps.extend(old.each().filter(|(check, _)| before.contains_key(check)).map(|(check, letter)| Step {
        check,
        old: Some(letter),
        new: None,
    }));
    steps
}

/// The line a step writes into the record of changes, with a word on why it closed.
///
/// A finding opens when the check begins to fail. It becomes unknown when a check that had an answer has none. It
/// closes when a failing or unknown check has an answer other than failing. An asset seen for the first time opens
/// only high and critical findings: its appearance is on record, and a first reading would bury everything else.
pub(crate) fn change(step: Step, appeared: bool, severity: Option<Severity>) -> Option<(ChangeKind, &'static str)> {
    let open = matches!(step.old, Some(b'f' | b'u'));
    match step.new {
        Some(b'f') => {
            let wanted = !appeared || severity.is_some_and(|s| s >= Severity::High);
            wanted.then_some((ChangeKind::Opened, ""))
        }
        Some(b'u') => step.old.is_some().then_some((ChangeKind::BecameUnknown, "")),
        Some(b'p') if open => Some((ChangeKind::Closed, "passes now")),
        Some(b'n') if open => Some((ChangeKind::Closed, "does not apply now")),
        Some(b'e') if open => Some((ChangeKind::Closed, "accepted as an exception")),
        None if open => Some((ChangeKind::Closed, "no longer checked")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    #[test]
    fn steps_match_checks_by_id_across_contents() {
        let (a, b) = (names(&["one", "two", "three"]), names(&["two", "four", "one"]));
        let got = steps(&Letters { checks: &a, letters: b"pfu" }, &Letters { checks: &b, letters: b"fpf" });
        let step = |check, old, new| Step { check, old, new };
        assert_eq!(
            got,
            [step("four", None, Some(b'p')), step("one", Some(b'p'), Some(b'f')), step("three", Some(b'u'), None)]
        );
    }

    #[test]
    fn unknown_never_closes() {
        let step = |old: Option<u8>, new: Option<u8>| Step { check: "c", old, new };
        let kind = |old, new| change(step(old, new), false, Some(Severity::Low)).map(|(kind, _)| kind);
        assert_eq!(kind(Some(b'f'), Some(b'u')), Some(ChangeKind::BecameUnknown));
        assert_eq!(kind(Some(b'p'), Some(b'u')), Some(ChangeKind::BecameUnknown));
        assert_eq!(kind(None, Some(b'u')), None);
        assert_eq!(kind(Some(b'u'), Some(b'f')), Some(ChangeKind::Opened));
        assert_eq!(kind(Some(b'f'), Some(b'p')), Some(ChangeKind::Closed));
        assert_eq!(kind(Some(b'f'), None), Some(ChangeKind::Closed));
        assert_eq!(kind(Some(b'p'), Some(b'n')), None);
        assert_eq!(kind(Some(b'e'), Some(b'f')), Some(ChangeKind::Opened));
    }

    #[test]
    fn a_new_asset_opens_only_what_is_high_or_critical() {
        let step = Step { check: "c", old: None, new: Some(b'f') };
        assert_eq!(change(step, true, Some(Severity::Medium)), None);
        assert_eq!(change(step, true, None), None);
        assert!(change(step, true, Some(Severity::High)).is_some());
        assert!(change(step, false, Some(Severity::Info)).is_some());
    }
}
