//! What is read on the engine's own machine: the daemon, its settings, mounts, processes.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bollard::models::SystemInfo;
use phiward_core::asset::Missing;

use super::connect::{Endpoint, Transport};
use super::daemon::{self, Running};
use super::daemon_process::{self, DaemonProcess};
use super::engine_files::{self, Paths};
use super::facts::{DaemonFacts, EngineFacts};
use super::package;
use super::processes::{self, Process};
use crate::files::Names;
use crate::host;
use crate::storage::Mounts;

/// The engine's machine, as far as it is this one.
#[derive(Debug)]
pub(super) struct Local {
    pub daemon: Result<DaemonProcess, String>,
    pub paths: Paths,
    pub names: Names,
    pub mounts: Result<Mounts, String>,
    /// Processes by container.
    pub processes: Result<HashMap<String, Vec<Process>>, String>,
    /// Clock ticks since boot at the time of the scan.
    pub now_ticks: u64,
    /// Sockets of the engine, resolved and as given.
    pub sockets: Vec<PathBuf>,
    pub data_root: String,
    settings: Result<Settings, String>,
}

#[derive(Clone, Debug, Default)]
struct Settings {
    facts: DaemonFacts,
    gaps: Vec<Missing>,
}

/// Why the engine's machine cannot be read: the socket's peer and the kernel tell whether it is this one.
pub(super) async fn is_here(endpoint: &Endpoint, info: &SystemInfo) -> Result<(PathBuf, i32), String> {
    let Transport::Unix(socket) = &endpoint.transport else {
        return Err("the engine is reached over the network; run phiward on its host to read this".into());
    };
    let uname = rustix::system::uname();
    let here = uname.release().to_string_lossy();
    if let Some(there) = info.kernel_version.as_deref().filter(|k| !k.is_empty() && *k != here) {
        return Err(format!(
            "the engine behind {} runs on another kernel ({there}) than phiward ({here}); run phiward on its host to read this",
            socket.display()
        ));
    }
    let pid = daemon_process::peer(socket).await?;
    Ok((socket.clone(), pid))
}

impl Local {
    /// Reads everything that is common to all containers. Blocks.
    ///
    /// # Errors
    /// In words: the process behind the socket only passes it on, perhaps to another machine.
    pub(super) fn read(socket: &Path, peer: i32, info: &SystemInfo) -> Result<Local, String> {
        let data_root = info.docker_root_dir.clone().unwrap_or_default();
        let mut daemon = daemon_process::find(peer, socket, Path::new("/var/run/docker.pid"));
        if let Ok(process) = &daemon
            && !process.is_daemon()
        {
            let why = format!("{} is served by {} and not by an engine's daemon", socket.display(), process.program());
            // The engine behind may still be this machine's: then its id is in its data directory.
            let id = fs::read_to_string(Path::new(&data_root).join("engine-id")).unwrap_or_default();
            if data_root.is_empty() || id.trim().is_empty() || Some(id.trim()) != info.id.as_deref() {
                return Err(format!("{why}; point phiward at the engine's own socket to read this"));
            }
            daemon = Err(why);
        }
        let mut paths = Paths {
            socket: socket.to_owned(),
            config_file: PathBuf::from("/etc/docker/daemon.json"),
            data_root: PathBuf::from(if data_root.is_empty() { "/var/lib/docker" } else { &data_root }),
            ..Paths::default()
        };
        let settings = match &daemon {
            Ok(process) => settings(process, info, &mut paths),
            Err(why) => Err(why.clone()),
        };
        let mut sockets = vec![socket.to_owned()];
        if let Ok(s) = &settings {
            sockets.extend(s.facts.hosts.iter().filter_map(|h| h.strip_prefix("unix://")).map(PathBuf::from));
        }
        sockets.dedup();
        Ok(Local {
            daemon,
            paths,
            names: Names::read(),
            mounts: Mounts::read().map_err(|e| format!("/proc/self/mountinfo: {e}")),
            processes: processes::scan().map_err(|e| format!("/proc: {e}")),
            now_ticks: processes::now_ticks(),
            sockets,
            data_root,
            settings,
        })
    }

    /// The daemon's settings, or why they are not known.
    pub(super) fn settings(&self) -> Result<&DaemonFacts, &str> {
        self.settings.as_ref().map(|s| &s.facts).map_err(String::as_str)
    }

    /// Puts what this machine tells into the engine's facts. Blocks.
    pub(super) fn fill(&self, facts: &mut EngineFacts, gaps: &mut Vec<Missing>) {
        let mut gap = |path: &str, why: &str| gaps.push(Missing { path: path.into(), why: why.into() });
        facts.local = true;
        match &self.settings {
            Ok(settings) => {
                facts.daemon = Some(settings.facts.clone());
                settings.gaps.iter().for_each(|g| gap(&g.path, &g.why));
            }
            Err(why) => gap("daemon", why),
        }
        match &self.mounts {
            Ok(mounts) => match mounts.of(&self.paths.data_root) {
                Some(storage) => {
                    if storage.encrypted.is_none() && !storage.in_memory {
                        gap("root_dir.encrypted", &super::volume::encryption_unknown(&storage));
                    }
                    facts.root_dir = Some(storage);
                }
                None => gap("root_dir", "no mount holds the engine's data directory"),
            },
            Err(why) => gap("root_dir", why),
        }
        let root = Path::new("/");
        match host::group_members(root, "docker") {
            Ok(members) => facts.docker_group_members = Some(members.unwrap_or_default()),
            Err(e) => gap("docker_group_members", &format!("/etc/group or /etc/passwd: {e}")),
        }
        match host::audit_rules(root, true) {
            Ok(rules) => {
                let mut unseen = Vec::new();
                facts.audit = Some(engine_files::audit(&self.paths, &rules, &mut unseen));
                unseen.iter().for_each(|g| gap(&g.path, &g.why));
            }
            Err(why) => gap("audit", &why),
        }
        facts.content_trust = Some(engine_files::content_trust(&engine_files::login_files()));
        let mut file_gaps = Vec::new();
        facts.files = Some(engine_files::read(&self.paths, &self.names, &mut file_gaps));
        gaps.extend(file_gaps);
        if let (Ok(daemon), Some(swarm)) = (&self.daemon, facts.swarm.as_mut().filter(|s| s.active)) {
            let listeners = daemon_process::tcp_listeners(daemon.pid).unwrap_or_default();
            swarm.listens_wildcard = swarm_wildcard(&listeners);
        }
        match self.paths.program.as_deref() {
            Some(program) => facts.package = package::of(program),
            None => gaps.push(Missing {
                path: "package".into(),
                why: "the daemon's program is not known; this needs root".into(),
            }),
        }
        if let Some(package) = &mut facts.package {
            match host::pending_update(root, &package.name, jiff::Timestamp::now()) {
                Ok(version) => package.update_available = Some(version),
                Err(why) => gaps.push(Missing { path: "package.update_available".into(), why }),
            }
        }
    }
}

/// Whether a swarm's ports (managers 2377, all nodes 7946) are open at every address. Absent where none is open.
fn swarm_wildcard(listeners: &[(String, u16)]) -> Option<bool> {
    let mut open = listeners.iter().filter(|(_, port)| matches!(port, 2377 | 7946)).peekable();
    open.peek()?;
    Some(open.any(|(address, _)| address.parse::<std::net::IpAddr>().is_ok_and(|a| a.to_canonical().is_unspecified())))
}

/// The daemon's settings, with what the engine says of itself put over what its files and flags say.
fn settings(process: &DaemonProcess, info: &SystemInfo, paths: &mut Paths) -> Result<Settings, String> {
    paths.program.clone_from(&process.exe);
    let words = process.command.as_deref().ok_or("the daemon's command line cannot be read; this needs root")?;
    let args = words.get(1..).unwrap_or_default();
    let rootless = info.security_options.iter().flatten().any(|o| o == "name=rootless");
    if let Some(path) = daemon::config_file(args) {
        paths.config_file = PathBuf::from(path);
    } else if rootless {
        let home = process.environment.iter().flatten().find_map(|e| e.strip_prefix("HOME="));
        let home =
            home.ok_or("the home directory of the rootless daemon is not known; run phiward as its user or as root")?;
        paths.config_file = Path::new(home).join(".config/docker/daemon.json");
    }
    let file = match fs::read(&paths.config_file) {
        Ok(bytes) => Some(bytes),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
        Err(e) => {
            return Err(format!("the daemon's configuration {} cannot be read: {e}", paths.config_file.display()));
        }
    };
    let mut gaps = Vec::new();
    // Engines since 20.10 name their proxies themselves, with the password masked.
    let said: Vec<String> = [("HTTP_PROXY", &info.http_proxy), ("HTTPS_PROXY", &info.https_proxy)]
        .iter()
        .filter_map(|(n, v)| Some(format!("{n}={}", v.as_deref()?)))
        .collect();
    let shown = paths.config_file.to_string_lossy().into_owned();
    let running = Running {
        pid: Some(i64::from(process.pid)),
        uid: process.uid.map(i64::from),
        args,
        file: file.as_deref(),
        environment: process.environment.as_deref().unwrap_or(&said),
        default_config_file: &shown,
    };
    let mut facts = daemon::effective(&running)
        .map_err(|e| format!("the daemon's configuration {shown} is not valid JSON: {e}"))?;
    let [_, ca, cert, key] = daemon::named_paths(&running);
    (paths.tls_ca, paths.tls_cert, paths.tls_key) =
        (ca.map(PathBuf::from), cert.map(PathBuf::from), key.map(PathBuf::from));
    facts.config_newer_than_process =
        file.as_ref().and_then(|_| newer_than_process(&paths.config_file, process.started?));
    if let Some(live) = info.live_restore_enabled {
        facts.live_restore = live;
    }
    if let Some(live) = info.logging_driver.clone().filter(|d| !d.is_empty()) {
        facts.log_driver = live;
    }
    if let Some(live) = info.experimental_build {
        facts.experimental = live;
    }
    if info.debug == Some(true) {
        facts.log_level = "debug".into();
    }
    if let Some(options) = &info.security_options {
        facts.selinux = options.iter().any(|o| o == "name=selinux");
    }
    if facts.hosts.iter().any(|h| h.starts_with("fd:")) {
        handed_over(process.pid, &mut facts, &mut gaps);
    }
    Ok(Settings { facts, gaps })
}

/// With `fd://` systemd opens the sockets: only the process itself shows whether TCP is among them.
fn handed_over(pid: i32, facts: &mut DaemonFacts, gaps: &mut Vec<Missing>) {
    match daemon_process::tcp_listeners(pid) {
        Ok(listeners) => {
            let metrics = facts.metrics_addr.rsplit(':').next().and_then(|p| p.parse::<u16>().ok());
            for (address, port) in listeners {
                // Ports of the swarm's own traffic and of the metrics.
                if matches!(port, 2377 | 7946) || Some(port) == metrics {
                    continue;
                }
                facts.listens_tcp = true;
                facts.listens_tcp_public |=
                    !address.parse::<std::net::IpAddr>().is_ok_and(|a| a.to_canonical().is_loopback());
            }
        }
        Err(e) => {
            for path in ["daemon.listens_tcp", "daemon.listens_tcp_public"] {
                gaps.push(Missing {
                    path: path.into(),
                    why: format!("the daemon's sockets come from systemd and looking at them needs root: {e}"),
                });
            }
        }
    }
}

fn newer_than_process(file: &Path, started_ticks: u64) -> Option<bool> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let boot: i64 = stat.lines().find_map(|l| l.strip_prefix("btime "))?.trim().parse().ok()?;
    let started = boot + i64::try_from(started_ticks / 100).ok()?;
    // Both clocks are cut to seconds.
    Some(fs::metadata(file).ok()?.mtime() > started + 1)
}

#[cfg(test)]
mod tests {
    use super::swarm_wildcard;

    #[test]
    fn a_swarm_open_at_every_address() {
        let at =
            |list: &[(&str, u16)]| swarm_wildcard(&list.iter().map(|(a, p)| ((*a).to_owned(), *p)).collect::<Vec<_>>());
        assert_eq!(at(&[("::", 2377), ("10.0.0.1", 7946)]), Some(true));
        assert_eq!(at(&[("10.0.0.1", 2377), ("10.0.0.1", 7946), ("0.0.0.0", 443)]), Some(false));
        assert_eq!(at(&[("0.0.0.0", 2375)]), None);
    }
}
