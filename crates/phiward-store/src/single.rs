//! One asset, whole, and the rows of assets named one by one.

use std::collections::HashMap;

use phiward_core::asset::{Asset, AssetId, Relation};
use phiward_core::words::Verdict;
use sqlx::AnyConnection;

use crate::codes::{clean, states_of, verdict_of};
use crate::list::{COLUMNS, WIDTH, asset_row};
use crate::model::{AssetRow, StoredAsset};
use crate::sql::{Sql, int, json, text, with_texts};
use crate::{Store, StoreError, failed};

/// Relations from other assets that are given; an engine may have very many.
const INCOMING: i64 = 1000;

impl Store {
    /// One asset with its facts, verdicts and relations; of the relations others have to it, those of the 1,000 worst.
    pub async fn asset(&self, id: &AssetId) -> Result<Option<StoredAsset>, StoreError> {
        const DOING: &str = "reading an asset";
        let mut conn = self.reader(DOING).await?;
        read(&mut conn, id).await.map_err(failed(DOING))
    }

    /// Rows of the named assets that exist, in the order asked.
    pub async fn asset_rows(&self, ids: &[AssetId]) -> Result<Vec<AssetRow>, StoreError> {
        const DOING: &str = "reading assets";
        let mut conn = self.reader(DOING).await?;
        let cleaned: Vec<_> = ids.iter().map(|id| clean(id.as_str())).collect();
        let mut wanted: Vec<&str> = cleaned.iter().map(AsRef::as_ref).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let rows = async {
            let rows =
                with_texts(&mut conn, &format!("SELECT {COLUMNS} FROM asset a WHERE a.id IN ("), &wanted).await?;
            let rows: Result<Vec<AssetRow>, sqlx::Error> = rows.iter().map(asset_row).collect();
            rows
        };
        let found: HashMap<String, AssetRow> =
            rows.await.map_err(failed(DOING))?.into_iter().map(|row| (row.id.0.clone(), row)).collect();
        Ok(cleaned.iter().filter_map(|id| found.get(id.as_ref()).cloned()).collect())
    }
}

async fn read(conn: &mut AnyConnection, id: &AssetId) -> Result<Option<StoredAsset>, sqlx::Error> {
    let mut sql = Sql::new("SELECT ");
    sql.push(COLUMNS);
    sql.push(
        ", a.n, a.states, a.verdicts, l.checks, d.collector, d.status, d.labels, d.facts \
         FROM asset a JOIN asset_doc d ON d.n = a.n LEFT JOIN verdict_layout l ON l.id = a.layout WHERE a.id = ",
    );
    sql.bind(clean(id.as_str()).into_owned())?;
    let rows = sql.all(conn).await?;
    let Some(found) = rows.first() else { return Ok(None) };
    let row = asset_row(found)?;
    let n = int(found, WIDTH)?;
    let states = states_of(&text(found, WIDTH + 1)?);
    let letters = text(found, WIDTH + 2)?;
    let checks: Vec<String> = json(found, WIDTH + 3)?;
    let verdicts: Vec<(String, Verdict)> =
        checks.into_iter().zip(letters.bytes()).filter_map(|(check, l)| Some((check, verdict_of(l)?))).collect();
    let outgoing = sqlx::query("SELECT kind, target, detail FROM relation WHERE asset = $1 ORDER BY pos")
        .bind(n)
        .fetch_all(&mut *conn)
        .await?;
    let incoming = sqlx::query(
        "SELECT r.kind, a.id, r.detail FROM relation r JOIN asset a ON a.n = r.asset WHERE r.target = $1 \
         ORDER BY a.ord, a.n, r.pos LIMIT $2",
    )
    .bind(row.id.as_str())
    .bind(INCOMING)
    .fetch_all(&mut *conn)
    .await?;
    let relation = |row: &sqlx::any::AnyRow| {
        Ok::<_, sqlx::Error>(Relation { kind: text(row, 0)?, to: AssetId(text(row, 1)?), detail: text(row, 2)? })
    };
    let asset = Asset {
        id: row.id.clone(),
        kind: row.kind.clone(),
        name: row.name.clone(),
        owner: row.owner.clone(),
        ephi: row.ephi,
        labels: json(found, WIDTH + 6)?,
        relations: outgoing.iter().map(relation).collect::<Result<_, _>>()?,
        facts: json(found, WIDTH + 7)?,
        collector: text(found, WIDTH + 4)?,
        status: json(found, WIDTH + 5)?,
        collected_at: row.collected_at,
    };
    let incoming = incoming.iter().map(relation).collect::<Result<_, _>>()?;
    Ok(Some(StoredAsset { row, asset, states, verdicts, incoming }))
}
