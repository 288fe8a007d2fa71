//! Docker engines: inventory, live facts, events.
//!
//! Facts come from what is live: the daemon is the process at the other end of its socket, isolation and limits are read
//! from each container's first process. Nothing is executed inside containers and nothing is changed.

mod access;
mod connect;
mod container;
mod daemon;
mod daemon_process;
mod derive;
mod engine;
mod engine_files;
mod events;
pub mod facts;
mod fetch;
mod history;
#[cfg(test)]
mod hostile;
mod image;
mod inventory;
mod isolation;
mod layer;
mod limits;
mod live;
mod local;
mod mounts;
mod network;
mod package;
pub mod ports;
mod processes;
mod reading;
mod secrets;
mod support;
mod volume;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Instant;

use bollard::Docker;
use futures_util::Stream;
use jiff::Timestamp;
use phiward_core::asset::{Asset, AssetId, Missing, Status};

pub use connect::{ConnectError, ConnectOptions, Endpoint, Transport, discover};
pub use events::{ENGINE_MEMORY, Event, EventError, Gap, GapDetector, Touched};
use inventory::Inventory;
use reading::Machine;

use crate::source::{Collection, SourceReport};

/// Most gaps that a source's report lists one by one.
const MOST_GAPS: usize = 50;

/// Reads one Docker engine.
pub struct DockerCollector {
    docker: Docker,
    endpoint: Endpoint,
    host_id: Option<AssetId>,
    inventory: Option<Inventory>,
    /// Digests of the assets as last handed over, to tell which changed.
    handed: HashMap<AssetId, u64>,
    disk_usage: reading::DiskUsageCache,
}

impl std::fmt::Debug for DockerCollector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DockerCollector").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl DockerCollector {
    /// Connects to an engine and agrees on an API version. `host_id` is the asset of the machine phiward runs on; a local
    /// engine is related to it.
    ///
    /// # Errors
    /// When no engine answers at the endpoint; [`ConnectError::help`] says what to do.
    pub async fn connect(endpoint: Endpoint, host_id: Option<AssetId>) -> Result<Self, ConnectError> {
        let docker = connect::open(&endpoint).await?;
        Ok(Self { docker, endpoint, host_id, inventory: None, handed: HashMap::new(), disk_usage: Default::default() })
    }

    /// Where the engine was reached.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The engine's asset, once it was read.
    pub fn engine_asset(&self) -> Option<AssetId> {
        self.inventory.as_ref().map(Inventory::engine_asset)
    }

    /// The engine's clock in nanoseconds since 1970, for [`GapDetector::reconnected`].
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn engine_clock(&self) -> Result<i64, EventError> {
        let info = self.docker.info().await.map_err(|e| EventError { why: e.to_string() })?;
        let time: Timestamp = info
            .system_time
            .as_deref()
            .unwrap_or_default()
            .parse()
            .map_err(|_| EventError { why: "the engine does not tell its time".to_owned() })?;
        Ok(i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX))
    }

    /// Reads everything. Never fails as a whole without saying so in the status.
    pub async fn collect(&mut self, now: Timestamp) -> Collection {
        let began = Instant::now();
        let (machine, info, version) = match Machine::of(&self.docker, &self.endpoint).await {
            Ok(read) => read,
            Err(why) => return self.failed(why, began),
        };
        let mut inventory = Inventory::empty(&info, self.host_id.clone(), now);
        let d = &self.docker;
        let before = self.inventory.take();
        let (images, volumes, networks, containers, usage) = tokio::join!(
            fetch::image_list(d),
            fetch::volume_list(d),
            fetch::network_list(d),
            fetch::container_list(d),
            reading::disk_usage(d, &self.endpoint, &self.disk_usage, now),
        );
        self.disk_usage = usage;
        reading::engine(d, &mut inventory, &machine, &self.endpoint, (&info, &version), &self.disk_usage, now).await;
        reading::networks(&mut inventory, networks, before.as_ref(), now);
        reading::volumes(&mut inventory, &machine, volumes, before.as_ref(), now).await;
        let (images, containers) = tokio::join!(
            reading::images(d, images, before.as_ref().map(|b| &b.images), now),
            reading::containers(d, &machine, &inventory, containers, now)
        );
        images.store(&mut inventory, before.as_ref());
        containers.store(&mut inventory, before.as_ref());
        let assets = derive::assets(&inventory);
        self.handed = assets.iter().map(|a| (a.id.clone(), digest(a))).collect();
        let whole = inventory.unlisted.is_empty();
        let source = self.report(&assets, &inventory, &machine, began);
        let prefix = inventory.prefix();
        self.inventory = Some(inventory);
        Collection { assets, gone: Vec::new(), whole, prefix, source }
    }

    /// Reads only the objects touched, and derives anew what depends on them. Hands over the assets whose facts changed
    /// and the ids of those that are gone. Without an earlier reading it reads everything.
    pub async fn refresh(&mut self, touched: &[Touched], now: Timestamp) -> Collection {
        let Some(mut inventory) = self.inventory.take() else { return self.collect(now).await };
        let began = Instant::now();
        let (machine, info, version) = match Machine::of(&self.docker, &self.endpoint).await {
            Ok(read) => read,
            Err(why) => {
                self.inventory = Some(inventory);
                return self.failed(why, began);
            }
        };
        if info.id.as_deref().is_some_and(|id| id != inventory.engine_id) {
            // Another engine answers now.
            return self.collect(now).await;
        }
        let before = inventory.clone();
        let d = &self.docker;
        let touches = |pick: fn(&Touched) -> bool| touched.iter().any(pick);
        if touches(|t| matches!(t, Touched::Engine)) {
            reading::engine(d, &mut inventory, &machine, &self.endpoint, (&info, &version), &self.disk_usage, now)
                .await;
        }
        let mut ids: BTreeSet<String> = touched
            .iter()
            .filter_map(|t| if let Touched::Container(id) = t { Some(id.clone()) } else { None })
            .collect();
        for network in touched.iter().filter_map(|t| if let Touched::Network(id) = t { Some(id) } else { None }) {
            ids.extend(reading::joined(&inventory, network));
            ids.extend(fetch::network_members(d, network).await);
        }
        if touches(|t| matches!(t, Touched::Network(_))) {
            let list = fetch::network_list(d).await;
            inventory.networks.clear();
            inventory.unlisted.remove("networks");
            reading::networks(&mut inventory, list, Some(&before), now);
        }
        if touches(|t| matches!(t, Touched::Volume(_))) {
            let list = fetch::volume_list(d).await;
            inventory.volumes.clear();
            inventory.unlisted.remove("volumes");
            reading::volumes(&mut inventory, &machine, list, Some(&before), now).await;
        }
        if touches(|t| matches!(t, Touched::Image(_))) {
            let read = reading::images(d, fetch::image_list(d).await, Some(&before.images), now).await;
            inventory.images.clear();
            inventory.unlisted.remove("images");
            read.store(&mut inventory, Some(&before));
        }
        if !ids.is_empty() {
            let named = ids
                .iter()
                .map(|id| {
                    (
                        id.clone(),
                        before.containers.get(id).map_or_else(|| id.chars().take(12).collect(), |c| c.name.clone()),
                    )
                })
                .collect();
            let read = reading::containers(d, &machine, &inventory, Ok(named), now).await;
            ids.iter().for_each(|id| {
                inventory.containers.remove(id);
            });
            inventory.containers.extend(read.objects);
        }
        let assets = derive::assets(&inventory);
        let source = self.report(&assets, &inventory, &machine, began);
        let prefix = inventory.prefix();
        self.inventory = Some(inventory);
        let (changed, gone) = self.hand_over(assets);
        Collection { assets: changed, gone, whole: false, prefix, source }
    }

    /// Events since a moment, then as they happen. Use a [`GapDetector`] over reconnections: the engine remembers only its
    /// last [`ENGINE_MEMORY`] events.
    pub fn events(
        &self,
        since: Option<Timestamp>,
    ) -> impl Stream<Item = Result<Event, EventError>> + Send + 'static + use<> {
        events::stream(self.docker.clone(), since)
    }

    /// Sets the assets against those last handed over: the changed ones, and the ids that are no more.
    fn hand_over(&mut self, assets: Vec<Asset>) -> (Vec<Asset>, Vec<AssetId>) {
        let now: BTreeSet<AssetId> = assets.iter().map(|a| a.id.clone()).collect();
        let mut gone: Vec<AssetId> = self.handed.keys().filter(|id| !now.contains(*id)).cloned().collect();
        gone.sort();
        for id in &gone {
            self.handed.remove(id);
        }
        let changed = assets.into_iter().filter(|a| {
            let new = digest(a);
            self.handed.insert(a.id.clone(), new) != Some(new)
        });
        let changed = changed.collect();
        (changed, gone)
    }

    fn failed(&self, why: String, began: Instant) -> Collection {
        Collection {
            assets: Vec::new(),
            gone: Vec::new(),
            whole: false,
            prefix: self.inventory.as_ref().map(Inventory::prefix).unwrap_or_default(),
            source: SourceReport {
                collector: "docker".to_owned(),
                target: self.endpoint.address.clone(),
                status: Status::Failed { why },
                needs: needs(),
                help: Some("Check that the engine runs and answers: docker -H ADDRESS info.".to_owned()),
                took_ms: millis(began),
            },
        }
    }

    /// One status for the engine: each different gap once, as `KIND.PATH`.
    fn report(&self, assets: &[Asset], inventory: &Inventory, machine: &Machine, began: Instant) -> SourceReport {
        let mut gaps: BTreeMap<(String, String), usize> = BTreeMap::new();
        for (kind, why) in &inventory.unlisted {
            gaps.insert(((*kind).to_owned(), format!("could not be listed: {why}")), 1);
        }
        for asset in assets {
            let kind = asset.kind.trim_start_matches("docker.");
            match &asset.status {
                Status::Complete => {}
                Status::Partial { missing } => {
                    for m in missing {
                        *gaps.entry((format!("{kind}.{}", m.path), m.why.clone())).or_default() += 1;
                    }
                }
                Status::Failed { why } => *gaps.entry((kind.to_owned(), why.clone())).or_default() += 1,
            }
        }
        let more = gaps.len().saturating_sub(MOST_GAPS);
        let mut missing: Vec<Missing> = gaps
            .into_iter()
            .take(MOST_GAPS)
            .map(|((path, why), count)| Missing {
                path,
                why: if count > 1 { format!("{why} ({count} objects)") } else { why },
            })
            .collect();
        if more > 0 {
            missing.push(Missing { path: String::new(), why: format!("{more} more gaps are named on their assets") });
        }
        let help = if missing.is_empty() { None } else { machine.help() };
        SourceReport {
            collector: "docker".to_owned(),
            target: self.endpoint.address.clone(),
            status: Status::from_missing(missing),
            needs: needs(),
            help,
            took_ms: millis(began),
        }
    }
}

/// Digest of what an asset says. When it was read does not count.
fn digest(asset: &Asset) -> u64 {
    let mut hasher = DefaultHasher::new();
    let said = (&asset.name, &asset.owner, asset.ephi, &asset.labels, &asset.relations, &asset.facts, &asset.status);
    serde_json::to_vec(&said).unwrap_or_default().hash(&mut hasher);
    hasher.finish()
}

fn needs() -> Vec<String> {
    vec![
        "read and write access to the engine's socket".to_owned(),
        "root on the engine's host, for processes, files and storage".to_owned(),
    ]
}

fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
