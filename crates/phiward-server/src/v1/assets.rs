//! Assets and findings as the API gives them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use phiward_core::asset::{Missing, Relation as CoreRelation, Status};
use phiward_store::model::{AssetRow, FindingRow, StoredAsset, gaps};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Ephi, Severity, State, Verdict};

/// One line of the asset list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AssetSummary {
    #[schema(example = "docker://ENGINE/container/4f9c")]
    pub id: String,
    #[schema(example = "docker.container")]
    pub kind: String,
    pub name: String,
    /// Empty when nobody said.
    pub owner: String,
    pub ephi: Ephi,
    pub state: State,
    /// Severity of the worst failing check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst: Option<Severity>,
    pub counts: VerdictCounts,
    /// How its collection went: `complete`, `partial` or `failed`.
    pub collection: String,
    pub collected_at: Timestamp,
    pub judged_at: Timestamp,
    pub first_seen: Timestamp,
}

/// Verdicts on one asset.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct VerdictCounts {
    pub fail: i64,
    pub unknown: i64,
    pub pass: i64,
    pub not_applicable: i64,
}

impl From<AssetRow> for AssetSummary {
    fn from(row: AssetRow) -> Self {
        AssetSummary {
            id: row.id.0,
            kind: row.kind,
            name: row.name,
            owner: row.owner,
            ephi: row.ephi.into(),
            state: row.state.into(),
            worst: row.worst.map(Into::into),
            counts: VerdictCounts {
                fail: row.failing,
                unknown: row.unknown,
                pass: row.passing,
                not_applicable: row.not_applicable,
            },
            collection: row.status,
            collected_at: row.collected_at,
            judged_at: row.judged_at,
            first_seen: row.first_seen,
        }
    }
}

/// One asset, whole.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Asset {
    #[serde(flatten)]
    pub summary: AssetSummary,
    pub labels: BTreeMap<String, String>,
    /// Where it stands in each category that has checks for it.
    #[schema(value_type = BTreeMap<String, State>)]
    pub states: BTreeMap<&'static str, State>,
    /// Verdict of every check of its kind, by the check's id.
    pub verdicts: BTreeMap<String, Verdict>,
    /// What this asset relates to.
    pub relations: Vec<Relation>,
    /// What relates to this asset: `asset` is the other one.
    pub incoming: Vec<Relation>,
    /// Collector that read it.
    pub collector: String,
    /// What could not be read, and why.
    pub missing: Vec<Gap>,
    /// The facts document; its shape depends on the kind.
    #[schema(value_type = Object)]
    pub facts: Value,
}

/// One asset's relation to another.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Relation {
    /// `runs-on`, `uses-image`, `mounts`, `joins`, `part-of`.
    pub kind: String,
    /// Id of the other asset.
    pub asset: String,
    pub detail: String,
}

impl From<CoreRelation> for Relation {
    fn from(relation: CoreRelation) -> Self {
        Relation { kind: relation.kind, asset: relation.to.0, detail: relation.detail }
    }
}

/// Something that could not be read.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Gap {
    /// Path of the fact; empty for everything.
    pub path: String,
    pub why: String,
}

impl From<Missing> for Gap {
    fn from(missing: Missing) -> Self {
        Gap { path: missing.path, why: missing.why }
    }
}

/// A status's gaps.
pub fn missing(status: &Status) -> Vec<Gap> {
    gaps(status).into_iter().map(Into::into).collect()
}

impl From<StoredAsset> for Asset {
    fn from(stored: StoredAsset) -> Self {
        Asset {
            summary: stored.row.into(),
            labels: stored.asset.labels,
            states: stored.states.iter().map(|(category, state)| (category.as_str(), (*state).into())).collect(),
            verdicts: stored.verdicts.into_iter().map(|(check, verdict)| (check, verdict.into())).collect(),
            relations: stored.asset.relations.into_iter().map(Into::into).collect(),
            incoming: stored.incoming.into_iter().map(Into::into).collect(),
            collector: stored.asset.collector,
            missing: missing(&stored.asset.status),
            facts: stored.asset.facts,
        }
    }
}

/// A failing or undecided check on an asset.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Finding {
    /// Id of the check.
    #[schema(example = "docker-socket-not-mounted")]
    pub check: String,
    pub severity: Severity,
    pub verdict: Verdict,
    pub asset: AssetRef,
    /// When it began.
    pub since: Timestamp,
    /// Why it is unknown; empty for a failure.
    pub reason: String,
    /// The facts it rests on: path to value.
    #[schema(value_type = Object)]
    pub facts: Value,
}

/// The asset a finding is about.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AssetRef {
    pub id: String,
    pub name: String,
    pub kind: String,
    pub owner: String,
    pub ephi: Ephi,
}

impl From<FindingRow> for Finding {
    fn from(row: FindingRow) -> Self {
        Finding {
            check: row.check,
            severity: row.severity.into(),
            verdict: row.verdict.into(),
            asset: AssetRef {
                id: row.asset.0,
                name: row.asset_name,
                kind: row.asset_kind,
                owner: row.owner,
                ephi: row.ephi.into(),
            },
            since: row.since,
            reason: row.reason,
            facts: row.facts,
        }
    }
}
