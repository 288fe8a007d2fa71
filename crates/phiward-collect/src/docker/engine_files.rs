//! Files of a local engine: ownership and modes, audit rules, the package it came from, accounts that may use it.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use phiward_core::asset::Missing;

use super::facts::{AuditWatch, EngineAudit, EngineFiles, EnginePackage};
use crate::files::{FileFacts, Names};

/// Paths that the daemon's settings name.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths {
    pub socket: PathBuf,
    pub config_file: PathBuf,
    pub data_root: PathBuf,
    pub tls_ca: Option<PathBuf>,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    /// The daemon's program.
    pub program: Option<PathBuf>,
}

const UNIT_DIRS: [&str; 4] = ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

fn unit(name: &str) -> PathBuf {
    UNIT_DIRS.iter().map(|d| Path::new(d).join(name)).find(|p| p.exists()).unwrap_or_else(|| Path::new("/lib/systemd/system").join(name))
}

/// Ownership and modes. What cannot be looked at is a gap; what does not exist is absent.
pub(super) fn read(paths: &Paths, names: &Names, gaps: &mut Vec<Missing>) -> EngineFiles {
    let mut file = |field: &str, path: &Path| match FileFacts::read_with(path, names) {
        Ok(found) => found,
        Err(e) => {
            gaps.push(Missing { path: format!("files.{field}"), why: format!("{}: {e}", path.display()) });
            None
        }
    };
    let mut files = EngineFiles {
        service_unit: file("service_unit", &unit("docker.service")),
        socket_unit: file("socket_unit", &unit("docker.socket")),
        etc_docker: file("etc_docker", Path::new("/etc/docker")),
        daemon_json: file("daemon_json", &paths.config_file),
        default_docker: file("default_docker", Path::new("/etc/default/docker")),
        sysconfig_docker: file("sysconfig_docker", Path::new("/etc/sysconfig/docker")),
        docker_socket: file("docker_socket", &paths.socket),
        containerd_socket: ["/run/containerd/containerd.sock", "/run/docker/containerd/containerd.sock"]
            .iter()
            .find_map(|p| file("containerd_socket", Path::new(p))),
        tls_ca: paths.tls_ca.as_deref().and_then(|p| file("tls_ca", p)),
        tls_cert: paths.tls_cert.as_deref().and_then(|p| file("tls_cert", p)),
        tls_key: paths.tls_key.as_deref().and_then(|p| file("tls_key", p)),
        root_dir: file("root_dir", &paths.data_root),
        registry_certs: Vec::new(),
    };
    match registry_certs(Path::new("/etc/docker/certs.d"), names) {
        Ok(certs) => files.registry_certs = certs,
        Err(e) => gaps.push(Missing { path: "files.registry_certs".into(), why: format!("/etc/docker/certs.d: {e}") }),
    }
    files
}

fn registry_certs(dir: &Path, names: &Names) -> io::Result<Vec<FileFacts>> {
    let mut found = Vec::new();
    let registries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(e) => return Err(e),
    };
    for registry in registries {
        let registry = registry?.path();
        if !registry.is_dir() {
            continue;
        }
        for cert in fs::read_dir(&registry)? {
            let path = cert?.path();
            if path.extension().is_some_and(|e| e == "crt") {
                found.extend(FileFacts::read_with(&path, names)?);
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Which of the engine's paths the rules watch. `live` says that the rules are the kernel's.
pub(super) fn audit(paths: &Paths, rules: &str, live: bool) -> EngineAudit {
    let watches = parse_rules(rules);
    let watch = |candidates: &[&Path]| {
        let path = candidates.iter().find(|p| p.exists()).or(candidates.first()).map_or_else(PathBuf::new, |p| p.to_path_buf());
        let real = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        let watched = watches.iter().any(|w| w.covers(&path) || w.covers(&real));
        AuditWatch { exists: path.exists(), path: path.to_string_lossy().into_owned(), watched }
    };
    let at = |path: &'static str| watch(&[Path::new(path)]);
    let program = paths.program.clone().unwrap_or_else(|| PathBuf::from("/usr/bin/dockerd"));
    let either = |name: &str| {
        let (usr, sbin) = (Path::new("/usr/bin").join(name), Path::new("/usr/sbin").join(name));
        watch(&[&usr, &sbin])
    };
    EngineAudit {
        live,
        daemon: watch(&[&program]),
        run_containerd: at("/run/containerd"),
        var_lib_docker: watch(&[&paths.data_root]),
        etc_docker: at("/etc/docker"),
        docker_service: watch(&[&unit("docker.service")]),
        containerd_socket: watch(&[Path::new("/run/containerd/containerd.sock"), Path::new("/run/docker/containerd/containerd.sock")]),
        docker_socket: watch(&[&paths.socket]),
        default_docker: at("/etc/default/docker"),
        daemon_json: watch(&[&paths.config_file]),
        containerd_config: at("/etc/containerd/config.toml"),
        sysconfig_docker: at("/etc/sysconfig/docker"),
        containerd: either("containerd"),
        containerd_shim: either("containerd-shim"),
        containerd_shim_runc_v1: either("containerd-shim-runc-v1"),
        containerd_shim_runc_v2: either("containerd-shim-runc-v2"),
        runc: either("runc"),
    }
}

#[derive(Debug, PartialEq)]
struct Watch {
    path: PathBuf,
    /// Reaches everything below a directory.
    deep: bool,
}

impl Watch {
    fn covers(&self, path: &Path) -> bool {
        path == self.path || (self.deep && path.starts_with(&self.path))
    }
}

/// Reads rules in the form of auditctl: `-w PATH`, `-F path=PATH`, `-F dir=PATH`. Rules that exclude do not count.
fn parse_rules(text: &str) -> Vec<Watch> {
    let mut watches = Vec::new();
    for line in text.lines().map(str::trim).filter(|l| !l.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let clean = |p: &str| PathBuf::from(if p.len() > 1 { p.trim_end_matches('/') } else { p });
        if let Some(at) = words.iter().position(|w| *w == "-w") {
            watches.extend(words.get(at + 1).map(|p| Watch { path: clean(p), deep: true }));
        }
        if words.iter().any(|w| w.contains("never")) {
            continue;
        }
        for word in &words {
            if let Some(path) = word.strip_prefix("path=") {
                watches.push(Watch { path: clean(path), deep: false });
            } else if let Some(path) = word.strip_prefix("dir=") {
                watches.push(Watch { path: clean(path), deep: true });
            }
        }
    }
    watches
}

/// Rules from files, for when the kernel cannot be asked.
pub(super) fn rule_files() -> String {
    let mut text = fs::read_to_string("/etc/audit/audit.rules").unwrap_or_default();
    if let Ok(entries) = fs::read_dir("/etc/audit/rules.d") {
        for path in entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|x| x == "rules")) {
            text.push('\n');
            text.push_str(&fs::read_to_string(path).unwrap_or_default());
        }
    }
    text
}

/// Names that may use a socket of group `docker`: members, and accounts whose first group it is.
pub(super) fn docker_group(group: &str, passwd: &str) -> Vec<String> {
    let Some(line) = group.lines().find(|l| l.split(':').next() == Some("docker")) else { return Vec::new() };
    let fields: Vec<&str> = line.split(':').collect();
    let gid = fields.get(2).copied().unwrap_or_default();
    let mut names: Vec<String> = fields.get(3).copied().unwrap_or_default().split(',').map(str::trim).filter(|n| !n.is_empty()).map(str::to_owned).collect();
    names.extend(
        passwd.lines().filter(|l| l.split(':').nth(3) == Some(gid)).filter_map(|l| l.split(':').next()).map(str::to_owned),
    );
    names.sort();
    names.dedup();
    names
}

/// The Debian package that holds the daemon's program.
pub(super) fn debian_package(program: &Path) -> Option<EnginePackage> {
    let path = program.to_string_lossy();
    // Before the merge of /usr the database may still call it by its old place.
    let short = path.strip_prefix("/usr").unwrap_or(&path).to_owned();
    let name = ["docker.io", "docker-ce", "moby-engine"].into_iter().find(|name| {
        fs::read_to_string(format!("/var/lib/dpkg/info/{name}.list")).is_ok_and(|list| list.lines().any(|l| l == path || l == short))
    })?;
    let version = installed_version(fs::File::open("/var/lib/dpkg/status").ok()?, name)?;
    Some(EnginePackage { name: name.to_owned(), version, update_available: None })
}

fn installed_version(status: impl io::Read, package: &str) -> Option<String> {
    let mut reader = BufReader::with_capacity(1 << 16, status);
    let mut line = Vec::new();
    let (mut here, mut version, mut installed) = (false, None, false);
    let wanted = format!("Package: {package}");
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line).ok()?;
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        if read == 0 || text.is_empty() {
            if here && installed {
                return version;
            }
            if read == 0 {
                return None;
            }
            (here, version, installed) = (false, None, false);
        } else if text == wanted.as_bytes() {
            here = true;
        } else if here {
            if let Some(v) = text.strip_prefix(b"Version: ") {
                version = Some(String::from_utf8_lossy(v).into_owned());
            } else if text.starts_with(b"Status: ") {
                installed = text.ends_with(b" installed");
            }
        }
    }
}

/// Whether every login shell exports `DOCKER_CONTENT_TRUST=1`. `texts` are /etc/environment, /etc/profile and what
/// /etc/profile.d adds; the last word wins.
pub(super) fn content_trust(texts: &[String]) -> bool {
    let mut on = false;
    for line in texts.iter().flat_map(|t| t.lines()).map(str::trim).filter(|l| !l.starts_with('#')) {
        let rest = line.strip_prefix("export ").unwrap_or(line).trim_start();
        if let Some(value) = rest.strip_prefix("DOCKER_CONTENT_TRUST=") {
            on = matches!(value.trim_matches(|c| matches!(c, '"' | '\'' | ';' | ' ')), "1" | "true");
        }
    }
    on
}

/// The texts that [`content_trust`] reads.
pub(super) fn login_files() -> Vec<String> {
    let mut paths = vec![PathBuf::from("/etc/environment"), PathBuf::from("/etc/profile")];
    let mut more: Vec<PathBuf> =
        fs::read_dir("/etc/profile.d").into_iter().flatten().flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|x| x == "sh")).collect();
    more.sort();
    paths.extend(more);
    paths.iter().filter_map(|p| fs::read(p).ok()).map(|b| String::from_utf8_lossy(&b).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_watch_paths_and_what_lies_below() {
        let rules = "-w /etc/docker/ -p wa -k docker\n-a always,exit -F arch=b64 -F path=/usr/bin/runc -F perm=x\n# -w /run\n-a never,exit -F dir=/var/lib/docker\n";
        let watches = parse_rules(rules);
        let covered = |p: &str| watches.iter().any(|w| w.covers(Path::new(p)));
        assert!(covered("/etc/docker") && covered("/etc/docker/daemon.json") && covered("/usr/bin/runc"));
        assert!(!covered("/etc/dockerfile") && !covered("/usr/bin/runc/x") && !covered("/run") && !covered("/var/lib/docker"));
    }

    #[test]
    fn group_members_by_list_and_by_first_group() {
        let names = docker_group("root:x:0:\ndocker:x:103:bob, alice\n", "carol:x:1:103::/:/bin/sh\nbob:x:2:2::/:/bin/sh\n");
        assert_eq!(names, ["alice", "bob", "carol"]);
        assert!(docker_group("root:x:0:\n", "").is_empty());
    }

    #[test]
    fn version_of_an_installed_package() {
        let status = "Package: docker.io-doc\nStatus: install ok installed\nVersion: 9\n\nPackage: docker.io\nStatus: install ok installed\nVersion: 20.10.24+dfsg1-1\n\n";
        assert_eq!(installed_version(status.as_bytes(), "docker.io").as_deref(), Some("20.10.24+dfsg1-1"));
        let removed = "Package: docker.io\nStatus: deinstall ok config-files\nVersion: 1\n";
        assert_eq!(installed_version(removed.as_bytes(), "docker.io"), None);
    }

    #[test]
    fn content_trust_of_login_shells() {
        assert!(content_trust(&["A=b\nexport DOCKER_CONTENT_TRUST=1\n".into()]));
        assert!(!content_trust(&["#export DOCKER_CONTENT_TRUST=1".into(), "DOCKER_CONTENT_TRUST=0".into()]));
        assert!(!content_trust(&[]));
    }
}
