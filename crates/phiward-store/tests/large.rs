//! How long things take with many assets. Slow, so only run when asked for:
//! `cargo test -p phiward-store --test large -- --ignored --nocapture`. `PHIWARD_TEST_ASSETS` sets how many thousand.
#![allow(clippy::print_stdout)]

mod common;

use std::time::{Duration, Instant};

use common::*;
use jiff::Timestamp;
use phiward_core::asset::Ephi;
use phiward_core::posture::State;
use phiward_core::words::{Severity, Verdict};
use phiward_store::Store;
use phiward_store::model::*;
use serde_json::json;

const CHECKS: usize = 40;

/// Something that looks like an engine's id.
fn digest(n: usize) -> String {
    let mut random = Random(u64::try_from(n).unwrap_or(0).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (0..64).map(|_| char::from(b"0123456789abcdef"[random.below(16)])).collect()
}

/// A container with labels, facts of about 3 kB and some failing checks.
fn large(n: usize, random: &mut Random, failing: usize, seconds: i64) -> JudgedAsset {
    let letters: String = (0..CHECKS)
        .map(|_| match random.below(CHECKS * 2) {
            x if x < failing * 2 - failing / 4 => 'f',
            x if x < failing * 2 => 'u',
            x if x < CHECKS => 'n',
            _ => 'p',
        })
        .collect();
    let kinds = ["docker.container", "docker.container", "docker.image", "docker.volume"];
    let kind = kinds[random.below(4)];
    let mut one = judged(
        &format!("docker://engine-{}-aabbccddeeff00112233/{kind}/{}", n / 1000, digest(n)),
        &format!("stack{}_service-{}_{}", n / 500, n % 97, n % 7),
        kind,
        (0..CHECKS).map(check).collect(),
        &letters,
        seconds,
    );
    one.asset.owner = format!("team-{}", random.below(40));
    one.asset.ephi = [Ephi::Yes, Ephi::No, Ephi::Unknown, Ephi::Unknown][random.below(4)];
    for label in 0..6 {
        one.asset
            .labels
            .insert(format!("com.example.label-{label}"), format!("value-{:016x}", random.below(usize::MAX)));
    }
    let mounts: Vec<_> = (0..12)
        .map(|m| json!({"source": format!("/srv/data/{n}/{m}"), "target": format!("/data/{m}"), "read_only": m % 2 == 0}))
        .collect();
    one.asset.facts = json!({"state": "running", "user": "root", "mounts": mounts, "environment": "x".repeat(1500)});
    one
}

async fn timed<T>(what: &str, runs: usize, work: impl AsyncFn(usize) -> T) -> Duration {
    let mut took = Vec::new();
    for run in 0..runs {
        let start = Instant::now();
        work(run).await;
        took.push(start.elapsed());
    }
    took.sort_unstable();
    let at = |part: usize| took[(took.len() - 1) * part / 100];
    println!("{what}: median {:.1?}, p99 {:.1?} of {runs}", at(50), at(99));
    at(99)
}

async fn measure(store: &Store) {
    let thousands: usize = std::env::var("PHIWARD_TEST_ASSETS").ok().and_then(|n| n.parse().ok()).unwrap_or(100);
    let mut random = Random(0xabcdef);
    let begun = Instant::now();
    for chunk in 0..thousands {
        let assets = (0..1000).map(|n| large(chunk * 1000 + n, &mut random, 5, 0)).collect();
        let start = Instant::now();
        store.apply(batch(assets), at(0)).await.expect("applied");
        if chunk % 25 == 0 || chunk + 1 == thousands {
            println!("first apply of thousand {chunk}: {:.1?}", start.elapsed());
        }
    }
    println!("{thousands},000 assets in {:.1?}", begun.elapsed());

    let again = |seconds: i64, failing: usize, seed: u64| {
        let mut random = Random(seed);
        batch((0..1000).map(|n| large(n, &mut random, failing, seconds)).collect())
    };
    for (what, given) in [
        ("1,000 other assets' worth of verdicts, 20 findings each", again(10, 20, 5)),
        ("the same again, nothing changed", again(20, 20, 5)),
        ("all verdicts drawn anew", again(30, 20, 6)),
    ] {
        let findings = given.assets.iter().map(|a| a.findings.len()).sum::<usize>();
        let start = Instant::now();
        let changes = store.apply(given, at(30)).await.expect("applied").changes.len();
        println!("apply 1,000 ({what}; {findings} findings): {:.1?}, {changes} changes", start.elapsed());
    }

    let now: Timestamp = at(40);
    timed("posture", 20, async |_| store.posture(now).await.expect("read")).await;
    timed("counts", 20, async |_| store.counts().await.expect("read")).await;
    timed("tallies", 20, async |_| store.tallies().await.expect("read")).await;
    timed("record_hour", 5, async |_| store.record_hour(now).await.expect("kept")).await;
    timed("trend", 5, async |_| store.trend(None, at(0)).await.expect("read")).await;
    timed("ephi_map(500)", 5, async |_| store.ephi_map(500).await.expect("read")).await;
    let list = async |what: &str, query: AssetQuery| {
        let page = store.assets(&query, now).await.expect("read");
        timed(&format!("assets {what} ({} of {})", page.items.len(), page.total), 20, async |_| {
            store.assets(&query, now).await.expect("read")
        })
        .await;
        if let Some(next) = page.next {
            let query = AssetQuery { cursor: Some(next), ..query };
            timed("    its second page", 5, async |_| store.assets(&query, now).await.expect("read")).await;
        }
    };
    let none = AssetQuery::default;
    list("all, worst first", none()).await;
    list("all, by name", AssetQuery { sort: AssetSort::Name, ..none() }).await;
    list("failing", AssetQuery { state: Some(State::Failing), ..none() }).await;
    list("one owner", AssetQuery { owner: "team-7".into(), ..none() }).await;
    list("compliant", AssetQuery { state: Some(State::Compliant), ..none() }).await;
    list("one kind", AssetQuery { kind: "docker.image".into(), ..none() }).await;
    list("critical", AssetQuery { severity: Some(Severity::Critical), sort: AssetSort::Seen, ..none() }).await;
    for search in
        ["stack7_service-9", "nothing-has-this", "value", "e", "stack volume team-3", &digest(77), &digest(88)[..12]]
    {
        list(&format!("search `{search}`"), AssetQuery { search: search.into(), ..none() }).await;
        list("    in one kind", AssetQuery { search: search.into(), kind: "docker.container".into(), ..none() }).await;
    }
    let find = async |what: &str, query: FindingQuery| {
        let page = store.findings(&query).await.expect("read");
        timed(&format!("findings {what} ({} of {})", page.items.len(), page.total), 5, async |_| {
            store.findings(&query).await.expect("read")
        })
        .await;
    };
    let none = FindingQuery::default;
    find("all", none()).await;
    find("failing, high", FindingQuery { verdict: Some(Verdict::Fail), severity: Some(Severity::High), ..none() })
        .await;
    find("unknown", FindingQuery { verdict: Some(Verdict::Unknown), ..none() }).await;
    find("with ePHI", FindingQuery { ephi: Some(Ephi::Yes), ..none() }).await;
    find("one check", FindingQuery { check: check(7), ..none() }).await;
    find("four checks", FindingQuery { checks: (3..7).map(check).collect(), ..none() }).await;
    find("one kind", FindingQuery { kind: "docker.volume".into(), ..none() }).await;
    find("one owner", FindingQuery { owner: "team-7".into(), ..none() }).await;
    find("search", FindingQuery { search: "stack7_service-9".into(), ..none() }).await;
    find("search, many", FindingQuery { search: "stack".into(), ..none() }).await;
    let first =
        store.assets(&AssetQuery { limit: 1, ..AssetQuery::default() }, now).await.expect("read").items.remove(0).id;
    timed("one asset", 20, async |_| store.asset(&first).await.expect("read")).await;
    timed("recent changes", 5, async |_| store.recent_changes(at(0), None, 50).await.expect("read")).await;
    timed("generation", 20, async |_| store.generation().await.expect("read")).await;
    let kept = store.changes_after(0, 1_000_000).await.expect("read").len();
    println!("changes kept: {kept} of {}", store.generation().await.expect("read"));
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    }
    assert!(kept <= 201_024 + 40_000, "{kept} changes kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute and a half; run by `make bench`"]
async fn many_assets_on_sqlite() {
    let database = Database::sqlite().await;
    let store = database.open().await;
    measure(&store).await;
    store.close().await;
    let file = database.url.trim_start_matches("sqlite://");
    println!("file: {} MB", std::fs::metadata(file).expect("is there").len() / 1_000_000);
    if let Ok(keep) = std::env::var("PHIWARD_TEST_KEEP") {
        std::fs::copy(file, keep).expect("copied");
    }
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute and a half; run by `make bench`"]
async fn many_assets_on_postgres() {
    let Some(database) = Database::postgres().await else { return };
    let store = database.open().await;
    measure(&store).await;
    store.close().await;
    database.remove().await;
}
