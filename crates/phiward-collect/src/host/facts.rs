//! Shapes of the facts about a host. A field that is absent was not read: checks that need it answer `unknown`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::docker::facts::StorageFacts;
use crate::files::FileFacts;

/// Facts of kind `host`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HostFacts {
    pub hostname: String,
    /// phiward itself runs as root here: without it several facts cannot be read.
    pub as_root: bool,
    pub os: OsFacts,
    pub hardware: HardwareFacts,
    /// Package updates that stand in the local package cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updates: Option<UpdateFacts>,
    /// Automatic installation of security updates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automatic_updates: Option<AutomaticUpdates>,
    /// A restart is needed for installed updates to take effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reboot_required: Option<bool>,
    /// Real file systems (no proc, sysfs, cgroup, overlay of containers).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filesystems: Option<Vec<FilesystemFacts>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap: Option<SwapFacts>,
    /// SSH server's effective settings (`sshd -T`, else its configuration file); absent when it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sshd: Option<SshdFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounts: Option<AccountFacts>,
    /// Password ageing, quality and lockout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passwords: Option<PasswordPolicy>,
    /// Log-in records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logins: Option<LoginFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shell_timeout: Option<ShellTimeout>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sudo: Option<SudoFacts>,
    /// Sockets that listen, TCP and bound UDP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listeners: Option<Vec<ListenerFacts>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firewall: Option<FirewallFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_sync: Option<TimeSyncFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging: Option<HostLogging>,
    /// Kernel settings by name with dots (`net.ipv4.ip_forward`): the hardening ones that exist here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sysctl: Option<Sysctl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<KernelFacts>,
    /// System files, by what they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<HostFiles>,
    /// Protection from malicious software found running or installed: names (`clamd`, `falcon-sensor`, …).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub malware_protection: Option<Vec<String>>,
    /// File-integrity monitors found (`aide`, `tripwire`, `wazuh-agent`, …).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integrity_monitors: Option<Vec<String>>,
    /// Legacy plaintext services installed or listening (`telnetd`, `rsh-server`, `vsftpd`, `tftpd`, `ypserv`, …).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legacy_services: Option<Vec<String>>,
    /// Core dumps may hold memory with ePHI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core_dumps: Option<CoreDumps>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot: Option<BootFacts>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OsFacts {
    /// `debian`, `ubuntu`, `rhel`, `alpine`, … (os-release ID).
    pub id: String,
    pub version: String,
    pub pretty_name: String,
    /// End of the vendor's security support, `YYYY-MM-DD`; absent when phiward does not know this release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub support_ends: Option<String>,
    /// `support_ends` is in the past; absent when unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_of_life: Option<bool>,
    pub kernel: String,
    pub architecture: String,
    pub uptime_seconds: i64,
    /// Virtualization found (`kvm`, `firecracker`, `amazon`, …); empty when none was recognized.
    pub virtualization: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HardwareFacts {
    pub cpus: i64,
    pub cpu_model: String,
    pub memory_bytes: i64,
    pub memory_available_bytes: i64,
    pub load1: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct UpdateFacts {
    /// `apt`, `dnf`, `apk`, …
    pub manager: String,
    pub packages_installed: i64,
    pub pending: i64,
    /// Of these, from the distribution's security archive.
    pub pending_security: i64,
    /// Up to 50 of the pending ones, security first.
    pub examples: Vec<PendingUpdate>,
    /// Hours since the package lists were fetched; absent when they never were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_age_hours: Option<i64>,
    /// Lists are at most 24 hours old: only then is "no pending updates" worth anything.
    pub cache_fresh: bool,
    /// A security archive is among the configured sources.
    pub security_source: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PendingUpdate {
    pub package: String,
    pub installed: String,
    pub available: String,
    pub security: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AutomaticUpdates {
    /// Program that does it (`unattended-upgrades`, `dnf-automatic`, …); empty when none is installed.
    pub program: String,
    pub enabled: bool,
    /// It installs updates from the security archive.
    pub security: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FilesystemFacts {
    pub storage: StorageFacts,
    pub options: Vec<String>,
    pub size_bytes: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_percent: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inodes_used_percent: Option<i64>,
    pub nodev: bool,
    pub nosuid: bool,
    pub noexec: bool,
    pub read_only: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SwapFacts {
    pub active: bool,
    /// All active swap is encrypted; absent without swap or when it cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<bool>,
    pub devices: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SshdFacts {
    pub installed: bool,
    pub running: bool,
    /// `sshd -T` (effective) or `file`.
    pub source: String,
    /// `yes`, `no`, `prohibit-password`, `forced-commands-only`.
    pub permit_root_login: String,
    pub password_authentication: bool,
    pub permit_empty_passwords: bool,
    pub keyboard_interactive: bool,
    pub x11_forwarding: bool,
    pub tcp_forwarding: bool,
    pub agent_forwarding: bool,
    pub hostbased_authentication: bool,
    pub ignore_rhosts: bool,
    pub permit_user_environment: bool,
    pub use_pam: bool,
    pub max_auth_tries: i64,
    pub max_sessions: i64,
    pub login_grace_seconds: i64,
    /// Seconds; 0 never probes.
    pub client_alive_interval: i64,
    pub client_alive_count_max: i64,
    /// Seconds until an unresponsive client is dropped: interval × count; 0 is never.
    pub idle_timeout_seconds: i64,
    /// `INFO`, `VERBOSE`, …
    pub log_level: String,
    pub banner: String,
    /// Ciphers, MACs and key exchanges offered that are known weak (CBC, arcfour, 3des, md5, sha1, group1, …).
    pub weak_algorithms: Vec<String>,
    /// AllowUsers, AllowGroups, DenyUsers or DenyGroups is set.
    pub access_limited: bool,
    pub ports: Vec<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_file: Option<FileFacts>,
    /// Private host keys readable by more than their owner (and the group ssh_keys).
    pub host_keys_exposed: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AccountFacts {
    pub count: i64,
    /// Names with uid 0.
    pub uid0: Vec<String>,
    /// Names that can log in (a real shell).
    pub login_shells: Vec<String>,
    /// System accounts (uid below 1000, not root) with a login shell.
    pub system_with_shell: Vec<String>,
    /// Uids or names that occur more than once.
    pub duplicates: Vec<String>,
    /// The rest is absent when /etc/shadow could not be read. Names with an empty password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub empty_password: Option<Vec<String>>,
    /// Names with a password that is set and older than 365 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_password: Option<Vec<String>>,
    /// Names whose password is set with no maximum age.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub never_expires: Option<Vec<String>>,
    /// Names whose password is stored with a weak hash (DES, MD5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weak_hash: Option<Vec<String>>,
    /// Root has a usable password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_password_set: Option<bool>,
    /// Legacy `+` entries in passwd, shadow or group.
    pub legacy_plus_entries: bool,
    /// Home directories of login accounts that others can write.
    pub writable_homes: Vec<String>,
    /// `authorized_keys` of root exists with at least one key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_authorized_keys: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PasswordPolicy {
    /// From /etc/login.defs; absent where unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_days: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_days: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warn_days: Option<i64>,
    pub encrypt_method: String,
    /// A quality module (`pam_pwquality`, `pam_passwdqc`, `pam_cracklib`) is in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality_module: Option<bool>,
    /// Minimum length in force: the quality module's, else pam_unix's (6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_length: Option<i64>,
    /// Classes of characters required; 0 when none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_classes: Option<i64>,
    /// Old passwords remembered; 0 when none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remember: Option<i64>,
    /// Accounts lock after repeated failures (`pam_faillock`, `pam_tally2`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lockout: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lockout_after: Option<i64>,
    /// Seconds; 0 is until an administrator unlocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lockout_seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub su_restricted: Option<bool>,
    /// Octal, four digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub umask: Option<String>,
    /// The umask takes write from the group and everything from others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub umask_within_027: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LoginFacts {
    /// Successful log-ins are recorded (wtmp exists and is written, or the journal is persistent).
    pub success_recorded: bool,
    /// Failed log-ins are recorded (btmp, faillog, auth log or journal).
    pub failure_recorded: bool,
    /// Files or journal the records are in.
    pub sources: Vec<String>,
    /// In the last 24 hours; absent when the records could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub successes_24h: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures_24h: Option<i64>,
    /// Most failures from one address in the last 24 hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_failures_one_source: Option<i64>,
    /// Something watches failures and acts or alerts (`fail2ban`, `sshguard`, `crowdsec`, a SIEM agent); names.
    pub watchers: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ShellTimeout {
    /// Seconds of `TMOUT` for all shells; 0 when not set.
    pub tmout_seconds: i64,
    pub tmout_readonly: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SudoFacts {
    pub installed: bool,
    /// Rules with NOPASSWD for ALL commands: who.
    pub nopasswd_all: Vec<String>,
    pub use_pty: bool,
    /// sudo writes a log of its own or through syslog (the default).
    pub logged: bool,
    /// Members of `sudo`, `wheel` or `admin`.
    pub administrators: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListenerFacts {
    /// `tcp` or `udp`, with `6` for IPv6.
    pub protocol: String,
    pub address: String,
    pub port: i64,
    /// Reachable from other machines: not loopback.
    pub public: bool,
    /// Program's name; empty when the process could not be read.
    pub program: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<i64>,
    /// Protocol known to carry plain text at this port; empty when none is known.
    pub plaintext: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FirewallFacts {
    /// `nftables`, `iptables`, `ufw`, `firewalld`; empty when none was found.
    pub kind: String,
    /// Rules other than Docker's own filter what comes in.
    pub active: bool,
    /// Default for incoming packets is drop or reject.
    pub default_deny_incoming: bool,
    pub rules: i64,
    /// The DOCKER-USER chain holds rules of the operator. Absent without such a chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_user_rules: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TimeSyncFacts {
    /// `chronyd`, `systemd-timesyncd`, `ntpd`, `vm-clock`; empty when none runs.
    pub program: String,
    pub running: bool,
    /// The kernel says its clock is synchronized (adjtimex).
    pub synchronized: bool,
    pub servers: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AuditFacts {
    pub installed: bool,
    pub running: bool,
    pub rules: i64,
    /// Rules came from the kernel (`auditctl -l`) and not only from files.
    pub live: bool,
    /// Paths watched.
    pub watched: Vec<String>,
    /// Watches /etc/passwd, /etc/shadow, /etc/group, /etc/gshadow.
    pub watches_identity: bool,
    pub watches_sudoers: bool,
    /// Records time changes, log-ins, mounts, deletions (system call rules).
    pub watches_time_change: bool,
    pub watches_logins: bool,
    pub immutable: bool,
    /// From auditd.conf: `keep_logs`, `rotate`, …; empty when unknown.
    pub max_log_file_action: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HostLogging {
    /// `rsyslog`, `syslog-ng`, `systemd-journald`; empty when none runs.
    pub program: String,
    pub running: bool,
    /// Records are sent to another machine (rsyslog `@@host`, omfwd, journal-upload, a shipping agent).
    pub remote: bool,
    pub remote_encrypted: bool,
    pub remote_targets: Vec<String>,
    /// The journal survives a restart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub journal_persistent: Option<bool>,
    /// Log shipping agents found running.
    pub agents: Vec<String>,
    /// Files below /var/log readable by everyone that should not be (auth, secure, audit, syslog, messages).
    pub world_readable: Vec<String>,
    pub rotation: bool,
}

/// Hardening settings, by name with underscores. Each absent one does not exist in this kernel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Sysctl {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_randomize_va_space: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_dmesg_restrict: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_kptr_restrict: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_yama_ptrace_scope: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_unprivileged_bpf_disabled: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_kexec_load_disabled: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_sysrq: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_perf_event_paranoid: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fs_suid_dumpable: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fs_protected_hardlinks: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fs_protected_symlinks: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fs_protected_fifos: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fs_protected_regular: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_ipv4_ip_forward: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_ipv4_tcp_syncookies: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_ipv4_conf_all_rp_filter: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_ipv4_conf_all_accept_redirects: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_ipv4_conf_all_send_redirects: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_ipv4_conf_all_accept_source_route: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_ipv4_conf_all_log_martians: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_ipv4_conf_all_secure_redirects: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_ipv4_icmp_echo_ignore_broadcasts: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_ipv6_conf_all_accept_redirects: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_ipv6_conf_all_accept_ra: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_ipv6_conf_all_accept_source_route: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct KernelFacts {
    /// AppArmor or SELinux enforces: `apparmor`, `selinux`, or empty.
    pub mandatory_access_control: String,
    pub seccomp: bool,
    /// `none`, `integrity` or `confidentiality`; absent when it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lockdown: Option<String>,
    /// CPU weaknesses without mitigation (`spectre_v2`, …); absent when the kernel does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmitigated: Option<Vec<String>>,
    /// Modules for rare file systems or network protocols are loaded (`cramfs`, `dccp`, `sctp`, `usb_storage`, …).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rare_modules: Option<Vec<String>>,
}

/// System files. Each absent one does not exist.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HostFiles {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passwd: Option<FileFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow: Option<FileFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<FileFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gshadow: Option<FileFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sudoers: Option<FileFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crontab: Option<FileFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cron_d: Option<FileFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grub_config: Option<FileFacts>,
    /// /tmp is sticky.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tmp_sticky: Option<bool>,
    /// Directories of root's PATH that others can write.
    pub writable_path_dirs: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub motd: Option<FileFacts>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CoreDumps {
    /// Hard limit 0 for everyone in limits.conf, or systemd-coredump with Storage=none.
    pub restricted: bool,
    /// kernel.core_pattern
    pub pattern: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct BootFacts {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secure_boot: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grub_password: Option<bool>,
    /// Labels of the host set in phiward's configuration.
    pub labels: BTreeMap<String, String>,
}
