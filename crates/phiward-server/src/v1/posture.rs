//! Posture, trends, changes and sources as the API gives them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use phiward_core::posture::Population as CorePopulation;
use phiward_store::model::{Change as StoreChange, SourceRow, TrendPoint as StorePoint};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Category, ChangeKind, Gap, Severity};

/// The posture: overall and by category.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Posture {
    pub at: Timestamp,
    pub overall: Population,
    /// Every category; one without a source has no population and so no number.
    pub categories: Vec<CategoryPosture>,
    /// Digest of the content that judged.
    pub content: String,
}

/// The posture of one category.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CategoryPosture {
    pub category: Category,
    pub title: &'static str,
    /// A source reports to it.
    pub connected: bool,
    /// Absent when nothing is connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub population: Option<Population>,
}

/// Assets by where they stand, with the shares worked out.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Population {
    pub compliant: i64,
    pub failing: i64,
    pub undetermined: i64,
    /// Not seen within the freshness window.
    pub stale: i64,
    pub known: i64,
    /// Judged within the freshness window.
    pub covered: i64,
    /// Compliant share of those judged, in whole per cent, rounded down; absent when nothing is judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compliance_percent: Option<i64>,
    /// Covered share of those known, in whole per cent, rounded down; absent when nothing is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage_percent: Option<i64>,
}

impl From<CorePopulation> for Population {
    fn from(population: CorePopulation) -> Self {
        Population {
            compliant: population.compliant,
            failing: population.failing,
            undetermined: population.undetermined,
            stale: population.stale,
            known: population.known,
            covered: population.covered(),
            compliance_percent: population.compliance(),
            coverage_percent: population.coverage(),
        }
    }
}

/// The posture by the hour.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Trend {
    /// Absent for the overall posture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Oldest first.
    pub points: Vec<TrendPoint>,
}

/// The posture at one hour.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TrendPoint {
    /// Start of the hour.
    pub hour: Timestamp,
    pub population: Population,
    /// What moved it in that hour, worst first, at most 20.
    pub reasons: Vec<Change>,
}

impl From<StorePoint> for TrendPoint {
    fn from(point: StorePoint) -> Self {
        TrendPoint {
            hour: point.hour,
            population: point.population.into(),
            reasons: point.reasons.into_iter().map(Into::into).collect(),
        }
    }
}

/// Something that changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Change {
    /// Rises with time; also the id of the event in the stream.
    pub id: i64,
    pub at: Timestamp,
    pub kind: ChangeKind,
    pub asset: String,
    pub asset_name: String,
    pub asset_kind: String,
    /// For findings: the check.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub check: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl From<StoreChange> for Change {
    fn from(change: StoreChange) -> Self {
        Change {
            id: change.id,
            at: change.at,
            kind: change.kind.into(),
            asset: change.asset.0,
            asset_name: change.asset_name,
            asset_kind: change.asset_kind,
            check: change.check,
            severity: change.severity.map(Into::into),
            detail: change.detail,
        }
    }
}

/// Changes in order, oldest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Changes {
    pub items: Vec<Change>,
    /// Give this as `after` to go on; absent when there was nothing more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Where facts come from, and how its last reading went.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Source {
    pub collector: String,
    pub target: String,
    /// `complete`, `partial` or `failed`.
    pub state: &'static str,
    /// What could not be read, and why.
    pub missing: Vec<Gap>,
    /// What the collector needs to read everything.
    pub needs: Vec<String>,
    /// What to do when something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    pub took_ms: u64,
    pub at: Timestamp,
    /// When it was last read without failing; absent when never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_good: Option<Timestamp>,
    /// `live`, `reconnecting` or `off`.
    pub watch: String,
    /// The last gap noticed in its events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_gap: Option<EventGap>,
}

/// A gap in a source's events.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventGap {
    pub noticed: Timestamp,
    pub why: String,
    /// When a full reading healed it; absent while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healed: Option<Timestamp>,
}

impl From<SourceRow> for Source {
    fn from(row: SourceRow) -> Self {
        Source {
            state: row.status.word(),
            missing: super::missing(&row.status),
            collector: row.collector,
            target: row.target,
            needs: row.needs,
            help: row.help,
            took_ms: row.took_ms,
            at: row.at,
            last_good: row.last_good,
            watch: row.watch,
            event_gap: row.gap.map(|gap| EventGap { noticed: gap.noticed, why: gap.why, healed: gap.healed }),
        }
    }
}

/// All sources.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Sources {
    pub items: Vec<Source>,
}

/// All checks or all controls.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Checks {
    pub items: Vec<super::CheckSummary>,
}

/// All controls of all frameworks, with a count by state.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Controls {
    pub items: Vec<super::Control>,
    pub states: BTreeMap<&'static str, i64>,
}
