//! The writing statements behind `apply`: many rows each.

use std::collections::BTreeMap;

use sqlx::{AnyConnection, AssertSqlSafe};

use crate::codes::{LONGEST_ID, clean};
use crate::ready::{Found, Ready, Row};
use crate::sql::{join, many, with_numbers};

/// An asset that is as it was: only its times move.
pub(crate) struct Touch {
    pub n: i64,
    pub judged_at: i64,
    pub collected_at: i64,
}

/// A new or changed asset.
pub(crate) struct Kept {
    row: Row,
    collector: String,
    status: String,
    labels: String,
    facts: String,
    /// Kind, target and detail; `None` when they are as stored.
    relations: Option<Vec<(String, String, String)>>,
    findings: Vec<KeptFinding>,
    appeared: bool,
}

/// A finding that is new or differs from the one stored.
pub(crate) struct KeptFinding {
    pub chk: i64,
    pub since: i64,
    pub found: Found,
}

impl Kept {
    pub fn new(ready: Ready, row: Row, findings: Vec<KeptFinding>, relations: bool, appeared: bool) -> Self {
        let asset = ready.judged.asset;
        let relations = relations.then(|| {
            asset
                .relations
                .iter()
                .map(|r| {
                    (clean(&r.kind).into_owned(), clean(r.to.as_str()).into_owned(), clean(&r.detail).into_owned())
                })
                // An asset with such an id is never stored, so nothing is lost.
                .filter(|(_, target, _)| target.len() <= LONGEST_ID)
                .collect()
        });
        Kept {
            row,
            collector: clean(&asset.collector).into_owned(),
            status: ready.status,
            labels: ready.labels,
            facts: ready.facts,
            relations,
            findings,
            appeared,
        }
    }
}

pub(crate) async fn touch(conn: &mut AnyConnection, touched: &[Touch]) -> Result<(), sqlx::Error> {
    let tail = ") UPDATE asset SET judged_at = v.judged, collected_at = v.collected FROM v WHERE asset.n = v.n";
    many(conn, "WITH v (n, judged, collected) AS (VALUES ", tail, 3, touched, |values, t| {
        values.add(t.n).add(t.judged_at).add(t.collected_at);
    })
    .await
}

/// Removes assets with their documents, relations and findings.
pub(crate) async fn remove_assets(conn: &mut AnyConnection, gone: &[i64]) -> Result<(), sqlx::Error> {
    with_numbers(conn, "DELETE FROM asset WHERE n IN (", ")", gone).await.map(drop)
}

/// Removes findings, given as asset and check with those of an asset together.
pub(crate) async fn remove_findings(conn: &mut AnyConnection, dropped: &[(i64, i64)]) -> Result<(), sqlx::Error> {
    // SQLite would read the whole table for a list of pairs, but uses the key for each of these terms.
    let terms: Vec<String> = dropped
        .chunk_by(|a, b| a.0 == b.0)
        .map(|of_one| {
            let checks: Vec<i64> = of_one.iter().map(|(_, chk)| *chk).collect();
            format!("(asset = {} AND chk IN ({}))", of_one[0].0, join(&checks))
        })
        .collect();
    for chunk in terms.chunks(50) {
        let text = format!("DELETE FROM finding WHERE {}", chunk.join(" OR "));
        sqlx::query(AssertSqlSafe(text)).persistent(false).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Writes new and changed assets with all that hangs on them.
pub(crate) async fn keep(conn: &mut AnyConnection, kept: &[Kept]) -> Result<(), sqlx::Error> {
    many(
        conn,
        "INSERT INTO asset (n, id, kind, ephi, state, states, worst, ord, collected_at, judged_at, first_seen, failing, \
         unknown, passing, not_applicable, status, layout, owner, name, sort_name, verdicts, digest, search) VALUES ",
        " ON CONFLICT (n) DO UPDATE SET kind = excluded.kind, ephi = excluded.ephi, state = excluded.state, \
         states = excluded.states, worst = excluded.worst, ord = excluded.ord, collected_at = excluded.collected_at, \
         judged_at = excluded.judged_at, failing = excluded.failing, unknown = excluded.unknown, \
         passing = excluded.passing, not_applicable = excluded.not_applicable, status = excluded.status, \
         layout = excluded.layout, owner = excluded.owner, name = excluded.name, sort_name = excluded.sort_name, \
         verdicts = excluded.verdicts, digest = excluded.digest, search = excluded.search",
        23,
        kept,
        |values, k| {
            let row = &k.row;
            values.add(row.n).add(row.id.as_str()).add(row.kind.as_str()).add(row.ephi).add(row.state);
            values.add(row.states.as_str()).add(row.worst).add(row.ord).add(row.collected_at).add(row.judged_at);
            values.add(row.first_seen).add(row.failing).add(row.unknown).add(row.passing).add(row.not_applicable);
            values.add(row.status).add(row.layout).add(row.owner.as_str()).add(row.name.as_str());
            values.add(row.sort_name.as_str()).add(row.verdicts.as_str()).add(row.digest.as_str());
            values.add(row.search.as_str());
        },
    )
    .await?;
    many(
        conn,
        "INSERT INTO asset_doc (n, collector, status, labels, facts) VALUES ",
        " ON CONFLICT (n) DO UPDATE SET collector = excluded.collector, status = excluded.status, \
         labels = excluded.labels, facts = excluded.facts",
        5,
        kept,
        |values, k| {
            values.add(k.row.n).add(k.collector.as_str()).add(k.status.as_str()).add(k.labels.as_str());
            values.add(k.facts.as_str());
        },
    )
    .await?;
    relations(conn, kept).await?;
    let findings: Vec<(i64, &KeptFinding)> =
        kept.iter().flat_map(|k| k.findings.iter().map(|f| (k.row.n, f))).collect();
    many(
        conn,
        "INSERT INTO finding (asset, chk, ord, since, reason, facts) VALUES ",
        " ON CONFLICT (asset, chk) DO UPDATE SET ord = excluded.ord, since = excluded.since, \
         reason = excluded.reason, facts = excluded.facts",
        6,
        &findings,
        |values, (asset, f)| {
            values.add(*asset).add(f.chk).add(f.found.ord).add(f.since).add(f.found.reason.as_str());
            values.add(f.found.facts.as_str());
        },
    )
    .await
}

async fn relations(conn: &mut AnyConnection, kept: &[Kept]) -> Result<(), sqlx::Error> {
    let rewritten: Vec<i64> = kept.iter().filter(|k| k.relations.is_some() && !k.appeared).map(|k| k.row.n).collect();
    with_numbers(conn, "DELETE FROM relation WHERE asset IN (", ")", &rewritten).await?;
    let rows: Vec<(i64, i64, &(String, String, String))> = kept
        .iter()
        .flat_map(|k| (0i64..).zip(k.relations.iter().flatten()).map(|(pos, relation)| (k.row.n, pos, relation)))
        .collect();
    let head = "INSERT INTO relation (asset, pos, kind, target, detail) VALUES ";
    many(conn, head, "", 5, &rows, |values, (asset, pos, (kind, target, detail))| {
        values.add(*asset).add(*pos).add(kind.as_str()).add(target.as_str()).add(detail.as_str());
    })
    .await
}

/// Adds to the tallies by check number (pass, fail, unknown, not applicable, excepted) and by grade of finding.
pub(crate) async fn add_to_tallies(
    conn: &mut AnyConnection,
    checks: &BTreeMap<i64, [i64; 5]>,
    grades: &BTreeMap<i64, i64>,
) -> Result<(), sqlx::Error> {
    let rows: Vec<String> = checks
        .iter()
        .filter(|(_, by)| by.iter().any(|b| *b != 0))
        .map(|(n, by)| format!("({n},{})", join(by)))
        .collect();
    for chunk in rows.chunks(500) {
        let text = format!(
            "WITH v (n, p, f, u, na, e) AS (VALUES {}) UPDATE check_tally SET pass = pass + v.p, fail = fail + v.f, \
             unknown = unknown + v.u, not_applicable = not_applicable + v.na, excepted = excepted + v.e \
             FROM v WHERE check_tally.n = v.n",
            chunk.join(",")
        );
        sqlx::query(AssertSqlSafe(text)).persistent(false).execute(&mut *conn).await?;
    }
    let rows: Vec<(&i64, &i64)> = grades.iter().filter(|(_, by)| **by != 0).collect();
    let tail = " ON CONFLICT (grade) DO UPDATE SET amount = finding_tally.amount + excluded.amount";
    many(conn, "INSERT INTO finding_tally (grade, amount) VALUES ", tail, 2, &rows, |values, (grade, by)| {
        values.add(**grade).add(**by);
    })
    .await
}
