//! Facts that need more than one object, and the assets that come of it all. Pure: nothing is read here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use phiward_core::asset::{Asset, AssetId, Ephi, Missing, Relation, Status};
use serde::Serialize;
use serde_json::{Value, json};

use super::facts::{ContainerFacts, MountFacts, ObjectCounts, SharedVolume};
use super::inventory::{Inventory, Object};

/// Days after which a stopped container counts as left behind.
const STALE_DAYS: i64 = 30;

/// All assets of the inventory, the engine first.
pub(super) fn assets(inventory: &Inventory) -> Vec<Asset> {
    let d = Derived::of(inventory);
    let mut assets = vec![engine(inventory, &d)];
    assets.extend(inventory.containers.iter().map(|(id, o)| container(inventory, &d, id, o)));
    assets.extend(inventory.images.keys().map(|id| image(inventory, &d, id)));
    assets.extend(inventory.volumes.keys().map(|name| volume(inventory, &d, name)));
    assets.extend(inventory.networks.keys().map(|id| network(inventory, &d, id)));
    assets
}

/// Cross references, computed once.
struct Derived {
    /// ePHI and owner of each container that was read.
    standing: HashMap<String, (Ephi, String)>,
    /// Containers by image.
    by_image: HashMap<String, Vec<String>>,
    /// Containers by volume.
    by_volume: HashMap<String, Vec<String>>,
    /// Running containers that can write, by volume or by bound host path.
    writers: HashMap<String, BTreeSet<String>>,
    /// Containers by network id.
    by_network: HashMap<String, Vec<String>>,
    network_ephi: HashMap<String, Ephi>,
    carries: BTreeSet<String>,
    network_by_name: HashMap<String, String>,
    image_by_tag: HashMap<String, String>,
    /// Why relations to containers are incomplete.
    unknown: Option<String>,
}

fn label<'a>(labels: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    labels.get(name).map(String::as_str).filter(|v| !v.trim().is_empty())
}

/// What holds for a thing that several containers use: any yes is yes, all no is no.
fn together(of: impl Iterator<Item = Ephi>) -> Ephi {
    let mut all = Ephi::Unknown;
    for (i, e) in of.enumerate() {
        all = match (e, all) {
            (Ephi::Yes, _) | (_, Ephi::Yes) => Ephi::Yes,
            (Ephi::No, Ephi::No) => Ephi::No,
            (Ephi::No, Ephi::Unknown) if i == 0 => Ephi::No,
            _ => Ephi::Unknown,
        };
    }
    all
}

/// Key under which two mounts are the same bytes: the volume, or the host path bound. Sockets and system directories
/// are other checks' matter.
fn shared_key(m: &MountFacts) -> Option<String> {
    if !m.volume.is_empty() {
        return Some(m.volume.clone());
    }
    (m.kind == "bind" && m.sensitive_host_path.is_empty() && !m.covers_docker_socket).then(|| m.source.clone())
}

impl Derived {
    fn of(inv: &Inventory) -> Derived {
        let mut d = Derived {
            standing: HashMap::new(),
            by_image: HashMap::new(),
            by_volume: HashMap::new(),
            writers: HashMap::new(),
            by_network: HashMap::new(),
            network_ephi: HashMap::new(),
            carries: BTreeSet::new(),
            network_by_name: inv
                .networks
                .iter()
                .filter_map(|(id, n)| Some((n.ok()?.name.clone(), id.clone())))
                .collect(),
            image_by_tag: HashMap::new(),
            unknown: inv.containers_unknown(),
        };
        for (id, object) in &inv.images {
            let Some(image) = object.ok() else { continue };
            for reference in image.tags.iter().chain(&image.digests) {
                d.image_by_tag.insert(reference.clone(), id.clone());
            }
        }
        for (id, object) in &inv.containers {
            let Some(c) = object.ok() else { continue };
            let image = inv.images.get(&c.image_id).and_then(Object::ok);
            let word = label(&c.labels, "phiward.phi").or_else(|| image.and_then(|i| label(&i.labels, "phiward.phi")));
            let owner =
                label(&c.labels, "phiward.owner").or_else(|| image.and_then(|i| label(&i.labels, "phiward.owner")));
            d.standing.insert(
                id.clone(),
                (word.map_or(Ephi::Unknown, Ephi::from_label), owner.unwrap_or_default().to_owned()),
            );
            d.by_image.entry(c.image_id.clone()).or_default().push(id.clone());
            let volumes: BTreeSet<&String> =
                c.mounts.iter().filter(|m| !m.volume.is_empty()).map(|m| &m.volume).collect();
            for volume in volumes {
                d.by_volume.entry(volume.clone()).or_default().push(id.clone());
            }
            if c.running {
                for key in c.mounts.iter().filter(|m| m.writable).filter_map(shared_key) {
                    d.writers.entry(key).or_default().insert(id.clone());
                }
            }
            for network in d.network_ids(c) {
                d.by_network.entry(network).or_default().push(id.clone());
            }
        }
        for (id, object) in &inv.networks {
            let joined: Vec<Ephi> = d.by_network.get(id).into_iter().flatten().map(|c| d.ephi(c)).collect();
            let said = object.ok().and_then(|n| label(&n.labels, "phiward.phi"));
            if joined.contains(&Ephi::Yes) || said.map(Ephi::from_label) == Some(Ephi::Yes) {
                d.carries.insert(id.clone());
            }
            let derived = if d.unknown.is_some() && !joined.contains(&Ephi::Yes) {
                Ephi::Unknown
            } else {
                together(joined.into_iter())
            };
            d.network_ephi.insert(id.clone(), said.map_or(derived, Ephi::from_label));
        }
        d
    }

    fn ephi(&self, container: &str) -> Ephi {
        self.standing.get(container).map_or(Ephi::Unknown, |s| s.0)
    }

    /// Networks a container is joined to. One that never started knows its networks by name only.
    fn network_ids(&self, c: &ContainerFacts) -> Vec<String> {
        let mut ids: Vec<String> = c
            .networks
            .iter()
            .filter_map(
                |n| if n.id.is_empty() { self.network_by_name.get(&n.name).cloned() } else { Some(n.id.clone()) },
            )
            .collect();
        ids.sort();
        ids.dedup();
        ids
    }
}

fn names(inv: &Inventory, ids: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<String> {
    let mut list: Vec<String> =
        ids.into_iter().filter_map(|id| inv.containers.get(id.as_ref()).map(|c| c.name.clone())).collect();
    list.sort();
    list
}

fn relation(kind: &str, to: AssetId, detail: impl Into<String>) -> Relation {
    Relation { kind: kind.to_owned(), to, detail: detail.into() }
}

/// Puts an asset together. Facts of an object that failed are its name and id only, so that no default stands for
/// something read.
#[allow(clippy::too_many_arguments, reason = "one call a kind, and every part has another source")]
fn asset<F: Serialize>(
    id: AssetId,
    kind: &str,
    object: &Object<F>,
    facts: Option<Value>,
    bare: Value,
    owner: String,
    ephi: Ephi,
    labels: BTreeMap<String, String>,
    relations: Vec<Relation>,
) -> Asset {
    let mut facts = facts.unwrap_or(bare);
    for gap in object.missing.iter().filter(|_| object.facts.is_ok()) {
        remove(&mut facts, &gap.path);
    }
    Asset {
        id,
        kind: kind.to_owned(),
        name: object.name.clone(),
        owner,
        ephi,
        labels,
        relations,
        facts,
        collector: "docker".to_owned(),
        status: object.status(),
        collected_at: object.at,
    }
}

/// Takes out what a gap names, so that no default stands for something that was not read.
fn remove(facts: &mut Value, path: &str) {
    let (parents, last) = path.rsplit_once('.').map_or(("", path), |(p, l)| (p, l));
    let mut at = Some(facts);
    for step in parents.split('.').filter(|s| !s.is_empty()) {
        at = at.and_then(|v| v.get_mut(step));
    }
    if let Some(object) = at.and_then(Value::as_object_mut) {
        object.remove(last);
    }
}

fn value(facts: impl Serialize) -> Value {
    serde_json::to_value(facts).unwrap_or(Value::Null)
}

/// Takes facts out that rest on containers not all of which could be read, and says so.
fn withhold(asset: &mut Asset, fields: &[&str], why: &str) {
    let mut missing = match std::mem::take(&mut asset.status) {
        Status::Complete => Vec::new(),
        Status::Partial { missing } => missing,
        failed @ Status::Failed { .. } => {
            asset.status = failed;
            return;
        }
    };
    if let Some(object) = asset.facts.as_object_mut() {
        for field in fields {
            object.remove(*field);
            missing.push(Missing { path: (*field).to_owned(), why: why.to_owned() });
        }
    }
    asset.status = Status::from_missing(missing);
}

fn engine(inv: &Inventory, d: &Derived) -> Asset {
    let mut object = inv.engine.clone();
    let mut ephi = label(&inv.engine_labels, "phiward.phi").map_or(Ephi::Unknown, Ephi::from_label);
    if ephi == Ephi::Unknown && d.standing.values().any(|s| s.0 == Ephi::Yes) {
        ephi = Ephi::Yes;
    }
    if let Ok(facts) = &mut object.facts {
        let bridge = inv.networks.values().filter_map(Object::ok).find(|n| n.predefined && n.driver == "bridge");
        facts.default_bridge_icc = bridge.map(|n| n.icc);
        match inv.unlisted.iter().next() {
            None => facts.objects = Some(counts(inv, d)),
            Some((kind, why)) => object
                .missing
                .push(Missing { path: "objects".into(), why: format!("the {kind} could not be listed: {why}") }),
        }
        if bridge.is_none() {
            let why = inv.unlisted.get("networks").map_or("the engine has no default bridge".to_owned(), |w| {
                format!("the networks could not be listed: {w}")
            });
            object.missing.push(Missing { path: "default_bridge_icc".into(), why });
        }
    }
    let local = object.ok().is_some_and(|f| f.local);
    let relations = inv.host_id.iter().filter(|_| local).map(|h| relation("runs-on", h.clone(), "")).collect();
    let owner = label(&inv.engine_labels, "phiward.owner").unwrap_or_default().to_owned();
    let facts = object.ok().map(value);
    asset(
        inv.engine_asset(),
        "docker.engine",
        &object,
        facts,
        json!({}),
        owner,
        ephi,
        inv.engine_labels.clone(),
        relations,
    )
}

fn counts(inv: &Inventory, d: &Derived) -> ObjectCounts {
    let n = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let read: Vec<(&String, &ContainerFacts)> =
        inv.containers.iter().filter_map(|(id, c)| Some((id, c.ok()?))).collect();
    let running = read.iter().filter(|(_, c)| c.running).count();
    let stale = |c: &ContainerFacts| {
        !c.running && (c.stopped_days.is_some_and(|s| s > STALE_DAYS) || (c.never_started && c.age_days > STALE_DAYS))
    };
    ObjectCounts {
        containers: n(inv.containers.len()),
        running: n(running),
        stopped: n(read.len() - running),
        stale_containers: n(read.iter().filter(|(_, c)| stale(c)).count()),
        images: n(inv.images.len()),
        images_in_use: n(inv.images.keys().filter(|id| d.by_image.contains_key(*id)).count()),
        dangling_images: n(inv
            .images
            .iter()
            .filter(|(id, i)| i.ok().is_some_and(|i| i.untagged) && !d.by_image.contains_key(*id))
            .count()),
        volumes: n(inv.volumes.len()),
        unused_volumes: n(inv.volumes.keys().filter(|v| !d.by_volume.contains_key(*v)).count()),
        networks: n(inv.networks.len()),
        unowned_containers: n(read
            .iter()
            .filter(|(id, c)| c.running && d.standing.get(*id).is_none_or(|s| s.1.is_empty()))
            .count()),
    }
}

fn container(inv: &Inventory, d: &Derived, id: &str, object: &Object<ContainerFacts>) -> Asset {
    let asset_id = inv.asset("container", id);
    let mut relations = vec![relation("runs-on", inv.engine_asset(), "")];
    let (ephi, owner) = d.standing.get(id).cloned().unwrap_or_default();
    let Some(read) = object.ok() else {
        let bare = json!({"id": id, "name": object.name});
        return asset(asset_id, "docker.container", object, None, bare, owner, ephi, BTreeMap::new(), relations);
    };
    let mut c = read.clone();
    c.ephi = ephi.as_str().to_owned();
    c.owner.clone_from(&owner);
    let image = inv.images.get(&c.image_id).and_then(Object::ok);
    if c.role.is_empty() {
        c.role = image.and_then(|i| label(&i.labels, "phiward.role")).unwrap_or_default().to_owned();
    }
    c.image_outdated = match d.image_by_tag.get(&reference(&c.image)) {
        Some(now) => Some(*now != c.image_id),
        // A reference by image id or by digest can stand for nothing else later.
        None if c.image_pinned => Some(false),
        None => None,
    };
    let networks = d.network_ids(&c);
    for n in &mut c.networks {
        let key = if n.id.is_empty() { d.network_by_name.get(&n.name) } else { Some(&n.id) };
        let found = key.and_then(|k| inv.networks.get(k)).and_then(Object::ok);
        n.internal = found.is_some_and(|f| f.internal);
        n.ephi = key.and_then(|k| d.network_ephi.get(k)).copied().unwrap_or_default().as_str().to_owned();
    }
    let mut missing = Vec::new();
    match (&d.unknown, inv.unlisted.get("networks")) {
        (None, None) => {
            c.bridges_phi_and_public = Some(bridges(inv, d, &networks));
        }
        (why, listed) => {
            let why = why
                .clone()
                .or_else(|| listed.map(|w| format!("the networks could not be listed: {w}")))
                .unwrap_or_default();
            missing.push(Missing { path: "bridges_phi_and_public".into(), why });
        }
    }
    match &d.unknown {
        None => c.shared_writable_volumes = Some(shared(inv, d, id, &c)),
        Some(why) => missing.push(Missing { path: "shared_writable_volumes".into(), why: why.clone() }),
    }
    if inv.images.contains_key(&c.image_id) {
        relations.push(relation("uses-image", inv.asset("image", &c.image_id), c.image.clone()));
    }
    for m in c.mounts.iter().filter(|m| !m.volume.is_empty()) {
        let detail = if m.writable { m.target.clone() } else { format!("{} read-only", m.target) };
        relations.push(relation("mounts", inv.asset("volume", &m.volume), detail));
    }
    relations.extend(networks.iter().map(|n| relation("joins", inv.asset("network", n), "")));
    let mut whole = object.clone();
    whole.missing.extend(missing);
    let labels = c.labels.clone();
    asset(asset_id, "docker.container", &whole, Some(value(&c)), Value::Null, owner, ephi, labels, relations)
}

/// References as the engine lists them: without a tag they mean `latest`.
fn reference(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    let plain = image.strip_prefix("docker.io/library/").or_else(|| image.strip_prefix("docker.io/")).unwrap_or(image);
    match image.split_once('@') {
        // The engine lists digests without the tag.
        Some((name, digest)) => {
            let tail = name.rsplit('/').next().unwrap_or(name);
            let name = if tail.contains(':') { name.rsplit_once(':').map_or(name, |(n, _)| n) } else { name };
            format!("{name}@{digest}")
        }
        None if last.contains(':') => plain.to_owned(),
        None => format!("{plain}:latest"),
    }
}

/// Joined to a network that carries ePHI and to another that reaches outside.
fn bridges(inv: &Inventory, d: &Derived, networks: &[String]) -> bool {
    let outside =
        |id: &String| inv.networks.get(id).and_then(Object::ok).is_none_or(|n| !n.internal && n.driver != "null");
    networks
        .iter()
        .filter(|n| d.carries.contains(*n))
        .any(|phi| networks.iter().any(|other| other != phi && outside(other)))
}

fn shared(inv: &Inventory, d: &Derived, id: &str, c: &ContainerFacts) -> Vec<SharedVolume> {
    let keys: BTreeSet<String> = c.mounts.iter().filter(|m| m.writable).filter_map(shared_key).collect();
    keys.into_iter()
        .filter_map(|key| {
            let writers = names(inv, d.writers.get(&key)?.iter().filter(|w| *w != id));
            (!writers.is_empty()).then_some(SharedVolume { volume: key, writers })
        })
        .collect()
}

fn image(inv: &Inventory, d: &Derived, id: &str) -> Asset {
    let object = &inv.images[id];
    let relations = vec![relation("part-of", inv.engine_asset(), "")];
    let asset_id = inv.asset("image", id);
    let Some(read) = object.ok() else {
        return asset(
            asset_id,
            "docker.image",
            object,
            None,
            json!({"id": id}),
            String::new(),
            Ephi::Unknown,
            BTreeMap::new(),
            relations,
        );
    };
    let mut i = read.clone();
    let ephi = label(&i.labels, "phiward.phi").map_or(Ephi::Unknown, Ephi::from_label);
    i.ephi = ephi.as_str().to_owned();
    let users = d.by_image.get(id).map(Vec::as_slice).unwrap_or_default();
    i.in_use = !users.is_empty();
    let running =
        users.iter().filter(|c| inv.containers.get(*c).and_then(Object::ok).is_some_and(|c| c.running)).count();
    i.running_containers = i64::try_from(running).unwrap_or(i64::MAX);
    let (owner, labels) = (i.owner.clone(), i.labels.clone());
    let mut asset =
        asset(asset_id, "docker.image", object, Some(value(&i)), Value::Null, owner, ephi, labels, relations);
    if let Some(why) = &d.unknown {
        let fields: &[&str] = if i.in_use { &["running_containers"] } else { &["in_use", "running_containers"] };
        withhold(&mut asset, fields, why);
    }
    asset
}

fn volume(inv: &Inventory, d: &Derived, name: &str) -> Asset {
    let object = &inv.volumes[name];
    let relations = vec![relation("part-of", inv.engine_asset(), "")];
    let asset_id = inv.asset("volume", name);
    let Some(read) = object.ok() else {
        return asset(
            asset_id,
            "docker.volume",
            object,
            None,
            json!({"name": name}),
            String::new(),
            Ephi::Unknown,
            BTreeMap::new(),
            relations,
        );
    };
    let mut v = read.clone();
    let users = d.by_volume.get(name).map(Vec::as_slice).unwrap_or_default();
    let derived = together(users.iter().map(|c| d.ephi(c)));
    let ephi = match label(&v.labels, "phiward.phi") {
        Some(word) => Ephi::from_label(word),
        None if d.unknown.is_some() && derived != Ephi::Yes => Ephi::Unknown,
        None => derived,
    };
    v.ephi = ephi.as_str().to_owned();
    v.used_by = names(inv, users);
    v.writers = names(inv, d.writers.get(name).into_iter().flatten());
    v.in_use = !users.is_empty();
    let (owner, labels) = (v.owner.clone(), v.labels.clone());
    let mut asset =
        asset(asset_id, "docker.volume", object, Some(value(&v)), Value::Null, owner, ephi, labels, relations);
    if let Some(why) = &d.unknown {
        withhold(&mut asset, &["used_by", "writers", "in_use"], why);
    }
    asset
}

fn network(inv: &Inventory, d: &Derived, id: &str) -> Asset {
    let object = &inv.networks[id];
    let relations = vec![relation("part-of", inv.engine_asset(), "")];
    let asset_id = inv.asset("network", id);
    let Some(read) = object.ok() else {
        return asset(
            asset_id,
            "docker.network",
            object,
            None,
            json!({"id": id}),
            String::new(),
            Ephi::Unknown,
            BTreeMap::new(),
            relations,
        );
    };
    let mut n = read.clone();
    let users = d.by_network.get(id).map(Vec::as_slice).unwrap_or_default();
    let ephi = d.network_ephi.get(id).copied().unwrap_or_default();
    n.ephi = ephi.as_str().to_owned();
    n.carries_ephi = d.carries.contains(id);
    n.containers = names(inv, users);
    n.non_phi_containers = names(inv, users.iter().filter(|c| d.ephi(c) == Ephi::No));
    let publishes =
        |c: &&String| inv.containers.get(*c).and_then(Object::ok).is_some_and(|c| c.ports.iter().any(|p| !p.loopback));
    n.publishing_containers = names(inv, users.iter().filter(publishes));
    n.in_use = !users.is_empty();
    let (owner, labels) = (n.owner.clone(), n.labels.clone());
    let mut asset =
        asset(asset_id, "docker.network", object, Some(value(&n)), Value::Null, owner, ephi, labels, relations);
    if let Some(why) = &d.unknown {
        let mut fields = vec!["containers", "non_phi_containers", "publishing_containers", "in_use"];
        if !n.carries_ephi {
            fields.push("carries_ephi");
        }
        withhold(&mut asset, &fields, why);
    }
    asset
}

#[cfg(test)]
#[path = "derive_tests.rs"]
mod tests;
