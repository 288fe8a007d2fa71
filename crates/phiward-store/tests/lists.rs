//! Lists: paging, filters and search, on SQLite and, where `PHIWARD_TEST_POSTGRES` holds a URL, on PostgreSQL.

mod common;

use std::collections::BTreeSet;

use common::*;
use phiward_core::asset::Ephi;
use phiward_core::posture::State;
use phiward_core::words::{Category, Severity, Verdict};
use phiward_store::StoreError;
use phiward_store::model::*;

scenarios!(pages_give_each_asset_once, filters_and_search, pages_give_each_finding_once);

async fn pages_give_each_asset_once(database: &Database) {
    let store = database.open().await;
    let mut random = Random(77);
    let mut assets = Vec::new();
    for n in 0..1000i64 {
        let letters: String = (0..6).map(|_| char::from(b"ppfun"[random.below(5)])).collect();
        // Few names, so that many are the same and their order rests on the number.
        let name = ["Alpha", "beta", "Gämma", "delta\0", ""][random.below(5)];
        let kind = ["docker.container", "docker.image", "host"][random.below(3)];
        let mut one = judged(&format!("docker://e/x/{n}"), name, kind, (0..6).map(check).collect(), &letters, n % 17);
        one.asset.ephi = [Ephi::Yes, Ephi::No, Ephi::Unknown][random.below(3)];
        assets.push(one);
    }
    apply(&store, assets, 100).await;
    for sort in [AssetSort::Worst, AssetSort::Name, AssetSort::Kind, AssetSort::Seen] {
        let mut forwards: Vec<AssetRow> = Vec::new();
        for descending in [false, true] {
            let mut query = AssetQuery { sort, descending, limit: 73, ..AssetQuery::default() };
            let mut rows: Vec<AssetRow> = Vec::new();
            loop {
                let page = store.assets(&query, at(100)).await.expect("read");
                assert_eq!(page.total, 1000);
                rows.extend(page.items);
                query.cursor = page.next;
                if query.cursor.is_none() {
                    break;
                }
            }
            assert_eq!(rows.iter().map(|r| &r.id).collect::<BTreeSet<_>>().len(), 1000);
            assert_eq!(rows.len(), 1000);
            if descending {
                rows.reverse();
                assert_eq!(rows, forwards);
            } else {
                forwards = rows;
            }
        }
        let ordered = match sort {
            AssetSort::Worst => forwards.is_sorted_by_key(|r| {
                let ephi = match r.ephi {
                    Ephi::Yes => 0,
                    Ephi::Unknown => 1,
                    Ephi::No => 2,
                };
                let state = match r.state {
                    State::Failing => 0,
                    State::Undetermined => 1,
                    State::Compliant => 2,
                };
                (state, std::cmp::Reverse(r.worst), ephi, -r.failing, -r.unknown)
            }),
            AssetSort::Name => forwards.is_sorted_by_key(|r| r.name.to_lowercase()),
            AssetSort::Kind => forwards.is_sorted_by_key(|r| (r.kind.clone(), r.name.to_lowercase())),
            AssetSort::Seen => forwards.is_sorted_by_key(|r| r.collected_at),
        };
        assert!(ordered, "{sort:?}");
    }
    // A cursor belongs to its order; another's, or none of ours, is refused.
    let query = AssetQuery { limit: 3, ..AssetQuery::default() };
    let next = store.assets(&query, at(0)).await.expect("read").next;
    for cursor in
        [next.clone().map(|c| c.replacen('5', "6", 1)), Some("'; DROP TABLE asset; --".into()), Some("ff".into())]
    {
        let bad = store.assets(&AssetQuery { cursor, ..query.clone() }, at(0)).await;
        assert!(matches!(bad, Err(StoreError::Cursor(_))));
    }
    let other = AssetQuery { cursor: next, sort: AssetSort::Name, ..query };
    assert!(matches!(store.assets(&other, at(0)).await, Err(StoreError::Cursor(_))));
    store.close().await;
}

async fn filters_and_search(database: &Database) {
    let store = database.open().await;
    let mut all = Vec::new();
    for n in 0..600 {
        all.push(asset(&format!("docker://e/container/{n:04}"), &format!("worker-{n}"), ["pp", "pf", "uf"][n % 3], 0));
    }
    let mut special = asset("docker://e/container/cafe0815", "100%_Ünder", "pff", 0);
    special.asset.owner = "Radiology".into();
    special.asset.ephi = Ephi::Yes;
    special.asset.labels.insert("app".into(), "PACS-Viewer".into());
    special.states.insert(Category::DataCenter, State::Compliant);
    all.push(special);
    let mut decoy = asset("docker://e/container/beef", "100xx_under", "p", 0);
    decoy.asset.labels.clear();
    all.push(decoy);
    apply(&store, all, 0).await;
    let search = |query: AssetQuery| {
        let store = store.clone();
        async move {
            let page = store.assets(&AssetQuery { limit: 500, ..query }, at(0)).await.expect("read");
            assert!(page.next.is_some() || i64::try_from(page.items.len()) == Ok(page.total));
            (page.total, page.items.first().map(|r| r.name.clone()).unwrap_or_default())
        }
    };
    let words = |text: &str| AssetQuery { search: text.to_owned(), ..AssetQuery::default() };
    let found = (1, "100%_Ünder".to_owned());
    for text in ["100%", "%_", "ÜNDER", "cafe0815", "pacs viewer", "RADIOLOGY 100", "_ü", "  pacs-v  heart"] {
        assert_eq!(search(words(text)).await, found, "{text}");
    }
    for text in ["%%", "10__", "pacs missing", "100\\%", "docker://", "!", "a\0b"] {
        assert_eq!(search(words(text)).await.0, 0, "{text}");
    }
    assert_eq!(search(words("worker")).await.0, 600);
    assert_eq!(search(words("HEART")).await.0, 601);
    assert_eq!(search(words("worker-59")).await.0, 11);
    assert_eq!(search(words(&"qq ".repeat(100_000))).await.0, 0);
    let with = |change: fn(&mut AssetQuery)| {
        let mut query = AssetQuery::default();
        change(&mut query);
        query
    };
    assert_eq!(search(with(|q| q.kind = "docker.container".into())).await.0, 602);
    assert_eq!(search(with(|q| q.kind = "docker.image".into())).await.0, 0);
    assert_eq!(search(with(|q| q.ephi = Some(Ephi::Yes))).await, found);
    assert_eq!(search(with(|q| q.owner = "Radiology".into())).await, found);
    assert_eq!(search(with(|q| q.owner = "radiology".into())).await.0, 0);
    assert_eq!(search(with(|q| q.severity = Some(Severity::High))).await, found);
    assert_eq!(search(with(|q| q.severity = Some(Severity::Medium))).await.0, 401);
    assert_eq!(search(with(|q| q.state = Some(State::Failing))).await.0, 401);
    assert_eq!(search(with(|q| q.category = Some(Category::DataCenter))).await, found);
    let both = with(|q| {
        q.category = Some(Category::DataCenter);
        q.state = Some(State::Failing);
    });
    assert_eq!(search(both).await.0, 0);
    let both = with(|q| {
        q.category = Some(Category::ContainerClusters);
        q.state = Some(State::Failing);
        q.search = "worker".into();
        q.sort = AssetSort::Kind;
    });
    assert_eq!(search(both).await.0, 400);

    let findings = |query: FindingQuery| {
        let store = store.clone();
        async move { store.findings(&query).await.expect("read").total }
    };
    let with = |change: fn(&mut FindingQuery)| {
        let mut query = FindingQuery::default();
        change(&mut query);
        query
    };
    assert_eq!(findings(FindingQuery::default()).await, 602);
    assert_eq!(findings(with(|q| q.search = "100%".into())).await, 2);
    assert_eq!(findings(with(|q| q.search = "CHECK-01 heart".into())).await, 401);
    assert_eq!(findings(with(|q| q.search = "worker check-00".into())).await, 200);
    assert_eq!(findings(with(|q| q.check = check(0))).await, 200);
    assert_eq!(findings(with(|q| q.checks = vec![check(0), check(2), "none".into()])).await, 201);
    assert_eq!(findings(with(|q| q.checks = vec!["none".into()])).await, 0);
    assert_eq!(findings(with(|q| q.verdict = Some(Verdict::Unknown))).await, 200);
    assert_eq!(findings(with(|q| q.verdict = Some(Verdict::Pass))).await, 0);
    assert_eq!(findings(with(|q| q.severity = Some(Severity::Medium))).await, 402);
    assert_eq!(findings(with(|q| q.ephi = Some(Ephi::Yes))).await, 2);
    assert_eq!(findings(with(|q| q.owner = "Radiology".into())).await, 2);
    assert_eq!(findings(with(|q| q.kind = "host".into())).await, 0);
    assert_eq!(findings(with(|q| q.kind = "docker.container".into())).await, 602);
    assert_eq!(findings(with(|q| q.asset = "docker://e/container/cafe0815".into())).await, 2);
    store.close().await;
}

async fn pages_give_each_finding_once(database: &Database) {
    let store = database.open().await;
    let mut random = Random(99);
    for round in 0..3i64 {
        let mut assets = Vec::new();
        for n in 0..200 {
            let letters: String = (0..8).map(|_| char::from(b"pfuf"[random.below(4)])).collect();
            let mut one = asset(&format!("docker://e/container/{n}"), "web", &letters, round * 10);
            one.asset.ephi = [Ephi::Yes, Ephi::No, Ephi::Unknown][n % 3];
            assets.push(one);
        }
        apply(&store, assets, round * 10).await;
    }
    for query in [
        FindingQuery::default(),
        FindingQuery { verdict: Some(Verdict::Fail), ephi: Some(Ephi::Yes), ..FindingQuery::default() },
    ] {
        let mut query = FindingQuery { limit: 61, ..query };
        let mut rows: Vec<FindingRow> = Vec::new();
        let total = loop {
            let page = store.findings(&query).await.expect("read");
            rows.extend(page.items);
            query.cursor = page.next;
            if query.cursor.is_none() {
                break page.total;
            }
        };
        assert_eq!(i64::try_from(rows.len()), Ok(total));
        let once: BTreeSet<_> = rows.iter().map(|f| (&f.asset, &f.check)).collect();
        assert_eq!(once.len(), rows.len());
        assert!(rows.is_sorted_by_key(|f| {
            let ephi = [Ephi::Yes, Ephi::Unknown, Ephi::No].into_iter().position(|e| e == f.ephi);
            (f.verdict != Verdict::Fail, std::cmp::Reverse(f.severity), ephi, f.since)
        }));
    }
    store.close().await;
}
