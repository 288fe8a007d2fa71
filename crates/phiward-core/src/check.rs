//! A check: one judgment as data, read from one YAML file.

use std::collections::BTreeMap;
use std::sync::Arc;

use cel::Program;
use serde::Serialize;
use serde_json::Value;

use crate::bounds::Effort;
use crate::words::{Category, Severity, Verdict};

/// How much of what it states a check or control can be decided by a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Automation {
    Full,
    Partial,
    /// A person must state it.
    Manual,
}

impl Automation {
    /// `full`, `partial` or `manual`.
    pub fn as_str(self) -> &'static str {
        match self {
            Automation::Full => "full",
            Automation::Partial => "partial",
            Automation::Manual => "manual",
        }
    }
}

/// Documents that must give a certain verdict; they are the check's own tests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Examples {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pass: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fail: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_applicable: Vec<Value>,
}

impl Examples {
    /// Each example with the verdict it must give.
    pub fn each(&self) -> impl Iterator<Item = (Verdict, &Value)> {
        self.pass
            .iter()
            .map(|v| (Verdict::Pass, v))
            .chain(self.fail.iter().map(|v| (Verdict::Fail, v)))
            .chain(self.unknown.iter().map(|v| (Verdict::Unknown, v)))
            .chain(self.not_applicable.iter().map(|v| (Verdict::NotApplicable, v)))
    }
}

/// A fact that an expression reads: `mounts` with the item fields `covers_docker_socket`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Read {
    /// Path without the leading `facts.`.
    pub path: String,
    /// Fields read from the items, where the fact is a list that the expression goes through.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub item_fields: Vec<String>,
}

/// A compiled CEL expression over `facts`.
#[derive(Debug)]
pub struct Expression {
    pub source: String,
    pub(crate) program: Program,
    /// Facts it reads.
    pub reads: Vec<Read>,
    /// Facts whose presence it tests with `has()`.
    pub tests: Vec<String>,
    /// How much work evaluating it is.
    pub(crate) effort: Effort,
}

/// One check, loaded and compiled.
#[derive(Debug)]
pub struct Check {
    pub id: String,
    pub title: String,
    pub kind: String,
    pub severity: Severity,
    pub category: Category,
    pub(crate) applies: Option<Arc<Expression>>,
    /// Which of the kind's different `applies` expressions this is, so that one asset evaluates each once.
    pub(crate) applies_slot: usize,
    /// Absent for a manual check.
    pub(crate) pass: Option<Arc<Expression>>,
    pub message: String,
    pub remedy: String,
    pub automation: Automation,
    /// Framework to ids: `hipaa` to `164.312(a)(1)`.
    pub citations: BTreeMap<String, Vec<String>>,
    pub rationale: String,
    pub examples: Examples,
    pub references: Vec<String>,
    /// Former ids; renames keep them.
    pub aliases: Vec<String>,
    /// File it came from.
    pub origin: String,
    /// The file is a user's and stands in place of the built-in check of this id.
    pub overrides_builtin: bool,
    /// The file is a user's.
    pub user: bool,
}

impl Check {
    /// Source of the `applies` expression.
    pub fn applies_source(&self) -> Option<&str> {
        self.applies.as_ref().map(|e| e.source.as_str())
    }

    /// Source of the `pass` expression; `None` for a manual check.
    pub fn pass_source(&self) -> Option<&str> {
        self.pass.as_ref().map(|e| e.source.as_str())
    }

    /// Whether a program decides it.
    pub fn automatic(&self) -> bool {
        self.pass.is_some()
    }

    /// Facts that decide it.
    pub fn reads(&self) -> &[Read] {
        self.pass.as_ref().map_or(&[], |e| &e.reads)
    }

    /// Ids cited of one framework.
    pub fn cites(&self, framework: &str) -> &[String] {
        self.citations.get(framework).map_or(&[], Vec::as_slice)
    }

    /// Citations in one line: `164.312(a)(1) · CIS 5.32`.
    pub fn citation_line(&self) -> String {
        let mut parts: Vec<String> = self.cites("hipaa").to_vec();
        for (framework, ids) in &self.citations {
            if framework.starts_with("cis-") {
                parts.extend(ids.iter().map(|id| format!("CIS {id}")));
            }
        }
        parts.join(" · ")
    }
}
