//! Numbers behind names: the checks, and which checks the letters of an asset stand for.

use std::collections::{BTreeSet, HashMap};

use sqlx::AnyConnection;

use crate::codes::clean;
use crate::sql::{int, json, many, text};

/// Takes `count` numbers of a counter: the last of them.
pub(crate) async fn take(conn: &mut AnyConnection, counter: &'static str, count: i64) -> Result<i64, sqlx::Error> {
    let row = sqlx::query("UPDATE counter SET value = value + $2 WHERE name = $1 RETURNING value")
        .bind(counter)
        .bind(count)
        .fetch_one(conn)
        .await?;
    int(&row, 0)
}

/// Number of every check known, those of `wanted` that were not known among them.
pub(crate) async fn checks_by_id(
    conn: &mut AnyConnection,
    wanted: impl Iterator<Item = &String>,
) -> Result<HashMap<String, i64>, sqlx::Error> {
    let mut checks = known_checks(conn).await?;
    let new: BTreeSet<&String> = wanted.filter(|id| !checks.contains_key(*id)).collect();
    if new.is_empty() {
        return Ok(checks);
    }
    let count = i64::try_from(new.len()).unwrap_or(i64::MAX);
    let last = take(conn, "check", count).await?;
    let rows: Vec<(i64, &String)> = (last - count + 1..).zip(new).collect();
    let head = "INSERT INTO check_tally (n, id, pass, fail, unknown, not_applicable, excepted) VALUES ";
    many(conn, head, "", 7, &rows, |values, (n, id)| {
        values.add(*n).add(clean(id).into_owned()).add(0i64).add(0i64).add(0i64).add(0i64).add(0i64);
    })
    .await?;
    checks.extend(rows.into_iter().map(|(n, id)| (id.clone(), n)));
    Ok(checks)
}

/// Number of every check known.
pub(crate) async fn known_checks(conn: &mut AnyConnection) -> Result<HashMap<String, i64>, sqlx::Error> {
    let rows = sqlx::query("SELECT id, n FROM check_tally").fetch_all(conn).await?;
    rows.iter().map(|row| Ok((text(row, 0)?, int(row, 1)?))).collect()
}

/// The lists of checks that stored letters stand for.
pub(crate) struct Layouts {
    lists: HashMap<i64, Layout>,
    added: bool,
}

struct Layout {
    content: String,
    kind: String,
    checks: Vec<String>,
}

impl Layouts {
    pub async fn load(conn: &mut AnyConnection) -> Result<Self, sqlx::Error> {
        let rows = sqlx::query("SELECT id, content, kind, checks FROM verdict_layout").fetch_all(conn).await?;
        let lists = rows
            .iter()
            .map(|row| {
                let layout = Layout { content: text(row, 1)?, kind: text(row, 2)?, checks: json(row, 3)? };
                Ok((int(row, 0)?, layout))
            })
            .collect::<Result<_, sqlx::Error>>()?;
        Ok(Layouts { lists, added: false })
    }

    /// The checks of a layout; none for one that is not there.
    pub fn get(&self, id: i64) -> &[String] {
        self.lists.get(&id).map_or(&[], |layout| &layout.checks)
    }

    /// The layout of these checks under this content and kind, added when missing.
    pub async fn find_or_add(
        &mut self,
        conn: &mut AnyConnection,
        content: &str,
        kind: &str,
        checks: &[String],
    ) -> Result<i64, sqlx::Error> {
        let kind = clean(kind);
        let same = |layout: &Layout| layout.kind == kind && layout.content == content && layout.checks == checks;
        if let Some((id, _)) = self.lists.iter().find(|(_, layout)| same(layout)) {
            return Ok(*id);
        }
        let id = take(conn, "layout", 1).await?;
        sqlx::query("INSERT INTO verdict_layout (id, content, kind, checks) VALUES ($1, $2, $3, $4)")
            .bind(id)
            .bind(content)
            .bind(kind.as_ref())
            .bind(serde_json::to_string(checks).unwrap_or_else(|_| "[]".to_owned()))
            .execute(conn)
            .await?;
        let layout = Layout { content: content.to_owned(), kind: kind.into_owned(), checks: checks.to_vec() };
        self.lists.insert(id, layout);
        self.added = true;
        Ok(id)
    }

    /// Removes the layouts no asset uses any more, when one was added and there are many. For the end of a batch.
    pub async fn prune(&self, conn: &mut AnyConnection) -> Result<(), sqlx::Error> {
        if self.added && self.lists.len() > 24 {
            sqlx::query("DELETE FROM verdict_layout WHERE id NOT IN (SELECT DISTINCT layout FROM asset)")
                .execute(conn)
                .await?;
        }
        Ok(())
    }
}
