//! What the ePHI map draws.

use std::collections::HashSet;

use phiward_core::asset::{AssetId, Relation};
use sqlx::AnyConnection;

use crate::list::{COLUMNS, Filter, WIDTH, asset_row};
use crate::model::{EphiMap, MapAsset};
use crate::sql::{Sql, int, json, text, with_numbers};
use crate::{Store, StoreError, failed};

/// Kinds that the map starts from.
const KINDS: &str = "'docker.container', 'docker.volume', 'docker.network', 'host', 'docker.engine'";

/// Most assets of a map that is kept between requests.
const MOST_KEPT: u32 = 100;

impl Store {
    /// Assets and relations for the ePHI map: assets with ePHI yes or unknown of the kinds container, volume, network,
    /// host, engine, plus what they are related to (in either direction, of any kind); at most `limit` assets, worst
    /// first, the related ones after the others, and whether that cut the list.
    pub async fn ephi_map(&self, limit: u32) -> Result<EphiMap, StoreError> {
        const DOING: &str = "reading the ePHI map";
        let read = async {
            let mut conn = self.reader(DOING).await?;
            let map = self.read_map(&mut conn, usize::try_from(limit).unwrap_or(usize::MAX)).await;
            map.map(|map| (limit, map)).map_err(failed(DOING))
        };
        // The overview asks for few and the map's page for many: each is kept by its own kind of reader.
        if limit > MOST_KEPT {
            return read.await.map(|(_, map)| map);
        }
        let (kept, map) = self.inner.map.get(&self.inner.writes, self.kept_for(), read).await?;
        if kept == limit {
            return Ok(map);
        }
        let mut conn = self.reader(DOING).await?;
        self.read_map(&mut conn, usize::try_from(limit).unwrap_or(usize::MAX)).await.map_err(failed(DOING))
    }

    async fn read_map(&self, conn: &mut AnyConnection, limit: usize) -> Result<EphiMap, sqlx::Error> {
        let fixed = vec!["a.ephi <> 0".to_owned(), format!("a.kind IN ({KINDS})")];
        let filter = Filter { fixed, ..Filter::default() };
        let (few, total) = self.matches(conn, &filter).await?;
        let mut chosen = match few {
            Some(few) => {
                numbers(with_numbers(conn, "SELECT n FROM asset WHERE n IN (", ") ORDER BY ord, n", &few).await?)?
            }
            None => {
                let mut sql = Sql::new("SELECT a.n FROM asset a WHERE 1 = 1");
                filter.push(&mut sql, self.dialect(), true)?;
                sql.push(" ORDER BY a.ord, a.n LIMIT ").bind(i64::try_from(limit).unwrap_or(i64::MAX))?;
                numbers(sql.all(conn).await?)?
            }
        };
        chosen.truncate(limit);
        let mut cut = i64::try_from(chosen.len()).is_ok_and(|len| len < total);

        // A related asset is only worth a place once all that hold ePHI have one.
        if !cut {
            let mut seen: HashSet<i64> = chosen.iter().copied().collect();
            let mut related = Vec::new();
            for head in [
                "SELECT a.n, a.ord FROM relation r JOIN asset a ON a.id = r.target WHERE r.asset IN (",
                "SELECT r.asset, o.ord FROM asset a JOIN relation r ON r.target = a.id JOIN asset o ON o.n = r.asset WHERE a.n IN (",
            ] {
                for row in with_numbers(conn, head, ")", &chosen).await? {
                    let n = int(&row, 0)?;
                    if seen.insert(n) {
                        related.push((int(&row, 1)?, n));
                    }
                }
            }
            related.sort_unstable();
            cut = chosen.len() + related.len() > limit;
            chosen.extend(related.into_iter().map(|(_, n)| n).take(limit - chosen.len()));
        }

        let head = format!("SELECT {COLUMNS}, a.n, d.facts FROM asset a JOIN asset_doc d ON d.n = a.n WHERE a.n IN (");
        let mut assets = Vec::with_capacity(chosen.len());
        let place: std::collections::HashMap<i64, usize> = chosen.iter().enumerate().map(|(i, n)| (*n, i)).collect();
        for row in with_numbers(conn, &head, ")", &chosen).await? {
            assets.push((
                place.get(&int(&row, WIDTH)?).copied(),
                MapAsset { row: asset_row(&row)?, facts: json(&row, WIDTH + 1)? },
            ));
        }
        assets.sort_by_key(|(place, _)| *place);
        let assets: Vec<MapAsset> = assets.into_iter().map(|(_, asset)| asset).collect();

        let listed: HashSet<&str> = assets.iter().map(|a| a.row.id.as_str()).collect();
        let mut relations = Vec::new();
        let head =
            "SELECT a.id, r.kind, r.target, r.detail FROM relation r JOIN asset a ON a.n = r.asset WHERE r.asset IN (";
        for row in with_numbers(conn, head, ") ORDER BY r.asset, r.pos", &chosen).await? {
            let target = text(&row, 2)?;
            if listed.contains(target.as_str()) {
                let relation = Relation { kind: text(&row, 1)?, to: AssetId(target), detail: text(&row, 3)? };
                relations.push((AssetId(text(&row, 0)?), relation));
            }
        }
        Ok(EphiMap { assets, relations, cut })
    }
}

fn numbers(rows: Vec<sqlx::any::AnyRow>) -> Result<Vec<i64>, sqlx::Error> {
    rows.iter().map(|row| int(row, 0)).collect()
}
