//! Lists of findings, worst first.

use phiward_core::asset::{AssetId, Ephi};
use phiward_core::words::{Severity, Verdict};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::codes::{clean, ephi_code, ephi_of, finding_order, grade_of_order, of_grade, pattern, words};
use crate::cursor;
use crate::dialect::Dialect;
use crate::layouts::known_checks;
use crate::list::{Filter, page_size};
use crate::model::{FindingQuery, FindingRow, Page};
use crate::sql::{Sql, int, json, text, time};
use crate::{Store, StoreError, failed};

/// Up to this many matches are sorted; with more, the index of the order is walked.
const FEW: i64 = 2000;
const TAG: &str = "findings";

/// Where a page ended: order, since, asset, check.
type Key = (i64, i64, i64, i64);

impl Store {
    /// A page of findings: failing before unknown, the most severe first, then by ePHI (yes, unknown, no), then oldest.
    /// Words of the search are looked for in the asset, as in a list of assets, and in the check's id.
    ///
    /// # Errors
    /// `Cursor` when the cursor is not one this list gave.
    pub async fn findings(&self, query: &FindingQuery) -> Result<Page<FindingRow>, StoreError> {
        const DOING: &str = "listing findings";
        let after = query.cursor.as_deref().map(|c| cursor::decode::<Key>(TAG, c)).transpose()?;
        let size = page_size(query.limit);
        let mut conn = self.reader(DOING).await?;
        let (rows, total) = self.read(&mut conn, query, after, size + 1).await.map_err(failed(DOING))?;
        let more = i64::try_from(rows.len()).is_ok_and(|len| len > size);
        let kept = if more { &rows[..rows.len() - 1] } else { &rows[..] };
        let read = || {
            let items = kept.iter().map(finding_row).collect::<Result<Vec<_>, sqlx::Error>>()?;
            let next = match kept.last() {
                Some(last) if more => {
                    let key: Key = (int(last, 0)?, int(last, 1)?, int(last, 2)?, int(last, 3)?);
                    Some(cursor::encode(TAG, &key))
                }
                _ => None,
            };
            Ok::<_, sqlx::Error>((items, next))
        };
        let (items, next) = read().map_err(failed(DOING))?;
        Ok(Page { items, total, next })
    }

    async fn read(
        &self,
        conn: &mut AnyConnection,
        query: &FindingQuery,
        after: Option<Key>,
        size: i64,
    ) -> Result<(Vec<AnyRow>, i64), sqlx::Error> {
        let Some(search) = self.search(conn, query).await? else { return Ok((Vec::new(), 0)) };
        let total = search.total(conn).await?;
        if total == 0 {
            return Ok((Vec::new(), 0));
        }
        // The page is found first, from the index alone where it holds all that is asked; then its documents.
        let mut sql = Sql::new(
            "SELECT p.ord, p.since, p.asset, p.chk, a.id, a.name, a.kind, a.ephi, a.owner, t.id, d.reason, d.facts \
             FROM (SELECT f.ord, f.since, f.asset, f.chk FROM finding f WHERE 1 = 1",
        );
        search.push(&mut sql, total > FEW)?;
        if let Some((ord, since, asset, chk)) = after {
            sql.push(" AND (f.ord, f.since, f.asset, f.chk) > (").bind(ord)?.push(", ").bind(since)?;
            sql.push(", ").bind(asset)?.push(", ").bind(chk)?.push(")");
        }
        let first = if total <= FEW { self.dialect().unindexed("f.ord") } else { "f.ord".to_owned() };
        sql.push(" ORDER BY ").push(&first).push(", f.since, f.asset, f.chk LIMIT ").bind(size)?;
        sql.push(
            ") p JOIN finding d ON d.asset = p.asset AND d.chk = p.chk JOIN asset a ON a.n = p.asset \
             JOIN check_tally t ON t.n = p.chk ORDER BY p.ord, p.since, p.asset, p.chk",
        );
        Ok((sql.all(conn).await?, total))
    }

    /// What a query comes down to; `None` when nothing can match it.
    async fn search<'q>(
        &self,
        conn: &mut AnyConnection,
        query: &'q FindingQuery,
    ) -> Result<Option<Search<'q>>, sqlx::Error> {
        let mut search = Search {
            dialect: self.dialect(),
            query,
            orders: Orders::of(query),
            checks: None,
            filter: Filter { kind: &query.kind, owner: &query.owner, ..Filter::default() },
            few: None,
            ambiguous: Vec::new(),
        };
        if search.orders.list.is_empty() {
            return Ok(None);
        }
        if !query.check.is_empty() || !query.checks.is_empty() || !query.search.is_empty() {
            let known = known_checks(conn).await?;
            let numbers = |wanted: &dyn Fn(&String) -> bool| -> Vec<i64> {
                known.iter().filter(|(id, _)| wanted(id)).map(|(_, n)| *n).collect()
            };
            if !query.check.is_empty() || !query.checks.is_empty() {
                let found = numbers(&|id| {
                    (query.check.is_empty() || query.check == *id)
                        && (query.checks.is_empty() || query.checks.contains(id))
                });
                if found.is_empty() {
                    return Ok(None);
                }
                search.checks = Some(found);
            }
            for word in words(&query.search) {
                let named = numbers(&|id| id.contains(&word));
                if named.is_empty() {
                    search.filter.words.push(word);
                } else {
                    search.ambiguous.push((word, named));
                }
            }
        }
        if !search.filter.is_empty() {
            search.few = self.matches(conn, &search.filter).await?.0;
            if search.few.as_ref().is_some_and(Vec::is_empty) {
                return Ok(None);
            }
        }
        Ok(Some(search))
    }
}

/// A query taken apart.
struct Search<'q> {
    dialect: Dialect,
    query: &'q FindingQuery,
    orders: Orders,
    /// Numbers of the checks asked for; `None` asks for all.
    checks: Option<Vec<i64>>,
    /// What the asset must be.
    filter: Filter<'q>,
    /// The assets that match the filter, when they are few.
    few: Option<Vec<i64>>,
    /// Words that may mean the asset or a check, with the checks they name.
    ambiguous: Vec<(String, Vec<i64>)>,
}

impl Search<'_> {
    /// Appends the conditions on `finding f`. With `walk`, in the form that suits reading a few findings in order.
    fn push(&self, sql: &mut Sql, walk: bool) -> Result<(), sqlx::Error> {
        self.orders.push(sql, &self.dialect.unindexed("f.ord"));
        if let Some(checks) = &self.checks {
            sql.push(" AND f.chk IN (").numbers(checks).push(")");
        }
        if !self.query.asset.is_empty() {
            sql.push(" AND f.asset = (SELECT x.n FROM asset x WHERE x.id = ");
            sql.bind(clean(&self.query.asset).into_owned())?.push(")");
        }
        match &self.few {
            Some(few) => {
                sql.push(" AND f.asset IN (").numbers(few).push(")");
            }
            None if self.filter.is_empty() => {}
            None if walk => {
                sql.push(" AND EXISTS (SELECT 1 FROM asset a WHERE a.n = f.asset");
                self.filter.push(sql, self.dialect, true)?;
                sql.push(")");
            }
            None => {
                sql.push(" AND f.asset IN (SELECT a.n FROM asset a WHERE 1 = 1");
                self.filter.push(sql, self.dialect, false)?;
                sql.push(")");
            }
        }
        for (word, named) in &self.ambiguous {
            sql.push(" AND (f.asset IN (SELECT s.n FROM asset s WHERE s.search LIKE ").bind(pattern(word))?;
            sql.push(" ESCAPE '!') OR f.chk IN (").numbers(named).push("))");
        }
        Ok(())
    }

    async fn total(&self, conn: &mut AnyConnection) -> Result<i64, sqlx::Error> {
        let query = self.query;
        let by_asset = self.checks.is_none() && query.asset.is_empty() && self.ambiguous.is_empty();
        let mut sql;
        if by_asset && self.filter.is_empty() && query.ephi.is_none() {
            sql = Sql::new("SELECT CAST(coalesce(sum(amount), 0) AS BIGINT) FROM finding_tally WHERE grade IN (");
            sql.numbers(&self.orders.grades()).push(")");
        } else if by_asset && self.few.is_none() && query.severity.is_none() {
            // Each asset knows how many of its checks fail and are unknown.
            let count = match query.verdict {
                Some(Verdict::Fail) => "a.failing",
                Some(_) => "a.unknown",
                None => "a.failing + a.unknown",
            };
            sql = Sql::new(&format!("SELECT CAST(coalesce(sum({count}), 0) AS BIGINT) FROM asset a WHERE 1 = 1"));
            let mut filter = self.filter.clone();
            if let Some(ephi) = query.ephi {
                filter.fixed.push(format!("a.ephi = {}", ephi_code(ephi)));
            }
            filter.push(&mut sql, self.dialect, true)?;
        } else {
            sql = Sql::new("SELECT count(*) FROM finding f WHERE 1 = 1");
            self.push(&mut sql, false)?;
        }
        int(&sql.one(conn).await?, 0)
    }
}

fn finding_row(row: &AnyRow) -> Result<FindingRow, sqlx::Error> {
    let (verdict, severity) = of_grade(grade_of_order(int(row, 0)?));
    Ok(FindingRow {
        asset: AssetId(text(row, 4)?),
        asset_name: text(row, 5)?,
        asset_kind: text(row, 6)?,
        ephi: ephi_of(int(row, 7)?),
        owner: text(row, 8)?,
        check: text(row, 9)?,
        severity,
        verdict,
        since: time(row, 1)?,
        reason: text(row, 10)?,
        facts: json(row, 11)?,
    })
}

/// The values of `ord` that a query's verdict, severity and ePHI allow, rising.
struct Orders {
    list: Vec<i64>,
}

impl Orders {
    fn of(query: &FindingQuery) -> Self {
        let mut list = Vec::new();
        for verdict in [Verdict::Fail, Verdict::Unknown] {
            for severity in Severity::ALL {
                for ephi in [Ephi::Yes, Ephi::Unknown, Ephi::No] {
                    if query.verdict.is_none_or(|v| v == verdict)
                        && query.severity.is_none_or(|s| severity >= s)
                        && query.ephi.is_none_or(|e| e == ephi)
                    {
                        list.push(finding_order(verdict, severity, ephi));
                    }
                }
            }
        }
        list.sort_unstable();
        Orders { list }
    }

    fn grades(&self) -> Vec<i64> {
        let mut grades: Vec<i64> = self.list.iter().map(|ord| grade_of_order(*ord)).collect();
        grades.dedup();
        grades
    }

    /// Appends the condition: a range that the index gives in order, and the gaps in it.
    fn push(&self, sql: &mut Sql, unindexed: &str) {
        const ALL: usize = 30;
        let (Some(low), Some(high)) = (self.list.first(), self.list.last()) else { return };
        if self.list.len() == ALL {
            return;
        }
        sql.push(&format!(" AND f.ord BETWEEN {low} AND {high}"));
        if usize::try_from(high - low + 1).is_ok_and(|width| width != self.list.len()) {
            sql.push(&format!(" AND {unindexed} IN (")).numbers(&self.list).push(")");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_follow_the_query() {
        let all = Orders::of(&FindingQuery::default());
        assert_eq!(all.list.len(), 30);
        let high = Orders::of(&FindingQuery {
            verdict: Some(Verdict::Fail),
            severity: Some(Severity::High),
            ..FindingQuery::default()
        });
        assert_eq!(high.list, [-35, -34, -33, -32, -31, -30]);
        assert_eq!(high.grades(), [11, 10]);
        let pass = Orders::of(&FindingQuery { verdict: Some(Verdict::Pass), ..FindingQuery::default() });
        assert!(pass.list.is_empty());
    }
}
