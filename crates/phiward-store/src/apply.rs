//! Keeping a judged reading: what is new, what changed, what is gone, in one transaction.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use phiward_core::asset::AssetId;
use phiward_core::words::{Severity, Verdict};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::changes::{self, Note};
use crate::codes::{categories_moved, clean, of_grade, grade_of_order, short};
use crate::diff::{Letters, Step, change, steps};
use crate::keep::{self, Kept, Touch};
use crate::layouts::{Layouts, checks_by_id, take};
use crate::model::{Applied, Batch, ChangeKind};
use crate::ready::{Ready, usable};
use crate::sql::{int, text, with_numbers, with_texts};
use crate::{Store, StoreError, failed};

/// What is stored about an asset before the batch.
struct Old {
    n: i64,
    name: String,
    kind: String,
    states: String,
    layout: i64,
    verdicts: String,
    digest: String,
    first_seen: i64,
}

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

/// A finding as it is stored.
struct OldFinding {
    ord: i64,
    since: i64,
    reason: String,
    facts: String,
}

impl OldFinding {
    fn verdict(&self) -> Verdict {
        of_grade(grade_of_order(self.ord)).0
    }

    fn severity(&self) -> Severity {
        of_grade(grade_of_order(self.ord)).1
    }
}

/// Sums of what a batch adds to and takes from the tallies.
#[derive(Default)]
struct Deltas {
    checks: BTreeMap<i64, [i64; 5]>,
    grades: BTreeMap<i64, i64>,
}

impl Deltas {
    fn letter(&mut self, check: i64, letter: u8, by: i64) {
        let place = match letter {
            b'p' => 0,
            b'f' => 1,
            b'u' => 2,
            b'n' => 3,
            b'e' => 4,
            _ => return,
        };
        self.checks.entry(check).or_default()[place] += by;
    }

    fn steps(&mut self, steps: &[Step], checks: &HashMap<String, i64>) {
        for step in steps {
            let Some(check) = checks.get(step.check) else { continue };
            for (letter, by) in [(step.old, -1), (step.new, 1)] {
                if let Some(letter) = letter {
                    self.letter(*check, letter, by);
                }
            }
        }
    }

    fn finding(&mut self, ord: i64, by: i64) {
        *self.grades.entry(grade_of_order(ord)).or_default() += by;
    }
}

/// Everything a batch writes, gathered before any of it is written.
#[derive(Default)]
struct Plan {
    touched: Vec<Touch>,
    kept: Vec<Kept>,
    dropped_findings: Vec<(i64, i64)>,
    gone: Vec<i64>,
    deltas: Deltas,
    notes: Vec<Note>,
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
                None => tracing::warn!(id = short(id.as_str(), 80), "an asset with an id longer than 2000 bytes is left out"),
            }
        }
        let mut tx = self.writer(DOING).await?;
        let changes = apply(&mut tx, ready, gone, whole_prefix, &clean(&content), now).await.map_err(failed(DOING))?;
        tx.commit().await.map_err(failed(DOING))?;
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
) -> Result<Vec<crate::model::Change>, sqlx::Error> {
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

    let with_findings: Vec<i64> =
        changed.iter().filter_map(|(_, old, _)| old.as_ref().map(|o| o.n)).chain(gone.iter().map(|(_, o)| o.n)).collect();
    let mut findings = load_findings(conn, &with_findings).await?;
    let names: HashMap<i64, &str> = checks.iter().map(|(id, n)| (*n, id.as_str())).collect();
    let first_n = first_number(conn, &changed).await?;

    let mut next_n = first_n;
    for (asset, old, layout) in changed {
        let appeared = old.is_none();
        let (n, first_seen) = match &old {
            Some(old) => (old.n, old.first_seen),
            None => {
                next_n += 1;
                (next_n - 1, now.as_millisecond())
            }
        };
        let row = asset.row(n, layout, first_seen);
        let categories = categories_moved(old.as_ref().map_or("", |o| &o.states), &row.states);
        let note = |kind, check: &str, severity, detail: &str| Note {
            kind,
            asset: row.id.clone(),
            asset_name: row.name.clone(),
            asset_kind: row.kind.clone(),
            check: check.to_owned(),
            severity,
            categories,
            detail: short(detail, 500),
        };
        if appeared {
            plan.notes.push(note(ChangeKind::Appeared, "", None, ""));
        }

        let before = old.as_ref().map_or_else(BTreeMap::new, |o| findings.remove(&o.n).unwrap_or_default());
        let mut found = asset.findings();
        let steps = steps(
            &Letters {
                checks: old.as_ref().map_or(&[][..], |o| layouts.get(o.layout)),
                letters: old.as_ref().map_or(&[][..], |o| o.verdicts.as_bytes()),
            },
            &Letters { checks: &asset.judged.checks, letters: asset.judged.verdicts.as_bytes() },
        );
        plan.deltas.steps(&steps, &checks);
        for step in &steps {
            let new = found.get(step.check);
            let severity = new
                .map(|f| f.severity)
                .or_else(|| checks.get(step.check).and_then(|c| before.get(c)).map(OldFinding::severity));
            if let Some((kind, why)) = change(*step, appeared, severity) {
                let detail = match kind {
                    ChangeKind::BecameUnknown => new.map_or("", |f| f.reason.as_str()),
                    _ => why,
                };
                plan.notes.push(note(kind, step.check, severity, detail));
            }
        }

        let judged_at = asset.judged.judged_at.as_millisecond();
        let mut kept_findings = Vec::new();
        for (chk, was) in &before {
            let stays = names.get(chk).is_some_and(|name| found.contains_key(name));
            if !stays {
                plan.dropped_findings.push((n, *chk));
                plan.deltas.finding(was.ord, -1);
            }
        }
        while let Some((check, finding)) = found.pop_first() {
            let Some(chk) = checks.get(check).copied() else {
                tracing::error!(check, "a finding names a check that is not in the asset's list; it is left out");
                continue;
            };
            let was = before.get(&chk);
            let (verdict, _) = of_grade(grade_of_order(finding.ord));
            let since = was.filter(|w| w.verdict() == verdict).map_or(judged_at, |w| w.since);
            if was.is_some_and(|w| w.ord == finding.ord && w.since == since && w.reason == finding.reason && w.facts == finding.facts)
            {
                continue;
            }
            if let Some(was) = was {
                plan.deltas.finding(was.ord, -1);
            }
            plan.deltas.finding(finding.ord, 1);
            kept_findings.push(keep::KeptFinding { chk, since, found: finding });
        }
        let relations = old.as_ref().is_none_or(|o| asset.relations_differ(&o.digest));
        plan.kept.push(Kept::new(asset, row, kept_findings, relations, appeared));
    }

    for (id, old) in gone {
        let lost = steps(
            &Letters { checks: layouts.get(old.layout), letters: old.verdicts.as_bytes() },
            &Letters { checks: &[], letters: &[] },
        );
        plan.deltas.steps(&lost, &checks);
        let note = |kind, check: &str, severity, detail: &str| Note {
            kind,
            asset: id.clone(),
            asset_name: old.name.clone(),
            asset_kind: old.kind.clone(),
            check: check.to_owned(),
            severity,
            categories: categories_moved(&old.states, ""),
            detail: detail.to_owned(),
        };
        for (chk, finding) in findings.remove(&old.n).unwrap_or_default() {
            plan.deltas.finding(finding.ord, -1);
            if finding.verdict() == Verdict::Fail {
                let check = names.get(&chk).copied().unwrap_or_default();
                plan.notes.push(note(ChangeKind::Closed, check, Some(finding.severity()), "asset gone"));
            }
        }
        plan.notes.push(note(ChangeKind::Gone, "", None, ""));
        plan.gone.push(old.n);
    }
    let changes = write(conn, plan, now).await?;
    layouts.prune(conn).await?;
    Ok(changes)
}

async fn write(conn: &mut AnyConnection, plan: Plan, now: Timestamp) -> Result<Vec<crate::model::Change>, sqlx::Error> {
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
