//! The assessment as one JSON document, `phiward.assessment/1`.
//!
//! The types here are the format: they are kept apart from core's so that core can change without breaking those who
//! read it. Fields may be added under this version; none is renamed, removed or given another meaning.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::Timestamp;
use phiward_core::asset::Status;
use phiward_core::finding::{Assessment, Finding, SourceState};
use phiward_core::posture::{Population, Posture};
use phiward_core::words::{Category, Severity, Verdict};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::Options;
use crate::parts::json::pretty;
use crate::parts::summary::{failing, says, total};

/// Name and version of the format.
const SCHEMA: &str = "phiward.assessment/1";

/// Writes the document, finding by finding: it is never held whole in memory.
pub(crate) fn write(assessment: &Assessment, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let document = Document {
        schema: SCHEMA,
        version: options.version,
        generated_at: assessment.at,
        content: &assessment.content,
        sources: assessment.sources.iter().map(SourceDoc::new).collect(),
        posture: PostureDoc::new(&assessment.posture),
        summary: Summary::new(assessment),
        findings: Findings(&assessment.findings),
    };
    pretty(out, &document)?;
    writeln!(out)
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    /// Of phiward.
    version: &'static str,
    generated_at: Timestamp,
    /// SHA-256 of the content that judged.
    content: &'a str,
    sources: Vec<SourceDoc<'a>>,
    posture: PostureDoc,
    summary: Summary,
    findings: Findings<'a>,
}

#[derive(Serialize)]
struct SourceDoc<'a> {
    collector: &'a str,
    target: &'a str,
    /// `complete`, `partial` or `failed`.
    state: &'static str,
    /// Why it failed.
    why: Option<&'a str>,
    missing: Vec<MissingDoc<'a>>,
    needs: &'a [String],
    help: Option<&'a str>,
}

#[derive(Serialize)]
struct MissingDoc<'a> {
    /// Empty for the whole document.
    path: &'a str,
    why: &'a str,
}

impl<'a> SourceDoc<'a> {
    fn new(source: &'a SourceState) -> Self {
        let (why, missing) = match &source.status {
            Status::Complete => (None, Vec::new()),
            Status::Failed { why } => (Some(why.as_str()), Vec::new()),
            Status::Partial { missing } => {
                (None, missing.iter().map(|m| MissingDoc { path: &m.path, why: &m.why }).collect())
            }
        };
        SourceDoc {
            collector: &source.collector,
            target: &source.target,
            state: source.status.word(),
            why,
            missing,
            needs: &source.needs,
            help: source.help.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct PostureDoc {
    overall: PartDoc,
    categories: BTreeMap<&'static str, PartDoc>,
}

impl PostureDoc {
    fn new(posture: &Posture) -> Self {
        PostureDoc {
            overall: PartDoc::new("Overall", Some(&posture.overall).filter(|p| p.known > 0)),
            categories: Category::ALL
                .into_iter()
                .map(|c| (c.as_str(), PartDoc::new(c.title(), posture.category(c))))
                .collect(),
        }
    }
}

/// A category, or all of them.
#[derive(Serialize)]
struct PartDoc {
    title: &'static str,
    /// Without a source there is no population, and so none of the numbers.
    connected: bool,
    #[serde(flatten)]
    numbers: Option<Numbers>,
}

#[derive(Serialize)]
struct Numbers {
    /// Per cent of the judged, rounded down; `null` when none is judged.
    compliance: Option<i64>,
    /// Per cent of the known, rounded down.
    coverage: Option<i64>,
    population: PopulationDoc,
}

#[derive(Serialize)]
struct PopulationDoc {
    known: i64,
    /// Compliance is a share of these: compliant and failing.
    judged: i64,
    /// Coverage counts these: judged within their freshness window.
    covered: i64,
    compliant: i64,
    failing: i64,
    undetermined: i64,
    stale: i64,
}

impl PartDoc {
    fn new(title: &'static str, population: Option<&Population>) -> Self {
        let numbers = population.map(|p| Numbers {
            compliance: p.compliance(),
            coverage: p.coverage(),
            population: PopulationDoc {
                known: p.known,
                judged: p.judged(),
                covered: p.covered(),
                compliant: p.compliant,
                failing: p.failing,
                undetermined: p.undetermined,
                stale: p.stale,
            },
        });
        PartDoc { title, connected: numbers.is_some(), numbers }
    }
}

#[derive(Serialize)]
struct Summary {
    assets: usize,
    /// Findings, of all verdicts.
    findings: usize,
    pass: i64,
    fail: i64,
    unknown: i64,
    not_applicable: i64,
    excepted: i64,
    /// Checks that fail on at least one asset.
    failing_checks: usize,
    /// Failing findings by severity.
    failing: BTreeMap<&'static str, usize>,
}

impl Summary {
    fn new(assessment: &Assessment) -> Self {
        let total = total(assessment);
        let fails = |s: Severity| {
            assessment.findings.iter().filter(|f| f.verdict == Verdict::Fail && f.check.severity == s).count()
        };
        Summary {
            assets: assessment.assets,
            findings: assessment.findings.len(),
            pass: total.pass,
            fail: total.fail,
            unknown: total.unknown,
            not_applicable: total.not_applicable,
            excepted: total.excepted,
            failing_checks: failing(assessment).len(),
            failing: Severity::ALL.into_iter().map(|s| (s.as_str(), fails(s))).collect(),
        }
    }
}

struct Findings<'a>(&'a [Finding]);

impl Serialize for Findings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(FindingDoc::new))
    }
}

#[derive(Serialize)]
struct FindingDoc<'a> {
    check: CheckDoc<'a>,
    verdict: &'static str,
    severity: &'static str,
    asset: AssetDoc<'a>,
    /// Why it is unknown.
    reason: Option<&'a str>,
    facts: &'a Value,
    /// Framework to ids.
    citations: &'a BTreeMap<String, Vec<String>>,
    /// What is wrong; only where the verdict is `fail` or `excepted`.
    message: Option<String>,
    /// How to mend it when it fails.
    remedy: &'a str,
    collector: &'a str,
    collected_at: Timestamp,
    /// When it began, where a history is kept.
    since: Option<Timestamp>,
}

#[derive(Serialize)]
struct CheckDoc<'a> {
    id: &'a str,
    title: &'a str,
    category: &'static str,
}

#[derive(Serialize)]
struct AssetDoc<'a> {
    id: &'a str,
    name: &'a str,
    kind: &'a str,
    owner: &'a str,
    /// `yes`, `no` or `unknown`, which counts as yes.
    ephi: &'static str,
}

impl<'a> FindingDoc<'a> {
    fn new(finding: &'a Finding) -> Self {
        let (check, asset) = (&finding.check, &finding.asset);
        let wrong = matches!(finding.verdict, Verdict::Fail | Verdict::Excepted);
        FindingDoc {
            check: CheckDoc { id: &check.id, title: &check.title, category: check.category.as_str() },
            verdict: finding.verdict.as_str(),
            severity: check.severity.as_str(),
            asset: AssetDoc {
                id: asset.id.as_str(),
                name: &asset.name,
                kind: &asset.kind,
                owner: &asset.owner,
                ephi: asset.ephi.as_str(),
            },
            reason: Some(finding.reason.as_str()).filter(|r| !r.is_empty()),
            facts: &finding.facts,
            citations: &check.citations,
            message: wrong.then(|| says(check)),
            remedy: &check.remedy,
            collector: &finding.collector,
            collected_at: finding.collected_at,
            since: finding.since,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;
    use crate::parts::fixture;

    fn document() -> (Assessment, Value) {
        let content = fixture::content();
        let assessment = fixture::assessment(&content);
        let text = fixture::written(Format::Json, &assessment, &content, &fixture::OPTIONS);
        assert!(!text.contains('\u{1b}'));
        (assessment, serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn the_head_says_what_judged_and_how_it_was_read() {
        let (assessment, doc) = document();
        assert_eq!(doc["schema"], "phiward.assessment/1");
        assert_eq!(doc["version"], "1.2.3");
        assert_eq!(doc["generated_at"], "2026-01-02T03:04:05Z");
        assert_eq!(doc["content"], assessment.content);
        assert_eq!(doc["sources"][0]["state"], "partial");
        assert_eq!(doc["sources"][0]["missing"][0]["path"], "processes");
        assert_eq!(doc["sources"][1]["state"], "complete");
    }

    #[test]
    fn a_category_has_numbers_with_their_population_or_is_not_connected() {
        let (_, doc) = document();
        let containers = &doc["posture"]["categories"]["container-clusters"];
        assert_eq!(containers["connected"], true);
        assert_eq!(containers["compliance"], 18);
        assert_eq!(containers["population"]["judged"], 11);
        assert_eq!(containers["population"]["compliant"], 2);
        let backup = &doc["posture"]["categories"]["data-backup"];
        assert_eq!(*backup, serde_json::json!({"title": "Data backup", "connected": false}));
        assert_eq!(doc["posture"]["categories"].as_object().unwrap().len(), Category::ALL.len());
    }

    #[test]
    fn every_verdict_is_there_with_what_it_rests_on() {
        let (assessment, doc) = document();
        let findings = doc["findings"].as_array().unwrap();
        assert_eq!(findings.len(), assessment.findings.len());
        for verdict in Verdict::ALL {
            let counted = findings.iter().filter(|f| f["verdict"] == verdict.as_str()).count();
            let key = verdict.as_str().replace('-', "_");
            assert!(counted > 0 && doc["summary"][&key] == counted, "{verdict:?}");
        }
        let lab = findings.iter().find(|f| f["asset"]["name"] == "lab-results").unwrap();
        assert_eq!(lab["check"]["id"], "socket-not-mounted");
        assert_eq!(lab["asset"]["ephi"], "yes");
        assert_eq!(lab["facts"]["mounts"][0]["covers_docker_socket"], true);
        assert_eq!(lab["citations"]["hipaa"][0], "164.312(a)(1)");
        assert!(lab["message"].as_str().unwrap().contains("socket") && lab["remedy"].is_string());
        let unknown = findings.iter().find(|f| f["verdict"] == "unknown").unwrap();
        assert!(unknown["reason"].is_string() && unknown["message"].is_null());
        assert!(findings.iter().any(|f| f["asset"]["name"] == fixture::HOSTILE), "names are kept as they are");
    }
}
