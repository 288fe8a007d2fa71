//! Verdicts, severities and categories: the small words every part shares.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A check's answer about one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Pass,
    Fail,
    /// A needed fact is missing. Never a pass.
    Unknown,
    NotApplicable,
    /// An accepted failure: reason, expiry and approval are on record.
    Excepted,
}

impl Verdict {
    /// All verdicts, in the order they are counted and listed.
    pub const ALL: [Verdict; 5] =
        [Verdict::Fail, Verdict::Unknown, Verdict::Pass, Verdict::NotApplicable, Verdict::Excepted];

    /// The word used in content, API, reports and pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Unknown => "unknown",
            Verdict::NotApplicable => "not-applicable",
            Verdict::Excepted => "excepted",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        Verdict::ALL.into_iter().find(|v| v.as_str() == word)
    }
}

/// How bad a failing check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// All severities, worst first.
    pub const ALL: [Severity; 5] =
        [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];

    /// The word used in content, API, reports and pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }

    /// The word as a label starts with a capital.
    pub fn title(self) -> &'static str {
        match self {
            Severity::Info => "Info",
            Severity::Low => "Low",
            Severity::Medium => "Medium",
            Severity::High => "High",
            Severity::Critical => "Critical",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        Severity::ALL.into_iter().find(|s| s.as_str() == word)
    }

    /// 1 (info) to 5 (critical), for ordering in a database.
    pub fn rank(self) -> i64 {
        match self {
            Severity::Info => 1,
            Severity::Low => 2,
            Severity::Medium => 3,
            Severity::High => 4,
            Severity::Critical => 5,
        }
    }

    /// The severity of a rank; `None` outside 1 to 5.
    pub fn from_rank(rank: i64) -> Option<Self> {
        Severity::ALL.into_iter().find(|s| s.rank() == rank)
    }

    /// Whether an open failure of this severity makes an asset non-compliant (medium and worse).
    pub fn counts(self) -> bool {
        self >= Severity::Medium
    }
}

/// The five parts of the posture, as the paper's dashboard has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    VirtualMachines,
    ContainerClusters,
    SystemPatching,
    DataBackup,
    DataCenter,
}

impl Category {
    /// All categories, in the order they are shown.
    pub const ALL: [Category; 5] = [
        Category::VirtualMachines,
        Category::ContainerClusters,
        Category::SystemPatching,
        Category::DataBackup,
        Category::DataCenter,
    ];

    /// The word used in content and API.
    pub fn as_str(self) -> &'static str {
        match self {
            Category::VirtualMachines => "virtual-machines",
            Category::ContainerClusters => "container-clusters",
            Category::SystemPatching => "system-patching",
            Category::DataBackup => "data-backup",
            Category::DataCenter => "data-center",
        }
    }

    /// The name shown to people.
    pub fn title(self) -> &'static str {
        match self {
            Category::VirtualMachines => "Virtual machines",
            Category::ContainerClusters => "Container clusters",
            Category::SystemPatching => "System patching",
            Category::DataBackup => "Data backup",
            Category::DataCenter => "Data center security",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        Category::ALL.into_iter().find(|c| c.as_str() == word)
    }

    /// Where a check of this kind counts unless its file says otherwise.
    pub fn of_kind(kind: &str) -> Self {
        if kind.starts_with("docker.") { Category::ContainerClusters } else { Category::VirtualMachines }
    }
}
