//! The assessment as text for people at a terminal: what to do first, then state, then detail.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use phiward_core::asset::Status;
use phiward_core::finding::{Assessment, Finding, SourceState};
use phiward_core::posture::{Population, Posture};
use phiward_core::words::{Category, Severity, Verdict};
use textwrap::core::display_width;

use crate::Options;
use crate::parts::summary::{self, FailingCheck};
use crate::parts::terminal::{BAD, BOLD, DIM, PLAIN, Page, WARN, severity_style};
use crate::parts::text::{Block, blocks, count, ephi, kind, one_line, shape};

/// Assets named under a failing check before the rest is counted.
const NAMED: usize = 5;
/// Reasons for unknown answers listed before the rest is counted.
const REASONS: usize = 12;

/// Writes the table.
pub(crate) fn write(assessment: &Assessment, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new(options, out);
    for source in &assessment.sources {
        incomplete(&mut page, source)?;
    }
    let failing = summary::failing(assessment);
    headline(&mut page, assessment, &failing)?;
    posture(&mut page, &assessment.posture)?;
    for group in &failing {
        block(&mut page, group)?;
    }
    unknown(&mut page, assessment)?;
    let counts = summary::counts(&summary::total(assessment));
    page.text(BOLD, 0, &format!("{counts} on {}.", count(assessment.assets, "asset")))?;
    page.text(DIM, 0, "Every verdict with the facts it rests on: --format json")
}

fn incomplete(page: &mut Page, source: &SourceState) -> io::Result<()> {
    let Some(said) = summary::shortfall(source) else { return Ok(()) };
    let label = if matches!(source.status, Status::Failed { .. }) { (BAD, "✗ ") } else { (WARN, "! ") };
    page.labelled(label, 2, PLAIN, &said)
}

fn headline(page: &mut Page, assessment: &Assessment, failing: &[FailingCheck]) -> io::Result<()> {
    if assessment.sources.iter().any(|s| s.status != Status::Complete) {
        page.blank()?;
    }
    let first = summary::first(assessment, failing);
    let said = summary::sentences(&[first.title, first.detail]);
    let (style, shape) = match (first.check, first.urgent) {
        (Some(check), _) => (severity_style(check.severity), shape(check.severity)),
        (None, true) => (WARN, '!'),
        (None, false) => (BOLD, '✓'),
    };
    page.labelled((style, &format!("{shape} {}  ", first.call)), 2, BOLD, &said)?;
    page.blank()
}

/// A category with its population; `None` when nothing is connected to it.
type Row<'a> = (&'static str, Option<&'a Population>);

fn posture(page: &mut Page, posture: &Posture) -> io::Result<()> {
    let mut rows: Vec<Row> = Category::ALL.into_iter().map(|c| (c.title(), posture.category(c))).collect();
    rows.push(("Overall", Some(&posture.overall).filter(|p| p.known > 0)));

    // Where the terminal is too narrow for the words in the cells the header has to do, and below that a list.
    for (judged, known) in [(" judged", " known"), ("", "")] {
        let table = categories(&rows, judged, known);
        let widths = table.column_max_content_widths();
        let needed = widths.iter().map(|w| usize::from(*w) + GAP).sum::<usize>() - GAP;
        if needed <= page.width {
            print(page, table)?;
            return page.blank();
        }
    }
    for (title, population) in rows {
        page.text(BOLD, 0, title)?;
        let said = match population {
            None => "not connected yet".to_owned(),
            Some(p) => format!(
                "compliance {}; coverage {}; {} failing, {} undetermined",
                share(p.compliance(), p.compliant, p.judged(), " judged"),
                share(p.coverage(), p.covered(), p.known, " known"),
                p.failing,
                p.undetermined,
            ),
        };
        page.text(PLAIN, 2, &said)?;
    }
    page.blank()
}

fn categories(rows: &[Row], judged: &str, known: &str) -> Table {
    let mut table = columns(["Category", "Compliance", "Coverage", "Failing", "Undetermined"], 3);
    for (title, population) in rows {
        match population {
            None => table.add_row([title, "not connected yet"]),
            Some(p) => table.add_row([
                (*title).to_owned(),
                share(p.compliance(), p.compliant, p.judged(), judged),
                share(p.coverage(), p.covered(), p.known, known),
                p.failing.to_string(),
                p.undetermined.to_string(),
            ]),
        };
    }
    table
}

/// A percentage with its population, or that nothing is behind it.
fn share(percent: Option<i64>, part: i64, of: i64, what: &str) -> String {
    match percent {
        Some(percent) => format!("{percent}%  {part} of {of}{what}"),
        None => format!("none{what}"),
    }
}

/// Columns between two cells.
const GAP: usize = 2;

/// A table without lines; the columns from `figures` on hold figures and are set to the right.
fn columns<const N: usize>(titles: [&str; N], figures: usize) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).force_no_tty();
    table.set_header(titles);
    let last = N.saturating_sub(1);
    for (number, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if number == last { 0 } else { GAP as u16 }));
        if number >= figures {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn print(page: &mut Page, mut table: Table) -> io::Result<()> {
    table.set_width(u16::try_from(page.width).unwrap_or(u16::MAX));
    for (number, line) in table.lines().enumerate() {
        page.raw(if number == 0 { DIM } else { PLAIN }, &line)?;
    }
    Ok(())
}

fn block(page: &mut Page, group: &FailingCheck) -> io::Result<()> {
    let check = group.check;
    let label = format!("{} {}  ", shape(check.severity), check.severity.title());
    page.labelled((severity_style(check.severity), &label), 2, BOLD, &check.title)?;
    let citations = check.citation_line();
    let about = if citations.is_empty() { check.id.clone() } else { format!("{citations} · {}", check.id) };
    page.text(DIM, 2, &about)?;
    page.hanging(PLAIN, 2, 2, &summary::says(check))?;
    page.text(PLAIN, 2, &format!("Fails on {}:", count(group.findings.len(), "asset")))?;
    let named = &group.findings[..group.findings.len().min(NAMED)];
    // One name out of proportion does not push the others' columns away.
    let widths = named.iter().map(|f| display_width(&one_line(&f.asset.name)));
    let widest = widths.filter(|w| *w <= page.width / 3).max().unwrap_or(0);
    for finding in named {
        page.hanging(PLAIN, 4, 6, &asset(finding, widest))?;
    }
    if group.findings.len() > NAMED {
        page.text(PLAIN, 4, &format!("and {} more", group.findings.len() - NAMED))?;
    }
    for part in blocks(&check.remedy) {
        match part {
            Block::Prose(prose) => page.text(PLAIN, 2, &prose)?,
            // A command broken over lines could not be pasted, so the terminal wraps it, not we.
            Block::Code(lines) => {
                for line in lines {
                    page.raw(PLAIN, &format!("      {line}"))?;
                }
            }
        }
    }
    page.blank()
}

fn asset(finding: &Finding, width: usize) -> String {
    let name = one_line(&finding.asset.name);
    let pad = " ".repeat(width.saturating_sub(display_width(&name)));
    format!("{name}{pad}  {}, {}", kind(&finding.asset.kind), ephi(finding.asset.ephi))
}

fn unknown(page: &mut Page, assessment: &Assessment) -> io::Result<()> {
    let reasons = summary::unknown(assessment);
    if reasons.is_empty() {
        return Ok(());
    }
    let worst = assessment
        .findings
        .iter()
        .filter(|f| f.verdict == Verdict::Unknown)
        .map(|f| f.check.severity)
        .max()
        .unwrap_or(Severity::Info);
    let said = format!("Unknown, which is no pass (worst severity: {})", worst.as_str());
    page.labelled((WARN, "? "), 2, BOLD, &said)?;
    let mut table = columns(["Why", "Checks", "Assets"], 1);
    for group in reasons.iter().take(REASONS) {
        table.add_row([one_line(group.reason), group.checks.len().to_string(), group.assets.len().to_string()]);
    }
    print(page, table)?;
    if reasons.len() > REASONS {
        page.text(PLAIN, 0, &format!("and {}", count(reasons.len() - REASONS, "more reason")))?;
    }
    page.blank()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;
    use crate::parts::fixture;

    fn at(width: u16, colour: bool) -> String {
        let content = fixture::content();
        let assessment = fixture::assessment(&content);
        let options = Options { colour, width: Some(width), ..fixture::OPTIONS };
        fixture::written(Format::Table, &assessment, &content, &options)
    }

    /// Text with all runs of blanks and line ends made one blank.
    fn flat(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn it_goes_from_what_to_do_first_to_the_counts() {
        let text = flat(&at(100, false));
        let order = [
            "! docker unix:///run/docker.sock was read in part. Missing: processes (permission denied). Run it as root.",
            "▲ Do first lab-results: The container reaches the engine's socket, which gives it root on the host. It holds ePHI. The same holds for 7 more assets.",
            "Category Compliance Coverage Failing Undetermined",
            "Virtual machines not connected yet",
            "Container clusters 18% 2 of 11 judged 91% 11 of 12 known 9 1",
            "Data backup not connected yet",
            "Overall 18% 2 of 11 judged",
            "▲ Critical Container does not mount the Docker socket",
            "164.312(a)(1) · CIS 5.32 · socket-not-mounted",
            "Fails on 8 assets: lab-results container, ePHI",
            "container, ePHI unknown and 3 more",
            "Take the mount out and make it again: docker inspect --format '{{.Mounts}}' NAME",
            "● Medium Root file system is read-only",
            "? Unknown, which is no pass (worst severity: critical)",
            "mounts could not be read: permission denied 1 1",
            "failed, 1 unknown, 2 not applicable, 1 excepted on 12 assets.",
            "--format json",
        ];
        let mut from = 0;
        for piece in order {
            let found = text[from..].find(piece);
            assert!(found.is_some(), "`{piece}` is missing or out of order in:\n{text}");
            from += found.unwrap();
        }
        assert!(!text.contains("0% 0 of 0"), "{text}");
    }

    #[test]
    fn posture_is_a_table_at_eighty_columns_and_a_list_below() {
        assert!(flat(&at(80, false)).contains("Container clusters 18% 2 of 11 91% 11 of 12 9 1"));
        let narrow = flat(&at(50, false));
        assert!(
            narrow.contains("compliance 18% 2 of 11 judged; coverage 91% 11 of 12 known; 9 failing, 1 undetermined"),
            "{narrow}"
        );
    }

    #[test]
    fn no_line_but_a_command_is_wider_than_the_terminal() {
        let content = fixture::content();
        let mut odd = fixture::assessment(&content);
        odd.findings.clear();
        odd.sources[0].status = Status::Failed { why: "病院".repeat(50) };
        for assessment in [fixture::assessment(&content), fixture::nothing(&content), odd] {
            for width in [1, 20, 22, 32, 40, 60, 80, 81, 100, 120, 400] {
                let options = Options { width: Some(width), ..fixture::OPTIONS };
                for line in fixture::written(Format::Table, &assessment, &content, &options).lines() {
                    let command = line.starts_with("      docker");
                    assert!(command || display_width(line) <= usize::from(width.max(20)), "{width}: {line:?}");
                }
            }
        }
    }

    #[test]
    fn commands_can_be_pasted_whole_at_any_width() {
        for width in [20, 80] {
            let text = at(width, false);
            assert!(text.lines().any(|l| l.trim() == "docker inspect --format '{{.Mounts}}' NAME"), "{text}");
        }
    }

    #[test]
    fn plain_output_has_no_control_character_and_hostile_names_are_defused() {
        let text = at(90, false);
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
        assert!(!text.contains('\u{202e}'));
        assert!(text.contains("evil\u{fffd}[31m"), "{text}");
    }

    #[test]
    fn colour_changes_nothing_but_the_codes() {
        let coloured = at(90, true);
        assert!(coloured.contains("\u{1b}["));
        let mut plain = String::new();
        let mut rest = coloured.as_str();
        while let Some(start) = rest.find("\u{1b}[") {
            plain.push_str(&rest[..start]);
            rest = rest[start..].split_once('m').unwrap().1;
        }
        plain.push_str(rest);
        assert_eq!(plain, at(90, false));
    }
}
