//! What goes wrong in practice: the engine stops, events are lost, the disk is full, objects vanish or are odd.

mod common;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::dockerd::{self, Engine, Setup};
use common::{Folder, Up, assess, docker, verdict};
use serde_json::Value;

fn source<'v>(body: &'v Value, collector: &str) -> Option<&'v Value> {
    body["items"].as_array()?.iter().find(|s| s["collector"] == collector)
}

#[test]
fn an_engine_that_stops_and_comes_back_is_followed() {
    if !docker::available() {
        return;
    }
    if !dockerd::possible() {
        return;
    }
    let engine = Engine::start(&Setup::default()).expect("an engine of one's own");
    engine.load_image();
    engine.ok(&["run", "-d", "--name", "before", docker::IMAGE, "sleep", "3600"]);
    let data = Folder::new();
    let up = Up::start(&data, &["--docker-host", &engine.address()]);
    up.wait_source("docker");
    up.until("/api/v1/assets?kind=docker.container", 10, |b| (b["total"] == 1).then_some(()));

    let address = engine.address();
    let folder = engine.stop();
    up.until("/api/v1/sources", 15, |b| (source(b, "docker")?["watch"] == "reconnecting").then_some(()));
    up.until("/api/v1/sources", 15, |b| (source(b, "docker")?["state"] == "failed").then_some(()));
    // What was judged stays: it is not seen now, which is not the same as gone.
    assert_eq!(up.json("/api/v1/assets?kind=docker.container")["total"], 1);
    let overview = up.get("/").1;
    assert!(
        overview.contains(address.trim_start_matches("unix://")),
        "the overview says nothing of the engine that is away"
    );

    let engine = Engine::start_in(folder, &Setup::default()).expect("the engine comes back");
    assert_eq!(engine.address(), address);
    up.until("/api/v1/sources", 30, |b| {
        let s = source(b, "docker")?;
        (s["state"] != "failed" && s["watch"] == "live").then_some(())
    });
    // The engine's memory of events went with it: that is noticed, said, and healed by a whole reading.
    up.until("/api/v1/sources", 15, |b| (!source(b, "docker")?["event_gap"]["healed"].is_null()).then_some(()));
    engine.ok(&["run", "-d", "--name", "after", "--pid=host", docker::IMAGE, "sleep", "3600"]);
    up.until("/api/v1/findings?check=host-pid-namespace-not-shared", 10, |b| (b["total"] == 1).then_some(()));
    assert_eq!(up.stop(), 0);
}

#[test]
fn lost_events_are_noticed_and_healed() {
    if !docker::available() {
        return;
    }
    if !dockerd::possible() {
        return;
    }
    let engine = Engine::start(&Setup::default()).expect("an engine of one's own");
    engine.load_image();
    let data = Folder::new();
    // A relay stands between, so that the connection can be cut while the engine lives on.
    let relay = Relay::start(&data, engine.socket().display().to_string());
    let up = Up::start(&data, &["--docker-host", &format!("unix://{}", relay.path)]);
    up.wait_source("docker");
    // One event that was seen, so that there is something to miss after it.
    engine.ok(&["volume", "create", "seen"]);
    up.until("/api/v1/assets?kind=docker.volume", 10, |b| (b["total"] == 1).then_some(()));

    relay.cut(true);
    up.until("/api/v1/sources", 15, |b| (source(b, "docker")?["watch"] == "reconnecting").then_some(()));
    // More than the engine remembers: volumes give one event each and cost little.
    for chunk in 0..30 {
        let names: Vec<String> = (0..10).map(|i| format!("v{chunk}-{i}")).collect();
        let script = names
            .iter()
            .map(|n| format!("docker -H {} volume create {n} >/dev/null", engine.address()))
            .collect::<Vec<_>>()
            .join(" && ");
        assert!(Command::new("sh").args(["-c", &script]).status().expect("runs").success());
    }
    relay.cut(false);
    let gap = up.until("/api/v1/sources", 30, |b| {
        source(b, "docker")?.get("event_gap").filter(|g| !g.is_null() && !g["healed"].is_null()).cloned()
    });
    assert!(gap["why"].as_str().is_some_and(|w| w.contains("remember") || w.contains("replayed")), "{gap}");
    up.until("/api/v1/assets?kind=docker.volume", 10, |b| (b["total"] == 301).then_some(()));
    assert!(up.get("/sources").1.contains("Missed events"), "the page of sources does not tell of the gap");
}

/// Passes a socket on to another, until it is cut.
struct Relay {
    path: String,
    cut: Arc<AtomicBool>,
}

impl Relay {
    fn start(folder: &Folder, target: String) -> Self {
        use std::net::Shutdown;
        use std::os::unix::net::{UnixListener, UnixStream};
        let path = folder.path().join("relay.sock").display().to_string();
        let listener = UnixListener::bind(&path).expect("a socket");
        let cut = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&cut);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if seen.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = UnixStream::connect(&target) else { continue };
                for (mut from, mut to) in
                    [(client.try_clone(), server.try_clone()), (server.try_clone(), client.try_clone())]
                        .into_iter()
                        .filter_map(|(a, b)| Some((a.ok()?, b.ok()?)))
                {
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || {
                    while !seen.load(Ordering::SeqCst) {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    let _ = client.shutdown(Shutdown::Both);
                    let _ = server.shutdown(Shutdown::Both);
                });
            }
        });
        Relay { path, cut }
    }

    fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::SeqCst);
    }
}

#[test]
fn a_full_disk_is_said_and_nothing_judged_is_lost() {
    if !docker::available() {
        return;
    }
    let data = Folder::new();
    let disk = data.path().join("data");
    std::fs::create_dir_all(&disk).expect("made");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"]).arg(&disk).status();
    if !mounted.is_ok_and(|s| s.success()) {
        eprintln!("skipped: a small disk cannot be mounted here");
        return;
    }
    let _unmount = Unmount(disk.clone());
    let mut up = Up::start(&data, &[]);
    up.wait_source("docker");
    up.wait_source("host");
    let before = up.json("/api/v1/findings?verdict=fail")["total"].as_i64().expect("a number");
    // Nothing is left.
    let fill = disk.join("fill");
    let _ = Command::new("sh").args(["-c", &format!("head -c 64m /dev/zero > {}", fill.display())]).output();
    let mut made = docker::Made::default();
    for i in 0..6 {
        made.run(
            &format!("phiward-test-full-{i}"),
            &["--pid", "host", "-e", &format!("LONG={}", "x".repeat(60_000))],
            &[],
        );
    }
    up.wait_for("could not be kept");
    assert_eq!(up.get("/healthz").0, 200);
    assert!(
        up.json("/api/v1/findings?verdict=fail")["total"].as_i64().is_some_and(|n| n >= before),
        "what was judged is lost"
    );
    std::fs::remove_file(&fill).expect("removed");
    up.until("/api/v1/findings?check=host-pid-namespace-not-shared&search=phiward-test-full", 30, |b| {
        (b["total"] == 6).then_some(())
    });
    assert_eq!(up.stop(), 0);
}

struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn containers_that_come_and_go_are_no_error() {
    if !docker::available() {
        return;
    }
    let data = Folder::new();
    let done = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&done);
    let churn = std::thread::spawn(move || {
        while !stop.load(Ordering::SeqCst) {
            docker::docker(&["run", "--rm", "--name", "phiward-test-brief", docker::IMAGE, "true"]);
        }
    });
    for _ in 0..8 {
        let report = assess(&data, &["--kind", "docker.container"]);
        for source in report["sources"].as_array().expect("sources") {
            let text = source.to_string();
            assert!(!text.contains("No such container") && !text.contains("phiward-test-brief"), "{text}");
        }
    }
    done.store(true, Ordering::SeqCst);
    churn.join().expect("ended");
    docker::docker(&["rm", "-f", "phiward-test-brief"]);
}

#[test]
fn ten_thousand_variables_and_odd_bytes_are_judged_like_any_other() {
    if !docker::available() {
        return;
    }
    let data = Folder::new();
    let mut made = docker::Made::default();
    let lines: String = (0..10_000).map(|i| format!("VARIABLE_{i}=value\n")).collect();
    let file = data.write("env", &(lines + "LAST_PASSWORD=hidden\n"));
    made.create("phiward-test-many", &["--env-file", file.to_str().expect("a path")]);
    // A file and a program whose names are no UTF-8, made in the container.
    made.run(
        "phiward-test-bytes",
        &[],
        &[
            "sh",
            "-c",
            "touch \"$(printf '/odd-\\377\\376')\"; cat /bin/busybox > \"$(printf '/tmp-\\377')\"; sleep 3600",
        ],
    );
    std::thread::sleep(Duration::from_millis(500));
    let report = assess(&data, &["--kind", "docker.container"]);
    assert_eq!(verdict(&report, "environment-holds-no-secrets", "phiward-test-many"), "fail");
    assert_eq!(verdict(&report, "container-is-stateless", "phiward-test-bytes"), "fail");
    let facts = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .find(|f| f["asset"]["name"] == "phiward-test-many" && f["check"]["id"] == "environment-holds-no-secrets");
    assert_eq!(facts.expect("there")["facts"]["environment_secrets"].as_array().map(Vec::len), Some(1));
}
