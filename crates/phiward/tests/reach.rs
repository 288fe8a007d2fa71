//! How an engine is found, and what happens when it cannot be reached: contexts, no right to the socket, no engine, one
//! that never answers, and answers that are no engine's. TLS is in `engine.rs`, which has engines of its own.

mod common;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use common::judged::Judged;
use common::machine::Machine;
use common::{Folder, docker, errors, phiward, text};
use serde_json::Value;

/// `docker.socket` in a context, by name and as the current one.
#[test]
fn a_docker_context_leads_to_the_engine() {
    if !docker::available() {
        return;
    }
    let data = Folder::new();
    let config = data.path().join("docker-config").display().to_string();
    let client = |args: &[&str]| {
        let output =
            Command::new("docker").args(["--config", &config]).args(args).output().expect("the docker client runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    client(&["context", "create", "ward", "--docker", "host=unix:///var/run/docker.sock"]);
    let engine = |output: &std::process::Output| {
        let report: Value = serde_json::from_str(&text(output, 0)).expect("JSON");
        assert!(!report["findings"].as_array().expect("findings").is_empty(), "{report}");
        assert_eq!(report["sources"][0]["target"], "unix:///var/run/docker.sock", "{report}");
    };
    let assess = ["assess", "--format", "json", "--kind", "docker.engine"];
    engine(
        &phiward(&data)
            .env("DOCKER_CONFIG", &config)
            .args(assess)
            .args(["--docker-context", "ward"])
            .output()
            .expect("it runs"),
    );
    client(&["context", "use", "ward"]);
    engine(&phiward(&data).env("DOCKER_CONFIG", &config).args(assess).output().expect("it runs"));
    let none = phiward(&data)
        .env("DOCKER_CONFIG", &config)
        .args(assess)
        .args(["--docker-context", "nowhere"])
        .output()
        .expect("it runs");
    assert_eq!(none.status.code(), Some(2));
    assert!(errors(&none).contains("nowhere") && errors(&none).contains("docker context ls"), "{}", errors(&none));
}

#[test]
fn without_the_right_to_the_socket_the_host_is_assessed_and_the_way_out_is_said() {
    if !docker::available() || !common::machine::possible() {
        return;
    }
    // Where anybody can run it from.
    let place = Folder::new();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).expect("mode set");
    let program: PathBuf = place.path().join("phiward");
    fs::copy(env!("CARGO_BIN_EXE_phiward"), &program).expect("copied");
    let run = |args: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program).args(args);
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", "/nonexistent")
            .current_dir("/")
            .output()
            .expect("it runs")
    };
    let output = run(&["assess", "--format", "json"]);
    let report: Value = serde_json::from_str(&text(&output, 0)).expect("JSON");
    let judged = Judged::new(&report);
    assert_eq!(judged.verdict("passwd-file-protected", "host"), "pass");
    assert_eq!(judged.verdict("no-empty-passwords", "host"), "unknown", "what cannot be read is never a pass");
    let source = report["sources"]
        .as_array()
        .expect("sources")
        .iter()
        .find(|s| s["collector"] == "docker")
        .expect("the engine is a source");
    assert_eq!(source["state"], "failed", "{source}");
    assert!(
        source["help"].as_str().is_some_and(|help| help.contains("as root") && help.contains("usermod -aG docker")),
        "{source}"
    );
    // Named, it is a failure of the command.
    let named = run(&["assess", "--docker-host", "unix:///var/run/docker.sock"]);
    assert_eq!(named.status.code(), Some(2), "{}", errors(&named));
    assert!(errors(&named).contains("no permission"), "{}", errors(&named));
}

#[test]
fn without_any_engine_the_host_is_assessed() {
    if !common::machine::possible() {
        return;
    }
    let machine = Machine::new();
    machine.file("etc/passwd", 0o644, "root:x:0:0::/root:/bin/sh\n");
    let report = machine.assess(&[]);
    assert_eq!(Judged::new(&report).verdict("passwd-file-protected", "host"), "pass");
    let source = report["sources"]
        .as_array()
        .expect("sources")
        .iter()
        .find(|s| s["collector"] == "docker")
        .expect("the engine is a source");
    assert_eq!(source["state"], "failed", "{source}");
    assert!(source["why"].as_str().is_some_and(|why| why.contains("no Docker engine was found")), "{source}");
    assert!(source["help"].as_str().is_some_and(|help| help.contains("DOCKER_HOST")), "{source}");
    let table = text(&machine.run(&["assess"]), 0);
    assert!(table.contains("no Docker engine was found"), "{table}");
}

/// Runs `assess` against what pretends to be an engine; gives what it said and how long it took.
fn against(address: &str) -> (String, Duration) {
    let data = Folder::new();
    let began = Instant::now();
    let output =
        phiward(&data).args(["assess", "--kind", "docker", "--docker-host", address]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2), "{}", errors(&output));
    (errors(&output), began.elapsed())
}

#[test]
fn a_socket_that_never_answers_ends_in_time() {
    let folder = Folder::new();
    let path = folder.path().join("hung.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    std::thread::spawn(move || {
        // Accepted, read and never answered.
        let mut kept = Vec::new();
        for stream in listener.incoming().flatten() {
            kept.push(stream);
        }
    });
    let (said, took) = against(&format!("unix://{}", path.display()));
    assert!(took < Duration::from_secs(40), "took {took:?}");
    assert!(said.contains("could not be read") && said.contains("hung.sock"), "{said}");
}

#[test]
fn answers_that_are_no_engines_are_refused() {
    let folder = Folder::new();
    let socket = |name: &str, answer: &'static [u8]| {
        let path = folder.path().join(name);
        let listener = UnixListener::bind(&path).expect("a socket");
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = [0_u8; 4096];
                let _ = stream.read(&mut request);
                let _ = stream.write_all(answer);
            }
        });
        format!("unix://{}", path.display())
    };
    let garbage = socket("garbage", b"\x00\xff\xfenonsense\r\n\r\n");
    let page =
        socket("page", b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\nContent-Type: text/html\r\n\r\n<h1>welcome</h1");
    let json =
        socket("json", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Type: application/json\r\n\r\n[1,2,\"x\"]");
    let refusal = socket("refusal", b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    let cut = socket("cut", b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{\"Version\":");
    for address in [garbage, page, json, refusal, cut] {
        let (said, took) = against(&address);
        assert!(said.contains("could not be read") && !said.contains("panicked"), "{address}: {said}");
        assert!(took < Duration::from_secs(40), "{address} took {took:?}");
    }
    // Nobody listens any more; no socket at all.
    let left = folder.path().join("left");
    drop(UnixListener::bind(&left).expect("a socket"));
    assert!(against(&format!("unix://{}", left.display())).0.contains("refused"));
    assert!(against("unix:///nonexistent/docker.sock").0.contains("does not exist"));
    assert!(against("tcp://127.0.0.1:1").0.contains("refused"));
}
