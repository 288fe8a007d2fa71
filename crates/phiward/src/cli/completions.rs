//! `phiward completions`

use clap::Args;
use clap_complete::Shell;

use super::{Outcome, output};
use crate::error::CliError;

/// Print a completion script: `phiward completions bash > /etc/bash_completion.d/phiward`.
#[derive(Args)]
pub struct Completions {
    /// Shell to complete for
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> Result<Outcome, CliError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::command(), "phiward", &mut script);
        output::bytes(&script)
    }
}
