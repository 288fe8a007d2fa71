//! Names, facts and reasons from a hostile hand in every format.

#[path = "../../../phiward-core/tests/mutate/mod.rs"]
mod mutate;

use std::sync::Arc;
use std::time::Instant;

use mutate::{LIMIT, NASTY, Rng};
use phiward_core::asset::AssetId;
use phiward_core::finding::Assessment;
use serde_json::{Value, json};

use super::fixture::{OPTIONS, assessment, content, written};
use crate::{Format, Options};

/// What a name tries: to be markup, a formula, a command of the terminal, another line, another direction.
const TRICKS: [&str; 16] = [
    "<zq9>",
    "\"><zq9 x='",
    "'><zq9>",
    "</script><zq9>",
    "]]><zq9>",
    "<!--<zq9>",
    "&lt;zq9&gt;&#60;zq9&#62;",
    "=cmd|' /C calc'!A0",
    "\t=1+1",
    "@SUM(A1)",
    "\u{1b}]0;title\u{7}\u{1b}[2J",
    "\u{9b}31m",
    "a\r\nb\u{85}c\u{2028}d",
    "\u{202e}gnp.exe\u{2066}",
    "\u{200b}\u{feff}=1",
    "{0} [x](javascript:zq9) `a` |b|",
];

fn text(rng: &mut Rng) -> String {
    let trick = rng.pick(&TRICKS);
    match rng.below(4) {
        0 => trick.to_owned(),
        1 => format!("{}{trick}", rng.pick(NASTY)),
        2 => format!("{trick}{}", "名é\u{301}".repeat(rng.below(80))),
        _ => mutate::text(rng, trick),
    }
}

/// The small assessment with hostile text wherever text comes from outside.
fn spoiled(rng: &mut Rng) -> (Assessment, phiward_core::content::Content) {
    let content = content();
    let mut assessment = assessment(&content);
    for finding in &mut assessment.findings {
        let mut asset = (*finding.asset).clone();
        asset.id = AssetId(text(rng));
        asset.name = text(rng);
        asset.owner = text(rng);
        finding.asset = Arc::new(asset);
        if !finding.reason.is_empty() {
            finding.reason = text(rng);
        }
        finding.collector = text(rng);
        finding.facts =
            json!({text(rng): text(rng), "b": mutate::any(rng, 3), "c": [text(rng), {text(rng): text(rng)}]});
    }
    for source in &mut assessment.sources {
        source.target = text(rng);
        source.help = Some(text(rng));
        source.needs = vec![text(rng)];
    }
    (assessment, content)
}

/// Characters that drive a terminal, hide, or turn the direction of writing.
fn unseen(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[test]
fn no_text_gets_out_of_its_place() {
    let mut rng = Rng::new(71);
    for _ in 0..25 {
        let (assessment, content) = spoiled(&mut rng);
        for format in Format::ALL {
            for width in [None, Some(1), Some(40), Some(u16::MAX)] {
                if width.is_some() && format != Format::Table {
                    continue;
                }
                let text = written(format, &assessment, &content, &Options { width, ..OPTIONS });
                match format {
                    Format::Table => assert!(!text.contains(unseen), "{text:?}"),
                    Format::Html => {
                        assert!(!text.contains(unseen) && !text.to_lowercase().contains("<zq9"), "{text}");
                        assert!(!text.contains("javascript:zq9\"") && !text.contains("href=\"javascript"), "{text}");
                    }
                    Format::Json | Format::Sarif => {
                        assert!(serde_json::from_str::<Value>(&text).is_ok());
                        assert!(!text.contains(unseen), "raw control characters");
                    }
                    Format::Csv => csv_is_safe(&text, assessment.findings.len()),
                }
            }
        }
    }
}

fn csv_is_safe(text: &str, rows: usize) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut found = 0;
    for record in reader.records() {
        let record = record.unwrap();
        found += 1;
        for cell in &record {
            let start = cell.trim_start().chars().next().unwrap_or(' ');
            assert!(!"=+-@＝＋－＠".contains(start) || cell.starts_with('\''), "{cell:?} is a formula");
            assert!(!cell.contains(|c: char| unseen(c) && c != '\t'), "{cell:?}");
        }
    }
    assert_eq!(found, rows, "a name made a row of its own, or took one away");
}

#[test]
fn large_texts_are_written_in_time_and_shown_short() {
    let content = content();
    for part in ["x", "<", "\u{202e}", "a b ", "\n", "{", "名", "\"", "&"] {
        let mut assessment = assessment(&content);
        let long = part.repeat((1 << 18) / part.len());
        for finding in assessment.findings.iter_mut().take(4) {
            let mut asset = (*finding.asset).clone();
            asset.name.clone_from(&long);
            asset.owner.clone_from(&long);
            finding.asset = Arc::new(asset);
            finding.facts = json!({"a": long, "b": {"c": [long]}});
        }
        for format in Format::ALL {
            let started = Instant::now();
            assert!(!written(format, &assessment, &content, &OPTIONS).is_empty());
            assert!(started.elapsed() < LIMIT, "{format:?} of {part:?}: {:?}", started.elapsed());
        }
    }
}
