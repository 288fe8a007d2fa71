//! Verdicts of one assessment, compared with what was made. All differences are told at once.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

/// Says that something could not be made here.
pub fn skipped(what: &str, why: &str) {
    eprintln!("skipped: {what}: {why}");
}

/// One assessment and what did not come out as it should.
pub struct Judged {
    findings: BTreeMap<(String, String), Value>,
    sources: Value,
    wrong: Vec<String>,
}

impl Judged {
    /// Findings by check and by the asset's name; of a host or an engine, of which there is one, also by its kind.
    pub fn new(report: &Value) -> Self {
        let mut findings = BTreeMap::new();
        for finding in report["findings"].as_array().expect("findings") {
            let text = |pointer: &str| finding.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
            let kind = text("/asset/kind");
            if kind == "host" || kind == "docker.engine" {
                findings.insert((text("/check/id"), kind), finding.clone());
            }
            findings.insert((text("/check/id"), text("/asset/name")), finding.clone());
        }
        Judged { findings, sources: report["sources"].clone(), wrong: Vec::new() }
    }

    /// Whole finding of a check on an asset.
    pub fn finding(&self, check: &str, asset: &str) -> Option<&Value> {
        self.findings.get(&(check.to_owned(), asset.to_owned()))
    }

    /// Verdict of a check on an asset; empty when there is none.
    pub fn verdict(&self, check: &str, asset: &str) -> &str {
        self.finding(check, asset).and_then(|f| f["verdict"].as_str()).unwrap_or_default()
    }

    pub fn fails(&mut self, asset: &str, checks: &[&str]) {
        self.each("fail", asset, checks);
    }

    pub fn passes(&mut self, asset: &str, checks: &[&str]) {
        self.each("pass", asset, checks);
    }

    pub fn not_applicable(&mut self, asset: &str, checks: &[&str]) {
        self.each("not-applicable", asset, checks);
    }

    pub fn unknown(&mut self, asset: &str, checks: &[&str]) {
        self.each("unknown", asset, checks);
    }

    /// As [`Judged::fails`] where the machine could be brought to it, else a note.
    pub fn fails_if(&mut self, made: Result<(), String>, asset: &str, checks: &[&str]) {
        match made {
            Ok(()) => self.fails(asset, checks),
            Err(why) => eprintln!("skipped: {} on {asset}: {why}", checks.join(", ")),
        }
    }

    /// As [`Judged::passes`] where the machine could be brought to it, else a note.
    pub fn passes_if(&mut self, made: Result<(), String>, asset: &str, checks: &[&str]) {
        match made {
            Ok(()) => self.passes(asset, checks),
            Err(why) => eprintln!("skipped: {} on {asset}: {why}", checks.join(", ")),
        }
    }

    fn each(&mut self, wanted: &str, asset: &str, checks: &[&str]) {
        for check in checks {
            let got = self.verdict(check, asset).to_owned();
            if got != wanted {
                let mut line = format!(
                    "{check} on {asset}: wanted {wanted}, got {}",
                    if got.is_empty() { "no finding" } else { &got }
                );
                if let Some(finding) = self.finding(check, asset) {
                    let facts = finding["facts"].to_string();
                    let facts: String = facts.chars().take(600).collect();
                    let _ = write!(line, " ({}) {facts}", finding["reason"].as_str().unwrap_or_default());
                }
                self.wrong.push(line);
            }
        }
    }

    /// Adds a difference found in another way.
    pub fn wrong(&mut self, what: String) {
        self.wrong.push(what);
    }

    /// # Panics
    /// When anything came out wrong, with all of it.
    pub fn finish(self) {
        assert!(
            self.wrong.is_empty(),
            "{} wrong:\n{}\nsources: {}",
            self.wrong.len(),
            self.wrong.join("\n"),
            self.sources
        );
    }
}
