//! What holds for SQLite files alone, and what opening refuses.
#![allow(clippy::print_stdout)]

mod common;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use common::*;
use phiward_store::model::AssetQuery;
use phiward_store::{Store, StoreError};

const CHILD: &str = "PHIWARD_STORE_TEST_CHILD";

#[tokio::test]
async fn file_and_folder_are_for_their_owner_alone() {
    let database = Database::sqlite().await;
    let store = database.open().await;
    store.apply(batch(vec![asset("host://one", "one", "f", 0)]), at(0)).await.expect("applied");
    let file = database.url.trim_start_matches("sqlite://").to_owned();
    let mode = |path: &str| std::fs::metadata(path).expect("is there").permissions().mode() & 0o777;
    for path in [file.clone(), format!("{file}-wal"), format!("{file}-shm")] {
        assert_eq!(mode(&path), 0o600, "{path}");
    }
    assert_eq!(mode(file.rsplit_once('/').expect("a path").0), 0o700);
    assert!(!format!("{store:?}").contains("Pool"));
    store.close().await;
}

#[tokio::test]
async fn odd_paths_and_memory_work() {
    let folder = Folder::new();
    for name in ["a b/ü#.db", "x%3Fy.db", "50%.db", "up/../down.db"] {
        let url = format!("sqlite://{}/{name}", folder.0.display());
        let store = Store::open(&url, FRESH).await.expect("opens");
        store.ping().await.expect("answers");
        store.close().await;
    }
    assert!(folder.0.join("a b/ü#.db").is_file());
    assert!(folder.0.join("x?y.db").is_file());
    assert!(folder.0.join("50%.db").is_file());
    let store = Store::open("sqlite::memory:", FRESH).await.expect("opens");
    store.apply(batch(vec![asset("host://one", "one", "f", 0)]), at(0)).await.expect("applied");
    assert_eq!(store.assets(&AssetQuery::default(), at(0)).await.expect("read").total, 1);
}

#[tokio::test]
async fn what_is_no_database_is_refused_with_words() {
    let folder = Folder::new();
    let path = folder.0.join("text.db");
    std::fs::write(&path, "this is a text of some length, not a database at all, and it goes on and on".repeat(50))
        .expect("written");
    let cases = [
        (format!("sqlite://{}", path.display()), "not a database"),
        (format!("sqlite://{}", folder.0.display()), "it is a folder"),
        (format!("sqlite://{}/text.db/sub/x.db", folder.0.display()), "cannot be made"),
        ("sqlite://".to_owned(), "names no file"),
        ("mysql://root@host/db".to_owned(), "must begin with sqlite:// or postgres://"),
        ("postgres://ann:s3cret@127.0.0.1:9/phi".to_owned(), "is PostgreSQL running there"),
        ("postgres://ann:s3cret@[::1/phi".to_owned(), ""),
        ("postgres://ann:s3cret@h/phi?sslmod=s3cret".to_owned(), "`sslmod` is not known"),
    ];
    for (url, words) in cases {
        let error = Store::open(&url, FRESH).await.expect_err("refused");
        assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
        let said = format!("{error} {error:?}");
        assert!(said.contains(words), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}

/// Applies batch after batch until it is killed.
#[tokio::test]
#[ignore = "run by a_killed_process_loses_nothing_it_committed, in a process of its own"]
async fn child_that_writes() {
    let url = std::env::var(CHILD).expect("the URL from the test that runs this");
    let store = Store::open(&url, FRESH).await.expect("opens");
    for round in 0..100_000i64 {
        let letters = ["ffff", "uuuu", "pfpf", "pppp"][usize::try_from(round % 4).expect("small")];
        let all = (0..60)
            .map(|n| asset(&format!("docker://e/container/{n}"), &format!("round-{round}"), letters, round))
            .collect();
        store.apply(batch(all), at(round)).await.expect("applied");
        println!("\ncommitted {round}");
        std::io::stdout().flush().expect("flushed");
    }
}

#[tokio::test]
async fn a_killed_process_loses_nothing_it_committed() {
    let database = Database::sqlite().await;
    for kill in 0..3u64 {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "child_that_writes", "--nocapture", "--ignored"])
            .env(CHILD, &database.url)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the child starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut last = -1i64;
        let mut seen = 0;
        while let Some(Ok(line)) = lines.next() {
            if let Some(round) = line.strip_prefix("committed ") {
                last = round.parse().expect("a number");
                seen += 1;
                if seen > 3 + kill {
                    break;
                }
            }
        }
        // Somewhere inside the next transaction.
        std::thread::sleep(std::time::Duration::from_millis(3 + 7 * kill));
        child.kill().expect("killed");
        child.wait().expect("ended");
        for line in lines.map_while(Result::ok) {
            if let Some(round) = line.strip_prefix("committed ") {
                last = round.parse().expect("a number");
            }
        }
        assert!(last >= 0, "the child committed nothing");
        let store = database.open().await;
        let page = store.assets(&AssetQuery { limit: 500, ..AssetQuery::default() }, at(0)).await.expect("read");
        let names: BTreeSet<_> = page.items.iter().map(|r| r.name.as_str()).collect();
        assert_eq!((page.items.len(), names.len()), (60, 1));
        let round: i64 =
            names.first().and_then(|n| n.strip_prefix("round-")).and_then(|n| n.parse().ok()).expect("a round");
        assert!(round == last || round == last + 1, "committed {last}, found {round}");
        for tally in store.tallies().await.expect("read") {
            assert_eq!(tally.tally.judged(), 60);
        }
        let numbers: Vec<i64> = store.changes_after(0, 1_000_000).await.expect("read").iter().map(|c| c.id).collect();
        assert_eq!(numbers, (1..=store.generation().await.expect("read")).collect::<Vec<_>>());
        store.close().await;
    }
}
