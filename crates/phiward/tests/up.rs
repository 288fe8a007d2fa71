//! `phiward up`: serves, watches, keeps, and survives.

mod common;

use std::process::Command;
use std::time::{Duration, Instant};

use common::{Folder, Up, docker, errors, phiward, run};
use serde_json::Value;

#[test]
fn it_serves_on_loopback_only() {
    let data = Folder::new();
    for address in ["0.0.0.0:0", "192.0.2.1:4472", "[::]:0"] {
        let output = run(&data, &["up", "--listen", address]);
        assert_eq!(output.status.code(), Some(2), "{address}");
        assert!(errors(&output).contains("other machines could reach it"), "{}", errors(&output));
    }
}

#[test]
fn foreign_hosts_and_origins_are_refused() {
    let data = Folder::new();
    let up = Up::start(&data, &[]);
    assert_eq!(up.get("/healthz").0, 200);
    assert_eq!(up.get_with("/", &[("Host", "evil.example")]).0, 421);
    assert_eq!(up.get_with("/api/v1/assets", &[("Host", "evil.example:80")]).0, 421);
    assert_eq!(up.get_with("/api/v1/assets", &[("Origin", "http://evil.example")]).0, 403);
    assert_eq!(up.get_with("/api/v1/assets", &[("Origin", "null")]).0, 403);
    assert_eq!(up.stop(), 0);
}

#[test]
fn a_second_one_on_the_same_folder_is_refused() {
    let data = Folder::new();
    let _up = Up::start(&data, &[]);
    let second = run(&data, &["up", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(2));
    assert!(errors(&second).contains("another phiward is running"), "{}", errors(&second));
}

#[test]
fn the_host_is_judged_and_the_missing_engine_is_said_on_page_and_terminal() {
    let data = Folder::new();
    let up = Up::start(&data, &["--docker-host", "unix:///nonexistent/docker.sock"]);
    up.wait_source("host");
    up.until("/api/v1/sources", 10, |body| {
        let docker = body["items"].as_array()?.iter().find(|s| s["collector"] == "docker")?;
        (docker["state"] == "failed" && docker["help"].as_str().is_some_and(|h| !h.is_empty())).then_some(())
    });
    let (_, page) = up.get("/");
    assert!(page.contains("/nonexistent/docker.sock"), "the overview does not say which engine is missing");
    assert!(up.said().contains("could not be read") && up.said().contains("to mend it"), "{}", up.said());
    let assets = up.json("/api/v1/assets");
    assert_eq!(assets["items"].as_array().expect("items").len(), 1);
    assert_eq!(assets["items"][0]["kind"], "host");
    let posture = up.json("/api/v1/posture");
    let backup = posture["categories"]
        .as_array()
        .expect("categories")
        .iter()
        .find(|c| c["category"] == "data-backup")
        .expect("there");
    assert_eq!(backup["connected"], false);
    assert!(backup["population"].is_null());
}

#[test]
fn what_was_judged_outlives_a_kill_and_keeps_its_beginning() {
    let data = Folder::new();
    let args = ["--docker-host", "unix:///nonexistent/docker.sock"];
    let up = Up::start(&data, &args);
    up.wait_source("host");
    let first = up.json("/api/v1/findings?limit=500");
    up.kill();
    let up = Up::start(&data, &args);
    let again = up.json("/api/v1/findings?limit=500");
    let since = |body: &Value| -> Vec<(String, String)> {
        let items = body["items"].as_array().expect("items").iter();
        items.map(|f| (f["check"].to_string(), f["since"].to_string())).collect()
    };
    let (before, after) = (since(&first), since(&again));
    assert!(!before.is_empty());
    for finding in &before {
        assert!(after.contains(finding), "{finding:?} is lost or began anew");
    }
}

#[test]
fn killed_at_any_time_the_database_opens() {
    let data = Folder::new();
    for delay in [0, 5, 20, 60, 120, 250, 400, 700] {
        let up = Up::start(&data, &[]);
        std::thread::sleep(Duration::from_millis(delay));
        up.kill();
    }
    let up = Up::start(&data, &[]);
    up.wait_source("host");
    assert_eq!(up.get("/readyz").0, 200);
    // The tally of each check equals what the assets themselves say.
    let checks = up.json("/api/v1/checks");
    let findings = up.json("/api/v1/findings?verdict=fail&limit=500");
    let failing: i64 =
        checks["items"].as_array().expect("items").iter().filter_map(|c| c["tally"]["fail"].as_i64()).sum();
    assert_eq!(failing, findings["total"].as_i64().expect("a number"));
}

#[test]
fn postgresql_keeps_the_same_and_hides_its_password() {
    let Some(url) = std::env::var("PHIWARD_TEST_POSTGRES").ok() else {
        assert!(std::env::var_os("PHIWARD_TEST_REQUIRE_POSTGRES").is_none(), "PHIWARD_TEST_POSTGRES is not set");
        eprintln!("skipped: PHIWARD_TEST_POSTGRES is not set");
        return;
    };
    let data = Folder::new();
    let secret = url.replacen("postgres://phiward@", "postgres://phiward:hunter2@", 1);
    let up = Up::start(&data, &["--database", &secret, "--docker-host", "unix:///nonexistent/docker.sock"]);
    up.wait_source("host");
    assert!(up.json("/api/v1/findings")["total"].as_i64().is_some_and(|n| n > 0));
    assert!(!up.said().contains("hunter2"), "{}", up.said());
    assert_eq!(up.stop(), 0);
    assert!(!data.path().join("data/phiward.db").exists());
    let wrong = secret.replace("/postgres", "/no_such_database");
    let output = run(&data, &["up", "--listen", "127.0.0.1:0", "--database", &wrong]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        errors(&output).contains("no_such_database") && !errors(&output).contains("hunter2"),
        "{}",
        errors(&output)
    );
}

#[test]
fn changed_checks_judge_what_is_stored_again() {
    let data = Folder::new();
    let engine = ["--docker-host", "unix:///nonexistent/docker.sock"];
    let up = Up::start(&data, &engine);
    up.wait_source("host");
    assert_eq!(up.stop(), 0);
    data.write(
        "mine/own-name.yaml",
        "id: own-name\ntitle: T\nkind: host\nseverity: critical\npass: facts.hostname == ''\nmessage: m\nremedy: r\nautomation: full\n\
         citations: {hipaa: [\"164.312(b)\"]}\nrationale: x\nexamples: {pass: [{hostname: ''}], fail: [{hostname: a}]}\n",
    );
    // The host is not read this time: only what is stored can be judged.
    let mut command = phiward(&data);
    command
        .env("PHIWARD_HOST_ENABLED", "false")
        .args(["up", "--listen", "127.0.0.1:0", "--checks", "mine"])
        .args(engine);
    let mut up = Up::spawn(command);
    up.wait_for("judged again");
    assert_eq!(up.json("/api/v1/findings?check=own-name")["total"], 1);
}

#[test]
fn events_stream_and_resume() {
    if !docker::available() {
        return;
    }
    let data = Folder::new();
    let up = Up::start(&data, &[]);
    up.wait_source("docker");
    let last = up.json("/api/v1/changes?limit=1")["items"][0]["id"].as_i64().expect("an id");
    let mut made = docker::Made::default();
    made.run("phiward-test-events", &["--pid", "host"], &[]);
    let started = Instant::now();
    up.until("/api/v1/findings?check=host-pid-namespace-not-shared&limit=500", 5, |body| {
        body["items"].as_array()?.iter().any(|f| f["asset"]["name"] == "phiward-test-events").then_some(())
    });
    assert!(started.elapsed() < Duration::from_secs(2));
    // A client that comes back gets what it missed.
    let address = up.address.trim_start_matches("http://").to_owned();
    let output = Command::new("curl")
        .args([
            "-sN",
            "--max-time",
            "2",
            "-H",
            &format!("Last-Event-ID: {last}"),
            &format!("http://{address}/api/v1/events"),
        ])
        .output()
        .expect("curl runs");
    let stream = String::from_utf8_lossy(&output.stdout);
    assert!(stream.contains("phiward-test-events"), "{stream}");
}

#[test]
fn the_interface_describes_itself_and_answers_conditionally() {
    let data = Folder::new();
    let up = Up::start(&data, &["--docker-host", "unix:///nonexistent/docker.sock"]);
    up.wait_source("host");
    let document = up.json("/api/openapi.json");
    assert!(document["openapi"].as_str().is_some_and(|v| v.starts_with("3.1")));
    for (path, item) in document["paths"].as_object().expect("paths") {
        let required = |item: &Value| {
            item["get"]["parameters"].as_array().is_some_and(|p| p.iter().any(|p| p["required"] == true))
        };
        if !required(item) && !path.ends_with("/events") {
            assert_eq!(up.get(path).0, 200, "{path}");
        }
    }
    let (status, body) = up.get("/api/v1/checks/no-such-check");
    let problem: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, problem["status"].as_i64()), (404, Some(404)));
    assert!(problem["title"].is_string() && problem["detail"].is_string());
    let metrics = up.get("/metrics").1;
    assert!(metrics.contains("# TYPE") && metrics.contains("phiward_"), "{metrics}");
}
