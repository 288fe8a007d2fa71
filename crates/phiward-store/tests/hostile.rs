//! Searches, cursors, names and addresses from a hostile hand: an answer or a refusal, never a failed statement.

mod common;
#[path = "../../phiward-core/tests/mutate/mod.rs"]
mod mutate;

use std::time::Instant;

use common::*;
use mutate::{LIMIT, Rng};
use phiward_core::posture::State;
use phiward_store::model::{AssetQuery, AssetSort, FindingQuery};
use phiward_store::{Store, StoreError};
use serde_json::json;

const SORTS: [AssetSort; 4] = [AssetSort::Worst, AssetSort::Name, AssetSort::Kind, AssetSort::Seen];

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// A text as a stranger might type or send it.
fn text(rng: &mut Rng) -> String {
    const SEEDS: [&str; 8] = [
        "node",
        "100%",
        "a_b!c%",
        "' OR 1=1 --",
        "\"; DROP TABLE asset; --",
        "x' UNION SELECT id, 1 FROM meta --",
        "$1 ?1 :a @b {} \\",
        "ŻÓŁĆ İß 日本",
    ];
    let seed = SEEDS[rng.below(SEEDS.len())];
    mutate::text(rng, seed)
}

async fn filled(url: &str) -> Store {
    let store = Store::open(url, FRESH).await.expect("opens");
    let assets =
        (0..60).map(|i| asset(&format!("docker://e/container/{i:02}"), &format!("Node {i}"), "fupn", i)).collect();
    apply(&store, assets, 100).await;
    store
}

async fn strange_searches(database: &Database) {
    let store = filled(&database.url).await;
    let mut rng = Rng::new(51);
    for run in 0..250 {
        let (search, kind, owner) = (text(&mut rng), text(&mut rng), text(&mut rng));
        let query = AssetQuery {
            search: search.clone(),
            kind: if run % 3 == 0 { kind.clone() } else { String::new() },
            owner: if run % 4 == 0 { owner.clone() } else { String::new() },
            state: [None, Some(State::Failing)][run % 2],
            sort: SORTS[run % 4],
            descending: run % 5 == 0,
            limit: [0, 1, 500, u32::MAX][rng.below(4)],
            ..AssetQuery::default()
        };
        let page = store.assets(&query, at(200)).await.unwrap_or_else(|e| panic!("{query:?}: {e}"));
        // Nothing here is named so that it holds a strange text: whoever finds everything was taken for SQL or a pattern.
        let plain = search.split_whitespace().all(|word| word.chars().all(char::is_alphanumeric));
        assert!(page.total == 0 || plain || search.split_whitespace().count() > 8, "{query:?} found {}", page.total);
        let findings = FindingQuery {
            search,
            kind: query.kind,
            owner: query.owner,
            check: text(&mut rng),
            asset: text(&mut rng),
            ..FindingQuery::default()
        };
        let page = store.findings(&findings).await.unwrap_or_else(|e| panic!("{findings:?}: {e}"));
        assert_eq!(page.total, 0, "{findings:?}");
    }
    let everything = store.assets(&AssetQuery::default(), at(200)).await.expect("read");
    assert_eq!(everything.total, 60, "nothing was dropped");
    store.close().await;
}

async fn strange_cursors(database: &Database) {
    let store = filled(&database.url).await;
    let mut rng = Rng::new(52);
    for sort in SORTS {
        for descending in [false, true] {
            let query = AssetQuery { sort, descending, limit: 7, ..AssetQuery::default() };
            let good = store.assets(&query, at(200)).await.expect("read").next.expect("more pages");
            let ask = |cursor: String| {
                let (store, query) = (&store, AssetQuery { cursor: Some(cursor), ..query.clone() });
                async move {
                    match store.assets(&query, at(200)).await {
                        Ok(page) => assert!(page.items.len() <= 7),
                        Err(StoreError::Cursor(shown)) => assert!(shown.chars().count() <= 40),
                        Err(error) => panic!("{:?}: {error}", query.cursor),
                    }
                }
            };
            ask(good.clone()).await;
            for _ in 0..60 {
                ask(mutate::text(&mut rng, &good)).await;
            }
            // Cursors of the right list, with keys that the store never made.
            let tag = format!("assets-{sort:?}-{descending}");
            for key in [
                json!([null, [], 1]),
                json!([1, [], 1]),
                json!([1, ["a"], 1]),
                json!([null, ["a"], 1]),
                json!([null, ["a", "b"], 1]),
                json!([null, ["\u{0}", "'\""], i64::MIN]),
                json!([i64::MAX, [], i64::MAX]),
                json!([1, ["a", "b", "c", "d"], 1]),
                json!([null, vec!["x"; 300], 1]),
                json!([1.5, [], 1]),
                json!({}),
                json!(null),
            ] {
                ask(hex(&json!([tag, key]).to_string())).await;
            }
        }
    }
    for key in
        [json!([0, 0, 0, 0]), json!([i64::MAX, i64::MIN, -1, 1]), json!([0]), json!(["x"]), json!([0, 0, 0, 0, 0])]
    {
        let query =
            FindingQuery { cursor: Some(hex(&json!(["findings", key]).to_string())), ..FindingQuery::default() };
        assert!(matches!(store.findings(&query).await, Ok(_) | Err(StoreError::Cursor(_))), "{key}");
    }
    for cursor in
        [String::new(), "0".repeat(4096), "5b".repeat(2048), hex(&format!("[\"findings\",{}", "[".repeat(1500)))]
    {
        let query = FindingQuery { cursor: Some(cursor), ..FindingQuery::default() };
        assert!(matches!(store.findings(&query).await, Err(StoreError::Cursor(_))));
    }
    store.close().await;
}

async fn strange_assets(database: &Database) {
    let store = Store::open(&database.url, FRESH).await.expect("opens");
    let mut rng = Rng::new(53);
    let mut assets = Vec::new();
    for i in 0..60 {
        let mut odd = asset(&format!("docker://e/container/{i}{}", text(&mut rng)), &text(&mut rng), "fu", i);
        odd.asset.owner = text(&mut rng);
        odd.asset.labels = (0..3).map(|_| (text(&mut rng), text(&mut rng))).collect();
        odd.asset.facts = mutate::any(&mut rng, 4);
        odd.findings[0].facts = json!({"x": mutate::any(&mut rng, 3)});
        odd.findings[1].reason = text(&mut rng);
        assets.push(odd);
    }
    let long = "docker://e/container/".to_owned() + &"x".repeat(10_000);
    assets.push(asset(&long, &"名".repeat(100_000), "f", 99));
    // An id longer than the store takes is left out, and does not keep the others from being stored.
    let fit: std::collections::BTreeSet<String> =
        assets.iter().map(|a| a.asset.id.0.replace('\0', "\u{fffd}")).filter(|id| id.len() <= 2000).collect();
    if let Err(error) = store.apply(batch(assets.clone()), at(100)).await {
        panic!("{error}");
    }
    let page = store.assets(&AssetQuery { limit: 500, ..AssetQuery::default() }, at(200)).await.expect("read");
    let stored: std::collections::BTreeSet<String> = page.items.iter().map(|row| row.id.0.clone()).collect();
    assert_eq!(stored, fit);
    for row in &page.items {
        let read = store.asset(&row.id).await.expect("read").expect("is there");
        assert_eq!(read.row.id, row.id);
        let _ =
            store.findings(&FindingQuery { asset: row.id.0.clone(), ..FindingQuery::default() }).await.expect("read");
    }
    store.close().await;
}

scenarios!(strange_searches, strange_cursors, strange_assets);

#[tokio::test]
async fn a_long_search_is_answered_in_time() {
    let store = filled("sqlite::memory:").await;
    for part in ["a ", "%", "_", "!", "\u{202e}", "x", "' "] {
        let query = AssetQuery { search: part.repeat((1 << 20) / part.len()), ..AssetQuery::default() };
        let findings =
            FindingQuery { search: query.search.clone(), checks: vec!["c".into(); 10_000], ..FindingQuery::default() };
        let started = Instant::now();
        store.assets(&query, at(200)).await.expect("read");
        store.findings(&findings).await.expect("read");
        assert!(started.elapsed() < LIMIT, "{:?} for {part:?}", started.elapsed());
    }
}

#[tokio::test]
async fn addresses_of_databases_are_refused_without_their_passwords() {
    let folder = Folder::new();
    let mut rng = Rng::new(54);
    let seeds = [
        "postgres://ann:hunter2@127.0.0.1:1/db?sslmode=disable",
        "postgresql://ann:hunter2@[::1]:1/db?password=hunter2",
        "postgres://ann:hunter2@127.0.0.1:1/db?passfile=/hunter2&host=127.0.0.1",
        "postgres:///hunter2?host=127.0.0.1&port=1&user=a",
        "mysql://ann:hunter2@h/db",
        "hunter2",
        "sqlite:",
        "sqlite://",
    ];
    for run in 0..300 {
        let url =
            if run < seeds.len() { seeds[run].to_owned() } else { mutate::text(&mut rng, seeds[run % seeds.len()]) };
        // Only addresses that lead nowhere are tried: this machine's own port 1, or no host that could be asked.
        let local = url.contains("@127.0.0.1:1/") || url.contains("@[::1]:1/") || !url.starts_with("postgres");
        if !local || url.starts_with("sqlite") && run >= seeds.len() {
            continue;
        }
        let error = Store::open(&url, FRESH).await.expect_err("nothing listens there");
        let shown = format!("{error} {error:?}");
        if url.matches("hunter2").count() == seeds[run % seeds.len()].matches("hunter2").count()
            && url.contains(":hunter2@")
        {
            assert!(!shown.contains("hunter2"), "{url} gives {shown}");
        }
    }
    for path in ["/dev/null/x.db", "\0", "a\0b", &"x".repeat(5000), "/proc/self/mem", "%00", "%ff.db"] {
        let url = if path.starts_with('/') {
            format!("sqlite://{path}")
        } else {
            format!("sqlite://{}/{path}", folder.0.display())
        };
        if let Ok(store) = Store::open(&url, FRESH).await {
            store.close().await;
        }
    }
}
