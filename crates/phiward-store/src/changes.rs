//! The record of changes: written by `apply` and `put_source`, read by the overview, an asset's page and the event
//! stream.

use jiff::Timestamp;
use phiward_core::asset::AssetId;
use phiward_core::words::Severity;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::codes::clean;
use crate::layouts::take;
use crate::model::{Change, ChangeKind};
use crate::sql::{Sql, int, many, text, time};
use crate::{Store, StoreError, failed};

/// Changes kept; older ones are removed now and then.
const KEPT: i64 = 200_000;
/// How many changes go by between removals.
const SWEEP: i64 = 1024;

/// A change not yet numbered.
pub(crate) struct Note {
    pub kind: ChangeKind,
    pub asset: String,
    pub asset_name: String,
    pub asset_kind: String,
    pub check: String,
    pub severity: Option<Severity>,
    /// Bits of the categories it belongs to.
    pub categories: i64,
    pub detail: String,
}

impl Note {
    /// Severity of a change that moves a posture; 0 of any other.
    fn moved(&self) -> i64 {
        match (self.kind, self.severity) {
            (ChangeKind::Opened | ChangeKind::Closed, Some(severity)) if severity.counts() => severity.rank(),
            _ => 0,
        }
    }
}

/// Numbers and writes changes, and removes the oldest now and then.
pub(crate) async fn record(
    conn: &mut AnyConnection,
    notes: Vec<Note>,
    now: Timestamp,
) -> Result<Vec<Change>, sqlx::Error> {
    if notes.is_empty() {
        return Ok(Vec::new());
    }
    let count = i64::try_from(notes.len()).unwrap_or(i64::MAX);
    let last = take(conn, "change", count).await?;
    let at = now.as_millisecond();
    // What is given back is what a later reader sees.
    let now = Timestamp::from_millisecond(at).unwrap_or(now);
    let rows: Vec<(i64, Note)> = (last - count + 1..).zip(notes).collect();
    many(
        conn,
        "INSERT INTO change (id, at, kind, asset, asset_name, asset_kind, check_id, severity, moved, categories, detail) VALUES ",
        "",
        11,
        &rows,
        |values, (id, note)| {
            values.add(*id).add(at).add(note.kind.as_str()).add(note.asset.as_str()).add(note.asset_name.as_str());
            values.add(note.asset_kind.as_str()).add(note.check.as_str());
            values.add(note.severity.map_or(0, Severity::rank)).add(note.moved()).add(note.categories);
            values.add(note.detail.as_str());
        },
    )
    .await?;
    if last / SWEEP != (last - count) / SWEEP {
        sqlx::query("DELETE FROM change WHERE id <= $1").bind(last - KEPT).execute(conn).await?;
    }
    Ok(rows
        .into_iter()
        .map(|(id, note)| Change {
            id,
            at: now,
            kind: note.kind,
            asset: AssetId(note.asset),
            asset_name: note.asset_name,
            asset_kind: note.asset_kind,
            check: note.check,
            severity: note.severity,
            detail: note.detail,
        })
        .collect())
}

/// The columns `change_of` reads, in its order.
pub(crate) const COLUMNS: &str = "id, at, kind, asset, asset_name, asset_kind, check_id, severity, detail";

pub(crate) fn change_of(row: &AnyRow) -> Result<Change, sqlx::Error> {
    let kind = text(row, 2)?;
    Ok(Change {
        id: int(row, 0)?,
        at: time(row, 1)?,
        kind: ChangeKind::from_word(&kind)
            .ok_or_else(|| sqlx::Error::Decode(format!("unknown kind of change `{kind}`").into()))?,
        asset: AssetId(text(row, 3)?),
        asset_name: text(row, 4)?,
        asset_kind: text(row, 5)?,
        check: text(row, 6)?,
        severity: Severity::from_rank(int(row, 7)?),
        detail: text(row, 8)?,
    })
}

impl Store {
    /// Changes after `after` (an id), oldest first, at most `limit`. Ids are in order of commit: one that was given
    /// never has a smaller one come after it.
    pub async fn changes_after(&self, after: i64, limit: u32) -> Result<Vec<Change>, StoreError> {
        const DOING: &str = "reading changes";
        let mut conn = self.reader(DOING).await?;
        let mut sql = Sql::new("SELECT ");
        sql.push(COLUMNS);
        let rows = async {
            sql.push(" FROM change WHERE id > ").bind(after)?.push(" ORDER BY id LIMIT ").bind(i64::from(limit))?;
            sql.all(&mut conn).await?.iter().map(change_of).collect::<Result<Vec<_>, sqlx::Error>>()
        };
        rows.await.map_err(failed(DOING))
    }

    /// Newest changes first, since `since`, of one asset when given, at most `limit`.
    pub async fn recent_changes(
        &self,
        since: Timestamp,
        asset: Option<&AssetId>,
        limit: u32,
    ) -> Result<Vec<Change>, StoreError> {
        const DOING: &str = "reading recent changes";
        let mut conn = self.reader(DOING).await?;
        let mut sql = Sql::new("SELECT ");
        sql.push(COLUMNS);
        let rows = async {
            sql.push(" FROM change WHERE at >= ").bind(since.as_millisecond())?;
            if let Some(asset) = asset {
                sql.push(" AND asset = ").bind(clean(asset.as_str()).into_owned())?;
            }
            sql.push(" ORDER BY at DESC, id DESC LIMIT ").bind(i64::from(limit))?;
            sql.all(&mut conn).await?.iter().map(change_of).collect::<Result<Vec<_>, sqlx::Error>>()
        };
        rows.await.map_err(failed(DOING))
    }

    /// Changes recorded so far: rises with every change; 0 on an empty database. For ETags.
    pub async fn generation(&self) -> Result<i64, StoreError> {
        const DOING: &str = "reading how many changes there were";
        let mut conn = self.reader(DOING).await?;
        let row = sqlx::query("SELECT value FROM counter WHERE name = 'change'").fetch_one(&mut *conn).await;
        row.and_then(|row| int(&row, 0)).map_err(failed(DOING))
    }
}
