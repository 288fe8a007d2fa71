//! The assessment as SARIF 2.1.0, for code scanning and other tools that read it.
//!
//! Failing findings are results, unknown ones are results of kind `open`, excepted ones are suppressed results. What
//! passes or does not apply is left out: SARIF readers take a long list of passes for noise. Section numbers below
//! are those of the OASIS standard.

use std::collections::HashMap;
use std::io::{self, Write};

use phiward_core::asset::Status;
use phiward_core::finding::{Assessment, Finding, SourceState};
use phiward_core::words::Verdict;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::Options;
use crate::parts::json::pretty;
use crate::parts::summary::{says, sentences, shortfall};
use crate::parts::text::one_line;

mod rules;

use rules::{Rule, level, rules};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Writes the log, result by result: it is never held whole in memory.
pub(crate) fn write(assessment: &Assessment, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let (rules, index) = rules(assessment);
    let log = Log {
        version: "2.1.0",
        schema: SCHEMA,
        runs: [Run {
            tool: Tool {
                driver: Driver { name: "phiward", version: options.version, semantic_version: options.version, rules },
            },
            invocations: [invocation(assessment)],
            results: Results { findings: &assessment.findings, index },
            properties: json!({"contentDigest": assessment.content, "assets": assessment.assets}),
        }],
    };
    pretty(out, &log)?;
    writeln!(out)
}

#[derive(Serialize)]
struct Log<'a> {
    version: &'static str,
    #[serde(rename = "$schema")]
    schema: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
struct Run<'a> {
    tool: Tool<'a>,
    invocations: [Invocation; 1],
    results: Results<'a>,
    properties: Value,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'static str,
    version: &'static str,
    semantic_version: &'static str,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
struct Text {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    markdown: Option<String>,
}

impl Text {
    fn plain(text: String) -> Self {
        Text { text, markdown: None }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    end_time_utc: String,
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Text,
    properties: Value,
}

fn invocation(assessment: &Assessment) -> Invocation {
    // A notification of level `error` says that the run failed (3.20.21), so the two go together.
    let failed = assessment.sources.iter().any(|s| matches!(s.status, Status::Failed { .. }));
    Invocation {
        execution_successful: !failed,
        end_time_utc: assessment.at.to_string(),
        tool_execution_notifications: assessment.sources.iter().filter_map(notification).collect(),
    }
}

fn notification(source: &SourceState) -> Option<Notification> {
    let said = shortfall(source)?;
    let level = if matches!(source.status, Status::Failed { .. }) { "error" } else { "warning" };
    Some(Notification {
        level,
        message: message(&said),
        properties: json!({
            "collector": source.collector, "target": source.target, "state": source.status.word(), "needs": source.needs,
        }),
    })
}

/// A message. Braces are doubled, or they would be placeholders (3.11.5); brackets are escaped where they would make
/// a link (3.11.6), as a name chosen by someone else could.
fn message(text: &str) -> Text {
    let mut text = one_line(text).replace('{', "{{").replace('}', "}}");
    if text.contains("](") {
        text = text.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
    }
    Text::plain(text)
}

struct Results<'a> {
    findings: &'a [Finding],
    index: HashMap<&'a str, usize>,
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.findings.iter().filter_map(|finding| self.result(finding)))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'a> {
    rule_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    kind: &'static str,
    level: &'static str,
    message: Text,
    locations: [Value; 1],
    partial_fingerprints: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressions: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provenance: Option<Value>,
    properties: Properties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties<'a> {
    asset_kind: &'a str,
    owner: &'a str,
    ephi: &'static str,
    collector: &'a str,
    collected_at: String,
    facts: &'a Value,
}

impl<'a> Results<'a> {
    fn result(&self, finding: &'a Finding) -> Option<SarifResult<'a>> {
        let (check, asset) = (&finding.check, &finding.asset);
        // Any kind but `fail` has the level `none` (3.27.10).
        let (kind, level) = match finding.verdict {
            Verdict::Fail | Verdict::Excepted => ("fail", level(check.severity)),
            Verdict::Unknown => ("open", "none"),
            Verdict::Pass | Verdict::NotApplicable => return None,
        };
        let said = match finding.verdict {
            Verdict::Unknown => format!("{}: not known whether this holds: {}", asset.name, check.title),
            _ => format!("{}: {}", asset.name, says(check)),
        };
        let excepted = finding.verdict == Verdict::Excepted;
        Some(SarifResult {
            rule_id: &check.id,
            rule_index: self.index.get(check.id.as_str()).copied(),
            kind,
            level,
            message: message(&sentences(&[said, finding.reason.clone()])),
            locations: [location(finding)],
            partial_fingerprints: json!({"phiwardFinding/v1": fingerprint(&check.id, asset.id.as_str())}),
            suppressions: excepted.then(|| json!([{"kind": "external", "status": "accepted"}])),
            provenance: finding.since.map(|since| json!({"firstDetectionTimeUtc": since.to_string()})),
            properties: Properties {
                asset_kind: &asset.kind,
                owner: &asset.owner,
                ephi: asset.ephi.as_str(),
                collector: &finding.collector,
                collected_at: finding.collected_at.to_string(),
                facts: &finding.facts,
            },
        })
    }
}

/// An asset is no file. Readers that know only files get the asset's id in the form of a relative path, and the first
/// line, which code scanning asks for.
fn location(finding: &Finding) -> Value {
    let asset = &finding.asset;
    let mut logical = json!({"fullyQualifiedName": asset.id.as_str(), "kind": "resource"});
    let name = one_line(&asset.name);
    if !name.is_empty() {
        logical["name"] = json!(name);
    }
    json!({
        "physicalLocation": {
            "artifactLocation": {"uri": path(asset.id.as_str())},
            "region": {"startLine": 1},
        },
        "logicalLocations": [logical],
    })
}

/// `docker/ENGINE/container/ID` for `docker://ENGINE/container/ID`: relative, without dots that climb, and with all
/// but plain characters encoded.
fn path(id: &str) -> String {
    let parts: Vec<String> = id
        .split(['/', '\\'])
        .map(|part| part.trim_end_matches(':'))
        .filter(|part| !part.chars().all(|c| c == '.'))
        .map(encoded)
        .collect();
    if parts.is_empty() { "asset".to_owned() } else { parts.join("/") }
}

fn encoded(part: &str) -> String {
    let mut text = String::with_capacity(part.len());
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// The same for the same check and asset in every run, whatever else changed.
fn fingerprint(check: &str, asset: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(check.as_bytes());
    hasher.update([0]);
    hasher.update(asset.as_bytes());
    hasher.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Format;
    use crate::parts::fixture;

    fn log(change: impl Fn(&mut Assessment)) -> Value {
        let content = fixture::content();
        let mut assessment = fixture::assessment(&content);
        change(&mut assessment);
        let text = fixture::written(Format::Sarif, &assessment, &content, &fixture::OPTIONS);
        serde_json::from_str(&text).unwrap()
    }

    fn results(log: &Value) -> &Vec<Value> {
        log["runs"][0]["results"].as_array().unwrap()
    }

    #[test]
    fn rules_are_complete_and_results_point_at_theirs() {
        let log = log(|_| {});
        assert_eq!(log["version"], "2.1.0");
        let driver = &log["runs"][0]["tool"]["driver"];
        assert_eq!((&driver["name"], &driver["semanticVersion"]), (&json!("phiward"), &json!("1.2.3")));
        let rules = driver["rules"].as_array().unwrap();
        let ids: BTreeSet<&str> = rules.iter().map(|r| r["id"].as_str().unwrap()).collect();
        assert_eq!(ids, BTreeSet::from(["output-logged", "read-only-root", "socket-not-mounted"]));
        for result in results(&log) {
            let index = result["ruleIndex"].as_u64().unwrap() as usize;
            assert_eq!(result["ruleId"], rules[index]["id"]);
        }
        let socket = rules.iter().find(|r| r["id"] == "socket-not-mounted").unwrap();
        assert_eq!(socket["name"], "SocketNotMounted");
        assert_eq!(socket["deprecatedIds"], json!(["old-socket-check"]));
        assert_eq!(socket["defaultConfiguration"]["level"], "error");
        assert_eq!(socket["properties"]["security-severity"], "9.5");
        let tags = socket["properties"]["tags"].as_array().unwrap();
        for tag in ["hipaa/164.312(a)(1)", "cis-docker-1.6/5.32", "security"] {
            assert!(tags.contains(&json!(tag)), "{tag}");
        }
        assert_eq!(socket["helpUri"], "https://docs.example/socket");
        let markdown = socket["help"]["markdown"].as_str().unwrap();
        assert!(markdown.contains("```sh\ndocker inspect --format '{{.Mounts}}' NAME\n```"), "{markdown}");
        assert!(markdown.contains("\\<a filter> & \\*proxy\\*."), "{markdown}");
    }

    #[test]
    fn kinds_and_levels_go_together_and_passes_are_left_out() {
        let log = log(|_| {});
        let kinds: BTreeSet<&str> = results(&log).iter().map(|r| r["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, BTreeSet::from(["fail", "open"]));
        for result in results(&log) {
            let none = result["level"] == "none";
            assert_eq!(none, result["kind"] == "open", "{result}");
        }
        let open = results(&log).iter().find(|r| r["kind"] == "open").unwrap();
        assert!(open["message"]["text"].as_str().unwrap().contains("permission denied"), "{open}");
        let medium = results(&log).iter().find(|r| r["ruleId"] == "read-only-root" && r["kind"] == "fail").unwrap();
        assert_eq!(medium["level"], "warning");
        let suppressed: Vec<&Value> = results(&log).iter().filter(|r| r.get("suppressions").is_some()).collect();
        assert_eq!(suppressed.len(), 1);
        assert_eq!(suppressed[0]["suppressions"][0]["status"], "accepted");
        assert_eq!(suppressed[0]["provenance"]["firstDetectionTimeUtc"], "2026-01-02T03:04:05Z");
    }

    #[test]
    fn an_asset_is_a_resource_and_a_relative_path() {
        let log = log(|_| {});
        let lab = results(&log).iter().find(|r| r["message"]["text"].as_str().unwrap().starts_with("lab-")).unwrap();
        let location = &lab["locations"][0];
        assert_eq!(location["logicalLocations"][0]["fullyQualifiedName"], "docker://ENGINE/container/lab");
        assert_eq!(location["logicalLocations"][0]["kind"], "resource");
        assert_eq!(location["physicalLocation"]["artifactLocation"]["uri"], "docker/ENGINE/container/lab");
        assert_eq!(path("file:///../var/../../lib a/ü"), "file/var/lib%20a/%C3%BC");
        assert_eq!(path("C:\\x"), "C/x");
        assert_eq!(path("///.."), "asset");
    }

    #[test]
    fn fingerprints_differ_by_finding_and_stay_over_runs() {
        let prints = |log: &Value| -> BTreeSet<String> {
            results(log).iter().map(|r| r["partialFingerprints"]["phiwardFinding/v1"].to_string()).collect()
        };
        let (first, second) = (log(|_| {}), log(|a| a.findings.reverse()));
        assert_eq!(prints(&first), prints(&second));
        assert_eq!(prints(&first).len(), results(&first).len());
    }

    #[test]
    fn hostile_names_are_neither_link_nor_placeholder() {
        let log = log(|_| {});
        let text = |r: &Value| r["message"]["text"].as_str().unwrap().to_owned();
        let evil = results(&log).iter().map(text).find(|t| t.starts_with("evil")).unwrap();
        assert!(evil.contains("\\[x\\](https://e.example) {{0}}:"), "{evil}");
        assert!(!evil.chars().any(char::is_control));
    }

    #[test]
    fn a_source_read_in_part_warns_and_one_not_read_fails_the_run() {
        let partly = log(|_| {});
        let invocation = &partly["runs"][0]["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], true);
        assert_eq!(invocation["toolExecutionNotifications"].as_array().unwrap().len(), 1);
        assert_eq!(invocation["toolExecutionNotifications"][0]["level"], "warning");
        let failed = log(|a| a.sources[1].status = Status::Failed { why: "no {such} host".into() });
        let invocation = &failed["runs"][0]["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], false);
        let error = &invocation["toolExecutionNotifications"][1];
        assert_eq!(error["level"], "error");
        assert!(error["message"]["text"].as_str().unwrap().contains("no {{such}} host"));
    }
}
