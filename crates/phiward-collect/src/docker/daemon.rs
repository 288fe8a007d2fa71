//! The daemon's settings in force: built-in defaults, then daemon.json, then flags of the running process.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::facts::DaemonFacts;
use super::secrets::url_with_password;

/// Flags that may stand alone. Every other flag takes the next word when it has no `=`.
const SWITCHES: &[&str] = &[
    "allow-nondistributable-artifacts-insecure",
    "bridge-accept-fwmark",
    "cpu-rt",
    "debug",
    "D",
    "disable-legacy-registry",
    "experimental",
    "help",
    "h",
    "icc",
    "init",
    "ip-forward",
    "ip-masq",
    "iptables",
    "ip6tables",
    "ipv6",
    "live-restore",
    "no-new-privileges",
    "raw-logs",
    "rootless",
    "selinux-enabled",
    "tls",
    "tlsverify",
    "userland-proxy",
    "validate",
    "version",
    "v",
    "ip-forward-no-drop",
];

/// Settings as flags give them: names as in daemon.json, values in order.
type Settings = BTreeMap<String, Vec<String>>;

/// Reads the words of a command line, the program left out. Repeated flags add up.
pub(super) fn parse_flags(args: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut flags = Settings::new();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix('-') else { continue };
        let (name, mut value) = match flag.strip_prefix('-') {
            Some("") => break,
            Some(long) => match long.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (long.to_owned(), None),
            },
            None => {
                let Some(short) = flag.chars().next() else { continue };
                let rest = flag[short.len_utf8()..].trim_start_matches('=');
                (
                    short.to_string(),
                    (!rest.is_empty() && !SWITCHES.contains(&short.to_string().as_str())).then(|| rest.to_owned()),
                )
            }
        };
        if value.is_none() {
            value = if SWITCHES.contains(&name.as_str()) { Some("true".to_owned()) } else { words.next().cloned() };
        }
        flags.entry(long_name(&name).to_owned()).or_default().push(value.unwrap_or_default());
    }
    flags
}

/// One name for each setting, as flags and daemon.json write some differently.
fn long_name(name: &str) -> &str {
    match name {
        "H" | "host" => "hosts",
        "D" => "debug",
        "l" => "log-level",
        "g" | "graph" => "data-root",
        "s" => "storage-driver",
        "storage-opt" => "storage-opts",
        "log-opt" => "log-opts",
        "insecure-registry" => "insecure-registries",
        "registry-mirror" => "registry-mirrors",
        "authorization-plugin" => "authorization-plugins",
        "default-ulimit" => "default-ulimits",
        "exec-opt" => "exec-opts",
        "label" => "labels",
        other => other,
    }
}

/// Reads daemon.json into the same form.
pub(super) fn parse_file(text: &[u8]) -> Result<BTreeMap<String, Vec<String>>, String> {
    if text.iter().all(u8::is_ascii_whitespace) {
        return Ok(Settings::new());
    }
    let object: Map<String, Value> = serde_json::from_slice(text).map_err(|e| e.to_string())?;
    let mut settings = Settings::new();
    flatten(&object, &mut settings);
    Ok(settings)
}

/// Settings may be grouped in objects of any name; those whose value is a map are kept whole.
fn flatten(object: &Map<String, Value>, settings: &mut Settings) {
    for (name, value) in object {
        let values = match value {
            Value::Array(list) => list.iter().map(word).collect(),
            Value::Object(map) => match name.as_str() {
                "log-opts"
                | "node-generic-resources"
                | "builder"
                | "features"
                | "runtimes"
                | "proxies"
                | "default-network-opts" => map.iter().map(|(k, v)| format!("{k}={}", word(v))).collect(),
                "default-ulimits" => map.keys().map(|k| format!("{k}=")).collect(),
                _ => {
                    flatten(map, settings);
                    continue;
                }
            },
            other => vec![word(other)],
        };
        settings.insert(long_name(name).to_owned(), values);
    }
}

fn word(value: &Value) -> String {
    match value {
        Value::String(s) => s.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// What the daemon process was started with.
#[derive(Clone, Debug, Default)]
pub(super) struct Running<'a> {
    pub pid: Option<i64>,
    pub uid: Option<i64>,
    /// Words after the program.
    pub args: &'a [String],
    /// Text of the configuration file; `None` when there is none.
    pub file: Option<&'a [u8]>,
    /// `NAME=value` pairs of its environment; empty when unreadable.
    pub environment: &'a [String],
    pub default_config_file: &'a str,
}

/// The settings in force.
///
/// # Errors
/// When the configuration file is not valid JSON: then nothing is known about what it sets.
pub(super) fn effective(running: &Running<'_>) -> Result<DaemonFacts, String> {
    let flags = parse_flags(running.args);
    let file = running.file.map(parse_file).transpose()?.unwrap_or_default();
    let s = Layered { file, flags };
    let hosts = match s.list("hosts") {
        hosts if hosts.is_empty() => vec!["unix:///var/run/docker.sock".to_owned()],
        hosts => hosts,
    };
    let tcp: Vec<String> = hosts.iter().filter_map(|h| tcp_address(h)).collect();
    let storage_opts = s.list("storage-opts");
    let tls_verify = s.switch("tlsverify", false);
    Ok(DaemonFacts {
        pid: running.pid,
        uid: running.uid,
        config_file: s.text("config-file", running.default_config_file),
        config_file_exists: running.file.is_some(),
        set_by: s.set_by(),
        icc: s.switch("icc", true),
        iptables: s.switch("iptables", true),
        ip_forward: s.switch("ip-forward", true),
        userland_proxy: s.switch("userland-proxy", true),
        no_new_privileges: s.switch("no-new-privileges", false),
        selinux: s.switch("selinux-enabled", false),
        log_level: if s.switch("debug", false) { "debug".to_owned() } else { s.text("log-level", "info") },
        log_driver: s.text("log-driver", "json-file"),
        log_opts: s
            .list("log-opts")
            .iter()
            .filter_map(|o| o.split_once('='))
            .map(|(k, v)| (k.to_owned(), without_secret(k, v)))
            .collect(),
        default_ulimits: s
            .list("default-ulimits")
            .iter()
            .map(|u| u.split('=').next().unwrap_or_default().to_owned())
            .collect(),
        cgroup_parent: s.text("cgroup-parent", ""),
        base_device_size_set: storage_opts.iter().any(|o| o.starts_with("dm.basesize")),
        storage_opts,
        seccomp_profile: s.text("seccomp-profile", ""),
        userns_remap: s.text("userns-remap", ""),
        insecure_registries: s.list("insecure-registries"),
        legacy_registry: s.has("disable-legacy-registry") && !s.switch("disable-legacy-registry", true),
        listens_tcp: !tcp.is_empty(),
        listens_tcp_public: tcp.iter().any(|a| !is_loopback(a)),
        hosts: hosts.iter().map(|h| h.rsplit_once('@').map_or(h.clone(), |(_, rest)| rest.to_owned())).collect(),
        tls: tls_verify || s.switch("tls", false),
        tls_verify,
        live_restore: s.switch("live-restore", false),
        experimental: s.switch("experimental", false),
        metrics_addr: s.text("metrics-addr", ""),
        default_bind_address: s.text("ip", "0.0.0.0"),
        proxy_credentials_in_environment: proxies_with_password(running.environment),
        config_newer_than_process: None,
    })
}

/// Paths that the settings name: data directory, certificate authority, certificate, key.
pub(super) fn named_paths(running: &Running<'_>) -> [Option<String>; 4] {
    let file = running.file.and_then(|f| parse_file(f).ok()).unwrap_or_default();
    let s = Layered { file, flags: parse_flags(running.args) };
    ["data-root", "tlscacert", "tlscert", "tlskey"].map(|n| Some(s.text(n, "")).filter(|p| !p.is_empty()))
}

/// The configuration file that flags name.
pub(super) fn config_file(args: &[String]) -> Option<String> {
    parse_flags(args).remove("config-file").and_then(|v| v.into_iter().next_back()).filter(|p| !p.is_empty())
}

struct Layered {
    file: Settings,
    flags: Settings,
}

impl Layered {
    fn has(&self, name: &str) -> bool {
        self.flags.contains_key(name) || self.file.contains_key(name)
    }

    fn get(&self, name: &str) -> Option<&Vec<String>> {
        self.flags.get(name).or_else(|| self.file.get(name))
    }

    fn text(&self, name: &str, default: &str) -> String {
        self.get(name).and_then(|v| v.last()).filter(|v| !v.is_empty()).cloned().unwrap_or_else(|| default.to_owned())
    }

    fn switch(&self, name: &str, default: bool) -> bool {
        match self.get(name).and_then(|v| v.last()).map(String::as_str) {
            Some("true" | "1" | "t" | "T" | "TRUE" | "True") => true,
            Some("false" | "0" | "f" | "F" | "FALSE" | "False") => false,
            _ => default,
        }
    }

    fn list(&self, name: &str) -> Vec<String> {
        self.get(name).map(|v| v.iter().filter(|s| !s.is_empty()).cloned().collect()).unwrap_or_default()
    }

    fn set_by(&self) -> BTreeMap<String, String> {
        let mut by: BTreeMap<String, String> = self.file.keys().map(|k| (k.clone(), "file".to_owned())).collect();
        by.extend(self.flags.keys().map(|k| (k.clone(), "flag".to_owned())));
        by
    }
}

/// The address part of a host that is TCP.
fn tcp_address(host: &str) -> Option<String> {
    match host.split_once("://") {
        Some(("tcp", rest)) => Some(rest.to_owned()),
        Some(_) => None,
        None if host.starts_with('/') => None,
        None => Some(host.to_owned()),
    }
}

/// Whether `HOST:PORT` is reachable from this machine only. A name other than localhost is taken as public, and so is an
/// empty host, except that the daemon binds an empty `tcp://` to localhost.
fn is_loopback(address: &str) -> bool {
    let host = address.split('/').next().unwrap_or_default();
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => host,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if address.is_empty() {
        return true;
    }
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|a| a.to_canonical().is_loopback())
}

/// Options of logging drivers may carry tokens (splunk-token). Their names stay, their values do not.
fn without_secret(name: &str, value: &str) -> String {
    if super::secrets::kind_of(name, value).is_some() || url_with_password(value) {
        "(hidden)".to_owned()
    } else {
        value.to_owned()
    }
}

fn proxies_with_password(environment: &[String]) -> Vec<String> {
    let mut names: Vec<String> = environment
        .iter()
        .filter_map(|e| e.split_once('='))
        .filter(|(name, value)| {
            matches!(name.to_ascii_uppercase().as_str(), "HTTP_PROXY" | "HTTPS_PROXY" | "FTP_PROXY" | "ALL_PROXY")
                && url_with_password(value)
        })
        .map(|(name, _)| name.to_owned())
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn settings(line: &str, file: &str) -> DaemonFacts {
        let args = words(line);
        let running = Running {
            args: &args,
            file: (!file.is_empty()).then_some(file.as_bytes()),
            default_config_file: "/etc/docker/daemon.json",
            ..Running::default()
        };
        effective(&running).unwrap()
    }

    #[test]
    fn defaults_are_the_daemons_own() {
        let d = settings("", "");
        assert!(d.icc && d.iptables && d.userland_proxy && d.ip_forward);
        assert!(!d.live_restore && !d.no_new_privileges && !d.tls && !d.listens_tcp && !d.config_file_exists);
        assert_eq!((d.log_level.as_str(), d.default_bind_address.as_str()), ("info", "0.0.0.0"));
        assert!(d.set_by.is_empty());
    }

    #[test]
    fn flags_win_over_the_file() {
        let d = settings(
            "--icc=false --log-level warn -H tcp://0.0.0.0:2376 --tlsverify",
            r#"{"icc": true, "live-restore": true, "log-opts": {"max-size": "10m"}}"#,
        );
        assert!(!d.icc && d.live_restore && d.tls && d.tls_verify && d.listens_tcp && d.listens_tcp_public);
        assert_eq!(d.log_level, "warn");
        assert_eq!(d.log_opts["max-size"], "10m");
        assert_eq!(d.set_by["icc"], "flag");
        assert_eq!(d.set_by["live-restore"], "file");
    }

    #[test]
    fn switches_do_not_swallow_the_next_word() {
        let d = settings("-D --icc --userns-remap default -Hfd:// --host=tcp://127.0.0.1:2375", "");
        assert_eq!(d.log_level, "debug");
        assert!(d.icc);
        assert_eq!(d.userns_remap, "default");
        assert_eq!(d.hosts, ["fd://", "tcp://127.0.0.1:2375"]);
        assert!(d.listens_tcp && !d.listens_tcp_public);
    }

    #[test]
    fn ipv6_and_bare_addresses() {
        assert!(settings("-H tcp://[::]:2375", "").listens_tcp_public);
        assert!(!settings("-H tcp://[::1]:2375", "").listens_tcp_public);
        assert!(settings("-H :2375", "").listens_tcp_public);
        assert!(!settings("-H /run/x.sock", "").listens_tcp);
    }

    #[test]
    fn bad_json_is_said_and_empty_is_fine() {
        let running = Running { file: Some(b"{ icc: false }"), ..Running::default() };
        assert!(effective(&running).is_err());
        assert!(settings("", " \n").config_file_exists);
    }

    #[test]
    fn tokens_of_logging_drivers_are_not_kept() {
        let d = settings("--log-driver splunk --log-opt splunk-token=176FCEBF-4CF5 --log-opt tag=x", "");
        assert_eq!(d.log_opts["splunk-token"], "(hidden)");
        assert_eq!(d.log_opts["tag"], "x");
    }

    #[test]
    fn proxy_passwords_are_named_not_shown() {
        let environment =
            vec!["HTTPS_PROXY=http://u:p@proxy:3128".to_owned(), "HTTP_PROXY=http://proxy:3128".to_owned()];
        let d = effective(&Running { environment: &environment, ..Running::default() }).unwrap();
        assert_eq!(d.proxy_credentials_in_environment, ["HTTPS_PROXY"]);
    }
}
