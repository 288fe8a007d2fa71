//! Facts about the engine itself, from what it says of itself.

use bollard::models::{LocalNodeState, SystemInfo, SystemVersion};

use super::container::{EngineDefaults, is_central};
use super::facts::{EngineFacts, SwarmFacts};

/// Facts that the engine's `info` and `version` give.
pub(super) fn facts(info: &SystemInfo, version: &SystemVersion) -> EngineFacts {
    let number = info.server_version.clone().or_else(|| version.version.clone());
    let security = info.security_options.as_deref();
    let registry = info.registry_config.as_ref();
    let component = |name: &str| {
        version
            .components
            .iter()
            .flatten()
            .find(|c| c.name.eq_ignore_ascii_case(name))
            .map(|c| c.version.clone())
            .filter(|v| !v.is_empty())
    };
    let logging = info.logging_driver.clone().filter(|d| !d.is_empty());
    EngineFacts {
        version_major: number.as_deref().and_then(|v| v.trim_start_matches('v').split('.').next()?.parse().ok()),
        version: number,
        api_version: version.api_version.clone(),
        os: info.operating_system.clone().filter(|v| !v.is_empty()),
        kernel: info.kernel_version.clone().filter(|v| !v.is_empty()),
        architecture: info.architecture.clone().filter(|v| !v.is_empty()),
        experimental: info.experimental_build,
        rootless: security.map(|s| has(s, "rootless")),
        userns_remap: security.map(|s| has(s, "userns")),
        seccomp_profile: security.map(seccomp_profile),
        apparmor_available: security.map(|s| has(s, "apparmor")),
        selinux_enabled: security.map(|s| has(s, "selinux")),
        cgroup_driver: info.cgroup_driver.map(|d| d.to_string()).filter(|d| !d.is_empty()),
        cgroup_version: info.cgroup_version.and_then(|v| v.to_string().parse().ok()),
        storage_driver: info.driver.clone().filter(|d| !d.is_empty()),
        logging_central: logging.as_deref().map(is_central),
        logging_driver: logging,
        live_restore: info.live_restore_enabled,
        debug: info.debug,
        authorization_plugins: info.plugins.as_ref().map(|p| p.authorization.clone().unwrap_or_default()),
        insecure_registries: registry.map(|r| {
            let mut list: Vec<String> =
                r.insecure_registry_cidrs.iter().flatten().filter(|c| !is_loopback_range(c)).cloned().collect();
            list.extend(
                r.index_configs.iter().flatten().filter(|(_, i)| i.secure == Some(false)).map(|(name, _)| name.clone()),
            );
            list.sort();
            list.dedup();
            list
        }),
        registry_mirrors: registry.map(|r| r.mirrors.clone().unwrap_or_default()),
        default_runtime: info.default_runtime.clone().filter(|r| !r.is_empty()),
        runc_version: component("runc"),
        containerd_version: component("containerd"),
        warnings: Some(info.warnings.clone().unwrap_or_default()),
        swarm: info.swarm.as_ref().map(|s| {
            let active = s.local_node_state == Some(LocalNodeState::ACTIVE);
            let manager = active && s.control_available.unwrap_or(false);
            let spec = s.cluster.as_ref().and_then(|c| c.spec.as_ref()).filter(|_| manager);
            SwarmFacts {
                active,
                manager,
                managers: s.managers.filter(|_| manager),
                nodes: s.nodes.filter(|_| manager),
                autolock: spec
                    .and_then(|s| s.encryption_config.as_ref())
                    .and_then(|e| e.auto_lock_managers)
                    .or(spec.map(|_| false)),
                node_cert_expiry_hours: spec
                    .and_then(|s| s.ca_config.as_ref())
                    .and_then(|c| c.node_cert_expiry)
                    .map(|ns| ns / 3_600_000_000_000),
                ..SwarmFacts::default()
            }
        }),
        ..EngineFacts::default()
    }
}

/// What containers get that say nothing themselves. `no_new_privileges` and the bind address are the daemon's settings
/// where they are known.
pub(super) fn defaults(facts: &EngineFacts) -> EngineDefaults {
    let daemon = facts.daemon.as_ref();
    EngineDefaults {
        cgroup_version: facts.cgroup_version,
        remapped: facts.userns_remap,
        seccomp: facts
            .seccomp_profile
            .as_deref()
            .map(|p| if matches!(p, "none" | "unconfined") { "disabled" } else { "filter" }),
        apparmor: facts.apparmor_available == Some(true),
        selinux: facts.selinux_enabled == Some(true),
        no_new_privileges: daemon.map(|d| d.no_new_privileges),
        bind_address: daemon.map_or_else(|| "0.0.0.0".to_owned(), |d| d.default_bind_address.clone()),
        local: facts.local,
        settings_gap: None,
    }
}

/// Entries look like `name=seccomp,profile=default`; engines before 1.12 wrote the bare name.
fn has(options: &[String], name: &str) -> bool {
    options.iter().any(|o| o == name || o.split(',').any(|part| part.strip_prefix("name=") == Some(name)))
}

fn seccomp_profile(options: &[String]) -> String {
    let Some(entry) = options.iter().find(|o| has(std::slice::from_ref(o), "seccomp")) else {
        return "none".to_owned();
    };
    match entry.split(',').find_map(|part| part.strip_prefix("profile=")) {
        // Since 23.0 the engine calls its own profile `builtin`.
        None | Some("builtin" | "default") => "default".to_owned(),
        Some(other) => other.to_owned(),
    }
}

fn is_loopback_range(cidr: &str) -> bool {
    let address = cidr.split('/').next().unwrap_or_default();
    address.parse::<std::net::IpAddr>().is_ok_and(|a| a.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> EngineFacts {
        facts(&serde_json::from_str(json).unwrap(), &SystemVersion::default())
    }

    #[test]
    fn security_options() {
        let f =
            of(r#"{"SecurityOptions":["name=apparmor","name=seccomp,profile=builtin","name=userns","name=cgroupns"]}"#);
        assert_eq!(f.seccomp_profile.as_deref(), Some("default"));
        assert_eq!(
            (f.apparmor_available, f.selinux_enabled, f.userns_remap, f.rootless),
            (Some(true), Some(false), Some(true), Some(false))
        );
        let bare = of(r#"{"SecurityOptions":[]}"#);
        assert_eq!(bare.seccomp_profile.as_deref(), Some("none"));
        assert_eq!(defaults(&bare).seccomp, Some("disabled"));
        assert_eq!(of("{}").seccomp_profile, None);
    }

    #[test]
    fn registries_without_verified_tls() {
        let f = of(
            r#"{"RegistryConfig":{"InsecureRegistryCIDRs":["127.0.0.0/8","::1/128","10.0.0.0/8"],"IndexConfigs":{"docker.io":{"Secure":true},"reg:5000":{"Secure":false}},"Mirrors":null}}"#,
        );
        assert_eq!(f.insecure_registries.unwrap(), ["10.0.0.0/8", "reg:5000"]);
        assert_eq!(f.registry_mirrors.unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_swarm_worker_does_not_know_the_cluster() {
        let f = of(r#"{"Swarm":{"LocalNodeState":"active","ControlAvailable":false,"Nodes":0,"Managers":0}}"#)
            .swarm
            .unwrap();
        assert!(f.active && !f.manager && f.managers.is_none() && f.autolock.is_none());
        let m = of(
            r#"{"Swarm":{"LocalNodeState":"active","ControlAvailable":true,"Nodes":3,"Managers":1,"Cluster":{"Spec":{"CAConfig":{"NodeCertExpiry":7776000000000000},"EncryptionConfig":{"AutoLockManagers":true}}}}}"#,
        );
        let m = m.swarm.unwrap();
        assert_eq!((m.managers, m.autolock, m.node_cert_expiry_hours), (Some(1), Some(true), Some(2160)));
        assert!(!of(r#"{"Swarm":{"LocalNodeState":"inactive"}}"#).swarm.unwrap().active);
    }

    #[test]
    fn version_and_logging() {
        let f = of(
            r#"{"ServerVersion":"20.10.24+dfsg1","LoggingDriver":"syslog","CgroupVersion":"1","CgroupDriver":"cgroupfs"}"#,
        );
        assert_eq!((f.version_major, f.logging_central, f.cgroup_version), (Some(20), Some(true), Some(1)));
    }
}
