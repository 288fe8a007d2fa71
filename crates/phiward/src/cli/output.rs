//! Writing to the terminal: the one place that prints.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::Outcome;
use crate::error::CliError;

/// Prints an error with its help lines on stderr.
pub fn error(error: &CliError) {
    let red = colour(&io::stderr());
    let (on, off) = if red { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
    let _ = writeln!(io::stderr(), "{on}error:{off} {error}");
}

/// Prints a line on stdout. A closed pipe is not an error: the reader has seen enough.
pub fn line(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Prints bytes on stdout.
pub fn bytes(text: &[u8]) -> Result<Outcome, CliError> {
    match io::stdout().write_all(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::new(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(Outcome::Done),
    }
}

/// `1 finding`, `2 findings`.
pub fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// Prints a line on stderr, for people beside the output.
pub fn note(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Whether to colour what goes to this stream: a terminal, and neither NO_COLOR nor TERM=dumb.
pub fn colour(stream: &impl IsTerminal) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    stream.is_terminal() && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
}

/// Width of the terminal on stdout; `None` when it is not one.
pub fn width() -> Option<u16> {
    io::stdout().is_terminal().then(|| console_width().unwrap_or(100))
}

fn console_width() -> Option<u16> {
    rustix::termios::tcgetwinsize(io::stdout()).ok().map(|s| s.ws_col).filter(|w| *w > 0)
}

/// Shows on a terminal's stderr what goes on, once it has taken a second.
pub struct Progress(Option<ProgressBar>);

impl Progress {
    /// Starts counting the second.
    pub fn start(what: &'static str) -> Self {
        if !io::stderr().is_terminal() {
            return Progress(None);
        }
        let bar = ProgressBar::new_spinner().with_message(what);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        let late = bar.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(1));
            if !late.is_finished() {
                late.enable_steady_tick(Duration::from_millis(120));
            }
        });
        Progress(Some(bar))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Text from outside made safe for a terminal: control characters become the replacement character.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}
