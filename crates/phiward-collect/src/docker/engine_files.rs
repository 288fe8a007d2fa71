//! Files of a local engine: ownership and modes, what audit rules watch.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use phiward_core::asset::Missing;

use super::facts::{AuditWatch, EngineAudit, EngineFiles};
use crate::files::{FileFacts, Names};
use crate::host::AuditRules;

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

const UNIT_DIRS: [&str; 4] =
    ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

fn unit(name: &str) -> PathBuf {
    UNIT_DIRS
        .iter()
        .map(|d| Path::new(d).join(name))
        .find(|p| p.exists())
        .unwrap_or_else(|| Path::new("/lib/systemd/system").join(name))
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

/// Audit of the engine's files and programs. What cannot be looked at becomes a gap: whether it exists decides whether
/// a rule is asked for.
pub(super) fn audit(paths: &Paths, rules: &AuditRules, gaps: &mut Vec<Missing>) -> EngineAudit {
    let mut watch = |field: &str, candidates: &[&Path]| {
        let mut hidden = None;
        let mut there = |p: &Path| match p.try_exists() {
            Ok(there) => there,
            Err(e) => {
                hidden = Some(format!("{}: {e}", p.display()));
                false
            }
        };
        let found = candidates.iter().copied().find(|p| there(p));
        if let (None, Some(why)) = (found, hidden) {
            gaps.push(Missing { path: format!("audit.{field}"), why });
        }
        let path = found.or(candidates.first().copied()).map_or_else(PathBuf::new, Path::to_path_buf);
        let real = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        // Rules name files by either side of a link: /var/run/docker.sock and /run/docker.sock.
        let watched = [&path, &real].iter().any(|p| rules.watches(&p.to_string_lossy()));
        AuditWatch { exists: found.is_some(), path: path.to_string_lossy().into_owned(), watched }
    };
    let unit = unit("docker.service");
    let program = paths.program.clone().unwrap_or_else(|| PathBuf::from("/usr/bin/dockerd"));
    let either = |name: &str| [Path::new("/usr/bin").join(name), Path::new("/usr/sbin").join(name)];
    let (containerd, shim) = (either("containerd"), either("containerd-shim"));
    let (shim1, shim2, runc) = (either("containerd-shim-runc-v1"), either("containerd-shim-runc-v2"), either("runc"));
    let audit = EngineAudit {
        live: rules.live,
        daemon: watch("daemon", &[&program]),
        run_containerd: watch("run_containerd", &[Path::new("/run/containerd")]),
        var_lib_docker: watch("var_lib_docker", &[&paths.data_root]),
        etc_docker: watch("etc_docker", &[Path::new("/etc/docker")]),
        docker_service: watch("docker_service", &[&unit]),
        containerd_socket: watch(
            "containerd_socket",
            &[Path::new("/run/containerd/containerd.sock"), Path::new("/run/docker/containerd/containerd.sock")],
        ),
        docker_socket: watch("docker_socket", &[&paths.socket]),
        default_docker: watch("default_docker", &[Path::new("/etc/default/docker")]),
        daemon_json: watch("daemon_json", &[&paths.config_file]),
        containerd_config: watch("containerd_config", &[Path::new("/etc/containerd/config.toml")]),
        sysconfig_docker: watch("sysconfig_docker", &[Path::new("/etc/sysconfig/docker")]),
        containerd: watch("containerd", &[&containerd[0], &containerd[1]]),
        containerd_shim: watch("containerd_shim", &[&shim[0], &shim[1]]),
        containerd_shim_runc_v1: watch("containerd_shim_runc_v1", &[&shim1[0], &shim1[1]]),
        containerd_shim_runc_v2: watch("containerd_shim_runc_v2", &[&shim2[0], &shim2[1]]),
        runc: watch("runc", &[&runc[0], &runc[1]]),
    };
    if paths.program.is_none() {
        let why = "the daemon's program is not known; this needs root".to_owned();
        gaps.push(Missing { path: "audit.daemon".into(), why });
    }
    audit
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
    let mut more: Vec<PathBuf> = fs::read_dir("/etc/profile.d")
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|x| x == "sh"))
        .collect();
    more.sort();
    paths.extend(more);
    paths.iter().filter_map(|p| fs::read(p).ok()).map(|b| String::from_utf8_lossy(&b).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_trust_of_login_shells() {
        assert!(content_trust(&["A=b\nexport DOCKER_CONTENT_TRUST=1\n".into()]));
        assert!(!content_trust(&["#export DOCKER_CONTENT_TRUST=1".into(), "DOCKER_CONTENT_TRUST=0".into()]));
        assert!(!content_trust(&[]));
    }
}
