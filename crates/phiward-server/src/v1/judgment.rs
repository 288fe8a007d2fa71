//! Checks and controls as the API gives them.

use std::collections::BTreeMap;

use phiward_core::check::Check as CoreCheck;
use phiward_core::control::{Control as CoreControl, ControlState as CoreControlState, Tally as CoreTally};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Automation, Category, ControlState, Severity};

/// Verdicts of a check, or of all checks of a control, over the stored assets.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct Tally {
    pub pass: i64,
    pub fail: i64,
    pub unknown: i64,
    pub not_applicable: i64,
    pub excepted: i64,
}

impl From<CoreTally> for Tally {
    fn from(tally: CoreTally) -> Self {
        Tally {
            pass: tally.pass,
            fail: tally.fail,
            unknown: tally.unknown,
            not_applicable: tally.not_applicable,
            excepted: tally.excepted,
        }
    }
}

/// One line of the list of checks.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CheckSummary {
    #[schema(example = "docker-socket-not-mounted")]
    pub id: String,
    pub title: String,
    /// Kind of asset it judges.
    pub kind: String,
    pub severity: Severity,
    pub category: Category,
    pub automation: Automation,
    /// Framework to ids: `hipaa` to `164.312(a)(1)`.
    pub citations: BTreeMap<String, Vec<String>>,
    /// It came from a user's file.
    pub user: bool,
    /// It stands in place of the built-in check of its id.
    pub overrides_builtin: bool,
    pub tally: Tally,
}

impl CheckSummary {
    /// A check with its tally.
    pub fn new(check: &CoreCheck, tally: CoreTally) -> Self {
        CheckSummary {
            id: check.id.clone(),
            title: check.title.clone(),
            kind: check.kind.clone(),
            severity: check.severity.into(),
            category: check.category.into(),
            automation: check.automation.into(),
            citations: check.citations.clone(),
            user: check.user,
            overrides_builtin: check.overrides_builtin,
            tally: tally.into(),
        }
    }
}

/// One check, whole.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Check {
    #[serde(flatten)]
    pub summary: CheckSummary,
    /// What a failure means, in one sentence.
    pub message: String,
    pub rationale: String,
    /// What to do, with blocks to paste indented by four spaces.
    pub remedy: String,
    /// CEL expression that says whether it applies; absent when it always does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applies: Option<String>,
    /// CEL expression that is true when it passes; absent for a manual check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass: Option<String>,
    /// Facts it reads.
    pub reads: Vec<String>,
    pub references: Vec<String>,
    pub aliases: Vec<String>,
    /// File it came from.
    pub origin: String,
    pub examples: Vec<Example>,
}

/// A facts document with the verdict it must give.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Example {
    pub verdict: super::Verdict,
    #[schema(value_type = Object)]
    pub facts: Value,
}

impl Check {
    /// A check, whole, with its tally.
    pub fn new(check: &CoreCheck, tally: CoreTally) -> Self {
        Check {
            summary: CheckSummary::new(check, tally),
            message: check.message.clone(),
            rationale: check.rationale.clone(),
            remedy: check.remedy.clone(),
            applies: check.applies_source().map(str::to_owned),
            pass: check.pass_source().map(str::to_owned),
            reads: check.reads().iter().map(|read| read.path.clone()).collect(),
            references: check.references.clone(),
            aliases: check.aliases.clone(),
            origin: check.origin.clone(),
            examples: check
                .examples
                .each()
                .map(|(verdict, facts)| Example { verdict: verdict.into(), facts: facts.clone() })
                .collect(),
        }
    }
}

/// A control with its state and what that rests on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Control {
    /// Id of its framework: `hipaa`, `paper`.
    pub framework: String,
    #[schema(example = "164.312(a)(1)")]
    pub id: String,
    pub name: String,
    /// `standard`, `implementation-specification`, `heading` or `row`.
    pub kind: String,
    /// `required`, `addressable` or `not-applicable`.
    pub requirement: String,
    pub section: String,
    pub section_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The rule, paraphrased.
    pub text: String,
    /// What it asks, in plain words.
    pub plain: String,
    pub automation: Automation,
    /// Who must act.
    pub duty: String,
    /// What an auditor will ask for.
    pub evidence: Vec<String>,
    pub mechanisms: Vec<String>,
    /// Controls of the Security Rule this row stands for.
    pub maps_to: Vec<String>,
    pub state: ControlState,
    /// Ids of the checks that serve it.
    pub checks: Vec<String>,
    /// Verdicts of those checks together. Counts answers, one for a check and an asset.
    pub tally: Tally,
}

impl Control {
    /// A control with what serves it.
    pub fn new(
        framework: &str,
        control: &CoreControl,
        state: CoreControlState,
        checks: Vec<String>,
        tally: CoreTally,
    ) -> Self {
        Control {
            framework: framework.to_owned(),
            id: control.id.clone(),
            name: control.name.clone(),
            kind: control.kind.clone(),
            requirement: control.requirement.clone(),
            section: control.section.clone(),
            section_name: control.section_name.clone(),
            parent: control.parent.clone(),
            text: control.text.clone(),
            plain: control.plain.clone(),
            automation: control.automation.into(),
            duty: control.duty.clone(),
            evidence: control.evidence.clone(),
            mechanisms: control.mechanisms.clone(),
            maps_to: control.maps_to.clone(),
            state: state.into(),
            checks,
            tally: tally.into(),
        }
    }
}
