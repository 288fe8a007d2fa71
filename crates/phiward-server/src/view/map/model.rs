//! What the picture shows, taken from assets, relations and facts.

use std::collections::{BTreeMap, HashMap};

use phiward_core::asset::Ephi;
use phiward_core::words::Severity;
use phiward_store::model::{AssetRow, EphiMap, MapAsset};
use serde_json::Value;

use crate::view::words;

/// State of an element, in a class, a shape and words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mark {
    pub class: &'static str,
    pub shape: &'static str,
    pub words: String,
}

/// The mark of an asset: what its checks said.
pub fn mark(row: &AssetRow) -> Mark {
    let badge = row.worst.map(crate::view::badge::severity);
    match (row.worst, badge) {
        (Some(worst), Some(badge)) if row.failing > 0 => Mark {
            class: if worst >= Severity::High { "bad" } else { "warn" },
            shape: badge.shape,
            words: format!("{} failing", words::number(row.failing)),
        },
        _ if row.unknown > 0 => Mark {
            class: "unknown",
            shape: crate::view::badge::verdict(phiward_core::words::Verdict::Unknown).shape,
            words: format!("{} unknown", words::number(row.unknown)),
        },
        _ => Mark { class: "", shape: "", words: String::new() },
    }
}

/// A box with its place in the flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub title: String,
    pub sub: String,
    pub mark: Mark,
    pub href: String,
}

/// A container with what it touches.
#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    pub item: Item,
    pub ephi: Ephi,
    /// Published ports, one line.
    pub ports: Option<Item>,
    /// Index of its frame.
    pub group: usize,
    /// Names of all its networks.
    pub networks: Vec<String>,
    /// Indexes of stores, with whether it writes.
    pub stores: Vec<usize>,
    pub worst: i64,
    /// Stands for several.
    pub folded: bool,
}

/// A network as a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub title: String,
    pub mark: Mark,
    pub href: String,
}

/// Everything drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    pub containers: Vec<Container>,
    pub groups: Vec<Group>,
    /// Volumes and writable host paths.
    pub stores: Vec<Item>,
    /// Index of the storage under each store.
    pub under: Vec<Option<usize>>,
    pub storage: Vec<Item>,
    pub hosts: Vec<Item>,
    /// Containers in the picture, those that share a box counted each.
    pub drawn: usize,
    pub left_out: usize,
}

/// Containers of one network without port and store that get a box of their own.
const PLAIN: usize = 5;

/// Those that share one.
#[derive(Default)]
struct Folded {
    seen: usize,
    folded: usize,
    failing: i64,
    worst: Option<Severity>,
}

impl Folded {
    fn container(&self, group: usize) -> Container {
        let mark = match self.worst.filter(|_| self.failing > 0) {
            Some(worst) => Mark {
                class: if worst >= Severity::High { "bad" } else { "warn" },
                shape: crate::view::badge::severity(worst).shape,
                words: format!("{} failing", words::number(self.failing)),
            },
            None => Mark::default(),
        };
        let title = format!("{} more containers", words::number(i64::try_from(self.folded).unwrap_or(i64::MAX)));
        Container {
            item: Item {
                title,
                sub: "no port, no volume".to_owned(),
                mark,
                href: "/assets?kind=docker.container".to_owned(),
            },
            ephi: Ephi::Unknown,
            ports: None,
            group,
            networks: Vec::new(),
            stores: Vec::new(),
            worst: self.worst.map_or(0, Severity::rank),
            folded: true,
        }
    }
}

/// Reads the parts, at most `most` containers, worst first. With `fold`, plain ones share a box instead of being left out.
pub fn parts(map: &EphiMap, most: usize, fold: bool) -> Parts {
    let by_id: HashMap<&str, &MapAsset> = map.assets.iter().map(|asset| (asset.row.id.as_str(), asset)).collect();
    let mut related: HashMap<&str, Vec<&str>> = HashMap::new();
    for (from, relation) in &map.relations {
        related.entry(from.as_str()).or_default().push(relation.to.as_str());
    }
    let mut parts = Parts::default();
    let mut groups: BTreeMap<String, usize> = BTreeMap::new();
    let mut stores: BTreeMap<String, usize> = BTreeMap::new();
    let mut storage: BTreeMap<String, usize> = BTreeMap::new();
    let mut all: Vec<&MapAsset> = map.assets.iter().filter(|asset| asset.row.kind == "docker.container").collect();
    all.sort_by(|a, b| {
        let ephi = |e: Ephi| [Ephi::Yes, Ephi::Unknown, Ephi::No].iter().position(|o| *o == e);
        ephi(a.row.ephi).cmp(&ephi(b.row.ephi)).then(b.row.worst.cmp(&a.row.worst)).then(a.row.name.cmp(&b.row.name))
    });
    // Containers without a port or a store say little one by one: those beyond a few of a network share a box.
    let mut plain: BTreeMap<usize, Folded> = BTreeMap::new();
    for asset in all {
        let to: Vec<&MapAsset> =
            related.get(asset.row.id.as_str()).into_iter().flatten().filter_map(|id| by_id.get(id).copied()).collect();
        let networks = networks(asset, &to);
        let (group_name, network) =
            networks.first().map_or(("no network", None), |(name, network)| (name.as_str(), *network));
        let group = *groups.entry(group_name.to_owned()).or_insert_with(|| {
            parts.groups.push(frame(group_name, network));
            parts.groups.len() - 1
        });
        let ports = ports(asset);
        let bare = ports.is_none()
            && binds(&asset.facts).is_empty()
            && volumes(&asset.facts).is_empty()
            && !to.iter().any(|other| other.row.kind == "docker.volume");
        if bare {
            let of_group = plain.entry(group).or_default();
            of_group.seen += 1;
            if of_group.seen > PLAIN {
                of_group.folded += 1;
                of_group.failing += i64::from(asset.row.failing > 0);
                of_group.worst = of_group.worst.max(asset.row.worst);
                continue;
            }
        }
        if parts.containers.len() >= most {
            parts.left_out += 1;
            continue;
        }
        let mut touched = Vec::new();
        for volume in to.iter().filter(|other| other.row.kind == "docker.volume") {
            let index = *stores.entry(volume.row.id.0.clone()).or_insert_with(|| {
                parts.stores.push(volume_item(volume));
                parts.under.push(storage_of(&volume.facts).map(|(key, item)| {
                    *storage.entry(key).or_insert_with(|| {
                        parts.storage.push(item);
                        parts.storage.len() - 1
                    })
                }));
                parts.stores.len() - 1
            });
            touched.push(index);
        }
        // A volume that the store left out of the map is still named by the mount.
        for (name, sub) in volumes(&asset.facts) {
            let listed = |other: &&MapAsset| other.row.kind == "docker.volume" && other.row.name == name;
            if to.iter().any(listed) {
                continue;
            }
            let index = *stores.entry(format!("volume:{name}")).or_insert_with(|| {
                parts.stores.push(Item { title: name.clone(), sub, mark: Mark::default(), href: String::new() });
                parts.under.push(None);
                parts.stores.len() - 1
            });
            touched.push(index);
        }
        for (source, sub) in binds(&asset.facts) {
            let index = *stores.entry(format!("bind:{source}")).or_insert_with(|| {
                let href = words::asset_href(asset.row.id.as_str());
                parts.stores.push(Item { title: source.clone(), sub, mark: Mark::default(), href });
                parts.under.push(None);
                parts.stores.len() - 1
            });
            touched.push(index);
        }
        touched.dedup();
        parts.containers.push(Container {
            item: item(
                &asset.row,
                match asset.row.ephi {
                    Ephi::Yes => "ePHI",
                    Ephi::Unknown => "ePHI unknown",
                    Ephi::No => "no ePHI",
                },
            ),
            ephi: asset.row.ephi,
            ports,
            group,
            networks: networks.into_iter().map(|(name, _)| name).collect(),
            stores: touched,
            worst: asset.row.worst.map_or(0, Severity::rank),
            folded: false,
        });
    }
    parts.drawn = parts.containers.len();
    for (group, folded) in plain.into_iter().filter(|(_, folded)| fold && folded.folded > 0) {
        parts.drawn += folded.folded;
        parts.containers.push(folded.container(group));
    }
    let hosts = map.assets.iter().filter(|asset| matches!(asset.row.kind.as_str(), "host" | "docker.engine"));
    parts.hosts = hosts.take(6).map(|asset| item(&asset.row, words::kind(&asset.row.kind))).collect();
    parts
}

fn item(row: &AssetRow, sub: &str) -> Item {
    Item { title: row.name.clone(), sub: sub.to_owned(), mark: mark(row), href: words::asset_href(row.id.as_str()) }
}

fn frame(name: &str, network: Option<&MapAsset>) -> Group {
    let inside = network.and_then(|n| n.facts.get("internal")).and_then(Value::as_bool) == Some(true);
    Group {
        title: format!("{name}{}", if inside { " (internal)" } else { "" }),
        mark: network.map(|n| mark(&n.row)).unwrap_or_default(),
        href: network.map(|n| words::asset_href(n.row.id.as_str())).unwrap_or_default(),
    }
}

/// Names of the container's networks with their assets, the one that carries ePHI first.
fn networks<'m>(asset: &MapAsset, to: &[&'m MapAsset]) -> Vec<(String, Option<&'m MapAsset>)> {
    let mut found: Vec<(String, Option<&MapAsset>)> =
        to.iter().filter(|other| other.row.kind == "docker.network").map(|n| (n.row.name.clone(), Some(*n))).collect();
    for network in list(&asset.facts, "networks") {
        if let Some(name) = network.get("name").and_then(Value::as_str)
            && !found.iter().any(|(known, _)| known == name)
        {
            found.push((name.to_owned(), None));
        }
    }
    found.sort_by_key(|(name, network)| (network.is_none_or(|n| n.row.ephi != Ephi::Yes), name.clone()));
    if found.is_empty()
        && let Some(mode) = asset.facts.get("network_mode").and_then(Value::as_str)
    {
        let name = match mode {
            "host" => "the host’s own network",
            "none" => "no network",
            "" => "network not read",
            other => other,
        };
        found.push((name.to_owned(), None));
    }
    found
}

fn list<'v>(facts: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    facts.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or("")
}

/// Published ports in one box.
fn ports(asset: &MapAsset) -> Option<Item> {
    let mut numbers: Vec<i64> = Vec::new();
    let mut plain: Vec<&str> = Vec::new();
    let mut beyond = false;
    for port in list(&asset.facts, "ports") {
        let number = port.get("host_port").and_then(Value::as_i64).unwrap_or(0);
        if number > 0 && !numbers.contains(&number) {
            numbers.push(number);
        }
        let word = text(port, "plaintext");
        if !word.is_empty() && !plain.contains(&word) {
            plain.push(word);
        }
        beyond |= port.get("loopback").and_then(Value::as_bool) != Some(true);
    }
    if numbers.is_empty() {
        return None;
    }
    let shown: Vec<String> = numbers.iter().take(3).map(i64::to_string).collect();
    let more = if numbers.len() > 3 { ", …" } else { "" };
    let reach = if beyond { "open to other machines" } else { "this machine only" };
    let sub = if plain.is_empty() { reach.to_owned() } else { format!("plain text: {}", plain.join(", ")) };
    Some(Item {
        title: format!("{} {}{more}", if numbers.len() == 1 { "Port" } else { "Ports" }, shown.join(", ")),
        sub: if beyond || plain.is_empty() { sub } else { format!("{sub}, local") },
        mark: Mark::default(),
        href: words::asset_href(asset.row.id.as_str()),
    })
}

/// Named volumes the container mounts, with a word on their storage.
fn volumes(facts: &Value) -> Vec<(String, String)> {
    list(facts, "mounts")
        .filter(|mount| text(mount, "kind") == "volume" && !text(mount, "volume").is_empty())
        .map(|mount| {
            let word = match encryption(mount.get("storage")) {
                "" => "storage not read",
                word => word,
            };
            (text(mount, "volume").to_owned(), word.to_owned())
        })
        .take(8)
        .collect()
}

/// Writable or engine-reaching host paths, with a word on each.
fn binds(facts: &Value) -> Vec<(String, String)> {
    list(facts, "mounts")
        .filter(|mount| text(mount, "kind") == "bind")
        .filter_map(|mount| {
            let flag = |key: &str| mount.get(key).and_then(Value::as_bool) == Some(true);
            let source = text(mount, "source");
            let sub = if flag("covers_docker_socket") {
                "reaches the engine’s socket".to_owned()
            } else if flag("writable") {
                match encryption(mount.get("storage")) {
                    "" => "host path".to_owned(),
                    word => format!("host path, {word}"),
                }
            } else {
                return None;
            };
            (!source.is_empty()).then(|| (source.to_owned(), sub))
        })
        .take(4)
        .collect()
}

/// Encryption in words; empty when nothing was read.
fn encryption(storage: Option<&Value>) -> &'static str {
    let Some(storage) = storage else { return "" };
    match (storage.get("encrypted").and_then(Value::as_bool), storage.get("in_memory").and_then(Value::as_bool)) {
        (_, Some(true)) => "in memory",
        (Some(true), _) => "encrypted",
        (Some(false), _) => "not encrypted",
        (None, _) => "encryption unknown",
    }
}

fn volume_item(volume: &MapAsset) -> Item {
    let word = match encryption(volume.facts.get("storage")) {
        "" => "storage not read",
        word => word,
    };
    let mut item = item(&volume.row, word);
    let long_hash = item.title.len() == 64 && item.title.bytes().all(|b| b.is_ascii_hexdigit());
    if long_hash {
        item.title = format!("volume {}", &item.title[..12]);
    }
    item
}

/// The storage a volume lies on: its key, and its box.
fn storage_of(facts: &Value) -> Option<(String, Item)> {
    let storage = facts.get("storage")?;
    let device = text(storage, "device");
    let title = if device.is_empty() { text(storage, "mount_point") } else { device };
    if title.is_empty() {
        return None;
    }
    let sub = match (encryption(Some(storage)), text(storage, "encryption")) {
        ("encrypted", how) if !how.is_empty() => format!("encrypted ({how})"),
        (word, _) => word.to_owned(),
    };
    Some((title.to_owned(), Item { title: title.to_owned(), sub, mark: Mark::default(), href: String::new() }))
}
