//! A small content and assessments for the tests of all formats.

use jiff::Timestamp;
use phiward_core::asset::{Asset, AssetId, Ephi, KindSchema, Missing, Status};
use phiward_core::content::{Content, SourceFile};
use phiward_core::finding::{Assessment, SourceState};
use phiward_core::judge::Judge;
use phiward_core::words::Verdict;
use serde_json::{Value, json};

use crate::{Format, Options, write};

pub(crate) const OPTIONS: Options = Options { colour: false, width: Some(100), version: "1.2.3" };

/// A name that tries what a name can try.
pub(crate) const HOSTILE: &str = "evil\u{1b}[31m\r\n\u{202e}<script>alert(1)</script> [x](https://e.example) {0}";

const CONTROLS: &str = r#"
framework: hipaa
title: Security Rule
source: 45 CFR 164
controls:
  - {id: 164.312, name: Technical safeguards, kind: heading, requirement: not-applicable, section: "164.312", text: t, plain: p, automation: manual, duty: d}
  - {id: 164.312(a)(1), name: Access control, kind: standard, requirement: required, section: "164.312", section_name: Technical safeguards, text: t, plain: Only those allowed get in, automation: full, duty: d}
  - {id: 164.312(c)(1), name: Integrity, kind: standard, requirement: required, section: "164.312", section_name: Technical safeguards, text: t, plain: Keep ePHI whole, automation: full, duty: d}
  - {id: 164.312(b), name: Audit controls, kind: standard, requirement: required, section: "164.312", section_name: Technical safeguards, text: t, plain: Record what happens, automation: full, duty: d}
  - {id: 164.308(a)(5)(i), name: Training, kind: standard, requirement: addressable, section: "164.308", section_name: Administrative safeguards, text: t, plain: Train people, automation: manual, duty: d}
"#;

const SOCKET: &str = r#"
id: socket-not-mounted
title: Container does not mount the Docker socket
kind: docker.container
severity: critical
applies: facts.state == "running"
pass: "!facts.mounts.exists(m, m.covers_docker_socket)"
message: The container reaches the engine's socket, which gives it root on the host
remedy: |
  Take the mount out
  and make it again:

      docker inspect --format '{{.Mounts}}' NAME

  Or use <a filter> & *proxy*.
automation: full
citations: {hipaa: ["164.312(a)(1)"], cis-docker-1.6: ["5.32"], nist-800-53r5: [AC-6]}
rationale: Whoever holds the socket is root.
references: ["https://docs.example/socket"]
aliases: [old-socket-check]
"#;

const READ_ONLY: &str = r#"
id: read-only-root
title: Root file system is read-only
kind: docker.container
severity: medium
applies: facts.state == "running"
pass: facts.read_only
message: The container can write to its own layer
remedy: Add `--read-only`.
automation: partial
citations: {hipaa: ["164.312(c)(1)"]}
rationale: What cannot be written cannot be altered.
"#;

const LOGGED: &str = r#"
id: output-logged
title: Output is logged
kind: docker.container
severity: low
pass: facts.logged
message: The output is thrown away
remedy: Choose a log driver.
automation: full
citations: {hipaa: ["164.312(b)"]}
rationale: No log, no audit.
"#;

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.into(), text: text.into(), user: false }
}

/// Three checks on containers and five lines of the Security Rule.
pub(crate) fn content() -> Content {
    let schema = json!({
        "type": "object",
        "properties": {
            "state": {"type": "string"},
            "read_only": {"type": "boolean"},
            "logged": {"type": "boolean"},
            "mounts": {"type": "array", "items": {"type": "object", "properties": {
                "source": {"type": "string"}, "covers_docker_socket": {"type": "boolean"}}}},
        },
    });
    let kinds = [KindSchema { kind: "docker.container", title: "Container", schema }];
    let files = [
        file("controls/hipaa.yaml", CONTROLS),
        file("checks/socket-not-mounted.yaml", SOCKET),
        file("checks/read-only-root.yaml", READ_ONLY),
        file("checks/output-logged.yaml", LOGGED),
    ];
    Content::load(&files, &kinds).unwrap()
}

/// The moment everything was read and judged.
pub(crate) fn at() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn asset(id: &str, name: &str, ephi: Ephi, facts: Value) -> Asset {
    Asset {
        id: AssetId(format!("docker://ENGINE/container/{id}")),
        kind: "docker.container".into(),
        name: name.into(),
        owner: "=cmd|' /C calc'!A0".into(),
        ephi,
        labels: Default::default(),
        relations: Vec::new(),
        facts,
        collector: "docker".into(),
        status: Status::Complete,
        collected_at: at(),
    }
}

fn facts(socket: bool, read_only: bool) -> Value {
    json!({"state": "running", "read_only": read_only, "logged": true,
        "mounts": [{"source": "/run/x", "covers_docker_socket": socket}]})
}

fn assets() -> Vec<Asset> {
    let mut assets = vec![
        asset("good", "good", Ephi::No, facts(false, true)),
        asset("lab", "lab-results", Ephi::Yes, facts(true, true)),
        asset("hostile", HOSTILE, Ephi::Unknown, facts(true, true)),
        asset("writes", "writes", Ephi::No, facts(false, false)),
        asset("stopped", "病院".repeat(30).as_str(), Ephi::Yes, json!({"state": "exited", "logged": true})),
    ];
    for n in 0..6 {
        assets.push(asset(&format!("n{n}"), &format!("n{n}"), Ephi::Unknown, facts(true, n > 0)));
    }
    let gap = Missing { path: "mounts".into(), why: "permission denied".into() };
    let mut blind = asset("blind", "blind", Ephi::Yes, json!({"state": "running", "logged": true, "read_only": true}));
    blind.status = Status::Partial { missing: vec![gap] };
    assets.push(blind);
    assets
}

fn source(collector: &str, target: &str, status: Status) -> SourceState {
    let help = (status != Status::Complete || collector == "host").then(|| "Run it as root.".to_owned());
    SourceState { collector: collector.into(), target: target.into(), status, needs: vec!["root".into()], help }
}

/// Twelve containers: one good, eight with the socket (one of a hostile name), two that write to their layer, one
/// stopped, one that could not be read whole; and an exception.
pub(crate) fn assessment(content: &Content) -> Assessment {
    let missing = vec![Missing { path: "processes".into(), why: "permission denied".into() }];
    let sources = vec![
        source("docker", "unix:///run/docker.sock", Status::from_missing(missing)),
        source("host", "node-1", Status::Complete),
    ];
    let judge = Judge::new(content);
    let mut assessment = Assessment::new(&judge, content.digest(), &assets(), sources, at(), |_| true);
    let granted = |f: &&mut phiward_core::finding::Finding| f.check.id == "output-logged" && f.asset.name == "writes";
    if let Some(finding) = assessment.findings.iter_mut().find(granted) {
        finding.verdict = Verdict::Excepted;
        finding.since = Some(at());
    }
    assessment
}

/// Nothing was found.
pub(crate) fn nothing(content: &Content) -> Assessment {
    Assessment::new(&Judge::new(content), content.digest(), &[], Vec::new(), at(), |_| true)
}

/// The report as text.
pub(crate) fn written(format: Format, assessment: &Assessment, content: &Content, options: &Options) -> String {
    let mut out = Vec::new();
    write(format, assessment, content, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}
