//! A remedy as its file has it: paragraphs, and blocks to paste (fenced, or indented by four spaces).

/// A part of a remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// Words; `true` in the pairs marks code within the line.
    Text(Vec<(String, bool)>),
    /// Lines to paste.
    Paste(String),
}

/// Splits a text into its parts.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut words: Vec<&str> = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with("```") {
            flush(&mut words, &mut blocks);
            let mut code = Vec::new();
            for inner in lines.by_ref() {
                if inner.trim_start().starts_with("```") {
                    break;
                }
                code.push(inner);
            }
            push_code(&code, &mut blocks);
        } else if line.starts_with("    ") && words.is_empty() {
            let mut code = vec![line];
            while let Some(next) = lines.next_if(|next| next.starts_with("    ") || next.trim().is_empty()) {
                code.push(next);
            }
            push_code(&code, &mut blocks);
        } else if line.trim().is_empty() {
            flush(&mut words, &mut blocks);
        } else {
            words.push(line.trim());
        }
    }
    flush(&mut words, &mut blocks);
    blocks
}

fn flush(words: &mut Vec<&str>, blocks: &mut Vec<Block>) {
    if !words.is_empty() {
        blocks.push(Block::Text(inline(&words.join(" "))));
        words.clear();
    }
}

fn push_code(lines: &[&str], blocks: &mut Vec<Block>) {
    let filled = || lines.iter().filter(|line| !line.trim().is_empty());
    let indent = filled().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    let code: Vec<&str> = lines.iter().map(|line| line.get(indent..).unwrap_or("").trim_end()).collect();
    let code = code.join("\n").trim_matches('\n').to_owned();
    if !code.is_empty() {
        blocks.push(Block::Paste(code));
    }
}

/// Text with `code` set apart.
pub fn inline(text: &str) -> Vec<(String, bool)> {
    // With an odd number of marks the last one is a plain character.
    let marks = text.matches('`').count();
    let mut parts = Vec::new();
    let mut code = false;
    let mut rest = text;
    for _ in 0..marks - marks % 2 {
        let Some((before, after)) = rest.split_once('`') else { break };
        if !before.is_empty() {
            parts.push((before.to_owned(), code));
        }
        code = !code;
        rest = after;
    }
    if !rest.is_empty() {
        parts.push((rest.to_owned(), false));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_and_blocks() {
        let text = "Add a rule\nand load it with `augenrules`.\n\n    sudo a\n\n      more\n    sudo b\n\nThen:\n```sh\nx y\n```\n";
        let text_of = |s: &str| Block::Text(vec![(s.to_owned(), false)]);
        assert_eq!(
            blocks(text),
            [
                Block::Text(vec![
                    ("Add a rule and load it with ".to_owned(), false),
                    ("augenrules".to_owned(), true),
                    (".".to_owned(), false)
                ]),
                Block::Paste("sudo a\n\n  more\nsudo b".to_owned()),
                text_of("Then:"),
                Block::Paste("x y".to_owned()),
            ]
        );
        assert_eq!(blocks("a ` b"), [text_of("a ` b")]);
        assert_eq!(blocks("```\nnever closed"), [Block::Paste("never closed".to_owned())]);
        assert_eq!(blocks(""), []);
        // An indented line that goes on a paragraph is part of it.
        assert_eq!(blocks("one\n    two"), [text_of("one two")]);
    }
}
