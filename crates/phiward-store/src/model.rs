//! What the store takes and gives. Plain types, apart from the tables behind them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use phiward_core::asset::{Asset, AssetId, Ephi, Missing, Relation, Status};
use phiward_core::control::Tally;
use phiward_core::posture::{Population, State};
use phiward_core::words::{Category, Severity, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An asset with its judgment, ready to be kept.
#[derive(Clone, Debug)]
pub struct JudgedAsset {
    pub asset: Asset,
    pub judged_at: Timestamp,
    pub states: BTreeMap<Category, State>,
    /// One letter a check of the asset's kind, in the content's order: `p` pass, `f` fail, `u` unknown,
    /// `n` not applicable, `e` excepted.
    pub verdicts: String,
    /// Ids of the checks, in the order of `verdicts`.
    pub checks: Vec<String>,
    /// Failing and unknown ones only.
    pub findings: Vec<NewFinding>,
}

/// A failing or unknown verdict to keep.
#[derive(Clone, Debug)]
pub struct NewFinding {
    pub check: String,
    pub severity: Severity,
    pub verdict: Verdict,
    pub reason: String,
    pub facts: Value,
}

/// One reading of a source, judged, to be stored in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub assets: Vec<JudgedAsset>,
    /// Assets certainly gone.
    pub gone: Vec<AssetId>,
    /// When not empty: every stored asset with this id prefix that is not in `assets` is gone (a whole listing).
    pub whole_prefix: Option<String>,
    /// Digest of the content that judged.
    pub content: String,
}

/// What storing a batch changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    /// Changes recorded, oldest first.
    pub changes: Vec<Change>,
}

/// Something that changed: kept, shown on the overview and sent to open pages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Rises with time; the cursor of the event stream.
    pub id: i64,
    pub at: Timestamp,
    pub kind: ChangeKind,
    pub asset: AssetId,
    pub asset_name: String,
    pub asset_kind: String,
    /// For findings: the check; empty otherwise.
    pub check: String,
    pub severity: Option<Severity>,
    /// A few words more: why an unknown, which source.
    pub detail: String,
}

/// Kinds of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// An asset was seen for the first time. Of its findings, only the high and critical ones are recorded as opened.
    Appeared,
    /// An asset is gone.
    Gone,
    /// A check began to fail.
    Opened,
    /// A failing or unknown check passes, no longer applies, is excepted or is no longer made, or the asset of a failing
    /// one is gone; the detail says which.
    Closed,
    /// A check that was decided can no longer be; the detail says why.
    BecameUnknown,
    /// A source (engine, host) changed its state: `asset` is the source's target.
    Source,
}

impl ChangeKind {
    /// The word stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            ChangeKind::Appeared => "appeared",
            ChangeKind::Gone => "gone",
            ChangeKind::Opened => "opened",
            ChangeKind::Closed => "closed",
            ChangeKind::BecameUnknown => "became-unknown",
            ChangeKind::Source => "source",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        use ChangeKind::*;
        [Appeared, Gone, Opened, Closed, BecameUnknown, Source].into_iter().find(|k| k.as_str() == word)
    }
}

/// One line of an asset list.
#[derive(Clone, Debug, PartialEq)]
pub struct AssetRow {
    pub id: AssetId,
    pub kind: String,
    pub name: String,
    pub owner: String,
    pub ephi: Ephi,
    pub state: State,
    /// Severity of the worst failing check.
    pub worst: Option<Severity>,
    pub failing: i64,
    pub unknown: i64,
    pub passing: i64,
    pub not_applicable: i64,
    pub collected_at: Timestamp,
    pub judged_at: Timestamp,
    pub first_seen: Timestamp,
    /// `complete`, `partial` or `failed`.
    pub status: String,
}

/// One asset, whole.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredAsset {
    pub row: AssetRow,
    pub asset: Asset,
    pub states: BTreeMap<Category, State>,
    /// Check id to verdict, all of them.
    pub verdicts: Vec<(String, Verdict)>,
    /// Relations other assets have to this one: `to` is the other asset here.
    pub incoming: Vec<Relation>,
}

/// A stored finding with the asset it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct FindingRow {
    pub asset: AssetId,
    pub asset_name: String,
    pub asset_kind: String,
    pub ephi: Ephi,
    pub owner: String,
    pub check: String,
    pub severity: Severity,
    pub verdict: Verdict,
    pub since: Timestamp,
    pub reason: String,
    pub facts: Value,
}

/// Which assets to list. Empty fields do not filter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AssetQuery {
    /// Words that name, id, owner or labels contain, all of them, in any case.
    pub search: String,
    pub kind: String,
    pub ephi: Option<Ephi>,
    pub owner: String,
    pub state: Option<State>,
    /// Only assets with a failing check of at least this severity.
    pub severity: Option<Severity>,
    pub category: Option<Category>,
    pub sort: AssetSort,
    pub descending: bool,
    /// Opaque; from the page before.
    pub cursor: Option<String>,
    /// 1 to 500; 0 is 50.
    pub limit: u32,
}

/// Order of an asset list. `Worst` puts the worst first; `descending` turns any of them around.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AssetSort {
    #[default]
    Worst,
    Name,
    Kind,
    Seen,
}

/// Which findings to list. Worst first, then ePHI, then oldest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FindingQuery {
    pub search: String,
    pub check: String,
    pub asset: String,
    pub kind: String,
    pub ephi: Option<Ephi>,
    /// `Fail` or `Unknown`; nothing lists both.
    pub verdict: Option<Verdict>,
    /// At least this severity.
    pub severity: Option<Severity>,
    pub owner: String,
    /// Checks to keep; empty keeps all. (A control's page asks for the checks that serve it.)
    pub checks: Vec<String>,
    pub cursor: Option<String>,
    pub limit: u32,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// How many match in all.
    pub total: i64,
    /// Cursor of the next page; `None` on the last.
    pub next: Option<String>,
}

/// The posture at one hour.
#[derive(Clone, Debug, PartialEq)]
pub struct TrendPoint {
    /// Start of the hour.
    pub hour: Timestamp,
    /// `None` is overall.
    pub category: Option<Category>,
    pub population: Population,
    /// Changes in that hour that moved it: opened and closed findings of severity medium or worse, worst first, at most 20.
    pub reasons: Vec<Change>,
}

/// How often a check failed, was unknown, and so on, over all stored assets.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckTally {
    pub check: String,
    pub tally: Tally,
}

/// Counts for the overview.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// By kind: all assets, and those with ePHI `yes`, `unknown`.
    pub kinds: BTreeMap<String, KindCount>,
    /// Open failing findings by severity.
    pub failing: BTreeMap<Severity, i64>,
    pub unknown: i64,
}

/// Assets of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindCount {
    pub all: i64,
    pub ephi_yes: i64,
    pub ephi_unknown: i64,
    /// With ePHI (yes or unknown) and failing.
    pub ephi_failing: i64,
}

/// How a source was last read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceRow {
    pub target: String,
    pub collector: String,
    pub status: Status,
    pub needs: Vec<String>,
    pub help: Option<String>,
    pub took_ms: u64,
    /// When it was last read.
    pub at: Timestamp,
    /// When it was last read without failing; `None` when never.
    pub last_good: Option<Timestamp>,
    /// Live watch: `live`, `reconnecting`, `off`.
    pub watch: String,
    /// The last gap noticed in the engine's events, and whether a full reading healed it since.
    pub gap: Option<Gap>,
}

/// A gap in a source's event stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    pub noticed: Timestamp,
    pub why: String,
    pub healed: Option<Timestamp>,
}

/// Gaps of a status, for pages that list them.
pub fn gaps(status: &Status) -> Vec<Missing> {
    match status {
        Status::Complete => Vec::new(),
        Status::Partial { missing } => missing.clone(),
        Status::Failed { why } => vec![Missing { path: String::new(), why: why.clone() }],
    }
}

/// What the ePHI map draws.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EphiMap {
    pub assets: Vec<MapAsset>,
    /// Relations between the assets listed: from, relation.
    pub relations: Vec<(AssetId, Relation)>,
    /// More assets exist than were listed.
    pub cut: bool,
}

/// An asset on the ePHI map, with the few facts the map shows.
#[derive(Clone, Debug, PartialEq)]
pub struct MapAsset {
    pub row: AssetRow,
    /// The facts document.
    pub facts: Value,
}
