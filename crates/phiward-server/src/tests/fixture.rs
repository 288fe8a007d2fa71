//! A small made-up hospital, with names that try to break out of a page.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use jiff::Timestamp;
use phiward_core::asset::{Asset, AssetId, Ephi, KindSchema, Missing, Relation, Status};
use phiward_core::content::{Content, SourceFile};
use phiward_core::judge::Judge;
use phiward_store::Store;
use phiward_store::model::{Batch, Change, JudgedAsset, SourceRow};
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tower::ServiceExt;

use crate::AppState;

/// A name that must never reach a page as markup.
pub const EVIL: &str = "\"><img src=x onerror=alert(1)><script>alert(2)</script>' {{7*7}}";
/// The engine's id.
pub const ENGINE: &str = "docker://E:1";

const CONTROLS: &str = r#"
framework: hipaa
title: HIPAA Security Rule
source: 45 CFR Part 164
controls:
  - {id: "164.312(a)(1)", name: Access control, kind: standard, requirement: required, section: "164.312", section_name: Technical safeguards,
     text: Allow access only to those with rights, plain: Only people with rights reach ePHI, automation: partial, duty: Platform engineer, evidence: [Settings]}
  - {id: "164.312(b)", name: Audit controls, kind: standard, requirement: required, section: "164.312", section_name: Technical safeguards,
     text: Record activity, plain: Write down what happens, automation: partial, duty: Platform engineer}
  - {id: "164.308(a)(2)", name: Assigned responsibility, kind: standard, requirement: required, section: "164.308", section_name: Administrative safeguards,
     text: Name an official, plain: One person is responsible, automation: manual, duty: Management}
"#;

const CHECKS: [(&str, &str); 3] = [
    (
        "not-privileged",
        r#"
id: not-privileged
title: Container is not privileged
kind: docker.container
severity: critical
pass: "!facts.privileged"
message: The container is privileged <b>bold</b>
remedy: |
  Take `--privileged` away.

      docker run --cap-drop ALL IMAGE
automation: full
citations: {hipaa: ["164.312(a)(1)"], cis-docker-1.6: ["5.4"]}
rationale: Root in it is root on the host.
"#,
    ),
    (
        "memory-limited",
        r#"
id: memory-limited
title: Container's memory is limited
kind: docker.container
severity: medium
pass: facts.memory > 0
message: The container can use all memory
remedy: Set a limit.
automation: full
citations: {hipaa: ["164.312(a)(1)"]}
rationale: One container can starve the rest.
"#,
    ),
    (
        "host-logs",
        r#"
id: host-logs
title: Host writes logs
kind: host
severity: medium
pass: facts.logs
message: The host writes no logs
remedy: Write logs.
automation: full
citations: {hipaa: ["164.312(b)"]}
rationale: Nobody can look back.
"#,
    ),
];

/// Checks and controls for the tests.
pub fn content() -> Content {
    let kind = |kind, title| KindSchema {
        kind,
        title,
        schema: json!({"type": "object", "properties": {
            "privileged": {"type": "boolean"}, "memory": {"type": "integer"}, "logs": {"type": "boolean"}
        }}),
    };
    let kinds = [kind("docker.container", "Container"), kind("host", "Host")];
    let file = |path: String, text: &str| SourceFile { path, text: text.to_owned(), user: false };
    let mut files = vec![file("controls/hipaa.yaml".to_owned(), CONTROLS)];
    files.extend(CHECKS.iter().map(|(id, text)| file(format!("checks/{id}.yaml"), text)));
    Content::load(&files, &kinds).unwrap()
}

fn asset(id: &str, kind: &str, name: &str, ephi: Ephi, relations: Vec<Relation>, facts: Value) -> Asset {
    Asset {
        id: AssetId(id.to_owned()),
        kind: kind.to_owned(),
        name: name.to_owned(),
        owner: EVIL.to_owned(),
        ephi,
        labels: [(EVIL.to_owned(), EVIL.to_owned())].into(),
        relations,
        facts,
        collector: "docker".to_owned(),
        status: Status::Complete,
        collected_at: Timestamp::now(),
    }
}

fn to(kind: &str, id: &str) -> Relation {
    Relation { kind: kind.to_owned(), to: AssetId(id.to_owned()), detail: EVIL.to_owned() }
}

/// A failing container, a passing one, one that cannot be decided, with what they touch.
pub fn hospital() -> Vec<Asset> {
    let (volume, network) = (format!("{ENGINE}/volume/{EVIL}"), format!("{ENGINE}/network/phi"));
    let facts = |privileged: bool| {
        json!({
            "privileged": privileged, "memory": 1, "state": "running", "image": EVIL, "network_mode": EVIL,
            "ports": [{"host_port": 2575, "plaintext": EVIL, "loopback": false}],
            "mounts": [{"kind": "bind", "source": EVIL, "target": "/x", "writable": true}],
            "networks": [{"name": EVIL}], EVIL: {EVIL: [EVIL, {EVIL: EVIL}]},
        })
    };
    let touches = || vec![to("runs-on", ENGINE), to("mounts", &volume), to("joins", &network), to(EVIL, EVIL)];
    let id = format!("{ENGINE}/container/3");
    let mut partial = asset(&id, "docker.container", "portal", Ephi::Unknown, touches(), json!({"privileged": false}));
    partial.status = Status::from_missing(vec![Missing { path: "memory".to_owned(), why: EVIL.to_owned() }]);
    let storage = json!({"storage": {"device": EVIL, "encrypted": false}});
    vec![
        asset("host://1", "host", "node-1", Ephi::Unknown, Vec::new(), json!({"logs": true})),
        asset(ENGINE, "docker.engine", "engine", Ephi::Unknown, vec![to("runs-on", "host://1")], json!({})),
        asset(&format!("{ENGINE}/container/{EVIL}"), "docker.container", EVIL, Ephi::Yes, touches(), facts(true)),
        asset(&format!("{ENGINE}/container/2"), "docker.container", "records", Ephi::No, touches(), facts(false)),
        partial,
        asset(&volume, "docker.volume", EVIL, Ephi::Yes, Vec::new(), storage),
        asset(&network, "docker.network", EVIL, Ephi::Yes, Vec::new(), json!({"internal": true})),
    ]
}

/// Judges assets as the runtime would.
pub fn judged(content: &Content, assets: Vec<Asset>) -> Vec<JudgedAsset> {
    let judge = Judge::new(content);
    let now = Timestamp::now();
    assets.into_iter().map(|asset| JudgedAsset::new(&judge, asset, now)).collect()
}

/// A store of its own with an application on it.
pub struct Fixture {
    pub store: Store,
    pub content: Arc<Content>,
    pub changes: broadcast::Sender<Change>,
    folder: std::path::PathBuf,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // Left behind in the temporary folder when it cannot be removed.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Fixture {
    /// Nothing read yet.
    pub async fn empty() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("phiward-server-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let url = format!("sqlite://{}", folder.join("test.db").display());
        let store = Store::open(&url, Duration::from_secs(3600)).await.unwrap();
        Fixture { store, content: Arc::new(content()), changes: broadcast::channel(4).0, folder }
    }

    /// With the hospital in it.
    pub async fn filled() -> Self {
        let fixture = Fixture::empty().await;
        fixture.apply(hospital()).await;
        let gaps = vec![Missing { path: EVIL.to_owned(), why: EVIL.to_owned() }];
        let source = SourceRow {
            target: EVIL.to_owned(),
            collector: "docker".to_owned(),
            status: Status::from_missing(gaps),
            needs: vec![EVIL.to_owned()],
            help: Some(EVIL.to_owned()),
            took_ms: 12,
            at: Timestamp::now(),
            last_good: None,
            watch: "live".to_owned(),
            gap: None,
        };
        fixture.store.put_source(source, Timestamp::now()).await.unwrap();
        fixture.store.record_hour(Timestamp::now()).await.unwrap();
        fixture
    }

    /// Keeps assets and tells open pages, as the runtime does.
    pub async fn apply(&self, assets: Vec<Asset>) {
        let batch = Batch {
            assets: judged(&self.content, assets),
            content: self.content.digest().to_owned(),
            ..Batch::default()
        };
        let applied = self.store.apply(batch, Timestamp::now()).await.unwrap();
        for change in applied.changes {
            // Nobody may be listening.
            let _ = self.changes.send(change);
        }
    }

    pub fn state(&self) -> AppState {
        AppState {
            store: self.store.clone(),
            content: Arc::clone(&self.content),
            changes: self.changes.clone(),
            version: "1.2.3",
            started: Timestamp::now(),
            title: "St. <b>Test</b>".to_owned(),
            allowed_hosts: crate::loopback_hosts(8470),
        }
    }

    pub fn app(&self) -> Router {
        crate::router(self.state())
    }

    /// Asks for an address as a program on this machine would.
    pub async fn get(&self, address: &str) -> Answer {
        ask(self.app(), address, &[]).await
    }
}

/// An answer, read to its end.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.bytes)))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Asks an application for an address with some headers more.
pub async fn ask(app: Router, address: &str, headers: &[(&'static str, &str)]) -> Answer {
    let mut request = Request::builder().uri(address).header("host", "localhost:8470").body(Body::empty()).unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let response = app.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes().to_vec();
    Answer { status: parts.status, headers: parts.headers, bytes }
}
