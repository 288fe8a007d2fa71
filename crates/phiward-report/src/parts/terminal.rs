//! Lines for a terminal: wrapped to its width, styled when asked.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use phiward_core::words::Severity;
use textwrap::core::display_width;

use super::text::one_line;
use crate::Options;

pub(crate) const PLAIN: Style = Style::new();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// Colour of a severity; its shape and word always stand beside it.
pub(crate) fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Critical => BAD,
        Severity::High => WARN,
        Severity::Medium => AnsiColor::Cyan.on_default().bold(),
        Severity::Low => BOLD,
        Severity::Info => PLAIN,
    }
}

/// Columns that a line keeps for its text, whatever stands before it.
const LEAST: usize = 8;

/// Where lines go. Text given to it may hold anything: what must not reach a terminal is replaced.
pub(crate) struct Page<'a> {
    out: &'a mut dyn Write,
    /// Columns.
    pub width: usize,
    colour: bool,
}

impl<'a> Page<'a> {
    /// A page of the terminal's width; very wide ones are not filled, as long lines are hard to read.
    pub fn new(options: &Options, out: &'a mut dyn Write) -> Self {
        let width = options.width.map_or(100, |w| usize::from(w).clamp(20, 120));
        Page { out, width, colour: options.colour }
    }

    /// An empty line.
    pub fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// One line as it is, however long.
    pub fn raw(&mut self, style: Style, text: &str) -> io::Result<()> {
        let text = text.trim_end();
        let line = self.painted(style, text);
        writeln!(self.out, "{line}")
    }

    /// A paragraph, each line indented by `indent` columns.
    pub fn text(&mut self, style: Style, indent: usize, text: &str) -> io::Result<()> {
        self.hanging(style, indent, indent, text)
    }

    /// A paragraph, its first line indented by `first` columns and the others by `rest`.
    pub fn hanging(&mut self, style: Style, first: usize, rest: usize, text: &str) -> io::Result<()> {
        for line in self.wrap(first, rest, text) {
            self.raw(style, &line)?;
        }
        Ok(())
    }

    /// A paragraph after a label of its own style; the lines below are indented by `rest` columns.
    pub fn labelled(&mut self, label: (Style, &str), rest: usize, style: Style, text: &str) -> io::Result<()> {
        let first = display_width(label.1);
        if first + LEAST > self.width {
            self.raw(label.0, label.1)?;
            return self.text(style, rest, text);
        }
        for (number, line) in self.wrap(first, rest, text).into_iter().enumerate() {
            if number == 0 {
                let label = self.painted(label.0, label.1);
                let line = self.painted(style, line.get(first..).unwrap_or("").trim_end());
                writeln!(self.out, "{label}{line}")?;
            } else {
                self.raw(style, &line)?;
            }
        }
        Ok(())
    }

    fn wrap(&self, first: usize, rest: usize, text: &str) -> Vec<String> {
        // A terminal too narrow for the indent keeps some columns for the text.
        let most = self.width.saturating_sub(LEAST);
        let (first, rest) = (first.min(most), rest.min(most));
        let (initial, subsequent) = (" ".repeat(first), " ".repeat(rest));
        let options = textwrap::Options::new(self.width)
            .initial_indent(&initial)
            .subsequent_indent(&subsequent)
            .break_words(true);
        textwrap::wrap(&one_line(text), options).into_iter().map(|line| line.into_owned()).collect()
    }

    fn painted(&self, style: Style, text: &str) -> String {
        if self.colour && !text.is_empty() && style != PLAIN {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}
