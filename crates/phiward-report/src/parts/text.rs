//! Text from outside made safe to show, remedies taken apart, small words.

use phiward_core::asset::Ephi;
use phiward_core::words::Severity;

/// A part of a remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// A paragraph or list item: may be wrapped.
    Prose(String),
    /// Lines to paste: never wrapped.
    Code(Vec<String>),
}

/// Names and facts come from outside. A control character would drive the terminal; a character that is invisible
/// or turns the direction of writing would make one name look like another.
pub(crate) fn must_not_show(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` in one line, with `\u{fffd}` for each character that must not be shown.
pub(crate) fn one_line(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\r' | '\t' => ' ',
        c if must_not_show(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.trim().chars().map(shown).collect()
}

/// As [`one_line`], with line feeds and tabs kept.
pub(crate) fn many_lines(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\t' => c,
        c if must_not_show(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(shown).collect()
}

/// Paragraphs, list items and commands of a remedy. Lines indented by four spaces or a tab are commands.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut gap = false;
    for line in text.lines() {
        let line = many_lines(&line.replace('\t', "    ").replace('\r', ""));
        let trimmed = line.trim();
        if trimmed.is_empty() {
            gap = true;
            continue;
        }
        if let Some(code) = line.strip_prefix("    ") {
            let code = code.trim_end().to_owned();
            match blocks.last_mut() {
                Some(Block::Code(lines)) => {
                    if gap {
                        lines.push(String::new());
                    }
                    lines.push(code);
                }
                _ => blocks.push(Block::Code(vec![code])),
            }
        } else {
            match blocks.last_mut() {
                Some(Block::Prose(prose)) if !gap && !starts_item(trimmed) => {
                    prose.push(' ');
                    prose.push_str(trimmed);
                }
                _ => blocks.push(Block::Prose(trimmed.to_owned())),
            }
        }
        gap = false;
    }
    blocks
}

fn starts_item(line: &str) -> bool {
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    line.starts_with("- ") || line.starts_with("* ") || (number.len() < line.len() && number.starts_with(". "))
}

/// `1 asset`, `3 assets`.
pub(crate) fn count(number: impl TryInto<i64>, one: &str) -> String {
    let number = number.try_into().unwrap_or(i64::MAX);
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {one}{s}")
}

/// The shape that stands for a severity, so that colour is never alone.
pub(crate) fn shape(severity: Severity) -> char {
    match severity {
        Severity::Critical => '▲',
        Severity::High => '◆',
        Severity::Medium => '●',
        Severity::Low => '○',
        Severity::Info => '·',
    }
}

/// Whether it holds ePHI, in a few words.
pub(crate) fn ephi(ephi: Ephi) -> &'static str {
    match ephi {
        Ephi::Yes => "ePHI",
        Ephi::No => "no ePHI",
        Ephi::Unknown => "ePHI unknown",
    }
}

/// `container` for `docker.container`.
pub(crate) fn kind(kind: &str) -> &str {
    kind.rsplit('.').next().unwrap_or(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_drives_a_terminal_or_hides_is_shown() {
        let shown = one_line("a\u{1b}[31mb\u{9b}c\u{202e}d\u{200b}e\nf\u{7f}");
        assert_eq!(shown, "a\u{fffd}[31mb\u{fffd}c\u{fffd}d\u{fffd}e f\u{fffd}");
        assert_eq!(one_line("Krankenhaus Köln 病院"), "Krankenhaus Köln 病院");
    }

    #[test]
    fn commands_of_a_remedy_are_kept_line_by_line_and_prose_is_joined() {
        let remedy = "Do this,\nthen that:\n\n    one\n\n    \u{1b}two\n- item\n- other\nand its end\n1. first\n";
        assert_eq!(
            blocks(remedy),
            [
                Block::Prose("Do this, then that:".into()),
                Block::Code(vec!["one".into(), "".into(), "\u{fffd}two".into()]),
                Block::Prose("- item".into()),
                Block::Prose("- other and its end".into()),
                Block::Prose("1. first".into()),
            ]
        );
        assert!(blocks("").is_empty());
    }

    #[test]
    fn counts_agree_with_their_noun() {
        assert_eq!(count(1_usize, "asset"), "1 asset");
        assert_eq!(count(0_i64, "asset"), "0 assets");
    }

    #[test]
    fn each_severity_has_its_own_shape() {
        let shapes: std::collections::BTreeSet<char> = Severity::ALL.into_iter().map(shape).collect();
        assert_eq!(shapes.len(), Severity::ALL.len());
    }
}
