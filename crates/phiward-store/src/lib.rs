//! The one door to the database: SQLite embedded by default, PostgreSQL by URL; one code path and one set of
//! tests run on both. The only SQL.
//!
//! SQLite has one connection that writes and a few that read; its database is a file only its owner may read, in a
//! folder made when missing. PostgreSQL has a small pool for each. Writers of one database take turns, whichever
//! process they are in, so the numbers of changes are in order of commit and without holes.

mod apply;
mod cache;
mod changes;
mod codes;
mod cursor;
mod dialect;
mod diff;
mod findings;
mod judged;
mod keep;
mod layouts;
mod list;
mod map;
pub mod model;
mod open;
mod plan;
mod posture;
mod ready;
mod single;
mod sources;
mod sql;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyPool, Transaction};

use dialect::Dialect;
use model::{Counts, EphiMap};
use phiward_core::posture::Posture;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database could not be opened: what, and what to do.
    #[error("cannot open the database at {url}: {why}")]
    Open { url: String, why: String },
    /// Another version of phiward made it.
    #[error(
        "the database at {url} has schema version {found}, newer than the {known} this phiward knows; use the newer phiward, or another data folder"
    )]
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

/// Turns what sqlx says into our error, with what was being done.
pub(crate) fn failed(doing: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::Database { doing, source }
}

/// The open database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    dialect: Dialect,
    write: AnyPool,
    read: AnyPool,
    freshness: Duration,
    /// The URL without its password.
    shown: String,
    writes: cache::Writes,
    posture: cache::Cached<Posture>,
    counts: cache::Cached<Counts>,
    map: cache::Cached<(u32, EphiMap)>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The pools would print the URL with its password.
        f.debug_struct("Store").field("url", &self.inner.shown).finish_non_exhaustive()
    }
}

impl Store {
    /// Where the database is, without a password.
    pub fn location(&self) -> &str {
        &self.inner.shown
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut conn = self.reader("asking whether the database answers").await?;
        sqlx::query("SELECT 1").execute(&mut *conn).await.map_err(failed("asking whether the database answers"))?;
        Ok(())
    }

    /// Ends all connections. What was committed stays; with SQLite this also folds the write-ahead log into the file.
    pub async fn close(&self) {
        self.inner.read.close().await;
        self.inner.write.close().await;
    }

    /// How long a result over all assets may be shown again. Other processes may write to PostgreSQL unseen.
    fn kept_for(&self) -> Duration {
        match self.inner.dialect {
            Dialect::Sqlite => Duration::from_secs(10),
            Dialect::Postgres => Duration::from_secs(2),
        }
    }

    fn dialect(&self) -> Dialect {
        self.inner.dialect
    }

    async fn reader(&self, doing: &'static str) -> Result<PoolConnection<Any>, StoreError> {
        self.inner.read.acquire().await.map_err(failed(doing))
    }

    /// Begins a transaction that writes, once no other writer is at work.
    async fn writer(&self, doing: &'static str) -> Result<Transaction<'static, Any>, StoreError> {
        let dialect = self.dialect();
        let begin = || self.inner.write.begin_with(dialect.begin_write());
        let mut tx = match begin().await {
            // SQLite ends a transaction by itself when the disk is full, and the driver goes on counting it as open.
            // Such a connection is of no more use.
            Err(sqlx::Error::InvalidSavePointStatement) => {
                let stuck = self.inner.write.acquire().await.map_err(failed(doing))?;
                if let Err(error) = stuck.close().await {
                    tracing::debug!("a connection with a broken transaction did not close well: {error}");
                }
                begin().await
            }
            begun => begun,
        }
        .map_err(failed(doing))?;
        if let Some(lock) = dialect.write_lock() {
            sqlx::query(lock).execute(&mut *tx).await.map_err(failed(doing))?;
        }
        Ok(tx)
    }
}
