//! The command line: what it says, what it exits with, how it is configured.

mod common;

use common::{Folder, errors, phiward, run, text};

const OWN: &str = r#"id: own-check
title: Host answers to the name of the ward
kind: host
severity: info
pass: facts.hostname == "ward"
message: The host has another name
remedy: hostnamectl set-hostname ward
automation: full
citations: {hipaa: ["164.310(d)(2)(iii)"], nist-800-53r5: [CM-8]}
rationale: Names help people find machines.
examples: {pass: [{hostname: ward}], fail: [{hostname: x}], unknown: [{}]}
"#;

#[test]
fn usage_errors_exit_with_2_and_say_what_to_do() {
    let data = Folder::new();
    for args in [&["assess", "--format", "pdf"][..], &["nonsense"], &["assess", "--fail-on", "bad"]] {
        let output = run(&data, args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(errors(&output).contains("error:"), "{}", errors(&output));
    }
    let typo = run(&data, &["assess", "--check", "docker-socket-mounted"]);
    assert_eq!(typo.status.code(), Some(2));
    assert!(
        errors(&typo).contains("did you mean") && errors(&typo).contains("docker-socket-not-mounted"),
        "{}",
        errors(&typo)
    );
    let kind = run(&data, &["assess", "--kind", "docker.contaner"]);
    assert_eq!(kind.status.code(), Some(2));
    assert!(errors(&kind).contains("the kinds are"), "{}", errors(&kind));
}

#[test]
fn a_bad_check_file_is_refused_with_line_and_column() {
    let data = Folder::new();
    data.write("mine/own-check.yaml", &OWN.replace("facts.hostname", "facts.hostnam"));
    let output = run(&data, &["assess", "--checks", "mine"]);
    assert_eq!(output.status.code(), Some(2));
    let said = errors(&output);
    assert!(
        said.contains("own-check.yaml:5:12:") && said.contains("no field `hostnam`; did you mean `hostname`?"),
        "{said}"
    );
}

#[test]
fn a_check_of_ones_own_is_linted_tested_listed_and_judged() {
    let data = Folder::new();
    data.write("mine/own-check.yaml", OWN);
    assert!(text(&run(&data, &["checks", "lint", "mine"]), 0).contains("1 check, no problems"));
    assert!(text(&run(&data, &["checks", "test", "mine"]), 0).contains("3 examples"));
    assert!(text(&run(&data, &["--checks", "mine", "checks", "list"]), 0).contains("own-check (yours)"));
    let report = common::assess(&data, &["--checks", "mine", "--check", "own-check"]);
    assert_eq!(report["findings"].as_array().expect("findings").len(), 1);
    assert_eq!(report["findings"][0]["check"]["id"], "own-check");
}

#[test]
fn an_override_is_shown() {
    let data = Folder::new();
    let own = OWN
        .replace("own-check", "docker-socket-not-mounted")
        .replace("kind: host", "kind: docker.container")
        .replace("facts.hostname == \"ward\"", "facts.name == \"ward\"");
    data.write("mine/docker-socket-not-mounted.yaml", &own.replace("hostname", "name"));
    let listed = text(&run(&data, &["--checks", "mine", "checks", "list"]), 0);
    assert!(listed.contains("stands in place of the built-in check"), "{listed}");
    let shown = text(&run(&data, &["--checks", "mine", "checks", "show", "docker-socket-not-mounted"]), 0);
    assert!(shown.contains("in place of the built-in check"), "{shown}");
}

#[test]
fn a_wrong_example_fails_the_test() {
    let data = Folder::new();
    data.write("mine/own-check.yaml", &OWN.replace("fail: [{hostname: x}]", "fail: [{hostname: ward}]"));
    let output = run(&data, &["checks", "test", "mine"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stdout).contains("should give fail, but gives pass"));
}

#[test]
fn controls_name_the_checks_that_serve_them() {
    let data = Folder::new();
    let shown = text(&run(&data, &["controls", "show", "164.312(e)(1)"]), 0);
    assert!(shown.contains("Transmission security") && shown.contains("Checks that serve it"), "{shown}");
    let unknown = run(&data, &["controls", "show", "164.999"]);
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn configuration_rises_from_file_to_variable_to_flag_and_shows_its_sources() {
    let data = Folder::new();
    data.write("phiward.toml", "title = \"from file\"\nreconcile_minutes = 7\ndatabase = \"postgres://u:hunter2@db/x\"\n[docker]\nhost = \"unix:///from/file.sock\"\n");
    let output = phiward(&data)
        .env("PHIWARD_RECONCILE_MINUTES", "9")
        .env("PHIWARD_DOCKER_HOST", "unix:///from/variable.sock")
        .args(["--docker-host", "unix:///from/flag.sock", "config", "show"])
        .output()
        .expect("starts");
    let shown = text(&output, 0);
    let line = |key: &str| {
        shown.lines().find(|l| l.starts_with(key)).unwrap_or_else(|| panic!("no {key} in {shown}")).to_owned()
    };
    assert!(line("title").contains("from file") && line("title").contains("phiward.toml"), "{shown}");
    assert!(
        line("reconcile_minutes").contains('9') && line("reconcile_minutes").contains("PHIWARD_RECONCILE_MINUTES"),
        "{shown}"
    );
    assert!(line("docker.host").contains("flag.sock") && line("docker.host").contains("command line"), "{shown}");
    assert!(line("freshness_minutes").contains("default"), "{shown}");
    assert!(!shown.contains("hunter2"), "a password is shown: {shown}");
}

#[test]
fn an_unknown_key_is_refused_by_name_and_file() {
    let data = Folder::new();
    data.write("phiward.toml", "reconcile_minuts = 7\n");
    let output = run(&data, &["config", "show"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        errors(&output).contains("reconcile_minuts") && errors(&output).contains("phiward.toml"),
        "{}",
        errors(&output)
    );
}

#[test]
fn completions_and_manual_page_name_every_command() {
    let data = Folder::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(text(&run(&data, &["completions", shell]), 0).contains("assess"), "{shell}");
    }
    let page = text(&run(&data, &["man"]), 0);
    assert!(page.contains(".TH phiward") && page.contains("assess"));
}

#[test]
fn colour_stays_off_when_output_is_no_terminal() {
    let data = Folder::new();
    let shown = text(&run(&data, &["assess", "--kind", "host"]), 0);
    assert!(!shown.contains('\u{1b}'), "escape codes in piped output");
}
