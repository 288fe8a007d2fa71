//! Controls: what a framework asks for. Checks name controls; the way back is computed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::Automation;

/// One catalogue file of `content/controls/`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// Id: `hipaa`, `paper`.
    pub framework: String,
    pub title: String,
    pub source: String,
    pub controls: Vec<Control>,
}

/// One standard, implementation specification, heading or row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Control {
    pub id: String,
    pub name: String,
    /// `standard`, `implementation-specification`, `heading` or `row`.
    pub kind: String,
    /// `required`, `addressable` or `not-applicable`.
    pub requirement: String,
    pub section: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub section_name: String,
    /// The standard an implementation specification belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The rule, paraphrased.
    pub text: String,
    /// What it asks of a hospital that runs containers, in plain words.
    pub plain: String,
    pub automation: Automation,
    /// Who must act.
    pub duty: String,
    /// What an auditor will ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// Mechanisms the source names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mechanisms: Vec<String>,
    /// Controls of the HIPAA catalogue this row stands for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub maps_to: Vec<String>,
}

/// What can be said about a control from the checks that cite it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ControlState {
    /// A check that serves it fails on some asset.
    Failing,
    /// None fails, but some could not be decided.
    Unknown,
    /// Every check that serves it passes, yet they decide only part of what it asks.
    Supported,
    /// Every check passes and together they decide the whole of it.
    Met,
    /// Checks serve it, but nothing they apply to has been judged.
    NotJudged,
    /// No check serves it: a person must attest it.
    NeedsPerson,
}

impl ControlState {
    /// The word used in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            ControlState::Failing => "failing",
            ControlState::Unknown => "unknown",
            ControlState::Supported => "supported",
            ControlState::Met => "met",
            ControlState::NotJudged => "not-judged",
            ControlState::NeedsPerson => "needs-person",
        }
    }

    /// The words shown to people.
    pub fn title(self) -> &'static str {
        match self {
            ControlState::Failing => "Failing",
            ControlState::Unknown => "Not fully known",
            ControlState::Supported => "Supported in part",
            ControlState::Met => "Met",
            ControlState::NotJudged => "Nothing to judge yet",
            ControlState::NeedsPerson => "Needs a person",
        }
    }
}

/// How often each verdict was given: by a check, over all assets it looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    pub pass: i64,
    pub fail: i64,
    pub unknown: i64,
    pub not_applicable: i64,
    pub excepted: i64,
}

impl Tally {
    /// Assets with a definite or indefinite answer, those it does not apply to left out.
    pub fn judged(&self) -> i64 {
        self.pass + self.fail + self.unknown + self.excepted
    }

    /// Adds another tally.
    pub fn add(&mut self, other: &Tally) {
        self.pass += other.pass;
        self.fail += other.fail;
        self.unknown += other.unknown;
        self.not_applicable += other.not_applicable;
        self.excepted += other.excepted;
    }

    /// Counts one verdict, `by` times.
    pub fn count(&mut self, verdict: crate::words::Verdict, by: i64) {
        use crate::words::Verdict;
        match verdict {
            Verdict::Pass => self.pass += by,
            Verdict::Fail => self.fail += by,
            Verdict::Unknown => self.unknown += by,
            Verdict::NotApplicable => self.not_applicable += by,
            Verdict::Excepted => self.excepted += by,
        }
    }
}

/// The state of a control, from the tally over all automatic checks that serve it and how many those are.
pub fn control_state(control: &Control, checks: usize, tally: &Tally) -> ControlState {
    if checks == 0 {
        ControlState::NeedsPerson
    } else if tally.fail > 0 {
        ControlState::Failing
    } else if tally.unknown > 0 {
        ControlState::Unknown
    } else if tally.pass == 0 && tally.excepted == 0 {
        ControlState::NotJudged
    } else if control.automation == Automation::Full && tally.excepted == 0 {
        ControlState::Met
    } else {
        ControlState::Supported
    }
}
