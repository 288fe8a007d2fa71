//! Posture now and hour by hour, and the counts and tallies behind the overview.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use phiward_core::asset::Ephi;
use phiward_core::control::Tally;
use phiward_core::posture::{Population, Posture, State, overall};
use phiward_core::words::{Category, Verdict};
use sqlx::AnyConnection;

use crate::changes::{COLUMNS, change_of};
use crate::codes::{category_bit, ephi_of, of_grade, state_of, states_of};
use crate::model::{Change, CheckTally, Counts, TrendPoint};
use crate::sql::{Sql, int, many, text, time};
use crate::{Store, StoreError, failed};

const HOUR: i64 = 3_600_000;

impl Store {
    /// Posture at `now`, or up to ten seconds before when nothing was written since. An asset that no check judges is in
    /// no population.
    pub async fn posture(&self, now: Timestamp) -> Result<Posture, StoreError> {
        const DOING: &str = "reading the posture";
        let read = async {
            let mut conn = self.reader(DOING).await?;
            self.read_posture(&mut conn, now).await.map_err(failed(DOING))
        };
        self.inner.posture.get(&self.inner.writes, self.kept_for(), read).await
    }

    async fn read_posture(&self, conn: &mut AnyConnection, now: Timestamp) -> Result<Posture, sqlx::Error> {
        let freshness = i64::try_from(self.inner.freshness.as_millis()).unwrap_or(i64::MAX);
        let since = now.as_millisecond().saturating_sub(freshness);
        // One pass over an index; there are few different combinations of states.
        let rows = sqlx::query(
            "SELECT states, CAST(sum(CASE WHEN judged_at >= $1 THEN 1 ELSE 0 END) AS BIGINT), count(*) \
             FROM asset GROUP BY states",
        )
        .bind(since)
        .fetch_all(conn)
        .await?;
        let mut posture = Posture::default();
        for row in &rows {
            let states = states_of(&text(row, 0)?);
            if states.is_empty() {
                continue;
            }
            let fresh = int(row, 1)?;
            for (fresh, count) in [(true, fresh), (false, int(row, 2)? - fresh)] {
                posture.overall.add(overall(&states), fresh, count);
                for (category, state) in &states {
                    posture.categories.entry(*category).or_default().add(*state, fresh, count);
                }
            }
        }
        Ok(posture)
    }

    /// Keeps the posture of this hour (replacing an earlier one of the same hour).
    pub async fn record_hour(&self, now: Timestamp) -> Result<(), StoreError> {
        const DOING: &str = "keeping the posture of the hour";
        let mut tx = self.writer(DOING).await?;
        let write = async {
            let posture = self.read_posture(&mut tx, now).await?;
            let hour = now.as_millisecond().div_euclid(HOUR) * HOUR;
            let mut rows = vec![("", posture.overall)];
            rows.extend(posture.categories.iter().map(|(category, p)| (category.as_str(), *p)));
            many(
                &mut tx,
                "INSERT INTO posture_hour (hour, category, compliant, failing, failing_fresh, undetermined, stale, known) VALUES ",
                " ON CONFLICT (category, hour) DO UPDATE SET compliant = excluded.compliant, failing = excluded.failing, \
                 failing_fresh = excluded.failing_fresh, undetermined = excluded.undetermined, stale = excluded.stale, \
                 known = excluded.known",
                8,
                &rows,
                |values, (category, p)| {
                    values.add(hour).add(*category).add(p.compliant).add(p.failing).add(p.failing_fresh);
                    values.add(p.undetermined).add(p.stale).add(p.known);
                },
            )
            .await?;
            tx.commit().await
        };
        write.await.map_err(failed(DOING))
    }

    /// Hourly posture since the hour of `since`, oldest first; `None` is overall. Hours that nobody recorded are
    /// absent. Reasons are there as long as the changes they are taken from are kept; those of a category are the
    /// changes of assets whose state in it moved, or that have a state in it when none of theirs moved.
    pub async fn trend(&self, category: Option<Category>, since: Timestamp) -> Result<Vec<TrendPoint>, StoreError> {
        const DOING: &str = "reading the trend";
        let mut conn = self.reader(DOING).await?;
        read_trend(&mut conn, category, since).await.map_err(failed(DOING))
    }

    /// Assets by kind and open findings by severity.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        const DOING: &str = "counting assets and findings";
        let read = async {
            let mut conn = self.reader(DOING).await?;
            read_counts(&mut conn).await.map_err(failed(DOING))
        };
        self.inner.counts.get(&self.inner.writes, self.kept_for(), read).await
    }

    /// Tallies of every check that judged a stored asset.
    pub async fn tallies(&self) -> Result<Vec<CheckTally>, StoreError> {
        const DOING: &str = "reading the tallies";
        let mut conn = self.reader(DOING).await?;
        let read = async {
            let sql = "SELECT id, pass, fail, unknown, not_applicable, excepted FROM check_tally \
                       WHERE pass <> 0 OR fail <> 0 OR unknown <> 0 OR not_applicable <> 0 OR excepted <> 0 ORDER BY id";
            let rows = sqlx::query(sql).fetch_all(&mut *conn).await?;
            rows.iter()
                .map(|row| {
                    let tally = Tally {
                        pass: int(row, 1)?,
                        fail: int(row, 2)?,
                        unknown: int(row, 3)?,
                        not_applicable: int(row, 4)?,
                        excepted: int(row, 5)?,
                    };
                    Ok(CheckTally { check: text(row, 0)?, tally })
                })
                .collect::<Result<Vec<_>, sqlx::Error>>()
        };
        read.await.map_err(failed(DOING))
    }
}

async fn read_counts(conn: &mut AnyConnection) -> Result<Counts, sqlx::Error> {
    let mut counts = Counts::default();
    let rows = sqlx::query("SELECT kind, ephi, state, count(*) FROM asset GROUP BY kind, ephi, state")
        .fetch_all(&mut *conn)
        .await?;
    for row in &rows {
        let kind = counts.kinds.entry(text(row, 0)?).or_default();
        let (ephi, state, count) = (ephi_of(int(row, 1)?), state_of(int(row, 2)?), int(row, 3)?);
        kind.all += count;
        match ephi {
            Ephi::Yes => kind.ephi_yes += count,
            Ephi::Unknown => kind.ephi_unknown += count,
            Ephi::No => {}
        }
        if ephi.counts_as_yes() && state == State::Failing {
            kind.ephi_failing += count;
        }
    }
    let rows = sqlx::query("SELECT grade, amount FROM finding_tally WHERE amount <> 0").fetch_all(&mut *conn).await?;
    for row in &rows {
        let amount = int(row, 1)?;
        match of_grade(int(row, 0)?) {
            (Verdict::Fail, severity) => *counts.failing.entry(severity).or_default() += amount,
            _ => counts.unknown += amount,
        }
    }
    Ok(counts)
}

async fn read_trend(
    conn: &mut AnyConnection,
    category: Option<Category>,
    since: Timestamp,
) -> Result<Vec<TrendPoint>, sqlx::Error> {
    let since = since.as_millisecond().div_euclid(HOUR) * HOUR;
    let mut reasons = reasons(conn, category, since).await?;
    let rows = sqlx::query(
        "SELECT hour, compliant, failing, failing_fresh, undetermined, stale, known FROM posture_hour \
         WHERE category = $1 AND hour >= $2 ORDER BY hour",
    )
    .bind(category.map_or("", Category::as_str))
    .bind(since)
    .fetch_all(&mut *conn)
    .await?;
    rows.iter()
        .map(|row| {
            let population = Population {
                compliant: int(row, 1)?,
                failing: int(row, 2)?,
                failing_fresh: int(row, 3)?,
                undetermined: int(row, 4)?,
                stale: int(row, 5)?,
                known: int(row, 6)?,
            };
            let reasons = reasons.remove(&int(row, 0)?).unwrap_or_default();
            Ok(TrendPoint { hour: time(row, 0)?, category, population, reasons })
        })
        .collect()
}

/// By hour: opened and closed findings of severity medium or worse, worst first, at most 20.
async fn reasons(
    conn: &mut AnyConnection,
    category: Option<Category>,
    since: i64,
) -> Result<HashMap<i64, Vec<Change>>, sqlx::Error> {
    // The worst of each hour are found in an index alone; only those are then read whole.
    let mut sql = Sql::new("SELECT ");
    sql.push(COLUMNS).push(&format!(
        " FROM change WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER \
         (PARTITION BY at / {HOUR} ORDER BY moved DESC, id DESC) AS place FROM change WHERE moved > 0 AND at >= "
    ));
    sql.bind(since)?;
    if let Some(category) = category {
        sql.push(&format!(" AND (categories & {}) <> 0", category_bit(category)));
    }
    sql.push(") ranked WHERE place <= 20)");
    let mut hours: BTreeMap<i64, Vec<Change>> = BTreeMap::new();
    for row in sql.all(conn).await? {
        hours.entry(int(&row, 1)?.div_euclid(HOUR) * HOUR).or_default().push(change_of(&row)?);
    }
    for changes in hours.values_mut() {
        changes.sort_by(|a, b| b.severity.cmp(&a.severity).then(b.id.cmp(&a.id)));
    }
    Ok(hours.into_iter().collect())
}
