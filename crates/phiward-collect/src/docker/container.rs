//! Facts about one container, from its inspection and, where its host is this one, from its live process.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum, HostConfig};
use jiff::Timestamp;
use phiward_core::asset::Missing;

use super::facts::{
    Compose, ContainerFacts, ContainerNetwork, DeviceFacts, LayerChanges, Limits, MountFacts, Processes, Usage,
};
use super::isolation::{self, Live, Modes};
use super::limits::LiveLimits;
use super::{ports, secrets};

/// What the engine does for containers that say nothing themselves.
#[derive(Clone, Debug, Default)]
pub(super) struct EngineDefaults {
    pub cgroup_version: Option<i64>,
    /// Users are mapped (userns-remap).
    pub remapped: Option<bool>,
    /// `filter` or `disabled`.
    pub seccomp: Option<&'static str>,
    pub apparmor: bool,
    pub selinux: bool,
    pub no_new_privileges: Option<bool>,
    pub bind_address: String,
    /// Files and processes of the engine's host can be read.
    pub local: bool,
    /// Why the daemon's own settings are not known, where they are not.
    pub settings_gap: Option<String>,
}

/// What was read beside the inspection. Absent ones come with a reason in `gaps`.
#[derive(Clone, Debug, Default)]
pub(super) struct Extras {
    pub live: Option<Live>,
    pub namespaces: HashMap<&'static str, bool>,
    pub limits: LiveLimits,
    pub usage: Option<Usage>,
    pub processes: Option<Processes>,
    /// A process below the main one runs as uid 0 of the host.
    pub root_process: Option<bool>,
    pub layer: Option<LayerChanges>,
    pub mounts: Vec<MountFacts>,
    pub gaps: Vec<Missing>,
}

/// What an answer lacks without which nothing can be said of a container. An absent switch must not be read as off.
pub(super) fn incomplete(inspect: &ContainerInspectResponse) -> Option<String> {
    let privileged = inspect.host_config.as_ref().and_then(|host| host.privileged);
    let absent: Vec<&str> = [
        ("State", inspect.state.is_none()),
        ("Config", inspect.config.is_none()),
        ("HostConfig", inspect.host_config.is_none()),
        ("HostConfig.Privileged", inspect.host_config.is_some() && privileged.is_none()),
    ]
    .into_iter()
    .filter_map(|(name, absent)| absent.then_some(name))
    .collect();
    (!absent.is_empty()).then(|| format!("the engine's answer about it has no {}", absent.join(", no ")))
}

/// Whether the inspection shows a live first process.
pub(super) fn main_pid(inspect: &ContainerInspectResponse) -> Option<i32> {
    let state = inspect.state.as_ref()?;
    let pid = i32::try_from(state.pid?).ok().filter(|p| *p > 0)?;
    (state.running == Some(true)).then_some(pid)
}

/// Mount points of the container, for judging its layer.
pub(super) fn mount_targets(inspect: &ContainerInspectResponse) -> Vec<String> {
    let mut targets: Vec<String> = inspect.mounts.iter().flatten().filter_map(|m| m.destination.clone()).collect();
    targets.extend(inspect.host_config.iter().filter_map(|h| h.tmpfs.as_ref()).flat_map(|t| t.keys().cloned()));
    if inspect.host_config.as_ref().and_then(|h| h.init) == Some(true) {
        // The engine mounts its supervisor there, and leaves an empty file in the layer to mount it on.
        targets.push("/sbin/docker-init".to_owned());
    }
    targets
}

/// Words of the health check in force.
pub(super) fn health_test(inspect: &ContainerInspectResponse) -> &[String] {
    inspect.config.as_ref().and_then(|c| c.healthcheck.as_ref()).and_then(|h| h.test.as_deref()).unwrap_or_default()
}

/// Facts that rest on the container alone; those that need other objects are derived later.
pub(super) fn facts(
    inspect: &ContainerInspectResponse,
    engine: &EngineDefaults,
    extras: Extras,
    now: Timestamp,
) -> (ContainerFacts, Vec<Missing>) {
    let Extras { live, namespaces, limits, usage, processes, root_process, layer, mounts, mut gaps } = extras;
    let empty_host = HostConfig::default();
    let host = inspect.host_config.as_ref().unwrap_or(&empty_host);
    let config = inspect.config.clone().unwrap_or_default();
    let state = inspect.state.clone().unwrap_or_default();
    let labels: BTreeMap<String, String> = secrets::hide_in_labels(config.labels.clone().unwrap_or_default());
    let running = state.running.unwrap_or(false);
    let word = state.status.map(|s| s.to_string()).unwrap_or_default();
    let created = inspect.created.clone().unwrap_or_default();
    let started = state.started_at.clone().filter(|t| is_time(t));
    let finished = state.finished_at.clone().filter(|t| is_time(t));
    let privileged = host.privileged.unwrap_or(false);
    let options = host.security_opt.clone().unwrap_or_default();
    let (cap_add, cap_drop) = (plain_names(host.cap_add.as_deref()), plain_names(host.cap_drop.as_deref()));
    let user = config.user.clone().unwrap_or_default();

    let granted = isolation::configured(privileged, &cap_add, &cap_drop);
    let capabilities = live.as_ref().and_then(|l| l.capabilities).map_or_else(|| granted.clone(), isolation::names);
    let bounding = live.as_ref().and_then(|l| l.bounding).map_or(granted, isolation::names);
    let seccomp = match live.as_ref().and_then(|l| l.seccomp) {
        Some(live) => Some(live),
        None if privileged || isolation::security_option(&options, "seccomp") == Some("unconfined") => Some("disabled"),
        None if engine.seccomp == Some("disabled") => Some("disabled"),
        None if isolation::security_option(&options, "seccomp").is_some() => Some("filter"),
        None => engine.seccomp,
    };
    let no_new_privileges =
        live.as_ref().and_then(|l| l.no_new_privileges).or_else(|| {
            match isolation::security_option(&options, "no-new-privileges") {
                Some(value) => Some(value != "false"),
                None => engine.no_new_privileges,
            }
        });
    if no_new_privileges.is_none() {
        let why = engine.settings_gap.clone().unwrap_or_else(|| "the daemon's default could not be read".into());
        gaps.push(Missing { path: "no_new_privileges".into(), why });
    }
    let label = live.as_ref().and_then(|l| l.label.as_deref());
    let apparmor_profile = engine.apparmor.then(|| match label {
        Some(label) => isolation::apparmor_profile(label),
        None => configured_apparmor(inspect, &options, privileged),
    });
    let selinux_disabled = options.iter().any(|o| matches!(o.as_str(), "label=disable" | "label:disable"))
        || (engine.selinux && privileged);
    let selinux_label =
        engine.selinux.then(|| label.map_or_else(|| inspect.process_label.clone().unwrap_or_default(), str::to_owned));

    let network_mode = host.network_mode.clone().unwrap_or_default();
    let cgroup_mode = host.cgroupns_mode.map(|m| m.to_string()).unwrap_or_default();
    let modes = Modes {
        pid: host.pid_mode.as_deref().unwrap_or_default(),
        network: &network_mode,
        ipc: host.ipc_mode.as_deref().unwrap_or_default(),
        uts: host.uts_mode.as_deref().unwrap_or_default(),
        user: host.userns_mode.as_deref().unwrap_or_default(),
        cgroup: &cgroup_mode,
        cgroup_version: engine.cgroup_version,
    };
    let settings = inspect.network_settings.clone().unwrap_or_default();
    let port_map = match settings.ports {
        Some(ports) if running && ports.values().any(|b| b.as_ref().is_some_and(|b| !b.is_empty())) => ports,
        _ => host.port_bindings.clone().unwrap_or_default(),
    };
    let logging = host.log_config.clone().unwrap_or_default();
    let driver = logging.typ.unwrap_or_default();
    let restart = host.restart_policy.clone().unwrap_or_default();
    let env = config.env.clone().unwrap_or_default();
    let test = health_test(inspect);
    let networks = networks(settings.networks.unwrap_or_default());
    let image = config.image.clone().unwrap_or_default();

    let facts = ContainerFacts {
        id: inspect.id.clone().unwrap_or_default(),
        name: inspect.name.clone().unwrap_or_default().trim_start_matches('/').to_owned(),
        image_pinned: is_pinned(&image),
        image,
        image_id: inspect.image.clone().unwrap_or_default(),
        image_outdated: None,
        running,
        never_started: state.status == Some(ContainerStateStatusEnum::CREATED) && started.is_none(),
        age_days: days(&created, now).unwrap_or_default(),
        stopped_days: if running { None } else { finished.as_deref().and_then(|f| days(f, now)) },
        created_at: created,
        started_at: started,
        finished_at: finished,
        state: word,
        exit_code: state.exit_code.unwrap_or_default(),
        oom_killed: state.oom_killed.unwrap_or(false),
        restart_count: inspect.restart_count.unwrap_or_default(),
        ephi: String::new(),
        owner: labels.get("phiward.owner").cloned().unwrap_or_default(),
        role: labels.get("phiward.role").cloned().unwrap_or_default(),
        compose: compose(&labels),
        labels,
        runs_as_root: root_process
            .or_else(|| live.as_ref().and_then(|l| l.uid).map(|u| u == 0))
            .or_else(|| configured_root(&user)),
        user,
        privileged,
        readonly_rootfs: host.readonly_rootfs.unwrap_or(false),
        extra_capabilities: Some(isolation::beyond_default(&capabilities)),
        regainable_capabilities: Some(isolation::beyond_default(&bounding)),
        capabilities: Some(capabilities),
        cap_add,
        cap_drop,
        seccomp: seccomp.map(str::to_owned),
        no_new_privileges,
        apparmor_profile,
        selinux_label,
        selinux_disabled,
        isolation_from: if live.is_some() { "process" } else { "configuration" }.to_owned(),
        namespaces: modes.facts(|kind| namespaces.get(kind).copied(), engine.remapped),
        tmpfs: sorted(
            host.tmpfs
                .iter()
                .flat_map(|t| t.keys().cloned())
                .chain(mounts.iter().filter(|m| m.kind == "tmpfs").map(|m| m.target.clone())),
        ),
        mounts,
        shared_writable_volumes: None,
        devices: devices(host),
        ports: ports::published(&port_map, &engine.bind_address),
        on_default_bridge: networks.iter().any(|n| n.name == "bridge")
            || (networks.is_empty() && matches!(network_mode.as_str(), "default" | "bridge")),
        network_mode,
        networks,
        bridges_phi_and_public: None,
        limits: limits_in_force(host, &limits),
        ulimits: sorted(host.ulimits.iter().flatten().filter_map(|u| u.name.clone())),
        restart_policy: restart.name.map(|n| n.to_string()).unwrap_or_default(),
        restart_max_retries: restart.maximum_retry_count.unwrap_or_default(),
        cgroup_parent: host.cgroup_parent.clone().unwrap_or_default(),
        logging_central: is_central(&driver),
        logging_rotates: rotates(&driver, logging.config.as_ref()),
        logging_driver: driver,
        healthcheck: test.first().is_some_and(|t| t != "NONE"),
        health: state.health.and_then(|h| h.status).map(|s| s.to_string()).filter(|s| !s.is_empty() && s != "none"),
        environment_secrets: secrets::in_environment(&env),
        environment_count: i64::try_from(env.len()).unwrap_or(i64::MAX),
        processes,
        layer,
        usage,
        links: sorted(host.links.iter().flatten().cloned()),
        auto_remove: host.auto_remove.unwrap_or(false),
        tty: config.tty.unwrap_or(false),
        init: host.init.unwrap_or(false),
        sysctls: host.sysctls.clone().unwrap_or_default().into_iter().collect(),
        dns: host.dns.clone().unwrap_or_default(),
        extra_hosts: host.extra_hosts.clone().unwrap_or_default(),
        runtime: host.runtime.clone().unwrap_or_default(),
        oom_kill_disabled: host.oom_kill_disable.unwrap_or(false),
    };
    (facts, gaps)
}

/// Go's zero time stands for never.
fn is_time(text: &str) -> bool {
    !text.is_empty() && !text.starts_with("0001-")
}

/// Whole days from a time to now; absent when the time cannot be read.
pub(super) fn days(from: &str, now: Timestamp) -> Option<i64> {
    let from: Timestamp = from.parse().ok()?;
    Some(now.duration_since(from).as_secs().max(0) / 86_400)
}

fn sorted(items: impl Iterator<Item = String>) -> Vec<String> {
    let mut list: Vec<String> = items.collect();
    list.sort();
    list.dedup();
    list
}

fn plain_names(list: Option<&[String]>) -> Vec<String> {
    sorted(list.unwrap_or_default().iter().map(|c| isolation::plain_name(c)))
}

/// A reference by digest or by image id names the same bytes everywhere.
fn is_pinned(reference: &str) -> bool {
    let digest = |text: &str| {
        text.strip_prefix("sha256:").is_some_and(|h| h.len() == 64 && h.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    digest(reference) || reference.rsplit_once('@').is_some_and(|(_, d)| digest(d))
}

/// Whether a configured user is root. A name is taken as another user unless it is `root`: only the image's account file
/// could say that it has uid 0 as well.
fn configured_root(user: &str) -> Option<bool> {
    let name = user.split(':').next().unwrap_or_default();
    match name {
        "" | "root" => Some(true),
        _ => match name.parse::<i64>() {
            Ok(uid) => Some(uid == 0),
            Err(_) => Some(false),
        },
    }
}

fn configured_apparmor(inspect: &ContainerInspectResponse, options: &[String], privileged: bool) -> String {
    if let Some(profile) = isolation::security_option(options, "apparmor").filter(|p| !p.is_empty()) {
        return profile.to_owned();
    }
    match inspect.app_armor_profile.as_deref() {
        Some(profile) if !profile.is_empty() => profile.to_owned(),
        _ if privileged => "unconfined".to_owned(),
        _ => "docker-default".to_owned(),
    }
}

fn compose(labels: &BTreeMap<String, String>) -> Option<Compose> {
    let project = labels.get("com.docker.compose.project")?.clone();
    Some(Compose { project, service: labels.get("com.docker.compose.service").cloned().unwrap_or_default() })
}

fn devices(host: &HostConfig) -> Vec<DeviceFacts> {
    host.devices
        .iter()
        .flatten()
        .map(|d| DeviceFacts {
            host: d.path_on_host.clone().unwrap_or_default(),
            container: d.path_in_container.clone().unwrap_or_default(),
            permissions: d.cgroup_permissions.clone().unwrap_or_default(),
        })
        .collect()
}

fn networks(joined: HashMap<String, bollard::models::EndpointSettings>) -> Vec<ContainerNetwork> {
    let mut list: Vec<ContainerNetwork> = joined
        .into_iter()
        .map(|(name, endpoint)| ContainerNetwork {
            name,
            id: endpoint.network_id.unwrap_or_default(),
            ip: endpoint.ip_address.filter(|ip| !ip.is_empty()).or(endpoint.global_ipv6_address).unwrap_or_default(),
            internal: false,
            ephi: String::new(),
        })
        .collect();
    list.sort_by(|a, b| a.name.cmp(&b.name));
    list
}

fn limits_in_force(host: &HostConfig, live: &LiveLimits) -> Limits {
    let nano = host.nano_cpus.unwrap_or_default();
    let quota = host.cpu_quota.unwrap_or_default();
    let period = host.cpu_period.filter(|p| *p > 0).unwrap_or(100_000);
    let configured_cpu = if nano > 0 {
        nano / 1_000_000
    } else if quota > 0 {
        quota.saturating_mul(1000) / period
    } else {
        0
    };
    let cpu_millis = live.cpu_millis.unwrap_or(configured_cpu);
    let cpu_shares = host.cpu_shares.unwrap_or_default();
    let cpuset = host.cpuset_cpus.as_deref().is_some_and(|c| !c.is_empty());
    Limits {
        memory: live.memory.or(host.memory).unwrap_or_default(),
        memory_reservation: host.memory_reservation.unwrap_or_default(),
        cpu_millis,
        cpu_shares,
        cpu_set: cpu_millis > 0 || (cpu_shares > 0 && cpu_shares != 1024) || cpuset,
        pids: live.pids.or(host.pids_limit).unwrap_or_default(),
    }
}

/// Whether a logging driver sends records to another place than this host's own files.
pub(super) fn is_central(driver: &str) -> bool {
    !matches!(driver, "" | "json-file" | "local" | "journald" | "none" | "etwlogs" | "db")
}

/// `local` and journald bound what they keep by themselves.
fn rotates(driver: &str, options: Option<&HashMap<String, String>>) -> bool {
    match driver {
        "json-file" => options.and_then(|o| o.get("max-size")).is_some_and(|s| !s.is_empty() && s != "-1"),
        "local" | "journald" => true,
        _ => false,
    }
}

#[cfg(test)]
#[path = "container_tests.rs"]
mod tests;
