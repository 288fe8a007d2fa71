//! What is read of one container on its own machine.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use bollard::models::ContainerInspectResponse;
use phiward_core::asset::Missing;

use super::container::{Extras, health_test, main_pid, mount_targets};
use super::facts::MountFacts;
use super::limits::Groups;
use super::local::Local;
use super::volume::encryption_unknown;
use super::{isolation, layer, mounts, processes};

const NAMESPACES: [&str; 6] = ["pid", "net", "ipc", "uts", "user", "cgroup"];

/// What the engine must still be asked for a container.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ask {
    pub processes: bool,
    pub changes: bool,
}

/// Whether the container has a layer worth looking at: one that never ran has none, one being removed soon has none.
fn has_layer(inspect: &ContainerInspectResponse) -> bool {
    let status = inspect.state.as_ref().and_then(|s| s.status).map(|s| s.to_string()).unwrap_or_default();
    !matches!(status.as_str(), "" | "created" | "removing" | "dead")
}

/// Reads one container. `local` is the machine, or why it cannot be read. Blocks.
pub(super) fn read(
    id: &str,
    inspect: &ContainerInspectResponse,
    local: Result<&Local, &str>,
    devices: &HashMap<String, String>,
) -> (Extras, Ask) {
    let mut extras = Extras::default();
    let mut ask = Ask { processes: false, changes: has_layer(inspect) };
    extras.mounts = read_mounts(inspect, local, devices);
    let gap = |path: &str, why: &str| Missing { path: path.into(), why: why.into() };
    let local = match local {
        Ok(local) => local,
        Err(why) => {
            if !extras.mounts.is_empty() {
                extras.gaps.push(gap("mounts.storage", why));
            }
            if main_pid(inspect).is_some() {
                ask.processes = true;
                extras.gaps.push(gap("usage", why));
            }
            return (extras, ask);
        }
    };
    for m in extras.mounts.iter().filter(|m| m.kind != "tmpfs" && !m.source.is_empty()) {
        match &m.storage {
            None => extras.gaps.push(gap("mounts.storage", &format!("no mount holds {}", m.source))),
            Some(s) if s.encrypted.is_none() && !s.in_memory && s.encryption == "unknown" => {
                extras.gaps.push(gap("mounts.storage.encrypted", &encryption_unknown(s)));
            }
            Some(_) => {}
        }
    }
    if let Some(pid) = main_pid(inspect) {
        let members = local.processes.as_ref().ok().and_then(|p| p.get(id));
        match members {
            // The process still belongs to the container: its number was not given to another one meanwhile.
            Some(members) if members.iter().any(|p| p.pid == pid) => {
                extras.live = isolation::read_live(pid);
                if let Ok(daemon) = &local.daemon {
                    let shared = isolation::shared_namespaces(pid, daemon.pid);
                    extras.namespaces = NAMESPACES.iter().filter_map(|k| Some((*k, shared(k)?))).collect();
                }
                extras.root_process = processes::main_tree_has_root(members, pid);
                extras.processes = Some(processes::judge(members, pid, health_test(inspect), local.now_ticks));
                if let (Ok(cgroup), Ok(mounts)) = (fs::read_to_string(format!("/proc/{pid}/cgroup")), &local.mounts) {
                    let groups = Groups::of(&cgroup, mounts);
                    extras.limits = groups.limits();
                    extras.usage = groups.usage(extras.limits.memory);
                }
            }
            _ => ask.processes = true,
        }
        if extras.usage.is_none() {
            extras.gaps.push(gap("usage", "the container's control group could not be read"));
        }
    }
    if ask.changes
        && let Some(driver) = &inspect.graph_driver
        && let Some((upper, lowers)) = layer::overlay_dirs(&driver.name, &driver.data)
        && let Ok((changes, truncated)) = layer::walk(&upper, &lowers)
    {
        extras.layer = Some(layer::count(&changes, &mount_targets(inspect), truncated));
        ask.changes = false;
    }
    (extras, ask)
}

fn read_mounts(
    inspect: &ContainerInspectResponse,
    local: Result<&Local, &str>,
    devices: &HashMap<String, String>,
) -> Vec<MountFacts> {
    let resolve = |path: &Path| -> PathBuf {
        match local {
            Ok(_) => fs::canonicalize(path).unwrap_or_else(|_| without_var_run(path)),
            Err(_) => without_var_run(path),
        }
    };
    let storage = |path: &Path| local.ok().and_then(|l| l.mounts.as_ref().ok()).and_then(|m| m.of(path));
    let host = mounts::Host {
        sockets: local.map(|l| l.sockets.as_slice()).unwrap_or_default(),
        data_root: local.map(|l| l.data_root.as_str()).unwrap_or_default(),
        resolve: &resolve,
        storage: &storage,
    };
    let mut list: Vec<MountFacts> = inspect
        .mounts
        .iter()
        .flatten()
        .map(|m| mounts::facts(m, m.name.as_ref().and_then(|n| devices.get(n)).map(String::as_str), &host))
        .collect();
    list.sort_by(|a, b| a.target.cmp(&b.target));
    list
}

/// Nearly every system links /var/run to /run.
fn without_var_run(path: &Path) -> PathBuf {
    match path.strip_prefix("/var/run") {
        Ok(rest) => Path::new("/run").join(rest),
        Err(_) => path.to_owned(),
    }
}
