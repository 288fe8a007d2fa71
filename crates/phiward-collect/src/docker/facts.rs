//! Shapes of the facts about a Docker engine and its objects. A field that is absent was not read: checks that
//! need it answer `unknown`. Facts come from what is live (the process, its namespaces, its mounts) where that
//! exists, else from what is configured.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::files::FileFacts;

/// Facts of kind `docker.engine`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EngineFacts {
    /// Address phiward reached it at, without credentials: `unix:///var/run/docker.sock`.
    pub endpoint: String,
    /// Whether the endpoint is on this machine, so that its files and processes could be read.
    pub local: bool,
    /// Whether the connection to a TCP endpoint is TLS with a verified server; absent for a local socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_tls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_major: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Distribution package that installed the engine, where the engine is local and the package database is readable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<EnginePackage>,
    /// Whether the release line of `version` still gets fixes, from upstream or from the distribution that packaged it.
    /// Absent when phiward cannot tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supported: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experimental: Option<bool>,
    /// Engine runs as an unprivileged user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rootless: Option<bool>,
    /// Containers' root is mapped to an unprivileged user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userns_remap: Option<bool>,
    /// `default`, `unconfined`, a profile's path, or `none` where the kernel lacks seccomp.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seccomp_profile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apparmor_available: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selinux_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_driver: Option<String>,
    /// 1 or 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_version: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_driver: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging_driver: Option<String>,
    /// Whether `logging_driver` sends records off the container's own disk files (syslog, fluentd, awslogs, …).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging_central: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_restore: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debug: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_plugins: Option<Vec<String>>,
    /// Registries reached without verified TLS, loopback ranges left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insecure_registries: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_mirrors: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_runtime: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runc_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub containerd_version: Option<String>,
    /// Warnings the engine itself gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<String>>,
    /// Where the engine keeps its data, and on what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_dir: Option<StorageFacts>,
    /// Containers may talk freely over the default bridge (inter-container communication), read from the live bridge network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_bridge_icc: Option<bool>,
    /// Running daemon: its process, and the settings in force (defaults, then daemon.json, then flags).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daemon: Option<DaemonFacts>,
    /// Names in the local group `docker`: each is root on the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_group_members: Option<Vec<String>>,
    /// Ownership and modes of the engine's files. Absent keys do not exist on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<EngineFiles>,
    /// Audit of the engine's files and programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<EngineAudit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swarm: Option<SwarmFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<ObjectCounts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_usage: Option<DiskUsage>,
    /// `DOCKER_CONTENT_TRUST=1` for every login shell of this machine (/etc/environment, /etc/profile, /etc/profile.d).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_trust: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnginePackage {
    pub name: String,
    pub version: String,
    /// A newer version stands in the local package cache; absent when the cache could not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_available: Option<String>,
}

/// The daemon's process and the settings in force.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DaemonFacts {
    /// Process at the other end of the socket (SO_PEERCRED), never found by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<i64>,
    /// Configuration file in force.
    pub config_file: String,
    pub config_file_exists: bool,
    /// Names of the settings that daemon.json or a flag set away from the default, and by what: `file` or `flag`.
    pub set_by: BTreeMap<String, String>,
    pub icc: bool,
    pub iptables: bool,
    pub ip_forward: bool,
    pub userland_proxy: bool,
    pub no_new_privileges: bool,
    pub selinux: bool,
    /// `debug`, `info`, `warn`, `error` or `fatal`.
    pub log_level: String,
    pub log_driver: String,
    pub log_opts: BTreeMap<String, String>,
    /// Names of default ulimits.
    pub default_ulimits: Vec<String>,
    pub cgroup_parent: String,
    pub storage_opts: Vec<String>,
    /// Base device size changed (`dm.basesize`).
    pub base_device_size_set: bool,
    pub seccomp_profile: String,
    pub userns_remap: String,
    pub insecure_registries: Vec<String>,
    /// Legacy (v1) registries are allowed (engines before 17.12).
    pub legacy_registry: bool,
    pub hosts: Vec<String>,
    /// Listens on TCP.
    pub listens_tcp: bool,
    /// Listens on TCP at an address other than loopback.
    pub listens_tcp_public: bool,
    pub tls: bool,
    pub tls_verify: bool,
    pub live_restore: bool,
    pub experimental: bool,
    /// Metrics are served at this address; empty when off.
    pub metrics_addr: String,
    /// Default address published ports bind to (`ip`); `0.0.0.0` unless set.
    pub default_bind_address: String,
    /// Names of environment variables that look like a proxy with a password in it.
    pub proxy_credentials_in_environment: Vec<String>,
    /// The configuration file was written after the daemon started, so that part of it may not be in force. Absent when
    /// either time could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_newer_than_process: Option<bool>,
}

/// Files of the engine, by what they are. Each absent one does not exist.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EngineFiles {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_unit: Option<FileFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket_unit: Option<FileFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etc_docker: Option<FileFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daemon_json: Option<FileFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_docker: Option<FileFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sysconfig_docker: Option<FileFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_socket: Option<FileFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub containerd_socket: Option<FileFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_ca: Option<FileFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<FileFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<FileFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_dir: Option<FileFacts>,
    /// `*.crt` below /etc/docker/certs.d; empty when there are none.
    pub registry_certs: Vec<FileFacts>,
}

/// Audit rules for the engine's files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EngineAudit {
    /// The rules are those the kernel has loaded (`auditctl -l`); false when only rule files could be read.
    pub live: bool,
    pub daemon: AuditWatch,
    pub run_containerd: AuditWatch,
    pub var_lib_docker: AuditWatch,
    pub etc_docker: AuditWatch,
    pub docker_service: AuditWatch,
    pub containerd_socket: AuditWatch,
    pub docker_socket: AuditWatch,
    pub default_docker: AuditWatch,
    pub daemon_json: AuditWatch,
    pub containerd_config: AuditWatch,
    pub sysconfig_docker: AuditWatch,
    pub containerd: AuditWatch,
    pub containerd_shim: AuditWatch,
    pub containerd_shim_runc_v1: AuditWatch,
    pub containerd_shim_runc_v2: AuditWatch,
    pub runc: AuditWatch,
}

/// One path that should be audited.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AuditWatch {
    pub path: String,
    pub exists: bool,
    /// An active rule watches the path or a directory above it.
    pub watched: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SwarmFacts {
    pub active: bool,
    pub manager: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managers: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autolock: Option<bool>,
    /// Lifetime of node certificates in hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_cert_expiry_hours: Option<i64>,
    /// The listening address is a wildcard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listens_wildcard: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ObjectCounts {
    pub containers: i64,
    pub running: i64,
    pub stopped: i64,
    /// Stopped for longer than 30 days, or created and never started for longer than 30 days.
    pub stale_containers: i64,
    pub images: i64,
    pub images_in_use: i64,
    /// Images without any tag and not in use.
    pub dangling_images: i64,
    pub volumes: i64,
    pub unused_volumes: i64,
    pub networks: i64,
    /// Running containers without `phiward.owner`.
    pub unowned_containers: i64,
}

/// Bytes, from the engine's own accounting.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DiskUsage {
    pub layers_bytes: i64,
    pub containers_bytes: i64,
    pub volumes_bytes: i64,
    pub build_cache_bytes: i64,
}

/// What a path lies on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StorageFacts {
    pub path: String,
    /// Mount point that holds the path.
    pub mount_point: String,
    /// The path is itself a mount point (a partition of its own).
    pub is_mount_point: bool,
    /// `ext4`, `xfs`, `tmpfs`, `fuse.gocryptfs`, `nfs4`, …
    pub filesystem: String,
    /// Device or remote source of the mount.
    pub device: String,
    /// The path shares its file system with `/`.
    pub on_root_disk: bool,
    /// Bytes live in memory only.
    pub in_memory: bool,
    /// Bytes live on another machine.
    pub remote: bool,
    /// Whether the bytes are encrypted before they reach the device. Absent when it cannot be told; that is never a pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<bool>,
    /// `luks`, `dm-crypt`, `fscrypt`, `fuse`, `none`, or `unknown`.
    pub encryption: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_percent: Option<i64>,
}

/// Facts of kind `docker.container`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ContainerFacts {
    pub id: String,
    pub name: String,
    /// Image reference as given at creation.
    pub image: String,
    pub image_id: String,
    /// The reference names a digest, so that the same bytes run everywhere.
    pub image_pinned: bool,
    /// The image behind the reference has changed since this container was made. Absent when the reference no longer exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_outdated: Option<bool>,
    /// `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`.
    pub state: String,
    pub running: bool,
    pub created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// Whole days since creation.
    pub age_days: i64,
    /// Whole days since it stopped; absent while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_days: Option<i64>,
    /// Created and never started.
    pub never_started: bool,
    pub exit_code: i64,
    pub oom_killed: bool,
    pub restart_count: i64,
    pub labels: BTreeMap<String, String>,
    /// `yes`, `no` or `unknown`, from `phiward.phi` on the container, else on its image.
    pub ephi: String,
    pub owner: String,
    pub role: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compose: Option<Compose>,
    /// User as configured; empty means the image's default, root unless the image says otherwise.
    pub user: String,
    /// Processes run as uid 0: from the live process where there is one, else from the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs_as_root: Option<bool>,
    pub privileged: bool,
    pub readonly_rootfs: bool,
    /// Capabilities the main process holds (`CapEff` of the live process, else computed), without the `CAP_` prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
    /// Those of `capabilities` beyond Docker's default set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_capabilities: Option<Vec<String>>,
    /// Capabilities beyond Docker's default set that a set-uid program in the container could take (`CapBnd` of the live
    /// process, else computed): those a process under another user than root does not hold, yet can regain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regainable_capabilities: Option<Vec<String>>,
    pub cap_add: Vec<String>,
    pub cap_drop: Vec<String>,
    /// `filter`, `strict`, `disabled`: live where it runs, else as configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seccomp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_new_privileges: Option<bool>,
    /// AppArmor profile in force; absent where the kernel has no AppArmor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apparmor_profile: Option<String>,
    /// SELinux label in force; absent where the engine has no SELinux.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selinux_label: Option<String>,
    pub selinux_disabled: bool,
    /// Where the facts on isolation come from: `process` (live) or `configuration`.
    pub isolation_from: String,
    pub namespaces: Namespaces,
    pub mounts: Vec<MountFacts>,
    /// tmpfs mounts by target.
    pub tmpfs: Vec<String>,
    /// Volumes of this container that another running container can also write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared_writable_volumes: Option<Vec<SharedVolume>>,
    pub devices: Vec<DeviceFacts>,
    pub ports: Vec<PortFacts>,
    pub network_mode: String,
    pub networks: Vec<ContainerNetwork>,
    /// Joined to the default bridge `docker0`.
    pub on_default_bridge: bool,
    /// Joined to a network that carries ePHI and to one that reaches outside. Absent where networks could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bridges_phi_and_public: Option<bool>,
    pub limits: Limits,
    /// Names of ulimits set on the container.
    pub ulimits: Vec<String>,
    pub restart_policy: String,
    pub restart_max_retries: i64,
    pub cgroup_parent: String,
    pub logging_driver: String,
    /// Records leave the host's own disk files.
    pub logging_central: bool,
    /// Log files rotate (`max-size`), where the driver writes files.
    pub logging_rotates: bool,
    /// A health check is defined (container or image).
    pub healthcheck: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// Environment variables whose name or value looks like a secret. Never their values.
    pub environment_secrets: Vec<EnvironmentSecret>,
    pub environment_count: i64,
    /// Processes now; absent when the list could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<Processes>,
    /// Changes in the container's own layer, outside tmpfs and volumes; absent when not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<LayerChanges>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    pub links: Vec<String>,
    pub auto_remove: bool,
    pub tty: bool,
    /// A process supervisor (`--init`) reaps children.
    pub init: bool,
    pub sysctls: BTreeMap<String, String>,
    pub dns: Vec<String>,
    pub extra_hosts: Vec<String>,
    pub runtime: String,
    pub oom_kill_disabled: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Compose {
    pub project: String,
    pub service: String,
}

/// True where the container shares the namespace with the host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Namespaces {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid_host: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_host: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipc_host: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uts_host: Option<bool>,
    /// Opted out of the engine's user-namespace mapping (`--userns=host`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_host: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_host: Option<bool>,
    /// Shares another container's pid namespace: that container's name or id, else empty.
    pub pid_container: String,
    pub ipc_container: String,
    pub network_container: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MountFacts {
    /// `bind`, `volume`, `tmpfs` or `npipe`.
    pub kind: String,
    /// Path on the host, symlinks resolved where the host could be read.
    pub source: String,
    pub target: String,
    /// Volume name; empty for a bind.
    pub volume: String,
    pub writable: bool,
    /// `rprivate`, `rshared`, …
    pub propagation: String,
    pub propagation_shared: bool,
    /// The mount holds the engine's (or containerd's) socket, directly or in a directory below it.
    pub covers_docker_socket: bool,
    /// A host system directory (`/`, `/boot`, `/dev`, `/etc`, `/lib`, `/proc`, `/root`, `/run`, `/sys`, `/usr`, `/var/run`, `/var/lib/docker`, …), something below it, or one above it: empty when none.
    pub sensitive_host_path: String,
    /// What the bytes lie on; absent when the host could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageFacts>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SharedVolume {
    pub volume: String,
    /// Names of the other running containers that mount it writable.
    pub writers: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceFacts {
    pub host: String,
    pub container: String,
    /// `rwm`
    pub permissions: String,
}

/// A published port.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PortFacts {
    pub container_port: i64,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    pub host_ip: String,
    pub host_port: i64,
    /// Bound to every address (`0.0.0.0` or `::`).
    pub all_interfaces: bool,
    pub loopback: bool,
    /// Below 1024.
    pub privileged: bool,
    /// Protocol known to carry plain text at this container port: `http`, `hl7-mllp`, `dicom`, `postgresql`, `mysql`, `redis`, `ftp`, `telnet`, `ldap`, `smtp`, …; empty when none is known.
    pub plaintext: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ContainerNetwork {
    pub name: String,
    pub id: String,
    pub ip: String,
    pub internal: bool,
    /// `yes`, `no` or `unknown`, from `phiward.phi` on the network, else from the containers joined to it.
    pub ephi: String,
}

/// Limits in force: from the control group of the live process where it could be read, else as configured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Limits {
    /// Bytes; 0 is no limit.
    pub memory: i64,
    pub memory_reservation: i64,
    /// CPUs times 1000; 0 is no limit.
    pub cpu_millis: i64,
    /// Relative weight; 0 is the default.
    pub cpu_shares: i64,
    /// A CPU limit, weight or set is given.
    pub cpu_set: bool,
    /// Processes; 0 or less is no limit.
    pub pids: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentSecret {
    pub name: String,
    /// `password`, `token`, `private-key`, `aws-access-key`, `connection-string`, `api-key`, …
    pub kind: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Processes {
    pub count: i64,
    /// Independent process trees: the main process and each tree not descended from it (`docker exec`), plus each different program that the main process or its supervisor keeps as a long-lived child.
    pub trees: i64,
    /// Names of the programs at the head of the trees.
    pub programs: Vec<String>,
    /// An SSH server is among them.
    pub sshd: bool,
    /// A tree entered from outside (`docker exec`) with a terminal or a shell.
    pub interactive_exec: bool,
    /// Users (uids on the host) the processes run as.
    pub uids: Vec<i64>,
}

/// Changes in the container's own layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LayerChanges {
    /// Files and directories added, changed and deleted, parents of mount points left out.
    pub added: i64,
    pub changed: i64,
    pub deleted: i64,
    /// Files written (added or changed), those the engine itself writes (`/etc/hosts`, `/etc/resolv.conf`, `/etc/hostname`, `/run/.containerenv`, mount points) left out.
    pub written: i64,
    /// Up to 20 of the written paths.
    pub examples: Vec<String>,
    /// Programs or libraries were changed or added (below bin, sbin, lib, usr).
    pub programs_changed: bool,
    /// The layer holds more than was counted: the numbers are lower bounds.
    pub truncated: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Usage {
    pub memory_bytes: i64,
    /// Per cent of the limit; absent without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_percent: Option<i64>,
    pub pids: i64,
}

/// Facts of kind `docker.image`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ImageFacts {
    pub id: String,
    pub tags: Vec<String>,
    /// Registry digests; empty for an image that was never pushed or pulled.
    pub digests: Vec<String>,
    pub untagged: bool,
    /// Only tag is `latest`.
    pub only_latest: bool,
    pub created_at: String,
    pub age_days: i64,
    pub size_bytes: i64,
    pub layers: i64,
    pub architecture: String,
    pub os: String,
    pub user: String,
    pub runs_as_root: bool,
    pub healthcheck: bool,
    pub exposed_ports: Vec<String>,
    /// Exposes 22/tcp.
    pub exposes_ssh: bool,
    pub volumes: Vec<String>,
    pub labels: BTreeMap<String, String>,
    pub ephi: String,
    pub owner: String,
    pub environment_secrets: Vec<EnvironmentSecret>,
    /// Build steps that look as if they hold a secret: their kind and the step's number, never the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history_secrets: Option<Vec<EnvironmentSecret>>,
    /// ADD is used where COPY would do (base layer left out).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uses_add: Option<bool>,
    /// A build step updates package lists without installing in the same step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_alone: Option<bool>,
    /// A build step upgrades everything, so that two builds differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrade_step: Option<bool>,
    /// A build step pipes a download into a shell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curl_pipe_shell: Option<bool>,
    pub in_use: bool,
    /// Running containers made from it.
    pub running_containers: i64,
    /// Says where it came from: `org.opencontainers.image.source` or `.revision`.
    pub provenance_label: bool,
}

/// Facts of kind `docker.volume`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct VolumeFacts {
    pub name: String,
    pub driver: String,
    pub scope: String,
    pub mountpoint: String,
    pub labels: BTreeMap<String, String>,
    pub options: BTreeMap<String, String>,
    pub owner: String,
    /// From `phiward.phi` on the volume, else from the containers that mount it.
    pub ephi: String,
    pub anonymous: bool,
    /// A `local` volume that is really a bind of this host path (`o=bind`); empty when not.
    pub bind_device: String,
    /// A remote file system behind the `local` driver (`nfs`, `cifs`); empty when none.
    pub remote_type: String,
    /// The remote file system is mounted without encryption in transit. Absent for a local volume, or when it cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_plaintext: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageFacts>,
    /// Names of containers that mount it, running or not.
    pub used_by: Vec<String>,
    /// Names of running containers that mount it writable.
    pub writers: Vec<String>,
    pub in_use: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mountpoint_file: Option<FileFacts>,
    pub age_days: i64,
}

/// Facts of kind `docker.network`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NetworkFacts {
    pub id: String,
    pub name: String,
    pub driver: String,
    pub scope: String,
    pub internal: bool,
    pub attachable: bool,
    pub ingress: bool,
    /// One of `bridge`, `host`, `none`, made by the engine.
    pub predefined: bool,
    pub ipv6: bool,
    /// Overlay traffic is encrypted; absent for other drivers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<bool>,
    pub icc: bool,
    pub masquerade: bool,
    pub subnets: Vec<String>,
    pub options: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    pub owner: String,
    /// From `phiward.phi` on the network, else from the containers joined to it.
    pub ephi: String,
    /// Joined to by a container that holds ePHI (`yes`, not merely unknown).
    pub carries_ephi: bool,
    /// Names of containers joined, running or not.
    pub containers: Vec<String>,
    /// Of these, the ones known not to hold ePHI.
    pub non_phi_containers: Vec<String>,
    /// Of these, the ones that publish a port beyond loopback.
    pub publishing_containers: Vec<String>,
    pub in_use: bool,
}
