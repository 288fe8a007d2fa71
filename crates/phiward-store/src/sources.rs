//! How sources were read, and values kept under a name.

use jiff::Timestamp;
use phiward_core::asset::Status;
use sqlx::AnyConnection;

use crate::changes::{Note, record};
use crate::codes::{LONGEST_ID, clean, short};
use crate::model::{Change, ChangeKind, SourceRow};
use crate::sql::{json, text};
use crate::{Store, StoreError, failed};

impl Store {
    /// Keeps how a source was read. Gives a change when its state word or watch word changed, and when it is read for
    /// the first time and not completely.
    pub async fn put_source(&self, row: SourceRow, now: Timestamp) -> Result<Option<Change>, StoreError> {
        const DOING: &str = "keeping how a source was read";
        let mut tx = self.writer(DOING).await?;
        let change = put(&mut tx, row, now).await.map_err(failed(DOING))?;
        tx.commit().await.map_err(failed(DOING))?;
        Ok(change)
    }

    /// All sources, by collector and target.
    pub async fn sources(&self) -> Result<Vec<SourceRow>, StoreError> {
        const DOING: &str = "reading the sources";
        let mut conn = self.reader(DOING).await?;
        let rows = sqlx::query("SELECT doc FROM source ORDER BY collector, target").fetch_all(&mut *conn).await;
        rows.and_then(|rows| rows.iter().map(|row| json(row, 0)).collect()).map_err(failed(DOING))
    }

    /// Value kept under a name: content digest in force, and such.
    pub async fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        const DOING: &str = "reading a kept value";
        let mut conn = self.reader(DOING).await?;
        let row = sqlx::query("SELECT value FROM meta WHERE name = $1")
            .bind(clean(key).into_owned())
            .fetch_optional(&mut *conn)
            .await;
        row.and_then(|row| row.map(|row| text(&row, 0)).transpose()).map_err(failed(DOING))
    }

    /// Keeps a value under a name. NUL characters are replaced.
    pub async fn set_meta(&self, key: &str, value: &str) -> Result<(), StoreError> {
        const DOING: &str = "keeping a value";
        let mut tx = self.writer(DOING).await?;
        let sql =
            "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        sqlx::query(sql)
            .bind(clean(key).into_owned())
            .bind(clean(value).into_owned())
            .execute(&mut *tx)
            .await
            .map_err(failed(DOING))?;
        tx.commit().await.map_err(failed(DOING))
    }
}

async fn put(conn: &mut AnyConnection, row: SourceRow, now: Timestamp) -> Result<Option<Change>, sqlx::Error> {
    let target: String = clean(&row.target).into_owned();
    if target.len() > LONGEST_ID {
        return Err(sqlx::Error::InvalidArgument("a source's target is longer than 2000 bytes".to_owned()));
    }
    let collector = clean(&row.collector).into_owned();
    let before = sqlx::query("SELECT doc FROM source WHERE collector = $1 AND target = $2")
        .bind(collector.as_str())
        .bind(target.as_str())
        .fetch_optional(&mut *conn)
        .await?;
    let before: Option<SourceRow> = before.map(|row| json(&row, 0)).transpose()?;
    let doc = serde_json::to_string(&row).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query(
        "INSERT INTO source (collector, target, doc) VALUES ($1, $2, $3) \
         ON CONFLICT (collector, target) DO UPDATE SET doc = excluded.doc",
    )
    .bind(collector.as_str())
    .bind(target.as_str())
    .bind(doc)
    .execute(&mut *conn)
    .await?;
    let Some(detail) = moved(before.as_ref(), &row) else { return Ok(None) };
    let note = Note {
        kind: ChangeKind::Source,
        asset: target.clone(),
        asset_name: target,
        asset_kind: collector,
        check: String::new(),
        severity: None,
        categories: 0,
        detail: short(&detail, 500),
    };
    Ok(record(conn, vec![note], now).await?.pop())
}

/// What changed about a source, in a few words; `None` when nothing worth a line did.
fn moved(before: Option<&SourceRow>, now: &SourceRow) -> Option<String> {
    let mut parts = Vec::new();
    let word = now.status.word();
    let was = before.map_or("complete", |b| b.status.word());
    if word != was {
        let why = match &now.status {
            Status::Failed { why } => format!(": {why}"),
            Status::Partial { missing } => missing.first().map_or_else(String::new, |m| format!(": {}", m.why)),
            Status::Complete => String::new(),
        };
        parts.push(match before {
            Some(_) => format!("{word}, was {was}{why}"),
            None => format!("{word}{why}"),
        });
    }
    if let Some(before) = before.filter(|b| b.watch != now.watch) {
        parts.push(format!("watch {}, was {}", now.watch, before.watch));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}
