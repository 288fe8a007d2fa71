//! Reading every source once, side by side.

use jiff::Timestamp;
use phiward_collect::docker::{ConnectError, ConnectOptions, DockerCollector, discover};
use phiward_collect::host::HostOptions;
use phiward_collect::source::{Collection, SourceReport};
use phiward_core::asset::{Asset, AssetId, Status};
use phiward_core::finding::SourceState;

use crate::config::Config;

/// What a reading of everything gave.
pub struct Gathered {
    pub assets: Vec<Asset>,
    pub sources: Vec<SourceState>,
    /// Somebody named the engine (flag, file or variable), so that not reaching it is a failure of the command.
    pub engine_named: bool,
    /// There is no engine on this machine.
    pub engine_absent: bool,
}

/// Reads the host and the engine; a kind nobody wants is not read.
pub async fn everything(config: &Config, wants: &impl Fn(&str) -> bool) -> Gathered {
    let now = Timestamp::now();
    let host_wanted = config.host.enabled && wants("host");
    const DOCKER: [&str; 5] = ["docker.engine", "docker.container", "docker.image", "docker.volume", "docker.network"];
    let docker_wanted = config.docker.enabled && DOCKER.iter().any(|k| wants(k));
    let (host, docker) =
        tokio::join!(async { if host_wanted { Some(host(config, now).await) } else { None } }, async {
            if docker_wanted { Some(docker(config, now).await) } else { None }
        },);
    let mut gathered = Gathered {
        assets: Vec::new(),
        sources: Vec::new(),
        engine_named: engine_named(config),
        engine_absent: matches!(discover(&connect_options(config)), Err(ConnectError::NoEngine { .. })),
    };
    for collection in [host, docker].into_iter().flatten() {
        gathered.assets.extend(collection.assets);
        gathered.sources.push(state(&collection.source));
    }
    gathered
}

/// Reads the host.
pub async fn host(config: &Config, now: Timestamp) -> Collection {
    let options = HostOptions { labels: config.host.labels.clone(), ..HostOptions::default() };
    match tokio::task::spawn_blocking(move || phiward_collect::host::collect(&options, now)).await {
        Ok(collection) => collection,
        Err(error) => failed("host", "this host", format!("the collector stopped: {error}"), None),
    }
}

/// Connects to the engine.
pub async fn connect(config: &Config) -> Result<DockerCollector, Collection> {
    let options = connect_options(config);
    let endpoint = discover(&options).map_err(|e| unreachable(&e))?;
    DockerCollector::connect(endpoint, host_id(config)).await.map_err(|e| unreachable(&e))
}

async fn docker(config: &Config, now: Timestamp) -> Collection {
    match connect(config).await {
        Ok(mut collector) => collector.collect(now).await,
        Err(failed) => failed,
    }
}

fn host_id(config: &Config) -> Option<AssetId> {
    config.host.enabled.then(|| phiward_collect::host::host_id(std::path::Path::new("/")))
}

fn connect_options(config: &Config) -> ConnectOptions {
    let mut options = ConnectOptions::from_env();
    if !config.docker.host.is_empty() {
        options.host = Some(config.docker.host.clone());
    }
    if !config.docker.context.is_empty() {
        options.context = Some(config.docker.context.clone());
    }
    options
}

fn engine_named(config: &Config) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    config.docker.enabled
        && (!config.docker.host.is_empty()
            || !config.docker.context.is_empty()
            || set("DOCKER_HOST")
            || set("DOCKER_CONTEXT"))
}

fn unreachable(error: &ConnectError) -> Collection {
    failed("docker", &error.target(), crate::error::chain(error), Some(error.help()))
}

fn failed(collector: &str, target: &str, why: String, help: Option<String>) -> Collection {
    Collection {
        assets: Vec::new(),
        gone: Vec::new(),
        whole: false,
        prefix: String::new(),
        source: SourceReport {
            collector: collector.to_owned(),
            target: target.to_owned(),
            status: Status::Failed { why },
            needs: Vec::new(),
            help,
            took_ms: 0,
        },
    }
}

/// A source's report as an assessment carries it.
fn state(report: &SourceReport) -> SourceState {
    SourceState {
        collector: report.collector.clone(),
        target: report.target.clone(),
        status: report.status.clone(),
        needs: report.needs.clone(),
        help: report.help.clone(),
    }
}

/// A client of the engine, for commands that make objects on it.
pub async fn client(config: &Config) -> Result<bollard::Docker, crate::error::CliError> {
    let wrong = |e: ConnectError| crate::error::CliError::from_error(&e).help(e.help());
    let endpoint = discover(&connect_options(config)).map_err(wrong)?;
    Ok(DockerCollector::connect(endpoint, None).await.map_err(wrong)?.into_client())
}
