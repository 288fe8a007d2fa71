//! What separates a container from the host: capabilities, seccomp, namespaces. Live values come from the container's
//! first process, the rest is computed from the configuration.

use std::fs;
use std::path::Path;

use super::facts::Namespaces;

/// Capabilities in the order of their bits, as Linux numbers them.
const CAPABILITIES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// What Docker grants unless told otherwise.
const DEFAULT: [&str; 14] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Names of the bits set, in alphabetical order. A bit newer than this table shows as its number.
pub(super) fn names(mask: u64) -> Vec<String> {
    let mut names: Vec<String> = (0..64)
        .filter(|bit| mask & (1 << bit) != 0)
        .map(|bit| CAPABILITIES.get(bit).map_or_else(|| bit.to_string(), |n| (*n).to_owned()))
        .collect();
    names.sort();
    names
}

/// What the configuration grants: privileged is everything, whatever the lists say.
pub(super) fn configured(privileged: bool, add: &[String], drop: &[String]) -> Vec<String> {
    let all = || CAPABILITIES.iter().map(|c| (*c).to_owned());
    let plain = |list: &[String]| -> Vec<String> { list.iter().map(|c| plain_name(c)).collect() };
    let (add, drop) = (plain(add), plain(drop));
    let mut granted: Vec<String> = if privileged {
        all().collect()
    } else {
        let everything = add.iter().any(|c| c == "ALL");
        let nothing = drop.iter().any(|c| c == "ALL");
        let mut set: Vec<String> = match (everything, nothing) {
            (true, _) => all().collect(),
            (false, true) => Vec::new(),
            (false, false) => DEFAULT.iter().map(|c| (*c).to_owned()).collect(),
        };
        set.retain(|c| !drop.contains(c));
        set.extend(add.into_iter().filter(|c| c != "ALL"));
        set
    };
    granted.sort();
    granted.dedup();
    granted
}

/// `CAP_NET_ADMIN` and `net_admin` are written in both ways.
pub(super) fn plain_name(capability: &str) -> String {
    let upper = capability.to_ascii_uppercase();
    upper.strip_prefix("CAP_").map(str::to_owned).unwrap_or(upper)
}

/// Those beyond Docker's default set.
pub(super) fn beyond_default(capabilities: &[String]) -> Vec<String> {
    capabilities.iter().filter(|c| !DEFAULT.contains(&c.as_str())).cloned().collect()
}

/// What /proc/PID/status says of a container's first process.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Live {
    pub capabilities: Option<u64>,
    pub bounding: Option<u64>,
    pub seccomp: Option<&'static str>,
    pub no_new_privileges: Option<bool>,
    pub uid: Option<u32>,
    /// AppArmor profile or SELinux label, whichever this kernel has.
    pub label: Option<String>,
}

/// Reads a /proc/PID/status text.
pub(super) fn parse_status(status: &str) -> Live {
    let field = |name: &str| status.lines().find_map(|l| l.strip_prefix(name)).map(str::trim);
    let mask = |name: &str| field(name).and_then(|v| u64::from_str_radix(v, 16).ok());
    Live {
        capabilities: mask("CapEff:"),
        bounding: mask("CapBnd:"),
        seccomp: field("Seccomp:").and_then(|v| match v {
            "0" => Some("disabled"),
            "1" => Some("strict"),
            "2" => Some("filter"),
            _ => None,
        }),
        no_new_privileges: field("NoNewPrivs:").map(|v| v == "1"),
        uid: super::processes::effective_uid(status),
        label: None,
    }
}

/// Reads a live process. `None` when it is gone or may not be looked at.
pub(super) fn read_live(pid: i32) -> Option<Live> {
    let status = fs::read(format!("/proc/{pid}/status")).ok()?;
    let mut live = parse_status(&String::from_utf8_lossy(&status));
    live.label = ["attr/apparmor/current", "attr/current"]
        .iter()
        .find_map(|f| fs::read(format!("/proc/{pid}/{f}")).ok())
        .map(|b| String::from_utf8_lossy(&b).trim_matches(['\0', '\n']).to_owned())
        .filter(|l| !l.is_empty());
    Some(live)
}

/// Profile in force out of `docker-default (enforce)`. A profile that only complains protects nothing and keeps its mode.
pub(super) fn apparmor_profile(label: &str) -> String {
    label.strip_suffix(" (enforce)").unwrap_or(label).to_owned()
}

/// Whether the process shares each namespace with the daemon. Absent where a link could not be read.
pub(super) fn shared_namespaces(pid: i32, daemon: i32) -> impl Fn(&str) -> Option<bool> {
    move |kind| {
        let read = |p: i32| fs::read_link(Path::new("/proc").join(p.to_string()).join("ns").join(kind)).ok();
        Some(read(pid)? == read(daemon)?)
    }
}

/// Namespaces as configured. An empty mode is the engine's default, which for the control group depends on its version.
pub(super) struct Modes<'a> {
    pub pid: &'a str,
    pub network: &'a str,
    pub ipc: &'a str,
    pub uts: &'a str,
    pub user: &'a str,
    pub cgroup: &'a str,
    /// 1 or 2, to know the default of the control group's namespace.
    pub cgroup_version: Option<i64>,
}

impl Modes<'_> {
    /// `live` says, by the link's name, whether the namespace is the daemon's; the configuration answers where it cannot.
    /// `remapped` is whether the engine maps users at all: without that nobody can opt out of it.
    pub(super) fn facts(&self, live: impl Fn(&str) -> Option<bool>, remapped: Option<bool>) -> Namespaces {
        let of = |mode: &str| mode.strip_prefix("container:").unwrap_or_default().to_owned();
        let configured = |mode: &str| Some(mode == "host");
        let cgroup_default = match (self.cgroup, self.cgroup_version) {
            ("host", _) => Some(true),
            ("private", _) => Some(false),
            (_, Some(1)) => Some(true),
            (_, Some(2)) => Some(false),
            _ => None,
        };
        let user_live = if remapped == Some(true) { live("user") } else { None };
        Namespaces {
            pid_host: live("pid").or_else(|| configured(self.pid)),
            network_host: live("net").or_else(|| configured(self.network)),
            ipc_host: live("ipc").or_else(|| configured(self.ipc)),
            uts_host: live("uts").or_else(|| configured(self.uts)),
            user_host: user_live.or_else(|| configured(self.user)),
            cgroup_host: live("cgroup").or(cgroup_default),
            pid_container: of(self.pid),
            ipc_container: of(self.ipc),
            network_container: of(self.network),
        }
    }
}

/// The value of a security option written `name=value` or `name:value`; an empty value when it stands alone.
pub(super) fn security_option<'a>(options: &'a [String], name: &str) -> Option<&'a str> {
    options.iter().find_map(|o| {
        let rest = o.strip_prefix(name)?;
        if rest.is_empty() { Some("") } else { rest.strip_prefix(['=', ':']) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(words: &[&str]) -> Vec<String> {
        words.iter().map(|w| (*w).to_owned()).collect()
    }

    #[test]
    fn the_usual_mask_is_dockers_default() {
        let caps = names(0x0000_0000_a804_25fb);
        assert_eq!(caps, list(&DEFAULT));
        assert!(beyond_default(&caps).is_empty());
        assert_eq!(beyond_default(&names(0x0000_0000_a824_25fb)), ["SYS_ADMIN"]);
        assert_eq!(names(1 << 50), ["50"]);
    }

    #[test]
    fn privileged_holds_everything_although_its_lists_are_empty() {
        assert_eq!(configured(true, &[], &[]).len(), 41);
        assert!(beyond_default(&configured(true, &[], &list(&["ALL"]))).contains(&"SYS_ADMIN".to_owned()));
    }

    #[test]
    fn lists_are_applied_in_either_spelling() {
        assert_eq!(configured(false, &list(&["CAP_NET_ADMIN"]), &list(&["all"])), ["NET_ADMIN"]);
        assert!(!configured(false, &[], &list(&["net_raw"])).contains(&"NET_RAW".to_owned()));
        let most = configured(false, &list(&["ALL"]), &list(&["SYS_ADMIN"]));
        assert_eq!(most.len(), 40);
    }

    #[test]
    fn status_is_read() {
        let live = parse_status(
            "Name:\tx\nUid:\t0\t1000\t0\t0\nCapEff:\t0000000000000000\nCapBnd:\t00000000a82425fb\nNoNewPrivs:\t1\nSeccomp:\t2\n",
        );
        assert_eq!(
            (live.capabilities, live.seccomp, live.no_new_privileges, live.uid),
            (Some(0), Some("filter"), Some(true), Some(1000))
        );
        assert_eq!(parse_status("nothing"), Live::default());
    }

    #[test]
    fn namespaces_live_before_configured() {
        let modes = Modes {
            pid: "host",
            network: "container:abc",
            ipc: "private",
            uts: "",
            user: "",
            cgroup: "",
            cgroup_version: Some(2),
        };
        let live = modes.facts(|kind| (kind == "pid").then_some(false), Some(false));
        assert_eq!(
            (live.pid_host, live.network_host, live.user_host, live.cgroup_host),
            (Some(false), Some(false), Some(false), Some(false))
        );
        assert_eq!(live.network_container, "abc");
        let configured = modes.facts(|_| None, None);
        assert_eq!(configured.pid_host, Some(true));
    }

    #[test]
    fn security_options_in_both_spellings() {
        let options = list(&["no-new-privileges", "seccomp:unconfined", "label=disable"]);
        assert_eq!(security_option(&options, "no-new-privileges"), Some(""));
        assert_eq!(security_option(&options, "seccomp"), Some("unconfined"));
        assert_eq!(security_option(&options, "apparmor"), None);
    }
}
