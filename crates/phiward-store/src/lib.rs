//! The one door to the database: SQLite embedded by default, PostgreSQL by URL; one code path and one set of
//! tests run on both. The only SQL.

pub mod model;

use std::time::Duration;

use jiff::Timestamp;
use phiward_core::asset::AssetId;
use phiward_core::posture::Posture;
use phiward_core::words::Category;

use model::*;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database could not be opened: what, and what to do.
    #[error("cannot open the database at {url}: {why}")]
    Open { url: String, why: String },
    /// Another version of phiward made it.
    #[error("the database at {url} has schema version {found}, newer than the {known} this phiward knows; use the newer phiward, or another data folder")]
    Newer { url: String, found: i64, known: i64 },
    /// The cursor in a request is not one the store gave.
    #[error("the cursor `{0}` is not valid; ask for the first page again")]
    Cursor(String),
    /// Anything the database says while reading or writing.
    #[error("the database failed while {doing}")]
    Database {
        doing: &'static str,
        #[source]
        source: sqlx::Error,
    },
}

/// The open database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {}

#[allow(unused_variables)]
impl Store {
    /// Opens `sqlite://PATH`, `sqlite::memory:` or `postgres://…` and brings its schema up to date. `freshness` is how
    /// long a judgment counts as current.
    pub async fn open(url: &str, freshness: Duration) -> Result<Store, StoreError> { unimplemented!() }
    /// Keeps a judged reading and says what changed, in one transaction.
    pub async fn apply(&self, batch: Batch, now: Timestamp) -> Result<Applied, StoreError> { unimplemented!() }
    /// Keeps how a source was read. Gives a change when its state word or watch word changed.
    pub async fn put_source(&self, row: SourceRow, now: Timestamp) -> Result<Option<Change>, StoreError> { unimplemented!() }
    /// All sources.
    pub async fn sources(&self) -> Result<Vec<SourceRow>, StoreError> { unimplemented!() }
    /// Posture at `now`.
    pub async fn posture(&self, now: Timestamp) -> Result<Posture, StoreError> { unimplemented!() }
    /// Keeps the posture of this hour (replacing an earlier one of the same hour).
    pub async fn record_hour(&self, now: Timestamp) -> Result<(), StoreError> { unimplemented!() }
    /// Hourly posture since `since`, oldest first; `None` is overall.
    pub async fn trend(&self, category: Option<Category>, since: Timestamp) -> Result<Vec<TrendPoint>, StoreError> { unimplemented!() }
    pub async fn counts(&self) -> Result<Counts, StoreError> { unimplemented!() }
    pub async fn assets(&self, query: &AssetQuery, now: Timestamp) -> Result<Page<AssetRow>, StoreError> { unimplemented!() }
    pub async fn asset(&self, id: &AssetId) -> Result<Option<StoredAsset>, StoreError> { unimplemented!() }
    /// Rows of the named assets that exist, in the order asked.
    pub async fn asset_rows(&self, ids: &[AssetId]) -> Result<Vec<AssetRow>, StoreError> { unimplemented!() }
    pub async fn findings(&self, query: &FindingQuery) -> Result<Page<FindingRow>, StoreError> { unimplemented!() }
    /// Tallies of every check that judged a stored asset.
    pub async fn tallies(&self) -> Result<Vec<CheckTally>, StoreError> { unimplemented!() }
    /// Changes after `after` (an id), oldest first, at most `limit`.
    pub async fn changes_after(&self, after: i64, limit: u32) -> Result<Vec<Change>, StoreError> { unimplemented!() }
    /// Newest changes first, since `since`, of one asset when given, at most `limit`.
    pub async fn recent_changes(&self, since: Timestamp, asset: Option<&AssetId>, limit: u32) -> Result<Vec<Change>, StoreError> { unimplemented!() }
    /// Assets and relations for the ePHI map: assets with ePHI yes or unknown of the kinds container, volume, network,
    /// host, engine, plus what they are related to; at most `limit` assets, worst first, and whether that cut the list.
    pub async fn ephi_map(&self, limit: u32) -> Result<EphiMap, StoreError> { unimplemented!() }
    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> { unimplemented!() }
    /// Value kept under a name: content digest in force, and such.
    pub async fn meta(&self, key: &str) -> Result<Option<String>, StoreError> { unimplemented!() }
    pub async fn set_meta(&self, key: &str, value: &str) -> Result<(), StoreError> { unimplemented!() }
    /// Changes recorded so far: rises with every change; 0 on an empty database. For ETags.
    pub async fn generation(&self) -> Result<i64, StoreError> { unimplemented!() }
}
