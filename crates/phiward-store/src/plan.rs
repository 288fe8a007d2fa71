//! What a batch will write, worked out before any of it is written.

use std::collections::{BTreeMap, HashMap};

use phiward_core::words::{Severity, Verdict};

use crate::changes::Note;
use crate::codes::{categories_moved, grade_of_order, of_grade, short};
use crate::diff::{Letters, Step, change, steps};
use crate::keep::{Kept, KeptFinding, Touch};
use crate::layouts::Layouts;
use crate::model::ChangeKind;
use crate::ready::{Found, Ready, Row};

/// What is stored about an asset before the batch.
pub(crate) struct Old {
    pub n: i64,
    pub name: String,
    pub kind: String,
    pub states: String,
    pub layout: i64,
    pub verdicts: String,
    pub digest: String,
    pub first_seen: i64,
}

/// A finding as it is stored.
pub(crate) struct OldFinding {
    pub ord: i64,
    pub since: i64,
    pub reason: String,
    pub facts: String,
}

impl OldFinding {
    fn verdict(&self) -> Verdict {
        of_grade(grade_of_order(self.ord)).0
    }

    fn severity(&self) -> Severity {
        of_grade(grade_of_order(self.ord)).1
    }

    /// Whether nothing about it changed. Same order means same verdict, so its beginning stays too.
    fn is(&self, new: &Found) -> bool {
        self.ord == new.ord && self.reason == new.reason && self.facts == new.facts
    }
}

/// Sums of what a batch adds to and takes from the tallies.
#[derive(Default)]
pub(crate) struct Deltas {
    pub checks: BTreeMap<i64, [i64; 5]>,
    pub grades: BTreeMap<i64, i64>,
}

impl Deltas {
    fn letter(&mut self, check: i64, letter: u8, by: i64) {
        let place = match letter {
            b'p' => 0,
            b'f' => 1,
            b'u' => 2,
            b'n' => 3,
            b'e' => 4,
            _ => return,
        };
        self.checks.entry(check).or_default()[place] += by;
    }

    fn steps(&mut self, steps: &[Step], checks: &HashMap<String, i64>) {
        for step in steps {
            let Some(check) = checks.get(step.check) else { continue };
            for (letter, by) in [(step.old, -1), (step.new, 1)] {
                if let Some(letter) = letter {
                    self.letter(*check, letter, by);
                }
            }
        }
    }

    fn finding(&mut self, ord: i64, by: i64) {
        *self.grades.entry(grade_of_order(ord)).or_default() += by;
    }
}

/// Everything a batch writes, gathered before any of it is written.
#[derive(Default)]
pub(crate) struct Plan {
    pub touched: Vec<Touch>,
    pub kept: Vec<Kept>,
    pub dropped_findings: Vec<(i64, i64)>,
    pub gone: Vec<i64>,
    pub deltas: Deltas,
    pub notes: Vec<Note>,
}

/// What the numbers in the tables mean.
pub(crate) struct Known<'a> {
    pub checks: &'a HashMap<String, i64>,
    pub names: HashMap<i64, &'a str>,
    pub layouts: &'a Layouts,
}

impl Plan {
    /// Plans a new or changed asset; `before` are the findings stored about it.
    pub fn change(
        &mut self,
        known: &Known,
        asset: Ready,
        row: Row,
        old: Option<Old>,
        before: &BTreeMap<i64, OldFinding>,
    ) {
        let categories = categories_moved(old.as_ref().map_or("", |o| &o.states), &row.states);
        let note = |kind, check: &str, severity, detail: &str| Note {
            kind,
            asset: row.id.clone(),
            asset_name: row.name.clone(),
            asset_kind: row.kind.clone(),
            check: check.to_owned(),
            severity,
            categories,
            detail: short(detail, 500),
        };
        if old.is_none() {
            self.notes.push(note(ChangeKind::Appeared, "", None, ""));
        }
        let mut found = asset.findings();
        let steps = steps(
            &Letters {
                checks: old.as_ref().map_or(&[][..], |o| known.layouts.get(o.layout)),
                letters: old.as_ref().map_or(&[][..], |o| o.verdicts.as_bytes()),
            },
            &Letters { checks: &asset.judged.checks, letters: asset.judged.verdicts.as_bytes() },
        );
        self.deltas.steps(&steps, known.checks);
        for step in &steps {
            let new = found.get(step.check);
            let was = || known.checks.get(step.check).and_then(|chk| before.get(chk)).map(OldFinding::severity);
            let severity = new.map(|f| f.severity).or_else(was);
            if let Some((kind, why)) = change(*step, old.is_none(), severity) {
                let detail = match kind {
                    ChangeKind::BecameUnknown => new.map_or("", |f| f.reason.as_str()),
                    _ => why,
                };
                self.notes.push(note(kind, step.check, severity, detail));
            }
        }

        for (chk, was) in before {
            let stays = known.names.get(chk).is_some_and(|name| found.contains_key(name));
            if !stays {
                self.dropped_findings.push((row.n, *chk));
                self.deltas.finding(was.ord, -1);
            }
        }
        let judged_at = asset.judged.judged_at.as_millisecond();
        let mut kept = Vec::new();
        while let Some((check, finding)) = found.pop_first() {
            let Some(chk) = known.checks.get(check).copied() else {
                tracing::error!(check, "a finding names a check that is not in its asset's list; it is left out");
                continue;
            };
            let was = before.get(&chk);
            let (verdict, _) = of_grade(grade_of_order(finding.ord));
            let since = was.filter(|w| w.verdict() == verdict).map_or(judged_at, |w| w.since);
            if was.is_some_and(|w| w.is(&finding)) {
                continue;
            }
            if let Some(was) = was {
                self.deltas.finding(was.ord, -1);
            }
            self.deltas.finding(finding.ord, 1);
            kept.push(KeptFinding { chk, since, found: finding });
        }
        let relations = old.as_ref().is_none_or(|o| asset.relations_differ(&o.digest));
        self.kept.push(Kept::new(asset, row, kept, relations, old.is_none()));
    }

    /// Plans the removal of an asset with its findings.
    pub fn remove(&mut self, known: &Known, id: String, old: Old, before: BTreeMap<i64, OldFinding>) {
        let lost = steps(
            &Letters { checks: known.layouts.get(old.layout), letters: old.verdicts.as_bytes() },
            &Letters { checks: &[], letters: &[] },
        );
        self.deltas.steps(&lost, known.checks);
        let note = |kind, check: &str, severity, detail: &str| Note {
            kind,
            asset: id.clone(),
            asset_name: old.name.clone(),
            asset_kind: old.kind.clone(),
            check: check.to_owned(),
            severity,
            categories: categories_moved(&old.states, ""),
            detail: detail.to_owned(),
        };
        for (chk, finding) in before {
            self.deltas.finding(finding.ord, -1);
            if finding.verdict() == Verdict::Fail {
                let check = known.names.get(&chk).copied().unwrap_or_default();
                self.notes.push(note(ChangeKind::Closed, check, Some(finding.severity()), "asset gone"));
            }
        }
        self.notes.push(note(ChangeKind::Gone, "", None, ""));
        self.gone.push(old.n);
    }
}
