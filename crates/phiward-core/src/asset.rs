//! Assets: what is inventoried, and the facts a collector gathered about it.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Stable identity of an asset: a URI such as `docker://ENGINE/container/ID` or `host://MACHINE`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct AssetId(pub String);

impl AssetId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether an asset holds electronic protected health information. `Unknown` counts as yes
/// until someone says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ephi {
    Yes,
    No,
    #[default]
    Unknown,
}

impl Ephi {
    /// The word used in facts, API and pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Ephi::Yes => "yes",
            Ephi::No => "no",
            Ephi::Unknown => "unknown",
        }
    }

    /// Reads a `phiward.phi` label. Anything but a clear yes or no is unknown.
    pub fn from_label(value: &str) -> Self {
        match value.trim().to_ascii_lowercase().as_str() {
            "yes" | "true" | "1" => Ephi::Yes,
            "no" | "false" | "0" | "none" => Ephi::No,
            _ => Ephi::Unknown,
        }
    }

    /// Reads the stored word.
    pub fn from_word(value: &str) -> Self {
        match value {
            "yes" => Ephi::Yes,
            "no" => Ephi::No,
            _ => Ephi::Unknown,
        }
    }

    /// Whether the asset must be treated as holding ePHI.
    pub fn counts_as_yes(self) -> bool {
        self != Ephi::No
    }
}

/// A part of the facts that could not be collected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Missing {
    /// Path of the fact without the leading `facts.`: `processes`, `settings.icc`. Empty for the whole document.
    pub path: String,
    /// Why, in words for the person who can mend it.
    pub why: String,
}

/// How a collection went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Status {
    /// Everything the collector looks for was read.
    #[default]
    Complete,
    /// Some facts are absent; each is named with the reason.
    Partial { missing: Vec<Missing> },
    /// Nothing could be read.
    Failed { why: String },
}

impl Status {
    /// The status for a list of gaps: complete when there are none.
    pub fn from_missing(missing: Vec<Missing>) -> Self {
        if missing.is_empty() { Status::Complete } else { Status::Partial { missing } }
    }

    /// One word: `complete`, `partial` or `failed`.
    pub fn word(&self) -> &'static str {
        match self {
            Status::Complete => "complete",
            Status::Partial { .. } => "partial",
            Status::Failed { .. } => "failed",
        }
    }

    /// Why the fact at `path` is absent, if the collector said so. A gap at `settings` explains `settings.icc`,
    /// and a gap at `settings.icc` explains a reader of all of `settings`.
    pub fn why_missing(&self, path: &str) -> Option<&str> {
        match self {
            Status::Complete => None,
            Status::Failed { why } => Some(why),
            Status::Partial { missing } => missing
                .iter()
                .find(|m| m.path.is_empty() || is_prefix(&m.path, path) || is_prefix(path, &m.path))
                .map(|m| m.why.as_str()),
        }
    }
}

fn is_prefix(shorter: &str, longer: &str) -> bool {
    longer.strip_prefix(shorter).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// How one asset relates to another, seen from the asset that carries the relation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Relation {
    /// `runs-on`, `uses-image`, `mounts`, `joins`, `part-of`.
    pub kind: String,
    /// The other asset.
    pub to: AssetId,
    /// A few words more where they help: the mount's target, `read-only`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// One asset with the facts gathered about it. What a collector gives; never edited afterwards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Asset {
    pub id: AssetId,
    /// Kind of facts: `host`, `docker.engine`, `docker.container`, `docker.image`, `docker.volume`, `docker.network`.
    pub kind: String,
    /// What people call it. Not unique.
    pub name: String,
    /// Who answers for it; empty when nobody said.
    #[serde(default)]
    pub owner: String,
    #[serde(default)]
    pub ephi: Ephi,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub relations: Vec<Relation>,
    /// The facts document; its shape is `content/schema/KIND.json`.
    pub facts: Value,
    /// Which collector read it: `docker`, `host`.
    pub collector: String,
    /// How the collection of this asset went.
    #[serde(default)]
    pub status: Status,
    /// When the facts were read.
    #[schemars(with = "String")]
    pub collected_at: Timestamp,
}

/// The shape of one kind of facts, given by the collector that owns it.
#[derive(Clone, Debug)]
pub struct KindSchema {
    /// `docker.container`
    pub kind: &'static str,
    /// What people call one of it: `Container`.
    pub title: &'static str,
    /// JSON Schema (2020-12) of the facts document.
    pub schema: Value,
}
