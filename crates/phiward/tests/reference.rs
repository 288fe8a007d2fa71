//! Generated pages and schemas are in step with the code. `UPDATE=1` writes them anew.

mod common;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use common::content::content;
use common::{Folder, run, text};
use phiward_core::words::Severity;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compares a generated text with the file, or writes it.
fn in_step(path: &str, generated: &str) {
    let file = root().join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(file.parent().expect("a parent")).expect("folder made");
        std::fs::write(&file, generated).expect("written");
    }
    let stored = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(stored == generated, "{path} is out of step with the code; `make docs` writes it anew");
}

#[test]
fn schemas_of_facts() {
    for kind in phiward_collect::kinds() {
        let mut json = serde_json::to_string_pretty(&kind.schema).expect("JSON");
        json.push('\n');
        in_step(&format!("content/schema/{}.json", kind.kind), &json);
    }
}

#[test]
fn list_of_checks() {
    let content = content();
    let mut page =
        String::from("# Checks\n\nGenerated from `content/checks/` by `make docs`. Worst first within each kind.\n");
    let kinds: std::collections::BTreeSet<&str> = content.checks().iter().map(|c| c.kind.as_str()).collect();
    for kind in kinds {
        let mut checks: Vec<_> = content.checks().iter().filter(|c| c.kind == kind).collect();
        checks.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.id.cmp(&b.id)));
        let _ = writeln!(
            page,
            "\n## {kind}\n\n| severity | check | states | decided by | citations |\n| --- | --- | --- | --- | --- |"
        );
        for check in checks {
            let by = if check.automatic() { "phiward" } else { "a person" };
            let _ = writeln!(
                page,
                "| {} | `{}` | {} | {by} | {} |",
                check.severity.as_str(),
                check.id,
                check.title,
                check.citation_line()
            );
        }
    }
    let automatic = content.checks().iter().filter(|c| c.automatic()).count();
    let of = |severity: Severity| content.checks().iter().filter(|c| c.automatic() && c.severity == severity).count();
    let counts: Vec<String> = Severity::ALL.iter().map(|s| format!("{} {}", of(*s), s.as_str())).collect();
    let _ = writeln!(
        page,
        "\n{automatic} decided by phiward ({}), {} by a person.",
        counts.join(", "),
        content.checks().len() - automatic
    );
    in_step("docs/reference/checks.md", &page);
}

#[test]
fn list_of_controls() {
    let content = content();
    let mut page = String::from(
        "# Controls and the checks that serve them\n\nGenerated from `content/` by `make docs`. No check decides a control alone unless it says `full`.\n",
    );
    for framework in content.frameworks() {
        let _ = writeln!(
            page,
            "\n## {}\n\n{}\n\n| control | name | requirement | automation | checks |\n| --- | --- | --- | --- | --- |",
            framework.title, framework.source
        );
        for control in &framework.controls {
            let checks: Vec<String> = content
                .checks_for_control(control, false)
                .iter()
                .filter(|c| c.automatic())
                .map(|c| format!("`{}`", c.id))
                .collect();
            let served = if checks.is_empty() { "a person must state it".to_owned() } else { checks.join(" ") };
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} | {served} |",
                control.id,
                control.name,
                control.requirement,
                control.automation.as_str()
            );
        }
    }
    in_step("docs/reference/controls.md", &page);
}

#[test]
fn list_of_commands() {
    let data = Folder::new();
    let mut page = String::from("# Commands\n\nGenerated from `--help` by `make docs`.\n");
    let commands: [&[&str]; 12] = [
        &[],
        &["up"],
        &["assess"],
        &["checks"],
        &["checks", "list"],
        &["checks", "lint"],
        &["checks", "test"],
        &["controls", "list"],
        &["controls", "show"],
        &["demo"],
        &["demo", "up"],
        &["config"],
    ];
    for command in commands {
        let help = text(&run(&data, &[command, &["--help"]].concat()), 0);
        let _ = writeln!(page, "\n## phiward {}\n\n```text\n{}\n```", command.join(" "), help.trim_end());
    }
    in_step(
        "docs/reference/commands.md",
        &page.replace("##  phiward", "## phiward").replace("## phiward \n", "## phiward\n"),
    );
}
