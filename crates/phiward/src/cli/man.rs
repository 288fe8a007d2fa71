//! `phiward man`

use clap::Args;

use super::{Outcome, output};
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
            None => {
                let mut page = Vec::new();
                clap_mangen::Man::new(super::command()).render(&mut page).map_err(failed)?;
                return output::bytes(&page);
            }
        }
        Ok(Outcome::Done)
    }
}
