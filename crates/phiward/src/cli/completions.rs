//! `phiward completions`

use clap::Args;
use clap_complete::Shell;

use super::Outcome;
use crate::error::CliError;

/// Print a completion script: `phiward completions bash > /etc/bash_completion.d/phiward`.
#[derive(Args)]
pub struct Completions {
    /// Shell to complete for
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> Result<Outcome, CliError> {
        clap_complete::generate(self.shell, &mut super::command(), "phiward", &mut std::io::stdout());
        Ok(Outcome::Done)
    }
}
