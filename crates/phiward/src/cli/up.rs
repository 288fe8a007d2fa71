//! `phiward up`

use std::net::SocketAddr;

use clap::Args;
use tracing_subscriber::EnvFilter;

use super::{Outcome, output};
use crate::config::{Config, GlobalFlags};
use crate::error::CliError;
use crate::up;

/// Watch this host and its Docker engine, and serve the dashboard on loopback.
#[derive(Args)]
pub struct Up {
    /// Address of the dashboard; loopback only [default: 127.0.0.1:4472]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

impl Up {
    pub fn run(self, flags: &GlobalFlags) -> Result<Outcome, CliError> {
        let (mut config, _) = Config::load(flags)?;
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        let filter = EnvFilter::try_from_env("PHIWARD_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(output::colour(&std::io::stderr()))
            .with_target(false)
            .init();
        super::runtime()?.block_on(up::run(config, stop_signal(), |text| output::line(output::clean(&text))))?;
        Ok(Outcome::Done)
    }
}

/// Ends on Ctrl-C or SIGTERM.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut stream) => drop(stream.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}
