//! Rules of the log: what each check is, why, and how to mend what it finds.

use std::collections::HashMap;

use phiward_core::check::Check;
use phiward_core::finding::Assessment;
use phiward_core::words::Severity;
use serde::Serialize;
use serde_json::{Value, json};

use super::Text;
use crate::parts::summary::says;
use crate::parts::text::{Block, blocks};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    deprecated_ids: &'a [String],
    name: String,
    short_description: Text,
    full_description: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help_uri: Option<&'a str>,
    default_configuration: Value,
    properties: Value,
}

/// The rules, and at which place each stands by its id.
pub(super) fn rules(assessment: &Assessment) -> (Vec<Rule<'_>>, HashMap<&str, usize>) {
    let mut rules: Vec<Rule> = Vec::new();
    let mut index: HashMap<&str, usize> = HashMap::new();
    for finding in &assessment.findings {
        index.entry(&finding.check.id).or_insert_with(|| {
            rules.push(rule(&finding.check));
            rules.len() - 1
        });
    }
    (rules, index)
}

fn rule(check: &Check) -> Rule<'_> {
    let mut tags = vec!["compliance".to_owned(), "security".to_owned()];
    for (framework, ids) in &check.citations {
        tags.extend(ids.iter().map(|id| format!("{framework}/{id}")));
    }
    // Tags are a set (3.8.2).
    tags.sort();
    tags.dedup();
    let mut properties = json!({
        "tags": tags,
        "category": check.category.as_str(),
        "kind": check.kind,
        "automation": check.automation.as_str(),
        "severity": check.severity.as_str(),
    });
    if let Some(score) = score(check.severity) {
        properties["security-severity"] = json!(score);
    }
    let why = if check.rationale.trim().is_empty() { says(check) } else { check.rationale.clone() };
    Rule {
        id: &check.id,
        deprecated_ids: &check.aliases,
        name: camel(&check.id),
        short_description: Text::plain(check.title.clone()),
        full_description: Text::plain(why),
        help: help(&check.remedy),
        help_uri: check.references.iter().map(String::as_str).find(|r| is_link(r)),
        default_configuration: json!({"level": level(check.severity)}),
        properties,
    }
}

/// `DockerSocketNotMounted` for `docker-socket-not-mounted`.
fn camel(id: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    };
    id.split('-').map(capital).collect()
}

/// How SARIF says a severity.
pub(super) fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// The number code scanning sorts by: over 9 critical, from 7 high, from 4 medium, below that low. It stands for the
/// severity's word and measures nothing; info has none.
fn score(severity: Severity) -> Option<&'static str> {
    match severity {
        Severity::Critical => Some("9.5"),
        Severity::High => Some("8.0"),
        Severity::Medium => Some("5.5"),
        Severity::Low => Some("2.0"),
        Severity::Info => None,
    }
}

fn is_link(reference: &str) -> bool {
    reference.starts_with("https://") && !reference.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// The remedy as text and as Markdown, in which prose is kept from turning into markup.
fn help(remedy: &str) -> Option<Text> {
    let parts: Vec<String> = blocks(remedy)
        .into_iter()
        .map(|block| match block {
            Block::Prose(prose) => prose_as_markdown(&prose),
            Block::Code(lines) => {
                let longest = lines.iter().map(|l| l.chars().take_while(|c| *c == '`').count()).max().unwrap_or(0);
                let fence = "`".repeat(longest.max(2) + 1);
                format!("{fence}sh\n{}\n{fence}", lines.join("\n"))
            }
        })
        .collect();
    (!parts.is_empty()).then(|| Text { text: remedy.trim().to_owned(), markdown: Some(parts.join("\n\n")) })
}

fn prose_as_markdown(prose: &str) -> String {
    let mut text = String::with_capacity(prose.len());
    for (number, part) in prose.split('`').enumerate() {
        if number > 0 {
            text.push('`');
        }
        for (at, c) in part.char_indices() {
            let bullet = number == 0 && at == 0 && part.starts_with("* ");
            // What stands between backticks is code and stays as it is.
            if number % 2 == 0 && matches!(c, '\\' | '*' | '_' | '<' | '[' | ']') && !bullet {
                text.push('\\');
            }
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_longer_than_the_ticks_inside() {
        let text = help("    ````\n    x\n").unwrap();
        assert_eq!(text.markdown.unwrap(), "`````sh\n````\nx\n`````");
        assert!(help("  \n").is_none());
    }
}
