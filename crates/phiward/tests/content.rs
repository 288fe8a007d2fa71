//! The content that ships: complete, honest, and in step with the rule's own tables where those are at hand.

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use common::content::content;
use common::{Folder, reference, run, text};

/// Column `column` of every row of a table with a heading line.
fn column(path: &Path, column: usize) -> Vec<String> {
    let table = std::fs::read_to_string(path).expect("text");
    table.lines().skip(1).filter_map(|l| l.split('\t').nth(column)).map(str::to_owned).collect()
}

#[test]
fn every_check_passes_lint_and_its_own_examples() {
    let data = Folder::new();
    assert!(text(&run(&data, &["checks", "lint"]), 0).contains("no problems"));
    assert!(text(&run(&data, &["checks", "test"]), 0).contains("all give the verdict they should"));
}

#[test]
fn there_are_at_least_140_automatic_checks_with_all_three_kinds_of_citation() {
    let content = content();
    let automatic: Vec<_> = content.checks().iter().filter(|c| c.automatic()).collect();
    assert!(automatic.len() >= 140, "only {}", automatic.len());
    for check in content.checks() {
        assert!(!check.cites("nist-800-53r5").is_empty(), "{} cites no control of NIST SP 800-53", check.id);
    }
}

#[test]
fn every_check_lies_in_the_folder_of_its_kind() {
    for check in content().checks() {
        assert_eq!(check.origin, format!("checks/{}/{}.yaml", check.kind, check.id));
    }
}

#[test]
fn the_whole_rule_and_the_papers_rows_are_in_the_catalogue() {
    let content = content();
    let ids = |framework: &str| -> Vec<String> {
        let found = content.frameworks().iter().find(|f| f.framework == framework).expect("a catalogue");
        found.controls.iter().map(|c| c.id.clone()).collect()
    };
    assert_eq!(ids("paper").len(), 31);
    if let Some(path) = reference("hipaa-security-rule.tsv") {
        assert_eq!(ids("hipaa"), column(&path, 0));
    }
    if let Some(path) = reference("hipaa-seed-controls.tsv") {
        let rows: Vec<String> = column(&path, 0).iter().map(|row| format!("paper-{row}")).collect();
        assert_eq!(ids("paper"), rows);
    }
}

/// Rows of the benchmark that no longer mean anything: a product that is gone, and the tool's own examples.
fn obsolete(id: &str) -> bool {
    id.starts_with("8.") || id.starts_with("C.1")
}

#[test]
fn every_row_of_the_docker_benchmark_is_covered() {
    let Some(path) = reference("cis-docker.tsv") else { return };
    let content = content();
    let cited: BTreeSet<&str> =
        content.checks().iter().flat_map(|c| c.cites("cis-docker-1.6")).map(String::as_str).collect();
    let rows = column(&path, 0);
    let missing: Vec<&String> = rows.iter().filter(|id| !obsolete(id) && !cited.contains(id.as_str())).collect();
    assert!(missing.is_empty(), "no check cites {missing:?}");
    let unknown: Vec<&&str> = cited.iter().filter(|id| !rows.iter().any(|r| r == **id)).collect();
    assert!(unknown.is_empty(), "checks cite {unknown:?}, which the benchmark does not have");
}

#[test]
fn cited_nist_controls_exist() {
    let Some(path) = reference("nist-800-53r5-high.tsv") else { return };
    let known: BTreeSet<String> = column(&path, 0).into_iter().collect();
    for check in content().checks() {
        for id in check.cites("nist-800-53r5") {
            assert!(known.contains(id), "{} cites {id}, which is not in the catalogue", check.id);
        }
    }
}

#[test]
fn no_control_that_asks_for_people_claims_full_automation() {
    use phiward_core::check::Automation;
    for framework in content().frameworks() {
        for control in &framework.controls {
            let paper = ["164.308(a)(2)", "164.308(a)(5)(i)", "164.308(b)", "164.310", "164.314", "164.316", "164.4"];
            let people = paper.iter().any(|p| control.id.starts_with(p));
            assert!(
                !(people && control.automation == Automation::Full),
                "{} cannot be decided by a program",
                control.id
            );
        }
    }
}
