//! The assessment as CSV: one row a finding, all verdicts, columns that stay.

use std::io::{self, Write};

use phiward_core::finding::{Assessment, Finding};
use phiward_core::words::Verdict;

use crate::parts::summary::says;
use crate::parts::text::many_lines;

/// The columns. New ones are added at the end only.
const HEADER: [&str; 19] = [
    "verdict",
    "severity",
    "check",
    "title",
    "category",
    "asset",
    "asset_name",
    "asset_kind",
    "owner",
    "ephi",
    "message",
    "reason",
    "remedy",
    "hipaa",
    "other_citations",
    "collector",
    "collected_at",
    "since",
    "facts",
];

/// Writes the rows.
pub(crate) fn write(assessment: &Assessment, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(HEADER).map_err(refused)?;
    for finding in &assessment.findings {
        csv.write_record(row(finding).map(|cell| guarded(&cell))).map_err(refused)?;
    }
    csv.flush()
}

/// The output's own error, which the crate wraps.
fn refused(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}

fn row(finding: &Finding) -> [String; HEADER.len()] {
    let (check, asset) = (&finding.check, &finding.asset);
    // What is wrong and how to mend it is said only where something is wrong.
    let wrong = matches!(finding.verdict, Verdict::Fail | Verdict::Excepted);
    let others: Vec<String> = (check.citations.iter())
        .filter(|(framework, _)| *framework != "hipaa")
        .flat_map(|(framework, ids)| ids.iter().map(move |id| format!("{framework} {id}")))
        .collect();
    let none = finding.facts.as_object().is_none_or(|facts| facts.is_empty());
    [
        finding.verdict.as_str().to_owned(),
        check.severity.as_str().to_owned(),
        check.id.clone(),
        check.title.clone(),
        check.category.as_str().to_owned(),
        asset.id.to_string(),
        asset.name.clone(),
        asset.kind.clone(),
        asset.owner.clone(),
        asset.ephi.as_str().to_owned(),
        if wrong { says(check) } else { String::new() },
        finding.reason.clone(),
        if wrong { check.remedy.clone() } else { String::new() },
        check.cites("hipaa").join("; "),
        others.join("; "),
        finding.collector.clone(),
        finding.collected_at.to_string(),
        finding.since.map(|t| t.to_string()).unwrap_or_default(),
        if none { String::new() } else { finding.facts.to_string() },
    ]
}

/// A spreadsheet takes a cell that starts with one of these for a formula and runs it; names and facts come from
/// outside, so such a cell gets an apostrophe in front.
fn guarded(cell: &str) -> String {
    let starts = |text: &str| text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let formula = starts(cell) || starts(cell.trim_start());
    let shown = many_lines(&cell.replace("\r\n", "\n"));
    if formula { format!("'{shown}") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;
    use crate::parts::fixture;

    #[test]
    fn every_finding_is_a_row_that_reads_back() {
        let content = fixture::content();
        let assessment = fixture::assessment(&content);
        let text = fixture::written(Format::Csv, &assessment, &content, &fixture::OPTIONS);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), HEADER);
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), assessment.findings.len());

        let cell = |row: &csv::StringRecord, name: &str| {
            row.get(HEADER.iter().position(|h| *h == name).unwrap()).unwrap().to_owned()
        };
        let lab = rows.iter().find(|r| cell(r, "asset_name") == "lab-results").unwrap();
        assert_eq!(cell(lab, "verdict"), "fail");
        assert_eq!(cell(lab, "hipaa"), "164.312(a)(1)");
        assert_eq!(cell(lab, "other_citations"), "cis-docker-1.6 5.32; nist-800-53r5 AC-6");
        assert!(cell(lab, "remedy").contains("\n    docker inspect"));
        assert_eq!(cell(lab, "collected_at"), "2026-01-02T03:04:05Z");
        let facts: serde_json::Value = serde_json::from_str(&cell(lab, "facts")).unwrap();
        assert_eq!(facts["mounts"][0]["source"], "/run/x");

        let pass = rows.iter().find(|r| cell(r, "verdict") == "pass").unwrap();
        assert_eq!(cell(pass, "message"), "");
        let unknown = rows.iter().find(|r| cell(r, "verdict") == "unknown").unwrap();
        assert!(!cell(unknown, "reason").is_empty());
        assert_eq!(cell(unknown, "message"), "");
    }

    #[test]
    fn no_cell_is_a_formula() {
        let content = fixture::content();
        let assessment = fixture::assessment(&content);
        let text = fixture::written(Format::Csv, &assessment, &content, &fixture::OPTIONS);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let mut guards = 0;
        for row in reader.records() {
            for cell in row.unwrap().iter() {
                assert!(!cell.trim_start().starts_with(['=', '+', '-', '@']), "{cell:?}");
                guards += usize::from(cell.starts_with("'="));
            }
        }
        assert_eq!(guards, assessment.findings.len(), "each owner begins with `=`");
        for cell in ["=1", "+1", "-1", "@x", "\tx", "\rx", " =1", "\n=1"] {
            assert!(guarded(cell).starts_with('\''), "{cell:?}");
        }
        assert_eq!(guarded("a=1"), "a=1");
    }
}
