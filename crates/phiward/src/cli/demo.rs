//! `phiward demo`

use clap::Subcommand;

use super::{Outcome, output};
use crate::config::{Config, GlobalFlags};
use crate::demo::{self, workload::Workload};
use crate::error::CliError;
use crate::gather;

/// A small made-up hospital as real containers on your Docker engine.
#[derive(Subcommand)]
pub enum Demo {
    /// Build the image from this program and start the hospital
    Up {
        /// How many hospitals of eight containers
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=200))]
        scale: u32,
    },
    /// Remove exactly what `up` made
    Down,
    /// Runs inside the demo's containers
    #[command(hide = true)]
    Workload(Workload),
}

impl Demo {
    pub fn run(self, flags: &GlobalFlags) -> Result<Outcome, CliError> {
        if let Demo::Workload(workload) = self {
            return workload
                .run()
                .map(|()| Outcome::Done)
                .map_err(|e| CliError::new(format!("the demo service ended: {e}")));
        }
        let (config, _) = Config::load(flags)?;
        super::runtime()?.block_on(async {
            let docker = gather::client(&config).await?;
            match self {
                Demo::Up { scale } => {
                    let count = demo::up(&docker, scale, &|step| output::note(step)).await?;
                    output::line(format_args!(
                        "made {}\nlook at them: phiward assess, or phiward up\nremove them:  phiward demo down",
                        said(&count)
                    ));
                }
                _ => {
                    let count = demo::down(&docker).await?;
                    output::line(format_args!("removed {}", said(&count)));
                }
            }
            Ok(Outcome::Done)
        })
    }
}

/// What was made or removed, in words.
fn said(count: &demo::Count) -> String {
    let of = output::count;
    let parts = [of(count.containers, "container"), of(count.networks, "network"), of(count.volumes, "volume")];
    format!("{} and {}", parts.join(", "), of(count.images, "image"))
}
