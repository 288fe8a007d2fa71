//! `phiward man`

use clap::Args;

use super::Outcome;
use crate::error::CliError;

/// Print the manual page in roff: `phiward man | man -l -`.
#[derive(Args)]
pub struct Man {
    /// Write one page for each command into this folder instead
    #[arg(long, value_name = "DIR")]
    dir: Option<std::path::PathBuf>,
}

impl Man {
    pub fn run(self) -> Result<Outcome, CliError> {
        let failed = |e: std::io::Error| CliError::new(format!("cannot write the manual page: {e}"));
        match self.dir {
            Some(dir) => clap_mangen::generate_to(super::command(), dir).map_err(failed)?,
            None => clap_mangen::Man::new(super::command()).render(&mut std::io::stdout()).map_err(failed)?,
        }
        Ok(Outcome::Done)
    }
}
