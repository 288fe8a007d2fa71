//! Keeping a judged reading: what is new, what changed, what is gone, in one transaction.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use phiward_core::asset::AssetId;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::changes;
use crate::codes::{clean, short};
use crate::keep::{self, Touch};
use crate::layouts::{Layouts, checks_by_id, take};
use crate::model::{Applied, Batch, Change};
use crate::plan::{Known, Old, OldFinding, Plan};
use crate::ready::{Ready, usable};
use crate::sql::{int, text, with_numbers, with_texts};
use crate::{Store, StoreError, failed};

const OLD: &str = "SELECT id, n, name, kind, states, layout, verdicts, digest, first_seen FROM asset WHERE ";

fn old(row: &AnyRow) -> Result<(String, Old), sqlx::Error> {
    Ok((
        text(row, 0)?,
        Old {
            n: int(row, 1)?,
            name: text(row, 2)?,
            kind: text(row, 3)?,
            states: text(row, 4)?,
            layout: int(row, 5)?,
            verdicts: text(row, 6)?,
            digest: text(row, 7)?,
            first_seen: int(row, 8)?,
        },
    ))
}

impl Store {
    /// Keeps a judged reading and says what changed, in one transaction.
    ///
    /// An asset whose facts and verdicts are as stored, under the same content, only has its times moved. Of an asset
    /// seen for the first time, findings of severity high and critical alone are recorded as opened. Assets both
    /// listed and gone count as listed. An asset whose id is longer than 2,000 bytes is left out, with a warning in
    /// the log.
    pub async fn apply(&self, batch: Batch, now: Timestamp) -> Result<Applied, StoreError> {
        const DOING: &str = "storing a reading";
        let Batch { assets, gone, whole_prefix, content } = batch;
        let mut ready: BTreeMap<String, Ready> = BTreeMap::new();
        for judged in assets {
            let id = judged.asset.id.clone();
            match Ready::new(judged) {
                Some(asset) => {
                    ready.insert(asset.id.clone(), asset);
                }
                None => tracing::warn!(
                    id = short(id.as_str(), 80),
                    "an asset with an id longer than 2000 bytes is left out"
                ),
            }
        }
        let mut tx = self.writer(DOING).await?;
        let changes = apply(&mut tx, ready, gone, whole_prefix, &clean(&content), now).await.map_err(failed(DOING))?;
        tx.commit().await.map_err(failed(DOING))?;
        self.inner.writes.committed();
        Ok(Applied { changes })
    }
}

async fn apply(
    conn: &mut AnyConnection,
    ready: BTreeMap<String, Ready>,
    gone: Vec<AssetId>,
    whole_prefix: Option<String>,
    content: &str,
    now: Timestamp,
) -> Result<Vec<Change>, sqlx::Error> {
    let mut layouts = Layouts::load(conn).await?;
    let checks = checks_by_id(conn, ready.values().flat_map(|r| &r.judged.checks)).await?;

    let ids: Vec<&str> = ready.keys().map(String::as_str).collect();
    let mut known: HashMap<String, Old> = HashMap::with_capacity(ids.len());
    for row in with_texts(conn, &format!("{OLD}id IN ("), &ids).await? {
        let (id, old) = old(&row)?;
        known.insert(id, old);
    }
    let gone = load_gone(conn, &ready, gone, whole_prefix).await?;

    let mut changed: Vec<(Ready, Option<Old>, i64)> = Vec::new();
    let mut plan = Plan::default();
    for (id, asset) in ready {
        let layout = layouts.find_or_add(conn, content, &asset.judged.asset.kind, &asset.judged.checks).await?;
        match known.remove(&id) {
            Some(old)
                if old.digest == asset.digest && old.layout == layout && old.verdicts == asset.judged.verdicts =>
            {
                plan.touched.push(Touch {
                    n: old.n,
                    judged_at: asset.judged.judged_at.as_millisecond(),
                    collected_at: asset.judged.asset.collected_at.as_millisecond(),
                });
            }
            old => changed.push((asset, old, layout)),
        }
    }

    let with_findings: Vec<i64> = changed
        .iter()
        .filter_map(|(_, old, _)| old.as_ref().map(|o| o.n))
        .chain(gone.iter().map(|(_, o)| o.n))
        .collect();
    let mut findings = load_findings(conn, &with_findings).await?;
    let mut next = first_number(conn, &changed).await?;
    let known =
        Known { checks: &checks, names: checks.iter().map(|(id, n)| (*n, id.as_str())).collect(), layouts: &layouts };
    for (asset, old, layout) in changed {
        let (n, first_seen) = match &old {
            Some(old) => (old.n, old.first_seen),
            None => {
                next += 1;
                (next - 1, now.as_millisecond())
            }
        };
        let row = asset.row(n, layout, first_seen);
        let before = findings.remove(&n).unwrap_or_default();
        plan.change(&known, asset, row, old, &before);
    }
    for (id, old) in gone {
        let before = findings.remove(&old.n).unwrap_or_default();
        plan.remove(&known, id, old, before);
    }
    let changes = write(conn, plan, now).await?;
    layouts.prune(conn).await?;
    Ok(changes)
}

async fn write(conn: &mut AnyConnection, plan: Plan, now: Timestamp) -> Result<Vec<Change>, sqlx::Error> {
    keep::touch(conn, &plan.touched).await?;
    keep::remove_assets(conn, &plan.gone).await?;
    keep::keep(conn, &plan.kept).await?;
    keep::remove_findings(conn, &plan.dropped_findings).await?;
    keep::add_to_tallies(conn, &plan.deltas.checks, &plan.deltas.grades).await?;
    changes::record(conn, plan.notes, now).await
}

/// Numbers for the assets seen for the first time: the first of them.
async fn first_number(conn: &mut AnyConnection, changed: &[(Ready, Option<Old>, i64)]) -> Result<i64, sqlx::Error> {
    let new = i64::try_from(changed.iter().filter(|(_, old, _)| old.is_none()).count()).unwrap_or(i64::MAX);
    if new == 0 { Ok(0) } else { Ok(take(conn, "asset", new).await? - new + 1) }
}

/// The stored assets that are gone: named as such, or left out of a whole listing.
async fn load_gone(
    conn: &mut AnyConnection,
    ready: &BTreeMap<String, Ready>,
    gone: Vec<AssetId>,
    whole_prefix: Option<String>,
) -> Result<Vec<(String, Old)>, sqlx::Error> {
    let named: HashSet<String> = gone.iter().filter_map(usable).filter(|id| !ready.contains_key(id)).collect();
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    for row in with_texts(conn, &format!("{OLD}id IN ("), &named).await? {
        let (id, old) = old(&row)?;
        seen.insert(old.n);
        found.push((id, old));
    }
    if let Some(prefix) = whole_prefix.filter(|prefix| !prefix.is_empty()) {
        let prefix = clean(&prefix).into_owned();
        // Ids compare byte by byte, so those with a prefix lie together.
        let rows = sqlx::query("SELECT n, id FROM asset WHERE id >= $1 AND id < $2")
            .bind(prefix.as_str())
            .bind(format!("{prefix}\u{10ffff}"))
            .fetch_all(&mut *conn)
            .await?;
        let mut missing = Vec::new();
        for row in rows {
            let (n, id) = (int(&row, 0)?, text(&row, 1)?);
            if !ready.contains_key(&id) && id.starts_with(&prefix) && !seen.contains(&n) {
                missing.push(n);
            }
        }
        for row in with_numbers(conn, &format!("{OLD}n IN ("), ") ORDER BY n", &missing).await? {
            found.push(old(&row)?);
        }
    }
    Ok(found)
}

async fn load_findings(
    conn: &mut AnyConnection,
    assets: &[i64],
) -> Result<HashMap<i64, BTreeMap<i64, OldFinding>>, sqlx::Error> {
    let mut findings: HashMap<i64, BTreeMap<i64, OldFinding>> = HashMap::new();
    let head = "SELECT asset, chk, ord, since, reason, facts FROM finding WHERE asset IN (";
    for row in with_numbers(conn, head, ")", assets).await? {
        let finding =
            OldFinding { ord: int(&row, 2)?, since: int(&row, 3)?, reason: text(&row, 4)?, facts: text(&row, 5)? };
        findings.entry(int(&row, 0)?).or_default().insert(int(&row, 1)?, finding);
    }
    Ok(findings)
}
