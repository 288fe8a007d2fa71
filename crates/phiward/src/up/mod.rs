//! `phiward up`: collectors that keep watching, the database, and the dashboard, in one process.

mod docker;
mod host;
mod keep;
mod lock;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use phiward_server::AppState;
use phiward_store::Store;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};

use crate::cli::VERSION;
use crate::config::Config;
use crate::content;
use crate::error::{CliError, chain};
use keep::Keeper;

/// Runs until `stop` ends. `say` hears what a person at the terminal should know.
pub async fn run(config: Config, stop: impl Future<Output = ()>, say: fn(String)) -> Result<(), CliError> {
    phiward_server::check_bind(config.listen).map_err(|e| CliError::from_error(&e))?;
    let content = Arc::new(content::load(&config)?);
    let _lock = lock::data_folder(&config)?;
    let listener = TcpListener::bind(config.listen).await.map_err(|e| cannot_listen(&config, &e))?;
    let address = listener.local_addr().map_err(|e| cannot_listen(&config, &e))?;
    let url = config.database_url();
    let freshness = Duration::from_secs(u64::from(config.freshness_minutes) * 60);
    let store = Store::open(&url, freshness).await?;

    let (changes, _) = broadcast::channel(1024);
    let keeper = Keeper { store: store.clone(), content: Arc::clone(&content), changes: changes.clone() };
    let state = AppState {
        store: store.clone(),
        content: Arc::clone(&content),
        changes,
        version: VERSION,
        started: Timestamp::now(),
        title: title(&config),
        allowed_hosts: phiward_server::loopback_hosts(address.port()),
    };
    let (stopping, stopped) = watch::channel(false);
    let server = tokio::spawn(phiward_server::serve(listener, state, ended(stopped.clone())));
    let automatic = content.checks().iter().filter(|c| c.automatic()).count();
    say(format!("phiward {VERSION}: dashboard at http://{address}/"));
    say(format!("{automatic} checks; state in {}", store.location()));
    let again = keeper.rejudge_if_content_changed().await?;
    if again > 0 {
        say(format!("the checks have changed: {again} stored assets judged again"));
    }

    let config = Arc::new(config);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(hours(store));
    if config.host.enabled {
        tasks.spawn(host::watch(Arc::clone(&config), keeper.clone(), say));
    }
    if config.docker.enabled {
        tasks.spawn(docker::watch(Arc::clone(&config), keeper.clone(), say));
    }

    tokio::select! {
        () = stop => {}
        ended = tasks.join_next() => {
            let why = match ended {
                Some(Err(error)) => error.to_string(),
                _ => "it ended".to_owned(),
            };
            return Err(CliError::new(format!("a collector stopped unexpectedly: {why}")).help("start phiward again; what was judged is kept"));
        }
    }
    say("stopping".to_owned());
    tasks.shutdown().await;
    let _ = stopping.send(true);
    // Open event streams do not hold up the end.
    let served = tokio::time::timeout(Duration::from_secs(5), server).await;
    keeper.store.close().await;
    match served {
        Ok(Ok(Err(error))) => Err(CliError::new(format!("the dashboard ended with an error: {error}"))),
        _ => Ok(()),
    }
}

/// Heading of the overview: as configured, else the name of this machine.
fn title(config: &Config) -> String {
    if !config.title.is_empty() {
        return config.title.clone();
    }
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "This machine".to_owned() } else { name }
}

async fn ended(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

fn cannot_listen(config: &Config, error: &std::io::Error) -> CliError {
    let error = CliError::new(format!("cannot listen on {}: {error}", config.listen));
    error.help("another phiward may be running; choose another port with --listen 127.0.0.1:PORT")
}

/// Keeps the posture of each hour for the trends; the running hour is brought up to date every minute.
async fn hours(store: Store) {
    let mut tick = tokio::time::interval(Duration::from_secs(60));
    tick.tick().await;
    // The first readings are in after a few seconds, so that a new installation has a point at once.
    tokio::time::sleep(Duration::from_secs(5)).await;
    loop {
        if let Err(error) = store.record_hour(Timestamp::now()).await {
            tracing::warn!("the posture of this hour could not be kept: {}", chain(&error));
        }
        tick.tick().await;
    }
}
