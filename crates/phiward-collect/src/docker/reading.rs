//! Turns the engine's answers and what the machine shows into an inventory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bollard::Docker;
use bollard::models::{ContainerInspectResponse, ImageSummary, Network, SystemInfo, SystemVersion, Volume};
use jiff::Timestamp;
use phiward_core::asset::{AssetId, Missing};

use super::connect::{Endpoint, Transport};
use super::container::{EngineDefaults, Extras, health_test, main_pid, mount_targets};
use super::facts::{ContainerFacts, DiskUsage, EngineFacts, ImageFacts};
use super::fetch::{self, Answer};
use super::inventory::{Inventory, Object};
use super::live::{self, Ask};
use super::local::{self, Local};
use super::mounts::bind_device;
use super::{container, engine, image, network, support, volume};
use crate::files::FileFacts;

/// Seconds for which the engine's disk accounting is taken as current: computing it is slow.
const DISK_USAGE_KEPT: i64 = 600;

/// The engine's machine during one reading.
pub(super) struct Machine {
    local: Arc<Result<Local, String>>,
    defaults: EngineDefaults,
}

impl Machine {
    /// Asks the engine who it is and reads its machine if that is this one.
    pub(super) async fn of(
        docker: &Docker,
        endpoint: &Endpoint,
    ) -> Result<(Machine, SystemInfo, SystemVersion), String> {
        let (info, version) = tokio::join!(docker.info(), docker.version());
        let info = info.map_err(|e| format!("the engine does not tell about itself: {e}"))?;
        let version = version.map_err(|e| format!("the engine does not tell its version: {e}"))?;
        let local = match local::is_here(endpoint, &info).await {
            Ok((socket, peer)) => {
                let info = info.clone();
                tokio::task::spawn_blocking(move || Local::read(&socket, peer, &info))
                    .await
                    .unwrap_or_else(|e| Err(format!("reading this machine broke off: {e}")))
            }
            Err(why) => Err(why),
        };
        let mut defaults = engine::defaults(&engine::facts(&info, &version));
        match &local {
            Ok(local) => match local.settings() {
                Ok(settings) => {
                    defaults.no_new_privileges = Some(settings.no_new_privileges);
                    defaults.bind_address.clone_from(&settings.default_bind_address);
                }
                Err(why) => defaults.settings_gap = Some(why.to_owned()),
            },
            Err(why) => defaults.settings_gap = Some(why.clone()),
        }
        defaults.local = local.is_ok();
        Ok((Machine { local: Arc::new(local), defaults }, info, version))
    }

    fn local(&self) -> Result<&Local, &str> {
        self.local.as_ref().as_ref().map_err(String::as_str)
    }

    /// What to do about gaps.
    pub(super) fn help(&self) -> Option<String> {
        match self.local() {
            Err(why) => Some(format!("Not everything was read: {why}.")),
            Ok(_) if !rustix::process::geteuid().is_root() => {
                Some("Run phiward as root on the engine's host to read all of it.".to_owned())
            }
            // Each gap says in its own words what can be done.
            Ok(_) => None,
        }
    }
}

impl Inventory {
    /// An inventory of nothing yet.
    pub(super) fn empty(info: &SystemInfo, host_id: Option<AssetId>, now: Timestamp) -> Inventory {
        let name = match info.name.as_deref() {
            Some(machine) if !machine.is_empty() => format!("Docker on {machine}"),
            _ => "Docker engine".to_owned(),
        };
        let engine_labels = info
            .labels
            .iter()
            .flatten()
            .map(|l| l.split_once('=').map_or((l.clone(), String::new()), |(k, v)| (k.to_owned(), v.to_owned())))
            .collect::<Vec<_>>();
        Inventory {
            // An engine without an id is told apart by its name; podman's compatible API has none.
            engine_id: info.id.clone().filter(|i| !i.is_empty()).unwrap_or_else(|| name.clone()),
            host_id,
            engine: Object::read(name, EngineFacts::default(), Vec::new(), now),
            engine_labels: super::secrets::hide_in_labels(engine_labels),
            containers: BTreeMap::new(),
            images: BTreeMap::new(),
            volumes: BTreeMap::new(),
            networks: BTreeMap::new(),
            unlisted: BTreeMap::new(),
        }
    }
}

/// The engine's disk accounting and when it was made.
#[derive(Clone, Debug, Default)]
pub(super) struct DiskUsageCache(Option<(Timestamp, Answer<DiskUsage>)>);

pub(super) async fn disk_usage(
    docker: &Docker,
    endpoint: &Endpoint,
    kept: &DiskUsageCache,
    now: Timestamp,
) -> DiskUsageCache {
    match &kept.0 {
        Some((at, Ok(_))) if (now.as_second() - at.as_second()).abs() < DISK_USAGE_KEPT => kept.clone(),
        _ => DiskUsageCache(Some((now, fetch::disk_usage(docker, endpoint).await))),
    }
}

/// The engine's own facts.
pub(super) async fn engine(
    docker: &Docker,
    inventory: &mut Inventory,
    machine: &Machine,
    endpoint: &Endpoint,
    said: (&SystemInfo, &SystemVersion),
    usage: &DiskUsageCache,
    now: Timestamp,
) {
    let mut facts = engine::facts(said.0, said.1);
    let mut gaps: Vec<Missing> = Vec::new();
    facts.endpoint.clone_from(&endpoint.address);
    facts.connection_tls = match endpoint.transport {
        Transport::Unix(_) => None,
        Transport::Tcp(_) => Some(false),
        Transport::Tls { .. } => Some(true),
    };
    match &usage.0 {
        Some((_, Ok(usage))) => facts.disk_usage = Some(usage.clone()),
        Some((_, Err(why))) => gaps.push(Missing { path: "disk_usage".into(), why: why.clone() }),
        None => {}
    }
    if let Some(swarm) = facts.swarm.as_mut().filter(|s| s.manager) {
        let (services, secrets) = tokio::join!(fetch::count_services(docker), fetch::count_secrets(docker));
        for (path, slot, answer) in
            [("swarm.services", &mut swarm.services, services), ("swarm.secrets", &mut swarm.secrets, secrets)]
        {
            match answer {
                Ok(count) => *slot = Some(count),
                Err(why) => gaps.push(Missing { path: path.into(), why }),
            }
        }
    }
    match machine.local() {
        Ok(_) => {
            let local = Arc::clone(&machine.local);
            let read = tokio::task::spawn_blocking(move || {
                let mut gaps = Vec::new();
                if let Ok(local) = local.as_ref() {
                    local.fill(&mut facts, &mut gaps);
                }
                (facts, gaps)
            })
            .await;
            match read {
                Ok((read, more)) => {
                    facts = read;
                    gaps.extend(more);
                }
                Err(e) => {
                    inventory.engine = Object::failed(
                        inventory.engine.name.clone(),
                        format!("reading this machine broke off: {e}"),
                        now,
                    );
                    return;
                }
            }
            let ends = support::distribution_ends();
            facts.supported = support::supported(
                facts.version.as_deref().unwrap_or_default(),
                facts.package.as_ref(),
                // Without its program it is not known whether a package brought the engine.
                super::package::is_debian() && !gaps.iter().any(|g| g.path == "package"),
                ends,
                now,
            );
        }
        Err(why) => {
            for path in ["daemon", "root_dir", "docker_group_members", "files", "audit", "content_trust", "package"] {
                gaps.push(Missing { path: path.into(), why: why.to_owned() });
            }
        }
    }
    if facts.supported.is_none() {
        gaps.push(Missing {
            path: "supported".into(),
            why: "phiward does not know until when this release line gets fixes".into(),
        });
    }
    if let Some(swarm) = facts.swarm.as_ref().filter(|s| s.active) {
        let unread: &[&str] = if swarm.manager {
            &["listens_wildcard"]
        } else {
            &["managers", "nodes", "autolock", "node_cert_expiry_hours", "listens_wildcard", "secrets", "services"]
        };
        let why = if swarm.manager {
            "none of the swarm's ports was found open"
        } else {
            "this engine is a worker; only managers know"
        };
        let known = swarm.listens_wildcard.is_some();
        let unread = unread.iter().filter(|f| !(known && **f == "listens_wildcard"));
        gaps.extend(unread.map(|f| Missing { path: format!("swarm.{f}"), why: why.to_owned() }));
    }
    inventory.engine = Object::read(inventory.engine.name.clone(), facts, gaps, now);
}

pub(super) fn networks(
    inventory: &mut Inventory,
    list: Answer<Vec<Network>>,
    before: Option<&Inventory>,
    now: Timestamp,
) {
    match list {
        Ok(list) => {
            for n in list {
                let facts = network::facts(&n);
                inventory.networks.insert(facts.id.clone(), Object::read(facts.name.clone(), facts, Vec::new(), now));
            }
        }
        Err(why) => {
            inventory.unlisted.insert("networks", why);
            inventory.networks = before.map(|b| b.networks.clone()).unwrap_or_default();
        }
    }
}

pub(super) async fn volumes(
    inventory: &mut Inventory,
    machine: &Machine,
    list: Answer<Vec<Volume>>,
    before: Option<&Inventory>,
    now: Timestamp,
) {
    let read = match list {
        Ok(list) => {
            let local = Arc::clone(&machine.local);
            tokio::task::spawn_blocking(move || {
                list.iter().map(|v| read_volume(v, local.as_ref(), now)).collect::<Vec<_>>()
            })
            .await
            .map_err(|e| format!("reading this machine broke off: {e}"))
        }
        Err(why) => Err(why),
    };
    match read {
        Ok(objects) => inventory.volumes = objects.into_iter().collect(),
        Err(why) => {
            inventory.unlisted.insert("volumes", why);
            inventory.volumes = before.map(|b| b.volumes.clone()).unwrap_or_default();
        }
    }
}

fn read_volume(
    v: &Volume,
    local: &Result<Local, String>,
    now: Timestamp,
) -> (String, Object<super::facts::VolumeFacts>) {
    let storage =
        |path: &std::path::Path| local.as_ref().ok().and_then(|l| l.mounts.as_ref().ok()).and_then(|m| m.of(path));
    let file = |path: &std::path::Path| match local {
        Ok(local) => FileFacts::read_with(path, &local.names).map_err(|e| format!("{}: {e}", path.display())),
        Err(why) => Err(why.clone()),
    };
    let gap = match local {
        Ok(local) => local.mounts.as_ref().err().map(String::as_str),
        Err(why) => Some(why.as_str()),
    };
    let (facts, gaps) = volume::facts(v, &volume::Host { storage: &storage, file: &file, gap }, now);
    (v.name.clone(), Object::read(v.name.clone(), facts, gaps, now))
}

/// Images or containers as read, to be put into the inventory.
pub(super) struct Read<F> {
    pub objects: Vec<(String, Object<F>)>,
    pub unlisted: Option<String>,
}

impl Read<ImageFacts> {
    pub(super) fn store(self, inventory: &mut Inventory, before: Option<&Inventory>) {
        match self.unlisted {
            None => inventory.images = self.objects.into_iter().collect(),
            Some(why) => {
                inventory.unlisted.insert("images", why);
                inventory.images = before.map(|b| b.images.clone()).unwrap_or_default();
            }
        }
    }
}

impl Read<ContainerFacts> {
    pub(super) fn store(self, inventory: &mut Inventory, before: Option<&Inventory>) {
        match self.unlisted {
            None => inventory.containers = self.objects.into_iter().collect(),
            Some(why) => {
                inventory.unlisted.insert("containers", why);
                inventory.containers = before.map(|b| b.containers.clone()).unwrap_or_default();
            }
        }
    }
}

/// Images. What an image is never changes under its id, so a known one only gets its names and age anew.
pub(super) async fn images(
    docker: &Docker,
    list: Answer<Vec<ImageSummary>>,
    known: Option<&BTreeMap<String, Object<ImageFacts>>>,
    now: Timestamp,
) -> Read<ImageFacts> {
    let list = match list {
        Ok(list) => list,
        Err(why) => return Read { objects: Vec::new(), unlisted: Some(why) },
    };
    let mut objects = Vec::new();
    let mut ask = Vec::new();
    let mut names: HashMap<String, String> = HashMap::new();
    for summary in list {
        let tags = image::named(Some(&summary.repo_tags));
        let kept = known.and_then(|k| k.get(&summary.id)).filter(|o| o.missing.is_empty()).and_then(Object::ok);
        match kept {
            Some(old) => {
                let mut facts = old.clone();
                facts.digests = image::named(Some(&summary.repo_digests));
                facts.untagged = tags.is_empty();
                facts.only_latest = !tags.is_empty() && tags.iter().all(|t| t.ends_with(":latest"));
                facts.age_days = container::days(&facts.created_at, now).unwrap_or(facts.age_days);
                let name = image_name(&tags, &summary.id);
                facts.tags = tags;
                objects.push((summary.id, Object::read(name, facts, Vec::new(), now)));
            }
            None => {
                names.insert(summary.id.clone(), image_name(&tags, &summary.id));
                ask.push(summary.id);
            }
        }
    }
    for answer in fetch::images(docker, ask).await {
        let name = names.remove(&answer.id).unwrap_or_default();
        let object = match answer.inspect {
            Ok(None) => continue,
            Ok(Some(inspect)) => {
                let history = answer.history.as_deref().map_err(Clone::clone);
                let (facts, gaps) = image::facts(&inspect, history, now);
                Object::read(name, facts, gaps, now)
            }
            Err(why) => Object::failed(name, why, now),
        };
        objects.push((answer.id, object));
    }
    Read { objects, unlisted: None }
}

fn image_name(tags: &[String], id: &str) -> String {
    tags.first().cloned().unwrap_or_else(|| id.strip_prefix("sha256:").unwrap_or(id).chars().take(12).collect())
}

/// Containers joined to a network, as last read.
pub(super) fn joined(inventory: &Inventory, network: &str) -> Vec<String> {
    let name = inventory.networks.get(network).map(|n| n.name.as_str()).unwrap_or_default();
    inventory
        .containers
        .iter()
        .filter(|(_, c)| {
            c.ok().is_some_and(|c| c.networks.iter().any(|n| n.id == network || (n.id.is_empty() && n.name == name)))
        })
        .map(|(id, _)| id.clone())
        .collect()
}

/// One container between the machine's reading and the engine's last answers.
struct Draft {
    id: String,
    name: String,
    inspect: ContainerInspectResponse,
    extras: Extras,
    ask: Ask,
}

pub(super) async fn containers(
    docker: &Docker,
    machine: &Machine,
    inventory: &Inventory,
    list: Answer<Vec<(String, String)>>,
    now: Timestamp,
) -> Read<ContainerFacts> {
    let list = match list {
        Ok(list) => list,
        Err(why) => return Read { objects: Vec::new(), unlisted: Some(why) },
    };
    let devices: HashMap<String, String> = inventory
        .volumes
        .iter()
        .filter_map(|(name, v)| {
            let v = v.ok()?;
            let device = bind_device(&v.driver, |o| v.options.get(o).map(String::as_str))?;
            Some((name.clone(), device.to_owned()))
        })
        .collect();
    let mut objects = Vec::new();
    let mut inspected = Vec::new();
    for (id, name, answer) in fetch::containers(docker, list).await {
        match answer {
            Ok(Some(inspect)) => inspected.push((id, name, inspect)),
            // It vanished between the list and the question.
            Ok(None) => {}
            Err(why) => objects.push((id, Object::failed(name, why, now))),
        }
    }
    let local = Arc::clone(&machine.local);
    let read = tokio::task::spawn_blocking(move || {
        let local = local.as_ref().as_ref().map_err(String::as_str);
        inspected
            .into_iter()
            .map(|(id, name, inspect)| {
                let (extras, ask) = live::read(&id, &inspect, local, &devices);
                Draft { id, name, inspect, extras, ask }
            })
            .collect::<Vec<_>>()
    })
    .await;
    let mut drafts = match read {
        Ok(drafts) => drafts,
        Err(e) => return Read { objects, unlisted: Some(format!("reading this machine broke off: {e}")) },
    };
    ask_the_rest(docker, &mut drafts).await;
    for draft in drafts {
        if let Some(why) = container::incomplete(&draft.inspect) {
            objects.push((draft.id, Object::failed(draft.name, why, now)));
            continue;
        }
        let (facts, gaps) = container::facts(&draft.inspect, &machine.defaults, draft.extras, now);
        let name = if facts.name.is_empty() { draft.name } else { facts.name.clone() };
        objects.push((draft.id, Object::read(name, facts, gaps, now)));
    }
    Read { objects, unlisted: None }
}

/// Asks the engine what the machine could not tell.
async fn ask_the_rest(docker: &Docker, drafts: &mut [Draft]) {
    let wanted: Vec<(String, Vec<String>)> =
        drafts.iter().filter(|d| d.ask.changes).map(|d| (d.id.clone(), mount_targets(&d.inspect))).collect();
    let mut changes: HashMap<String, Answer<super::facts::LayerChanges>> =
        fetch::changes(docker, wanted).await.into_iter().collect();
    let wanted: Vec<(String, i32, Vec<String>)> = drafts
        .iter()
        .filter(|d| d.ask.processes)
        .filter_map(|d| Some((d.id.clone(), main_pid(&d.inspect)?, health_test(&d.inspect).to_vec())))
        .collect();
    let mut tops: HashMap<String, Answer<(super::facts::Processes, Option<bool>)>> =
        fetch::tops(docker, wanted).await.into_iter().collect();
    for draft in drafts {
        match changes.remove(&draft.id) {
            Some(Ok(layer)) => draft.extras.layer = Some(layer),
            Some(Err(why)) => draft.extras.gaps.push(Missing { path: "layer".into(), why }),
            None => {}
        }
        match tops.remove(&draft.id) {
            Some(Ok((processes, root))) => {
                draft.extras.processes = Some(processes);
                draft.extras.root_process = root;
            }
            Some(Err(why)) => draft.extras.gaps.push(Missing { path: "processes".into(), why }),
            None => {}
        }
    }
}
