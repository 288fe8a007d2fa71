//! The host phiward runs on.
//!
//! Each part of the facts has a module of its own: a parser over text, and a reader that finds the text below a root
//! directory. What cannot be read becomes a gap with its reason, and the fact is absent from the document: it is never
//! guessed.

mod accounts;
mod apt;
mod apt_conf;
mod audit;
mod automatic_updates;
mod boot;
mod command;
mod core_dumps;
mod dpkg_version;
pub mod facts;
mod filesystems;
mod firewall;
mod forwarding;
mod hardware;
#[cfg(test)]
mod hostile;
mod journal;
mod kernel;
mod listeners;
mod logging;
mod logins;
mod os;
mod packages;
mod pam;
mod passwords;
mod processes;
mod reboot;
mod root;
mod ruleset;
mod shell;
mod software;
mod sshd;
mod sshd_config;
mod sudo;
mod support;
mod swap;
mod sysctl;
mod system_files;
#[cfg(test)]
mod testing;
mod time_sync;
mod updates;
mod utmp;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::Timestamp;
use phiward_core::asset::{Asset, AssetId, Ephi, Status};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use accounts::group_members;
pub use audit::{AuditRules, audit_rules};

use crate::source::{Collection, SourceReport};
use command::Commands;
use facts::HostFacts;
use packages::Packages;
use processes::Processes;
use root::{Gaps, Root};

/// Name of this collector.
const COLLECTOR: &str = "host";

/// What to read, and how.
#[derive(Clone, Debug)]
pub struct HostOptions {
    /// `/`, or the root of a mounted or recorded tree. Commands are run only for `/`.
    pub root: PathBuf,
    /// Labels of the host from phiward's configuration; `phiward.owner` and `phiward.phi` are among them.
    pub labels: BTreeMap<String, String>,
    /// Run commands of the host (`sshd -T`, `nft`, `auditctl`, …) where files do not tell enough.
    pub run_commands: bool,
}

impl Default for HostOptions {
    fn default() -> Self {
        HostOptions { root: PathBuf::from("/"), labels: BTreeMap::new(), run_commands: true }
    }
}

/// Stable identity of the machine below `root`: `host://` and a digest of its machine id. The id itself is a secret of
/// the machine (machine-id(5)) and is not shown. Without one, a digest of the host's name: of one length too, so that
/// no id is the beginning of another.
pub fn host_id(root: &Path) -> AssetId {
    identity(&Root::new(root))
}

/// The version that stands ready for one installed package; empty when the installed one is the newest known.
///
/// # Errors
/// In words for a reader, when that cannot be told.
pub fn pending_update(root: &Path, package: &str, now: Timestamp) -> Result<String, String> {
    updates::pending_update(&Root::new(root), package, now)
}

fn identity(root: &Root) -> AssetId {
    let machine = ["/etc/machine-id", "/var/lib/dbus/machine-id"]
        .iter()
        .filter_map(|path| root.word(path))
        .find(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()));
    let source =
        machine.map_or_else(|| format!("name:{}", hostname(root)), |id| format!("id:{}", id.to_ascii_lowercase()));
    let digest = Sha256::digest(format!("phiward host v1:{source}"));
    let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    AssetId(format!("host://{hex}"))
}

fn hostname(root: &Root) -> String {
    ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .find_map(|path| root.word(path))
        .unwrap_or_else(|| "localhost".to_owned())
}

/// Reads the host. Blocks for as long as its commands run: call it off the async threads. `now` decides ages.
pub fn collect(options: &HostOptions, now: Timestamp) -> Collection {
    let started = Instant::now();
    let root = Root::new(&options.root);
    let mut gaps = Gaps::default();
    let facts = read(options, &root, now, &mut gaps);
    let missing = gaps.into_vec();
    let (name, id) = (facts.hostname.clone(), identity(&root));
    let (document, status) = match serde_json::to_value(&facts) {
        Ok(mut document) => {
            for gap in &missing {
                remove(&mut document, &gap.path);
            }
            (document, Status::from_missing(missing))
        }
        Err(error) => (
            Value::Object(serde_json::Map::new()),
            Status::Failed { why: format!("cannot write the facts as JSON: {error}") },
        ),
    };
    let label = |key: &str| options.labels.get(key).cloned();
    let source = SourceReport {
        collector: COLLECTOR.to_owned(),
        target: name.clone(),
        help: help(&status, facts.as_root),
        status: status.clone(),
        needs: vec![
            "root on the host: for /etc/shadow, sudoers, log-in records and the programs behind sockets of other users"
                .to_owned(),
            "leave to run sshd -T, nft or iptables-save, auditctl and the time program's status command".to_owned(),
        ],
        took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    };
    let prefix = id.0.clone();
    let asset = Asset {
        id,
        kind: "host".to_owned(),
        name,
        owner: label("phiward.owner").unwrap_or_default(),
        ephi: label("phiward.phi").map_or(Ephi::Unknown, |value| Ephi::from_label(&value)),
        labels: options.labels.clone(),
        relations: Vec::new(),
        facts: document,
        collector: COLLECTOR.to_owned(),
        status,
        collected_at: now,
    };
    Collection { assets: vec![asset], gone: Vec::new(), whole: true, prefix, source }
}

fn read(options: &HostOptions, root: &Root, now: Timestamp, gaps: &mut Gaps) -> HostFacts {
    let as_root = rustix::process::geteuid().is_root();
    let commands = Commands::new(options.run_commands && root.is_live());
    let packages = match Packages::read(root, commands) {
        Ok(packages) => Some(packages),
        Err(why) => {
            gaps.add("updates", why);
            None
        }
    };
    // Package lists are by far the largest thing read, so they have a thread of their own.
    std::thread::scope(|scope| {
        let pending = packages.as_ref().map(|packages| {
            scope.spawn(move || {
                let mut gaps = Gaps::default();
                (updates::read(root, commands, packages, now, &mut gaps), gaps)
            })
        });
        let mut facts = parts(options, root, commands, packages.as_ref(), as_root, now, gaps);
        if let Some(pending) = pending {
            match pending.join() {
                Ok((updates, found)) => {
                    facts.updates = updates;
                    gaps.extend(found);
                }
                Err(_) => gaps.add(
                    "updates",
                    "reading the package lists ended before its time: report this as a defect of phiward",
                ),
            }
        }
        facts
    })
}

fn parts(
    options: &HostOptions,
    root: &Root,
    commands: Commands,
    packages: Option<&Packages>,
    as_root: bool,
    now: Timestamp,
    gaps: &mut Gaps,
) -> HostFacts {
    let processes = Processes::read(root).ok();
    let processes = processes.as_ref();
    let mounts = filesystems::mounts(root);
    let journal = journal::read(root, processes);
    let os = os::read(root, now, gaps);
    let logins = logins::read(root, &os.architecture, processes, &journal, now, gaps);
    let listeners = listeners::read(root, processes, gaps);
    HostFacts {
        hostname: hostname(root),
        as_root,
        os,
        hardware: hardware::read(root, gaps),
        updates: None,
        automatic_updates: automatic_updates::read(root, gaps),
        reboot_required: reboot::read(root, packages, gaps),
        filesystems: filesystems::read(root, &mounts, gaps),
        swap: swap::read(root, &mounts, gaps),
        sshd: sshd::read(root, commands, processes, gaps),
        accounts: accounts::read(root, &mounts, now, gaps),
        passwords: passwords::read(root, gaps),
        logins,
        shell_timeout: shell::read(root, gaps),
        sudo: sudo::read(root, packages, gaps),
        firewall: firewall::read(root, commands, processes, as_root, gaps),
        time_sync: time_sync::read(root, commands, processes, gaps),
        audit: audit::read(root, commands, processes, gaps),
        logging: logging::read(root, processes, &journal, gaps),
        sysctl: sysctl::read(root, gaps),
        kernel: kernel::read(root, gaps),
        files: system_files::read(root, gaps),
        malware_protection: software::malware_protection(root, packages, processes, gaps),
        integrity_monitors: software::integrity_monitors(root, packages, processes, gaps),
        legacy_services: software::legacy_services(packages, listeners.as_deref(), gaps),
        listeners,
        core_dumps: core_dumps::read(root, gaps),
        boot: boot::read(root, &options.labels, gaps),
    }
}

/// Takes a fact that was not read out of the document, so that its default cannot be taken for an answer. Paths into
/// lists name a part of every item and stay.
fn remove(document: &mut Value, path: &str) {
    let (parents, last) = path.rsplit_once('.').map_or(("", path), |(parents, last)| (parents, last));
    let mut at = document;
    for part in parents.split('.').filter(|part| !part.is_empty()) {
        match at.get_mut(part) {
            Some(next) => at = next,
            None => return,
        }
    }
    if let Some(object) = at.as_object_mut() {
        object.remove(last);
    }
}

/// What to do about gaps, where running phiward otherwise would mend them. A gap that has a reason of its own says in
/// its words what can be done.
fn help(status: &Status, as_root: bool) -> Option<String> {
    match status {
        Status::Complete => None,
        _ if as_root => None,
        _ => Some("run phiward as root: shadow, sudoers, log-in records, packet filter and audit rules, and the programs behind other users' sockets can be read by nobody else".to_owned()),
    }
}

#[cfg(test)]
mod tests;
