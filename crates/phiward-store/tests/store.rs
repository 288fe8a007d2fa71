//! The same scenarios on SQLite and, where `PHIWARD_TEST_POSTGRES` holds a URL, on PostgreSQL.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::*;
use phiward_core::asset::{AssetId, Ephi, Missing, Relation, Status};
use phiward_core::control::Tally;
use phiward_core::posture::{Posture, State, overall};
use phiward_core::words::{Category, Severity, Verdict};
use phiward_store::model::*;
use phiward_store::{Store, StoreError};
use serde_json::json;
use sqlx::Connection;

scenarios!(
    first_apply_keeps_everything,
    unchanged_apply_changes_nothing_but_times,
    findings_open_close_and_become_unknown,
    another_content_replaces_the_check_list,
    assets_go_by_id_and_by_prefix,
    totals_equal_a_recount_after_random_batches,
    hostile_text_is_kept_and_harmless,
    newer_schema_is_refused,
    two_open_a_new_database_at_once,
    changes_are_numbered_without_holes_by_many_writers,
    trend_keeps_hours_and_reasons,
    sources_and_values,
    ephi_map_lists_what_holds_ephi_and_its_neighbours,
    a_dropped_apply_leaves_nothing_behind,
);

fn kinds(applied: &Applied) -> Vec<(ChangeKind, String, String)> {
    applied.changes.iter().map(|c| (c.kind, c.check.clone(), c.detail.clone())).collect()
}

async fn first_apply_keeps_everything(database: &Database) {
    let store = database.open().await;
    assert_eq!(store.generation().await.expect("read"), 0);
    let mut given = asset("docker://e/container/1", "web", "fpunfe", 0);
    given.asset.status = Status::Partial { missing: vec![Missing { path: "mounts".into(), why: "denied".into() }] };
    given.asset.ephi = Ephi::Yes;
    let applied = apply(&store, vec![given.clone()], 1).await;
    // check-00 is low: an asset that appears opens only high and critical ones, and none of check 3, 7… fails here.
    assert_eq!(kinds(&applied), [(ChangeKind::Appeared, String::new(), String::new())]);
    assert_eq!(store.generation().await.expect("read"), 1);

    let stored = store.asset(&given.asset.id).await.expect("read").expect("is there");
    assert_eq!(stored.asset, given.asset);
    assert_eq!(stored.states, given.states);
    let words: Vec<_> = stored.verdicts.iter().map(|(check, verdict)| (check.as_str(), *verdict)).collect();
    use Verdict::*;
    assert_eq!(
        words,
        [
            ("check-00", Fail),
            ("check-01", Pass),
            ("check-02", Unknown),
            ("check-03", NotApplicable),
            ("check-04", Fail),
            ("check-05", Excepted)
        ]
    );
    let row = stored.row;
    assert_eq!((row.failing, row.unknown, row.passing, row.not_applicable), (2, 1, 1, 1));
    assert_eq!((row.state, row.worst, row.ephi), (State::Undetermined, Some(Severity::Low), Ephi::Yes));
    assert_eq!((row.first_seen, row.judged_at, row.collected_at), (at(1), at(0), at(0)));
    assert_eq!(row.status, "partial");

    // The relation's other end sees it.
    let mut host = judged("host://one", "one", "host", vec![check(0)], "p", 0);
    host.asset.relations.clear();
    apply(&store, vec![host], 2).await;
    let host = store.asset(&id("host://one")).await.expect("read").expect("is there");
    assert_eq!(host.incoming, [Relation { kind: "runs-on".into(), to: given.asset.id.clone(), detail: String::new() }]);
    let rows = store
        .asset_rows(&[id("nowhere"), id("host://one"), given.asset.id.clone(), id("host://one")])
        .await
        .expect("read");
    let names: Vec<_> = rows.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["one", "web", "one"]);

    let counts = store.counts().await.expect("read");
    assert_eq!(counts.failing, BTreeMap::from([(Severity::Low, 2)]));
    assert_eq!(counts.unknown, 1);
    assert_eq!(counts.kinds["docker.container"], KindCount { all: 1, ephi_yes: 1, ..KindCount::default() });
    assert!(store.asset(&id("docker://e/container/2")).await.expect("read").is_none());

    // A high one fails on a new asset: recorded.
    let applied = apply(&store, vec![asset("docker://e/container/3", "db", "fffu", 3)], 3).await;
    assert_eq!(
        kinds(&applied),
        [(ChangeKind::Appeared, String::new(), String::new()), (ChangeKind::Opened, check(2), String::new())]
    );
    assert_eq!(applied.changes[1].severity, Some(Severity::High));
    // What was kept outlives the process.
    store.close().await;
    let store = database.open().await;
    assert_eq!(store.changes_after(2, 10).await.expect("read"), applied.changes);
    assert!(store.asset(&given.asset.id).await.expect("read").is_some());
    store.close().await;
}

async fn unchanged_apply_changes_nothing_but_times(database: &Database) {
    let store = database.open().await;
    let many =
        |seconds| (0..300).map(|n| asset(&format!("docker://e/container/{n}"), "web", "fpuf", seconds)).collect();
    apply(&store, many(0), 0).await;
    let generation = store.generation().await.expect("read");
    let applied = apply(&store, many(60), 61).await;
    assert_eq!(applied, Applied::default());
    assert_eq!(store.generation().await.expect("read"), generation);
    for n in [0, 299] {
        let stored = store.asset(&id(&format!("docker://e/container/{n}"))).await.expect("read").expect("is there");
        assert_eq!((stored.row.judged_at, stored.row.collected_at, stored.row.first_seen), (at(60), at(60), at(0)));
    }
    let findings = store.findings(&FindingQuery::default()).await.expect("read");
    assert_eq!(findings.total, 900);
    assert!(findings.items.iter().all(|f| f.since == at(0)));

    // Other facts, same verdicts: the facts are kept, and still nothing opened or closed.
    let mut other = asset("docker://e/container/7", "web", "fpuf", 90);
    other.asset.facts = json!({"state": "paused"});
    other.asset.relations.clear();
    other.findings[0].facts = json!({"settings.user": "0"});
    assert_eq!(apply(&store, vec![other.clone()], 91).await, Applied::default());
    let stored = store.asset(&other.asset.id).await.expect("read").expect("is there");
    assert_eq!(stored.asset, other.asset);
    let found = store
        .findings(&FindingQuery { asset: other.asset.id.0.clone(), ..FindingQuery::default() })
        .await
        .expect("read");
    assert_eq!(found.total, 3);
    let first = found.items.iter().find(|f| f.check == check(0)).expect("still open");
    assert_eq!((first.facts.clone(), first.since), (json!({"settings.user": "0"}), at(0)));
    store.close().await;
}

async fn findings_open_close_and_become_unknown(database: &Database) {
    let store = database.open().await;
    let one = |letters: &str, seconds| vec![asset("docker://e/container/1", "web", letters, seconds)];
    apply(&store, one("ppppp", 0), 0).await;
    let applied = apply(&store, one("fpupf", 10), 10).await;
    assert_eq!(
        kinds(&applied),
        [
            (ChangeKind::Opened, check(0), String::new()),
            (ChangeKind::BecameUnknown, check(2), "mounts could not be read".to_owned()),
            (ChangeKind::Opened, check(4), String::new()),
        ]
    );
    let applied = apply(&store, one("upfpf", 20), 20).await;
    assert_eq!(
        kinds(&applied),
        [
            (ChangeKind::BecameUnknown, check(0), "mounts could not be read".to_owned()),
            (ChangeKind::Opened, check(2), String::new()),
        ]
    );
    let since = |check: String| {
        let store = store.clone();
        async move {
            let page = store.findings(&FindingQuery { check, ..FindingQuery::default() }).await.expect("read");
            page.items.first().map(|f| (f.verdict, f.since))
        }
    };
    assert_eq!(since(check(0)).await, Some((Verdict::Unknown, at(20))));
    assert_eq!(since(check(4)).await, Some((Verdict::Fail, at(10))));
    let applied = apply(&store, one("ppnpe", 30), 30).await;
    assert_eq!(
        kinds(&applied),
        [
            (ChangeKind::Closed, check(0), "passes now".to_owned()),
            (ChangeKind::Closed, check(2), "does not apply now".to_owned()),
            (ChangeKind::Closed, check(4), "accepted as an exception".to_owned()),
        ]
    );
    assert_eq!(applied.changes[1].severity, Some(Severity::High));
    assert_eq!(store.findings(&FindingQuery::default()).await.expect("read").total, 0);
    let all = store.changes_after(0, 100).await.expect("read");
    let numbers: Vec<i64> = all.iter().map(|c| c.id).collect();
    assert_eq!(numbers, (1..=9).collect::<Vec<i64>>());
    let recent = store.recent_changes(at(20), Some(&id("docker://e/container/1")), 4).await.expect("read");
    assert_eq!(recent.iter().map(|c| c.id).collect::<Vec<_>>(), [9, 8, 7, 6]);
    assert!(store.recent_changes(at(0), Some(&id("docker://e/container/2")), 4).await.expect("read").is_empty());
    store.close().await;
}

async fn another_content_replaces_the_check_list(database: &Database) {
    let store = database.open().await;
    let checks = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let a = judged("host://one", "one", "host", checks(&["a", "b", "c"]), "ffu", 0);
    apply(&store, vec![a], 0).await;
    let b = judged("host://one", "one", "host", checks(&["b", "d", "e"]), "pfu", 10);
    let other = Batch { assets: vec![b], content: "content-2".to_owned(), ..Batch::default() };
    let applied = store.apply(other, at(10)).await.expect("applied");
    assert_eq!(
        kinds(&applied),
        [
            (ChangeKind::Closed, "b".into(), "passes now".into()),
            (ChangeKind::Opened, "d".into(), String::new()),
            (ChangeKind::Closed, "a".into(), "no longer checked".into()),
            (ChangeKind::Closed, "c".into(), "no longer checked".into()),
        ]
    );
    let tallies: Vec<_> = store.tallies().await.expect("read");
    let count = |pass, fail, unknown| Tally { pass, fail, unknown, ..Tally::default() };
    assert_eq!(
        tallies,
        [
            CheckTally { check: "b".into(), tally: count(1, 0, 0) },
            CheckTally { check: "d".into(), tally: count(0, 1, 0) },
            CheckTally { check: "e".into(), tally: count(0, 0, 1) },
        ]
    );
    // The same letters under a content that weighs a check otherwise: no change, yet the severity is the new one.
    let mut c = judged("host://one", "one", "host", checks(&["b", "d", "e"]), "pfu", 20);
    c.findings[0].severity = Severity::Critical;
    let other = Batch { assets: vec![c], content: "content-3".to_owned(), ..Batch::default() };
    assert_eq!(store.apply(other, at(20)).await.expect("applied"), Applied::default());
    let page =
        store.findings(&FindingQuery { verdict: Some(Verdict::Fail), ..FindingQuery::default() }).await.expect("read");
    assert_eq!((page.items[0].severity, page.items[0].since), (Severity::Critical, at(10)));
    assert_eq!(store.counts().await.expect("read").failing, BTreeMap::from([(Severity::Critical, 1)]));
    // Many contents later the old lists are gone and the letters still read.
    for n in 0..40 {
        let again = judged("host://one", "one", "host", checks(&["b", "d", "e"]), "pfu", 30 + n);
        let other = Batch { assets: vec![again], content: format!("content-x{n}"), ..Batch::default() };
        store.apply(other, at(30 + n)).await.expect("applied");
    }
    let stored = store.asset(&id("host://one")).await.expect("read").expect("is there");
    assert_eq!(stored.verdicts.len(), 3);
    store.close().await;
}

async fn assets_go_by_id_and_by_prefix(database: &Database) {
    let store = database.open().await;
    let names = [
        "docker://e/container/1",
        "docker://e/container/2",
        "docker://e/volume/3",
        "docker://e2/container/4",
        "docker://f/container/5",
    ];
    let all = names.iter().map(|n| asset(n, n, "ppfu", 0)).collect();
    apply(&store, all, 0).await;
    let gone = Batch {
        gone: vec![id(names[0]), id("docker://e/container/99")],
        content: "content-1".into(),
        ..Batch::default()
    };
    let applied = store.apply(gone, at(5)).await.expect("applied");
    assert_eq!(
        kinds(&applied),
        [(ChangeKind::Closed, check(2), "asset gone".into()), (ChangeKind::Gone, String::new(), String::new())]
    );
    assert_eq!(applied.changes[1].asset_name, names[0]);
    // A whole listing of engine e that holds one new container: the rest of e is gone, e2 and f are not.
    let whole = Batch {
        assets: vec![asset("docker://e/container/6", "six", "pppp", 6)],
        gone: vec![id("docker://e/container/6")],
        whole_prefix: Some("docker://e/".into()),
        content: "content-1".into(),
    };
    let applied = store.apply(whole, at(6)).await.expect("applied");
    let mut went: Vec<_> =
        applied.changes.iter().filter(|c| c.kind == ChangeKind::Gone).map(|c| c.asset.0.as_str()).collect();
    went.sort_unstable();
    assert_eq!(went, [names[1], names[2]]);
    let left = store.assets(&AssetQuery { sort: AssetSort::Name, ..AssetQuery::default() }, at(6)).await.expect("read");
    let left: Vec<_> = left.items.iter().map(|r| r.id.0.as_str()).collect();
    assert_eq!(left, [names[3], names[4], "docker://e/container/6"]);
    assert_eq!(store.findings(&FindingQuery::default()).await.expect("read").total, 4);
    let tallies = store.tallies().await.expect("read");
    assert_eq!(tallies[2], CheckTally { check: check(2), tally: Tally { pass: 1, fail: 2, ..Tally::default() } });
    // An empty prefix means no whole listing.
    let empty = Batch { whole_prefix: Some(String::new()), ..Batch::default() };
    assert_eq!(store.apply(empty, at(7)).await.expect("applied"), Applied::default());
    store.close().await;
}

async fn totals_equal_a_recount_after_random_batches(database: &Database) {
    let store = database.open().await;
    let mut random = Random(0x5eed_1234_abcd_0001);
    let mut model: BTreeMap<String, JudgedAsset> = BTreeMap::new();
    let mut last = 0;
    for round in 0..60i64 {
        let now = round * 600;
        let content = 1 + round / 20;
        let mut assets = Vec::new();
        for _ in 0..random.below(25) {
            let engine = random.below(3);
            let name = format!("docker://e{engine}/container/{}", random.below(30));
            let width = 5 + usize::try_from(content).expect("small");
            let letters: String = (0..width).map(|_| char::from(b"pppffune"[random.below(8)])).collect();
            let mut one = asset(&name, &name, &letters, now);
            one.asset.ephi = [Ephi::Yes, Ephi::No, Ephi::Unknown][random.below(3)];
            if random.below(3) == 0 {
                let host = [State::Failing, State::Compliant, State::Undetermined][random.below(3)];
                one.states.insert(Category::VirtualMachines, host);
            }
            if random.below(10) == 0 {
                one.verdicts.clear();
                one.checks.clear();
                one.findings.clear();
                one.states.clear();
            }
            assets.push(one);
        }
        let gone: Vec<AssetId> = (0..random.below(4))
            .map(|_| id(&format!("docker://e{}/container/{}", random.below(3), random.below(30))))
            .collect();
        let whole = (random.below(6) == 0).then(|| format!("docker://e{}/", random.below(3)));
        let listed: BTreeSet<String> = assets.iter().map(|a| a.asset.id.0.clone()).collect();
        model.retain(|name, _| {
            listed.contains(name)
                || !(gone.iter().any(|g| g.0 == *name) || whole.as_ref().is_some_and(|p| name.starts_with(p.as_str())))
        });
        for one in &assets {
            model.insert(one.asset.id.0.clone(), one.clone());
        }
        let given = Batch { assets, gone, whole_prefix: whole, content: format!("content-{content}") };
        let applied = store.apply(given, at(now)).await.expect("applied");
        for change in &applied.changes {
            assert_eq!(change.id, last + 1);
            last = change.id;
        }
        if round % 5 == 4 || round == 0 {
            recount(&store, &model, now).await;
        }
    }
    assert_eq!(store.generation().await.expect("read"), last);
    store.close().await;
}

/// Compares every total the store gives with one made from the assets themselves.
async fn recount(store: &Store, model: &BTreeMap<String, JudgedAsset>, now: i64) {
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut posture = Posture::default();
    let mut counts = Counts::default();
    let mut findings: BTreeSet<(String, String, Verdict)> = BTreeSet::new();
    let fresh_for = i64::try_from(FRESH.as_secs()).expect("small");
    for one in model.values() {
        for (check, letter) in one.checks.iter().zip(one.verdicts.chars()) {
            let verdict = match letter {
                'p' => Verdict::Pass,
                'f' => Verdict::Fail,
                'u' => Verdict::Unknown,
                'n' => Verdict::NotApplicable,
                _ => Verdict::Excepted,
            };
            tallies.entry(check.clone()).or_default().count(verdict, 1);
        }
        if !one.states.is_empty() {
            posture.add(&one.states, one.judged_at >= at(now - fresh_for));
        }
        let kind = counts.kinds.entry(one.asset.kind.clone()).or_default();
        kind.all += 1;
        kind.ephi_yes += i64::from(one.asset.ephi == Ephi::Yes);
        kind.ephi_unknown += i64::from(one.asset.ephi == Ephi::Unknown);
        kind.ephi_failing += i64::from(one.asset.ephi != Ephi::No && overall(&one.states) == State::Failing);
        for finding in &one.findings {
            findings.insert((one.asset.id.0.clone(), finding.check.clone(), finding.verdict));
            match finding.verdict {
                Verdict::Fail => *counts.failing.entry(finding.severity).or_default() += 1,
                _ => counts.unknown += 1,
            }
        }
    }
    let got: BTreeMap<String, Tally> =
        store.tallies().await.expect("read").into_iter().map(|t| (t.check, t.tally)).collect();
    assert_eq!(got, tallies);
    assert_eq!(store.posture(at(now)).await.expect("read"), posture);
    assert_eq!(store.counts().await.expect("read"), counts);
    let mut listed = BTreeSet::new();
    let mut query = FindingQuery { limit: 37, ..FindingQuery::default() };
    loop {
        let page = store.findings(&query).await.expect("read");
        assert_eq!(page.total, i64::try_from(findings.len()).expect("small"));
        listed.extend(page.items.into_iter().map(|f| (f.asset.0, f.check, f.verdict)));
        query.cursor = page.next;
        if query.cursor.is_none() {
            break;
        }
    }
    assert_eq!(listed, findings);
    for (name, one) in model {
        let stored = store.asset(&id(name)).await.expect("read").expect("is there");
        assert_eq!((&stored.asset, stored.row.judged_at), (&one.asset, one.judged_at));
        assert_eq!(stored.states, one.states);
    }
    let page = store.assets(&AssetQuery { limit: 1, ..AssetQuery::default() }, at(now)).await.expect("read");
    assert_eq!(page.total, i64::try_from(model.len()).expect("small"));
}

async fn hostile_text_is_kept_and_harmless(database: &Database) {
    let store = database.open().await;
    let texts = [
        "a\0b",
        "'; DROP TABLE asset; --",
        "$1 ? %s \u{202e}",
        "💥\u{10ffff}",
        &"é".repeat(30_000),
        "line\nbreak\ttab \\ \" '",
    ];
    let mut assets = Vec::new();
    for (n, text) in texts.iter().enumerate() {
        let mut one = asset(&format!("docker://e/{n}/{}", text.chars().take(300).collect::<String>()), text, "fuuf", 0);
        one.asset.owner = (*text).to_owned();
        one.asset.labels.insert((*text).to_owned(), (*text).to_owned());
        one.asset.facts = json!({(*text): [*text, 1.5, i64::MAX, u64::MAX, null, {"deep": *text}]});
        one.asset.relations[0].detail = (*text).to_owned();
        one.asset.relations[0].to = id(text);
        one.asset.status = Status::Failed { why: (*text).to_owned() };
        one.findings[0].facts = json!({ "x": text });
        one.findings[1].reason = (*text).to_owned();
        assets.push(one);
    }
    let too_long = asset(&"x".repeat(5000), "too long", "f", 0);
    let mut given = assets.clone();
    given.push(too_long);
    apply(&store, given.clone(), 0).await;
    for one in &assets {
        let stored = store.asset(&one.asset.id).await.expect("read").expect("is there");
        let replaced = |text: &str| text.replace('\0', "\u{fffd}");
        assert_eq!(stored.asset.facts, one.asset.facts);
        assert_eq!(stored.asset.labels, one.asset.labels);
        assert_eq!(stored.asset.status, one.asset.status);
        assert_eq!(stored.asset.name, replaced(&one.asset.name));
        assert_eq!(stored.asset.owner, replaced(&one.asset.owner));
        assert_eq!(stored.row.id.0, replaced(&one.asset.id.0));
        let found = store
            .findings(&FindingQuery { asset: one.asset.id.0.clone(), ..FindingQuery::default() })
            .await
            .expect("read");
        assert_eq!(found.total, 4);
        // Looking for any of it is harmless too.
        let query = AssetQuery {
            search: one.asset.name.clone(),
            kind: one.asset.name.clone(),
            owner: one.asset.name.clone(),
            ..AssetQuery::default()
        };
        assert_eq!(store.assets(&query, at(0)).await.expect("read").total, 0);
        let query =
            FindingQuery { check: one.asset.name.clone(), search: one.asset.name.clone(), ..FindingQuery::default() };
        assert_eq!(store.findings(&query).await.expect("read").total, 0);
    }
    assert_eq!(store.assets(&AssetQuery::default(), at(0)).await.expect("read").total, 6);
    // Again: the replaced characters do not make it look changed. Then all go.
    assert_eq!(apply(&store, given, 10).await, Applied::default());
    let gone = Batch { gone: assets.iter().map(|a| a.asset.id.clone()).collect(), ..Batch::default() };
    let applied = store.apply(gone, at(20)).await.expect("applied");
    assert_eq!(applied.changes.iter().filter(|c| c.kind == ChangeKind::Gone).count(), 6);
    store.close().await;
}

async fn newer_schema_is_refused(database: &Database) {
    database.open().await.close().await;
    let mut raw = database.raw().await;
    sqlx::query("UPDATE schema_version SET version = 99").execute(&mut raw).await.expect("updated");
    raw.close().await.expect("closed");
    let error = Store::open(&database.url, FRESH).await.expect_err("refused");
    assert!(matches!(error, StoreError::Newer { found: 99, known: 1, .. }), "{error}");
    let mut raw = database.raw().await;
    sqlx::query("UPDATE schema_version SET version = 1").execute(&mut raw).await.expect("updated");
    raw.close().await.expect("closed");
    let store = database.open().await;
    store.ping().await.expect("answers");
    store.close().await;
}

async fn two_open_a_new_database_at_once(database: &Database) {
    let opened = tokio::join!(database.open(), database.open(), database.open());
    apply(&opened.0, vec![asset("host://one", "one", "f", 0)], 0).await;
    assert_eq!(opened.1.assets(&AssetQuery::default(), at(0)).await.expect("read").total, 1);
    assert_eq!(apply(&opened.2, vec![asset("host://one", "one", "f", 9)], 9).await, Applied::default());
    for store in [opened.0, opened.1, opened.2] {
        store.close().await;
    }
}

async fn changes_are_numbered_without_holes_by_many_writers(database: &Database) {
    let stores = [database.open().await, database.open().await];
    let mut tasks = Vec::new();
    for (engine, store) in stores.iter().cycle().take(4).cloned().enumerate() {
        tasks.push(tokio::spawn(async move {
            for round in 0..8 {
                // All writers also judge one shared asset, in no order.
                let letters = if (round + engine) % 2 == 0 { "fppf" } else { "pfup" };
                let own = asset(&format!("docker://e{engine}/container/1"), "own", letters, 0);
                let shared = asset("docker://shared/container/1", "shared", letters, 0);
                apply(&store, vec![own, shared], 0).await;
            }
        }));
    }
    for task in tasks {
        task.await.expect("a writer");
    }
    let changes = stores[0].changes_after(0, 10_000).await.expect("read");
    let numbers: Vec<i64> = changes.iter().map(|c| c.id).collect();
    let generation = stores[1].generation().await.expect("read");
    assert_eq!(numbers, (1..=generation).collect::<Vec<_>>());
    assert_eq!(stores[0].changes_after(generation - 2, 10).await.expect("read").len(), 2);
    assert_eq!(stores[0].changes_after(0, 3).await.expect("read").len(), 3);
    let sum =
        stores[0].tallies().await.expect("read").iter().map(|t| t.tally.judged() + t.tally.not_applicable).sum::<i64>();
    assert_eq!(sum, 5 * 4);
    for store in stores {
        store.close().await;
    }
}

async fn trend_keeps_hours_and_reasons(database: &Database) {
    let store = database.open().await;
    // at(0) is 22:13:20; the next hour begins 2,800 s later.
    apply(
        &store,
        vec![
            asset("docker://e/container/1", "web", "pppp", 0),
            judged("host://one", "one", "host", vec![check(0), check(1)], "pp", 0),
        ],
        0,
    )
    .await;
    store.record_hour(at(0)).await.expect("kept");
    let mut host = judged("host://one", "one", "host", vec![check(0), check(1)], "pf", 60);
    host.states = BTreeMap::from([(Category::VirtualMachines, State::Failing)]);
    apply(&store, vec![asset("docker://e/container/1", "web", "ffpf", 60), host], 60).await;
    store.record_hour(at(61)).await.expect("replaced");
    apply(&store, vec![asset("docker://e/container/1", "web", "pppp", 2900)], 2900).await;
    store.record_hour(at(2900)).await.expect("kept");

    let trend = store.trend(None, at(0)).await.expect("read");
    assert_eq!(trend.len(), 2);
    assert_eq!((trend[0].hour, trend[1].hour), (at(-800), at(2800)));
    assert_eq!((trend[0].population.failing, trend[0].population.compliant), (2, 0));
    assert_eq!((trend[1].population.failing, trend[1].population.compliant, trend[1].population.known), (1, 1, 2));
    let checks = |point: &TrendPoint| {
        point.reasons.iter().map(|c| (c.asset_name.clone(), c.check.clone(), c.kind)).collect::<Vec<_>>()
    };
    let opened = |name: &str, n| (name.to_owned(), check(n), ChangeKind::Opened);
    // Critical first, then medium, the newest first; low is not a reason.
    assert_eq!(checks(&trend[0]), [opened("web", 3), opened("one", 1), opened("web", 1)]);
    assert_eq!(trend[1].reasons.len(), 2);
    let machines = store.trend(Some(Category::VirtualMachines), at(0)).await.expect("read");
    assert_eq!(machines[0].category, Some(Category::VirtualMachines));
    assert_eq!(checks(&machines[0]), [opened("one", 1)]);
    assert!(store.trend(Some(Category::DataBackup), at(0)).await.expect("read").is_empty());
    assert_eq!(store.trend(None, at(2800)).await.expect("read").len(), 1);

    // More than twenty reasons in an hour: the worst twenty.
    let many = (0..40).map(|n| asset(&format!("docker://m/container/{n}"), "m", "pppp", 7000)).collect();
    apply(&store, many, 7000).await;
    let many = (0..40)
        .map(|n| asset(&format!("docker://m/container/{n}"), "m", if n < 5 { "pppf" } else { "pfpp" }, 7001))
        .collect();
    apply(&store, many, 7001).await;
    store.record_hour(at(7001)).await.expect("kept");
    let point = store.trend(None, at(7001)).await.expect("read").remove(0);
    assert_eq!(point.reasons.len(), 20);
    assert!(point.reasons[..5].iter().all(|c| c.severity == Some(Severity::Critical)));

    // Two hours on, nothing was seen: failing stays, the rest is stale.
    let posture = store.posture(at(20_000)).await.expect("read").overall;
    assert_eq!((posture.compliant, posture.failing, posture.failing_fresh, posture.stale), (0, 41, 0, 42));
    store.close().await;
}

async fn sources_and_values(database: &Database) {
    let store = database.open().await;
    let mut row = SourceRow {
        target: "unix:///var/run/docker.sock".into(),
        collector: "docker".into(),
        status: Status::Complete,
        needs: vec!["access to the socket".into()],
        help: None,
        took_ms: 12,
        at: at(0),
        last_good: Some(at(0)),
        watch: "live".into(),
        gap: None,
    };
    assert_eq!(store.put_source(row.clone(), at(0)).await.expect("kept"), None);
    row.status = Status::Failed { why: "connection\0refused".into() };
    row.gap = Some(Gap { noticed: at(1), why: "restarted".into(), healed: None });
    let change = store.put_source(row.clone(), at(1)).await.expect("kept").expect("a change");
    assert_eq!(
        (change.kind, change.asset.0.as_str(), change.asset_kind.as_str()),
        (ChangeKind::Source, "unix:///var/run/docker.sock", "docker")
    );
    assert_eq!(change.detail, "failed, was complete: connection\u{fffd}refused");
    assert_eq!(store.changes_after(0, 9).await.expect("read"), [change]);
    row.took_ms = 13;
    assert_eq!(store.put_source(row.clone(), at(2)).await.expect("kept"), None);
    row.watch = "reconnecting".into();
    let change = store.put_source(row.clone(), at(3)).await.expect("kept").expect("a change");
    assert_eq!(change.detail, "watch reconnecting, was live");
    let other = SourceRow {
        collector: "host".into(),
        target: "one".into(),
        status: Status::Failed { why: "not root".into() },
        ..row.clone()
    };
    assert_eq!(
        store.put_source(other.clone(), at(4)).await.expect("kept").expect("a change").detail,
        "failed: not root"
    );
    assert_eq!(store.sources().await.expect("read"), [row, other]);

    assert_eq!(store.meta("content").await.expect("read"), None);
    store.set_meta("content", "abc").await.expect("kept");
    store.set_meta("content", "def\0").await.expect("kept");
    assert_eq!(store.meta("content").await.expect("read").as_deref(), Some("def\u{fffd}"));
    store.close().await;
}

async fn ephi_map_lists_what_holds_ephi_and_its_neighbours(database: &Database) {
    let store = database.open().await;
    let thing = |name: &str, kind: &str, ephi, to: &[&str]| {
        let mut one = judged(name, name, kind, vec![check(1)], "p", 0);
        one.asset.ephi = ephi;
        one.asset.relations =
            to.iter().map(|t| Relation { kind: "uses".into(), to: id(t), detail: String::new() }).collect();
        one
    };
    let all = vec![
        thing("c1", "docker.container", Ephi::Yes, &["i1", "v1", "nowhere"]),
        thing("c2", "docker.container", Ephi::No, &["v1", "i1"]),
        thing("c3", "docker.container", Ephi::No, &["i1"]),
        thing("v1", "docker.volume", Ephi::Unknown, &[]),
        thing("i1", "docker.image", Ephi::Unknown, &[]),
        thing("i2", "docker.image", Ephi::Unknown, &[]),
    ];
    apply(&store, all, 0).await;
    let map = store.ephi_map(100).await.expect("read");
    let names: Vec<_> = map.assets.iter().map(|a| a.row.name.as_str()).collect();
    assert_eq!(names[..2], ["c1", "v1"]);
    assert_eq!(names.iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from(["c1", "v1", "i1", "c2"]));
    assert!(!map.cut);
    assert_eq!(map.assets[0].facts, json!({"state": "running", "user": "root", "size": 7}));
    let lines: BTreeSet<_> = map.relations.iter().map(|(from, r)| (from.0.as_str(), r.to.0.as_str())).collect();
    assert_eq!(lines, BTreeSet::from([("c1", "i1"), ("c1", "v1"), ("c2", "v1"), ("c2", "i1")]));
    for (limit, many) in [(3, 3), (1, 1), (0, 0)] {
        let map = store.ephi_map(limit).await.expect("read");
        assert_eq!((map.assets.len(), map.cut), (many, true));
    }
    store.close().await;
}

async fn a_dropped_apply_leaves_nothing_behind(database: &Database) {
    let store = database.open().await;
    let all = |letters: &str, seconds| {
        (0..400).map(|n| asset(&format!("docker://e/container/{n}"), letters, letters, seconds)).collect::<Vec<_>>()
    };
    apply(&store, all("pppp", 0), 0).await;
    let mut cut_short = 0;
    for round in 0..12u64 {
        let wait = std::time::Duration::from_millis(round * 4);
        let letters = ["ffff", "uuuu", "pfpf"][usize::try_from(round % 3).expect("small")];
        let given = batch(all(letters, 1));
        if tokio::time::timeout(wait, store.apply(given, at(1))).await.is_err() {
            cut_short += 1;
        }
        // Whole or not at all: every asset has the same name.
        let page = store.assets(&AssetQuery { limit: 500, ..AssetQuery::default() }, at(1)).await.expect("read");
        assert_eq!(page.items.len(), 400);
        assert_eq!(page.items.iter().map(|r| &r.name).collect::<BTreeSet<_>>().len(), 1);
        for tally in store.tallies().await.expect("read") {
            assert_eq!(tally.tally.judged(), 400);
        }
    }
    assert!(cut_short > 0, "no apply was dropped half way");
    store.close().await;
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_shown() {
    let Some(database) = Database::postgres().await else { return };
    if let Some((scheme, rest)) = database.url.split_once("://")
        && let Some((login, place)) = rest.split_once('@')
    {
        let user = login.split(':').next().unwrap_or_default();
        let url = format!("{scheme}://{user}:wr0ng%2Fsecret@{place}");
        // A server that trusts everybody lets this in; then there is nothing to refuse.
        if let Err(error) = Store::open(&url, FRESH).await {
            let said = format!("{error} {error:?}");
            assert!(said.contains("***") && !said.contains("wr0ng"), "{said}");
        }
    }
    let store = database.open().await;
    assert!(!format!("{store:?} {}", store.location()).contains("search_path"));
    store.close().await;
    database.remove().await;
}
