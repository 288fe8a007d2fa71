//! Posture: compliance and coverage of a category, never one without the population behind it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::judge::Outcome;
use crate::words::{Category, Verdict};

/// Where one asset stands in one category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// No open failing check of severity medium or worse, and each of those checks has a definite answer.
    Compliant,
    /// A check of severity medium or worse fails.
    Failing,
    /// None of those fails, but at least one is unknown: not judged, so never counted as compliant.
    Undetermined,
}

impl State {
    /// The word stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Compliant => "compliant",
            State::Failing => "failing",
            State::Undetermined => "undetermined",
        }
    }
}

/// The asset's state in each category that has something to say about it, from its verdicts. Where no check of a
/// category applies, the asset is not judged in it: an unused network is nothing to be proud of.
pub fn states(outcomes: &[Outcome]) -> BTreeMap<Category, State> {
    let mut states: BTreeMap<Category, State> = BTreeMap::new();
    for outcome in outcomes.iter().filter(|o| o.verdict != Verdict::NotApplicable) {
        let state = states.entry(outcome.check.category).or_insert(State::Compliant);
        if !outcome.check.severity.counts() {
            continue;
        }
        match (outcome.verdict, *state) {
            (Verdict::Fail, _) => *state = State::Failing,
            (Verdict::Unknown, State::Compliant) => *state = State::Undetermined,
            _ => {}
        }
    }
    states
}

/// The asset's state over all categories: the worst.
pub fn overall(states: &BTreeMap<Category, State>) -> State {
    let any = |wanted| states.values().any(|s| *s == wanted);
    if any(State::Failing) {
        State::Failing
    } else if any(State::Undetermined) || states.is_empty() {
        State::Undetermined
    } else {
        State::Compliant
    }
}

/// Assets counted by where they stand. `known` is all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Population {
    /// Judged within their freshness window and compliant.
    pub compliant: i64,
    /// Failing. One that has not been seen for long stays here: going dark does not improve a posture.
    pub failing: i64,
    /// Of `failing`, those judged within their freshness window.
    pub failing_fresh: i64,
    /// Seen, but a check that counts could not be decided.
    pub undetermined: i64,
    /// Not seen within the freshness window.
    pub stale: i64,
    pub known: i64,
}

impl Population {
    /// Adds one asset.
    pub fn add(&mut self, state: State, fresh: bool, count: i64) {
        self.known += count;
        if !fresh {
            self.stale += count;
        }
        match (state, fresh) {
            (State::Failing, fresh) => {
                self.failing += count;
                self.failing_fresh += if fresh { count } else { 0 };
            }
            (State::Compliant, true) => self.compliant += count,
            (State::Undetermined, true) => self.undetermined += count,
            (_, false) => {}
        }
    }

    /// Assets that compliance is a share of.
    pub fn judged(&self) -> i64 {
        self.compliant + self.failing
    }

    /// Compliance in per cent, rounded down so that 100 means all; `None` when nothing is judged.
    pub fn compliance(&self) -> Option<i64> {
        (self.judged() > 0).then(|| self.compliant * 100 / self.judged())
    }

    /// Assets judged within their freshness window.
    pub fn covered(&self) -> i64 {
        self.compliant + self.failing_fresh
    }

    /// Coverage in per cent, rounded down; `None` when nothing is known.
    pub fn coverage(&self) -> Option<i64> {
        (self.known > 0).then(|| self.covered() * 100 / self.known)
    }
}

/// The posture: overall and by category. A category without a source has no population, and so no number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Posture {
    pub overall: Population,
    pub categories: BTreeMap<Category, Population>,
}

impl Posture {
    /// The population of a category; `None` when nothing is connected to it.
    pub fn category(&self, category: Category) -> Option<&Population> {
        self.categories.get(&category).filter(|p| p.known > 0)
    }

    /// Adds one asset with its states. One that nothing is said about is in no population.
    pub fn add(&mut self, states: &BTreeMap<Category, State>, fresh: bool) {
        if states.is_empty() {
            return;
        }
        self.overall.add(overall(states), fresh, 1);
        for (category, state) in states {
            self.categories.entry(*category).or_default().add(*state, fresh, 1);
        }
    }
}
