//! Databases of their own for tests, and assets to put in them.
#![allow(dead_code, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use phiward_core::asset::{Asset, AssetId, Ephi, Relation, Status};
use phiward_core::posture::State;
use phiward_core::words::{Category, Severity, Verdict};
use phiward_store::Store;
use phiward_store::model::{Applied, Batch, JudgedAsset, NewFinding};
use serde_json::json;
use sqlx::{AnyConnection, AssertSqlSafe, Connection};

pub const FRESH: Duration = Duration::from_secs(3600);

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A folder that goes away with its test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        let name = format!("phiward-store-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A database that only one test uses.
pub struct Database {
    pub url: String,
    folder: Option<Folder>,
    schema: Option<(String, String)>,
}

impl Database {
    pub async fn sqlite() -> Self {
        let folder = Folder::new();
        let url = format!("sqlite://{}/data/phiward.db", folder.0.display());
        Database { url, folder: Some(folder), schema: None }
    }

    /// A schema of its own in the database that `PHIWARD_TEST_POSTGRES` names; `None` when it names none.
    pub async fn postgres() -> Option<Self> {
        let Ok(url) = std::env::var("PHIWARD_TEST_POSTGRES") else {
            assert!(
                std::env::var("PHIWARD_TEST_REQUIRE_POSTGRES").as_deref() != Ok("1"),
                "PHIWARD_TEST_REQUIRE_POSTGRES=1 but PHIWARD_TEST_POSTGRES holds no URL"
            );
            eprintln!("skipped: set PHIWARD_TEST_POSTGRES to the URL of a PostgreSQL database to run this");
            return None;
        };
        sqlx::any::install_default_drivers();
        let schema = format!("t_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut conn = AnyConnection::connect(&url).await.expect("PHIWARD_TEST_POSTGRES answers");
        sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&mut conn).await.expect("a schema");
        conn.close().await.expect("closed");
        let joint = if url.contains('?') { '&' } else { '?' };
        let own = format!("{url}{joint}options=-c%20search_path%3D{schema}");
        Some(Database { url: own, folder: None, schema: Some((url, schema)) })
    }

    pub async fn open(&self) -> Store {
        Store::open(&self.url, FRESH).await.expect("the database opens")
    }

    /// A connection beside the store's.
    pub async fn raw(&self) -> AnyConnection {
        sqlx::any::install_default_drivers();
        AnyConnection::connect(&self.url).await.expect("a connection")
    }

    pub async fn remove(self) {
        if let Some((url, schema)) = self.schema {
            let mut conn = AnyConnection::connect(&url).await.expect("a connection");
            sqlx::query(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE")))
                .execute(&mut conn)
                .await
                .expect("dropped");
            conn.close().await.expect("closed");
        }
    }
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).expect("in range")
}

/// Checks `check-00`…; the severity goes with the number: low, medium, high, critical, and round again.
pub fn check(number: usize) -> String {
    format!("check-{number:02}")
}

pub fn severity(number: usize) -> Severity {
    [Severity::Low, Severity::Medium, Severity::High, Severity::Critical][number % 4]
}

/// A judged container whose verdicts are these letters, on checks `check-00` and so on.
pub fn asset(id: &str, name: &str, letters: &str, seconds: i64) -> JudgedAsset {
    let checks = (0..letters.len()).map(check).collect();
    judged(id, name, "docker.container", checks, letters, seconds)
}

pub fn judged(id: &str, name: &str, kind: &str, checks: Vec<String>, letters: &str, seconds: i64) -> JudgedAsset {
    let mut findings = Vec::new();
    let mut state = State::Compliant;
    for (i, letter) in letters.bytes().enumerate() {
        let verdict = match letter {
            b'f' => Verdict::Fail,
            b'u' => Verdict::Unknown,
            _ => continue,
        };
        if severity(i).counts() {
            match (verdict, state) {
                (Verdict::Fail, _) => state = State::Failing,
                (_, State::Compliant) => state = State::Undetermined,
                _ => {}
            }
        }
        findings.push(NewFinding {
            check: checks[i].clone(),
            severity: severity(i),
            verdict,
            reason: if verdict == Verdict::Unknown { "mounts could not be read".to_owned() } else { String::new() },
            facts: json!({"settings.user": "root"}),
        });
    }
    JudgedAsset {
        asset: Asset {
            id: AssetId(id.to_owned()),
            kind: kind.to_owned(),
            name: name.to_owned(),
            owner: "cardiology".to_owned(),
            ephi: Ephi::Unknown,
            labels: BTreeMap::from([("team".to_owned(), "Heart".to_owned())]),
            relations: vec![Relation {
                kind: "runs-on".to_owned(),
                to: AssetId("host://one".to_owned()),
                detail: String::new(),
            }],
            facts: json!({"state": "running", "user": "root", "size": 7}),
            collector: "docker".to_owned(),
            status: Status::Complete,
            collected_at: at(seconds),
        },
        judged_at: at(seconds),
        states: BTreeMap::from([(Category::ContainerClusters, state)]),
        verdicts: letters.to_owned(),
        checks,
        findings,
    }
}

pub fn batch(assets: Vec<JudgedAsset>) -> Batch {
    Batch { assets, content: "content-1".to_owned(), ..Batch::default() }
}

/// Small, deterministic, good enough to mix things up.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap_or(1)).unwrap_or(0)
    }
}

pub fn id(text: &str) -> AssetId {
    AssetId(text.to_owned())
}

pub async fn apply(store: &Store, assets: Vec<JudgedAsset>, seconds: i64) -> Applied {
    store.apply(batch(assets), at(seconds)).await.expect("applied")
}

/// Makes tests of scenarios: each on SQLite and on PostgreSQL.
#[macro_export]
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let database = super::Database::sqlite().await;
                super::$name(&database).await;
                database.remove().await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let Some(database) = super::Database::postgres().await else { return };
                super::$name(&database).await;
                database.remove().await;
            })*
        }
    };
}
