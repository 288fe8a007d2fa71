//! Errors at the edge: one sentence of what failed on what and why, and lines that say what to do.

use std::fmt;

/// What a command ends with when it cannot do its work. Printed once, then exit code 2.
#[derive(Debug)]
pub struct CliError {
    message: String,
    help: Vec<String>,
}

impl CliError {
    /// What failed, on what, why.
    pub fn new(message: impl Into<String>) -> Self {
        CliError { message: message.into(), help: Vec::new() }
    }

    /// Adds a line that says what to do.
    pub fn help(mut self, line: impl Into<String>) -> Self {
        self.help.push(line.into());
        self
    }

    /// From an error, with its chain of causes.
    pub fn from_error(error: &(dyn std::error::Error + 'static)) -> Self {
        CliError::new(chain(error))
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        for line in &self.help {
            write!(f, "\nhelp: {line}")?;
        }
        Ok(())
    }
}

impl std::error::Error for CliError {}

impl From<phiward_store::StoreError> for CliError {
    fn from(error: phiward_store::StoreError) -> Self {
        CliError::from_error(&error)
    }
}

/// An error and its causes in one line, each said once.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = inner.source();
    }
    text
}
