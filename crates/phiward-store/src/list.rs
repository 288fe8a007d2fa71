//! Lists of assets: filtered, searched, sorted and paged.

use jiff::Timestamp;
use phiward_core::asset::AssetId;
use phiward_core::words::Severity;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::codes::{clean, ephi_code, ephi_of, orders_of_state, pattern, place, state_letter, state_of, words};
use crate::cursor;
use crate::dialect::Dialect;
use crate::model::{AssetQuery, AssetRow, AssetSort, Page};
use crate::sql::{Sql, int, text, time};
use crate::{Store, StoreError, failed};

/// The columns `asset_row` reads, in its order.
pub(crate) const COLUMNS: &str = "a.id, a.kind, a.name, a.owner, a.ephi, a.state, a.worst, a.failing, a.unknown, \
                                  a.passing, a.not_applicable, a.collected_at, a.judged_at, a.first_seen, a.status";
/// How many columns those are.
pub(crate) const WIDTH: usize = 15;

pub(crate) fn asset_row(row: &AnyRow) -> Result<AssetRow, sqlx::Error> {
    Ok(AssetRow {
        id: AssetId(text(row, 0)?),
        kind: text(row, 1)?,
        name: text(row, 2)?,
        owner: text(row, 3)?,
        ephi: ephi_of(int(row, 4)?),
        state: state_of(int(row, 5)?),
        worst: Severity::from_rank(int(row, 6)?),
        failing: int(row, 7)?,
        unknown: int(row, 8)?,
        passing: int(row, 9)?,
        not_applicable: int(row, 10)?,
        collected_at: time(row, 11)?,
        judged_at: time(row, 12)?,
        first_seen: time(row, 13)?,
        status: text(row, 14)?,
    })
}

/// Lines of a page: 50 when nothing was asked for, 500 at most.
pub(crate) fn page_size(limit: u32) -> i64 {
    match limit {
        0 => 50,
        limit => i64::from(limit.min(500)),
    }
}

/// Up to this many matches are gathered in one pass and then sorted; with more, a page is found sooner by walking the
/// index of the sort order.
pub(crate) const FEW: usize = 3000;

/// What assets are filtered by, the same for the list and for findings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter<'q> {
    /// Words that `search` must hold, all of them.
    pub words: Vec<String>,
    pub kind: &'q str,
    pub owner: &'q str,
    /// Conditions on columns of `asset a`, from codes alone.
    pub fixed: Vec<String>,
}

impl<'q> Filter<'q> {
    fn of(query: &'q AssetQuery) -> Self {
        let mut fixed = Vec::new();
        if let Some(ephi) = query.ephi {
            fixed.push(format!("a.ephi = {}", ephi_code(ephi)));
        }
        if let Some(severity) = query.severity {
            fixed.push(format!("a.worst >= {}", severity.rank()));
        }
        match (query.category, query.state) {
            (None, None) => {}
            // The state is the first part of the sort key, so the index of that order leads straight to it.
            (None, Some(state)) => {
                let (low, high) = orders_of_state(state);
                fixed.push(format!("a.ord BETWEEN {low} AND {high}"));
            }
            (Some(category), Some(state)) => {
                fixed.push(format!("substr(a.states, {}, 1) = '{}'", place(category) + 1, state_letter(state)))
            }
            (Some(category), None) => {
                fixed.push(format!("substr(a.states, {}, 1) IN ('c', 'f', 'u')", place(category) + 1));
            }
        }
        Filter { words: words(&query.search), kind: &query.kind, owner: &query.owner, fixed }
    }

    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.kind.is_empty() && self.owner.is_empty() && self.fixed.is_empty()
    }

    /// Appends ` AND …` for each condition. `scan` keeps SQLite from using an index for them: a search reads every row
    /// anyway, and reading them in order is faster than following an index.
    pub fn push(&self, sql: &mut Sql, dialect: Dialect, scan: bool) -> Result<(), sqlx::Error> {
        if !self.kind.is_empty() {
            let column = if scan { dialect.unindexed("a.kind") } else { "a.kind".to_owned() };
            sql.push(" AND ").push(&column).push(" = ").bind(clean(self.kind).into_owned())?;
        }
        if !self.owner.is_empty() {
            sql.push(" AND a.owner = ").bind(clean(self.owner).into_owned())?;
        }
        for condition in &self.fixed {
            let condition = if scan { dialect.unindexed(condition) } else { condition.clone() };
            sql.push(" AND ").push(&condition);
        }
        for word in &self.words {
            sql.push(" AND a.search LIKE ").bind(pattern(word))?.push(" ESCAPE '!'");
        }
        Ok(())
    }
}

impl AssetSort {
    /// The column sorted by, before the number.
    fn column(self) -> &'static str {
        match self {
            AssetSort::Worst => "a.ord",
            AssetSort::Name => "a.sort_name",
            AssetSort::Kind => "a.kind, a.sort_name",
            AssetSort::Seen => "a.collected_at",
        }
    }

    /// The key has the values that this order compares.
    fn fits(self, (number, texts, _): &Key) -> bool {
        match self {
            AssetSort::Worst | AssetSort::Seen => number.is_some() && texts.is_empty(),
            AssetSort::Name => number.is_none() && texts.len() == 1,
            AssetSort::Kind => number.is_none() && texts.len() == 2,
        }
    }
}

/// Where a page ended: one number or up to two texts, then the asset's number.
type Key = (Option<i64>, Vec<String>, i64);

impl Store {
    /// A page of assets. `Worst` lists failing assets before undetermined and compliant ones, then by worst severity,
    /// ePHI and number of failing checks; `Name` and `Kind` go from A to Z without regard to case; `Seen` lists those
    /// read longest ago first. `state` with `category` asks for the state in that category, and `category` alone for
    /// assets that have checks in it.
    ///
    /// # Errors
    /// `Cursor` when the cursor is not one this list gave in the same order.
    pub async fn assets(&self, query: &AssetQuery, _now: Timestamp) -> Result<Page<AssetRow>, StoreError> {
        const DOING: &str = "listing assets";
        let tag = format!("assets-{:?}-{}", query.sort, query.descending);
        let after = query.cursor.as_deref().map(|c| cursor::decode::<Key>(&tag, c)).transpose()?;
        // Anyone can write a cursor: one with another number of values would make a statement that fails.
        if after.as_ref().is_some_and(|key| !query.sort.fits(key)) {
            return Err(StoreError::Cursor(query.cursor.iter().flat_map(|c| c.chars()).take(40).collect()));
        }
        let filter = Filter::of(query);
        let size = page_size(query.limit);
        let mut conn = self.reader(DOING).await?;
        let read = async {
            let (few, total) = self.matches(&mut conn, &filter).await?;
            let rows = match total {
                0 => Vec::new(),
                _ => self.page(&mut conn, query, &filter, few.as_deref(), after, size + 1).await?,
            };
            Ok::<_, sqlx::Error>((rows, total))
        };
        let (mut rows, total) = read.await.map_err(failed(DOING))?;
        let more = i64::try_from(rows.len()).is_ok_and(|len| len > size);
        if more {
            rows.truncate(usize::try_from(size).unwrap_or(rows.len()));
        }
        let next = match rows.last() {
            Some(last) if more => Some(cursor::encode(&tag, &key(last, query.sort).map_err(failed(DOING))?)),
            _ => None,
        };
        let items = rows.iter().map(asset_row).collect::<Result<_, _>>().map_err(failed(DOING))?;
        Ok(Page { items, total, next })
    }

    /// How many assets match, and which when they are few.
    pub(crate) async fn matches(
        &self,
        conn: &mut AnyConnection,
        filter: &Filter<'_>,
    ) -> Result<(Option<Vec<i64>>, i64), sqlx::Error> {
        let scan = !filter.words.is_empty();
        if !filter.is_empty() {
            let mut sql = Sql::new("SELECT a.n FROM asset a WHERE 1 = 1");
            filter.push(&mut sql, self.dialect(), scan)?;
            sql.push(&format!(" LIMIT {}", FEW + 1));
            let rows = sql.all(conn).await?;
            if rows.len() <= FEW {
                let few = rows.iter().map(|row| int(row, 0)).collect::<Result<Vec<_>, _>>()?;
                let total = i64::try_from(few.len()).unwrap_or(i64::MAX);
                return Ok((Some(few), total));
            }
        }
        let mut sql = Sql::new("SELECT count(*) FROM asset a WHERE 1 = 1");
        filter.push(&mut sql, self.dialect(), scan)?;
        Ok((None, int(&sql.one(conn).await?, 0)?))
    }

    async fn page(
        &self,
        conn: &mut AnyConnection,
        query: &AssetQuery,
        filter: &Filter<'_>,
        few: Option<&[i64]>,
        after: Option<Key>,
        size: i64,
    ) -> Result<Vec<AnyRow>, sqlx::Error> {
        let mut sql = Sql::new("SELECT ");
        sql.push(COLUMNS).push(", a.n, a.ord, a.sort_name FROM asset a WHERE 1 = 1");
        match few {
            Some(few) => {
                sql.push(" AND a.n IN (").numbers(few).push(")");
            }
            // Walk the index of the order; another index would mean to sort all that match.
            None => filter.push(&mut sql, self.dialect(), matches!(query.sort, AssetSort::Name | AssetSort::Seen))?,
        }
        if let Some((number, texts, n)) = after {
            let compare = if query.descending { " < (" } else { " > (" };
            sql.push(" AND (").push(query.sort.column()).push(", a.n)").push(compare);
            if let Some(number) = number {
                sql.bind(number)?.push(", ");
            }
            for text in texts {
                sql.bind(clean(&text).into_owned())?.push(", ");
            }
            sql.bind(n)?.push(")");
        }
        let direction = if query.descending { " DESC" } else { "" };
        let order = format!("{}, a.n", query.sort.column()).replace(',', &format!("{direction},"));
        sql.push(" ORDER BY ").push(&order).push(direction).push(" LIMIT ").bind(size)?;
        sql.all(conn).await
    }
}

fn key(row: &AnyRow, sort: AssetSort) -> Result<Key, sqlx::Error> {
    let n = int(row, WIDTH)?;
    Ok(match sort {
        AssetSort::Worst => (Some(int(row, WIDTH + 1)?), Vec::new(), n),
        AssetSort::Name => (None, vec![text(row, WIDTH + 2)?], n),
        AssetSort::Kind => (None, vec![text(row, 1)?, text(row, WIDTH + 2)?], n),
        AssetSort::Seen => (Some(int(row, 11)?), Vec::new(), n),
    })
}
