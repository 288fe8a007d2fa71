//! `phiward assess`: what it gives with and without an engine, in each format, and its exit codes.

mod common;

use std::collections::BTreeMap;

use common::{Folder, assess, docker, errors, phiward, run, text, verdict};
use serde_json::Value;

const NO_ENGINE: [&str; 2] = ["--docker-host", "unix:///nonexistent/docker.sock"];

#[test]
fn without_an_engine_the_host_is_judged_and_the_way_to_connect_is_said() {
    let data = Folder::new();
    // Found, not named: a place without any engine.
    let output = phiward(&data)
        .env("PHIWARD_DOCKER_ENABLED", "false")
        .args(["assess", "--format", "json"])
        .output()
        .expect("starts");
    let report: Value = serde_json::from_str(&text(&output, 0)).expect("JSON");
    let kinds: Vec<&str> =
        report["findings"].as_array().expect("findings").iter().filter_map(|f| f["asset"]["kind"].as_str()).collect();
    assert!(!kinds.is_empty() && kinds.iter().all(|k| *k == "host"), "{kinds:?}");

    // Named and not there: the host is still judged, and the command fails, for what was asked was not done.
    let output = phiward(&data).args(["assess"]).args(NO_ENGINE).output().expect("starts");
    let shown = text(&output, 2);
    assert!(shown.contains("Virtual machines"), "the host is missing:\n{shown}");
    assert!(
        errors(&output).contains("/nonexistent/docker.sock") && errors(&output).contains("help:"),
        "{}",
        errors(&output)
    );
}

#[test]
fn every_verdict_is_in_the_json_with_all_that_an_auditor_needs() {
    let data = Folder::new();
    let report = assess(&data, &["--kind", "host"]);
    assert_eq!(report["schema"], "phiward.assessment/1");
    let findings = report["findings"].as_array().expect("findings");
    let checks: Vec<&str> = findings.iter().map(|f| f["check"]["id"].as_str().expect("an id")).collect();
    let unique: std::collections::BTreeSet<&&str> = checks.iter().collect();
    assert_eq!(unique.len(), checks.len(), "a check answers once");
    assert!(checks.len() > 60, "{}", checks.len());
    for finding in findings {
        for key in ["verdict", "severity", "facts", "citations", "remedy", "collected_at"] {
            assert!(!finding[key].is_null(), "{key} is missing in {finding}");
        }
        for key in ["id", "name", "kind", "ephi"] {
            assert!(finding["asset"][key].is_string(), "asset.{key} is missing in {finding}");
        }
        assert!(finding["citations"]["hipaa"].as_array().is_some_and(|c| !c.is_empty()));
        assert_eq!(finding["message"].is_string(), finding["verdict"] == "fail", "{finding}");
        let unknown = finding["verdict"] == "unknown";
        assert_eq!(unknown, finding["reason"].as_str().is_some_and(|r| !r.is_empty()), "{finding}");
    }
    let mut counted: BTreeMap<&str, i64> = BTreeMap::new();
    for finding in findings {
        *counted.entry(finding["verdict"].as_str().expect("a word")).or_default() += 1;
    }
    for (word, count) in counted {
        let key = word.replace('-', "_");
        assert_eq!(report["summary"][key], count, "{word}: {}", report["summary"]);
    }
}

#[test]
fn categories_without_a_source_have_no_number() {
    let data = Folder::new();
    let report = assess(&data, &["--kind", "host"]);
    for category in ["data-backup", "data-center"] {
        let shown = &report["posture"]["categories"][category];
        assert_eq!(shown["connected"], false, "{shown}");
        assert!(shown.get("compliance").is_none_or(Value::is_null), "{shown}");
    }
    let table = text(&run(&data, &["assess", "--kind", "host"]), 0);
    let backup = table.lines().find(|l| l.contains("Data backup")).expect("a line for it");
    assert!(backup.contains("ot connected yet") && !backup.contains('%'), "{backup}");
}

#[test]
fn exit_codes_follow_the_policy() {
    let data = Folder::new();
    // A check that fails everywhere, and one that passes everywhere.
    let own = |id: &str, pass: &str, severity: &str| {
        format!(
            "id: {id}\ntitle: T\nkind: host\nseverity: {severity}\npass: \"{pass}\"\nmessage: m\nremedy: r\nautomation: full\n\
             citations: {{hipaa: [\"164.312(b)\"]}}\nrationale: x\nexamples: {{pass: [], fail: []}}\n"
        )
    };
    data.write("mine/fails.yaml", &own("fails", "facts.hostname == ''", "high"));
    data.write("mine/passes.yaml", &own("passes", "facts.hostname != ''", "critical"));
    data.write("mine/unknown.yaml", &own("unknown", "facts.boot.labels['none'] == ''", "critical"));
    let code = |check: &str, more: &[&str]| {
        let args = [&["assess", "--checks", "mine", "--check", check][..], more].concat();
        run(&data, &args).status.code()
    };
    assert_eq!(code("fails", &[]), Some(0));
    assert_eq!(code("fails", &["--fail-on", "high"]), Some(1));
    assert_eq!(code("fails", &["--fail-on", "low"]), Some(1));
    assert_eq!(code("fails", &["--fail-on", "critical"]), Some(0));
    assert_eq!(code("passes", &["--fail-on", "info"]), Some(0));
    assert_eq!(code("unknown", &["--fail-on", "info"]), Some(0));
    assert_eq!(code("unknown", &["--fail-on", "info", "--fail-on-unknown"]), Some(1));
}

#[test]
fn each_format_is_whole_and_parses() {
    let data = Folder::new();
    let csv = text(&run(&data, &["assess", "--kind", "host", "--format", "csv"]), 0);
    assert!(csv.lines().count() > 60);
    let sarif: Value =
        serde_json::from_str(&text(&run(&data, &["assess", "--kind", "host", "--format", "sarif"]), 0)).expect("JSON");
    assert_eq!(sarif["version"], "2.1.0");
    assert!(sarif["runs"][0]["tool"]["driver"]["rules"].as_array().is_some_and(|r| !r.is_empty()));
    let html = text(&run(&data, &["assess", "--kind", "host", "--format", "html"]), 0);
    assert!(html.contains("</html>") && !html.contains("<script"));
    let file = data.path().join("report.json");
    run(&data, &["assess", "--kind", "host", "--format", "json", "-o", file.to_str().expect("a path")]);
    let written: Value = serde_json::from_str(&std::fs::read_to_string(file).expect("written")).expect("JSON");
    assert_eq!(written["schema"], "phiward.assessment/1");
    let output = run(&data, &["assess", "--kind", "host", "-o", "/nonexistent/folder/report"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_reader_that_stops_early_is_no_error() {
    let data = Folder::new();
    let program = env!("CARGO_BIN_EXE_phiward");
    let output = std::process::Command::new("sh")
        .args(["-c", &format!("{program} assess --kind host --format json | head -c 100; exit 0")])
        .env("PHIWARD_DATA", data.path())
        .output()
        .expect("starts");
    assert!(!errors(&output).contains("panicked") && !errors(&output).contains("error:"), "{}", errors(&output));
}

#[test]
fn secrets_never_reach_a_report() {
    if !docker::available() {
        return;
    }
    let data = Folder::new();
    let mut made = docker::Made::default();
    const SECRET: &str = "correct-horse-battery-staple";
    made.run(
        "phiward-test-secret",
        &["-e", &format!("DB_PASSWORD={SECRET}"), "-e", &format!("URL=postgres://u:{SECRET}@db/x")],
        &[],
    );
    for format in ["json", "csv", "sarif", "html", "table"] {
        let output = run(&data, &["assess", "--format", format]);
        let all = text(&output, 0) + &errors(&output);
        assert!(!all.contains(SECRET), "the secret is in the {format} report");
        assert!(format != "json" || all.contains("DB_PASSWORD"), "the variable's name is missing");
    }
    let report = assess(&data, &["--check", "environment-holds-no-secrets"]);
    assert_eq!(verdict(&report, "environment-holds-no-secrets", "phiward-test-secret"), "fail");
}
