//! Mounts of containers: what they reach on the host.

use std::path::{Component, Path, PathBuf};

use bollard::models::MountPoint;

use super::facts::{MountFacts, StorageFacts};

/// System directories of a host. A mount of one, of something below it, or of a directory above it reaches the system.
const SYSTEM: &[&str] = &[
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/bin",
    "/sbin",
    "/proc",
    "/root",
    "/run",
    "/sys",
    "/usr",
    "/var/run",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/kubelet",
];

/// Sockets of engines at their usual places.
const SOCKETS: &[&str] = &[
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/docker/containerd/containerd.sock",
    "/var/run/docker/containerd/docker-containerd.sock",
    "/run/podman/podman.sock",
    "/run/crio/crio.sock",
];

/// What is known of the host that the mounts come from.
pub(super) struct Host<'a> {
    /// Sockets of the engine: its endpoint and what the daemon listens on.
    pub sockets: &'a [PathBuf],
    /// The engine's data directory.
    pub data_root: &'a str,
    /// Resolves symlinks of a path on the host; the path itself where that is not possible.
    pub resolve: &'a dyn Fn(&Path) -> PathBuf,
    /// What a path lies on; `None` where the host cannot be read.
    pub storage: &'a dyn Fn(&Path) -> Option<StorageFacts>,
}

/// Facts about one mount. `volume_device` is the host path behind a `local` volume that is really a bind.
pub(super) fn facts(mount: &MountPoint, volume_device: Option<&str>, host: &Host<'_>) -> MountFacts {
    let kind = mount.typ.clone().unwrap_or_default();
    let given = mount.source.clone().unwrap_or_default();
    let propagation = mount.propagation.clone().unwrap_or_default();
    let resolved = if given.starts_with('/') { (host.resolve)(Path::new(&given)) } else { PathBuf::from(&given) };
    // The path whose bytes the container really sees.
    let reached: Option<PathBuf> = match (kind.as_str(), volume_device) {
        ("bind", _) => Some(resolved.clone()),
        ("volume", Some(device)) => Some((host.resolve)(Path::new(device))),
        _ => None,
    };
    let as_given = match (kind.as_str(), volume_device) {
        ("bind", _) => Some(given.as_str()),
        ("volume", device) => device,
        _ => None,
    };
    let paths: Vec<PathBuf> = reached.iter().cloned().chain(as_given.map(|g| normal(Path::new(g)))).collect();
    MountFacts {
        source: match kind.as_str() {
            "bind" => resolved.to_string_lossy().into_owned(),
            _ => given.clone(),
        },
        target: mount.destination.clone().unwrap_or_default(),
        volume: if kind == "volume" { mount.name.clone().unwrap_or_default() } else { String::new() },
        writable: mount.rw.unwrap_or(true),
        propagation_shared: matches!(propagation.as_str(), "shared" | "rshared"),
        propagation,
        covers_docker_socket: paths.iter().any(|p| covers_socket(p, host)),
        sensitive_host_path: paths
            .iter()
            .map(|p| sensitive(p, host.data_root))
            .find(|s| !s.is_empty())
            .unwrap_or_default(),
        storage: match (kind.as_str(), given.is_empty()) {
            ("tmpfs", _) => Some(StorageFacts {
                filesystem: "tmpfs".into(),
                in_memory: true,
                encryption: "none".into(),
                ..StorageFacts::default()
            }),
            (_, true) => None,
            _ => (host.storage)(reached.as_deref().unwrap_or(&resolved)),
        },
        kind,
    }
}

/// Whether the path is a socket of the engine, or a directory that holds one at any depth.
fn covers_socket(path: &Path, host: &Host<'_>) -> bool {
    let known = SOCKETS.iter().map(PathBuf::from).chain(host.sockets.iter().cloned());
    known.into_iter().any(|socket| {
        // A rootless engine's socket is not in the list but among the host's.
        socket.starts_with(path) || (host.resolve)(&socket).starts_with(path)
    }) || is_rootless_socket(path)
}

/// `/run/user/UID/docker.sock`.
fn is_rootless_socket(path: &Path) -> bool {
    path.starts_with("/run/user") && path.file_name().is_some_and(|n| n == "docker.sock")
}

/// The system directory that the path is, lies below or lies above; empty when none.
fn sensitive(path: &Path, data_root: &str) -> String {
    if path == Path::new("/") {
        return "/".to_owned();
    }
    let all = SYSTEM.iter().copied().chain((!data_root.is_empty()).then_some(data_root));
    let below = all.clone().filter(|s| path.starts_with(s)).max_by_key(|s| s.len());
    below.or_else(|| all.into_iter().find(|s| Path::new(s).starts_with(path))).unwrap_or_default().to_owned()
}

/// The path without `.` and `..`, as the engine cleans it.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

/// Host path behind a `local` volume's options when it is a bind mount.
pub(super) fn bind_device<'a>(driver: &str, options: impl Fn(&str) -> Option<&'a str>) -> Option<&'a str> {
    if driver != "local" {
        return None;
    }
    let device = options("device").filter(|d| d.starts_with('/'))?;
    let bind = options("o").is_some_and(|o| o.split(',').any(|w| matches!(w.trim(), "bind" | "rbind")));
    bind.then_some(device)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host like Debian's, where /var/run is a link to /run.
    fn debian(path: &Path) -> PathBuf {
        if path == Path::new("/srv/link") {
            return PathBuf::from("/run");
        }
        match path.strip_prefix("/var/run") {
            Ok(rest) => Path::new("/run").join(rest),
            Err(_) => path.to_owned(),
        }
    }

    fn of(mount: &MountPoint, device: Option<&str>) -> MountFacts {
        let sockets = [PathBuf::from("/opt/engine/d.sock")];
        facts(
            mount,
            device,
            &Host { sockets: &sockets, data_root: "/data/docker", resolve: &debian, storage: &|_| None },
        )
    }

    fn bind(source: &str) -> MountFacts {
        of(
            &MountPoint {
                typ: Some("bind".into()),
                source: Some(source.into()),
                destination: Some("/x".into()),
                rw: Some(false),
                ..MountPoint::default()
            },
            None,
        )
    }

    #[test]
    fn every_way_to_the_socket() {
        for source in [
            "/var/run/docker.sock",
            "/run/docker.sock",
            "/run",
            "/var/run",
            "/",
            "/var",
            "/srv/link",
            "/run/containerd",
            "/opt/engine",
            "/run/user/1000/docker.sock",
        ] {
            let m = bind(source);
            assert!(m.covers_docker_socket, "{source}");
            assert!(!m.writable);
        }
        for source in ["/srv/data", "/run/dockerish", "/var/log", "/opt/engineering"] {
            assert!(!bind(source).covers_docker_socket, "{source}");
        }
    }

    #[test]
    fn system_directories_below_and_above() {
        for (source, expected) in [
            ("/", "/"),
            ("/etc/shadow", "/etc"),
            ("/root", "/root"),
            ("/var", "/var/run"),
            ("/var/lib", "/var/lib/docker"),
            ("/var/run/x", "/run"),
            ("/data/docker/volumes", "/data/docker"),
            ("/srv", ""),
            ("/etcetera", ""),
            ("/var/log", ""),
        ] {
            assert_eq!(bind(source).sensitive_host_path, expected, "{source}");
        }
    }

    #[test]
    fn a_local_volume_may_be_a_bind() {
        let options = |name: &str| match name {
            "o" => Some("rw,bind"),
            "device" => Some("/var/run"),
            _ => None,
        };
        let device = bind_device("local", options);
        assert_eq!(device, Some("/var/run"));
        assert_eq!(bind_device("other", options), None);
        let volume = MountPoint {
            typ: Some("volume".into()),
            name: Some("v".into()),
            source: Some("/var/lib/docker/volumes/v/_data".into()),
            ..MountPoint::default()
        };
        let m = of(&volume, device);
        assert!(m.covers_docker_socket && m.sensitive_host_path == "/run" && m.volume == "v");
        let plain = of(&volume, None);
        assert!(!plain.covers_docker_socket && plain.sensitive_host_path.is_empty());
    }

    #[test]
    fn dots_are_cleaned_and_shared_propagation_is_seen() {
        assert_eq!(normal(Path::new("/srv/../etc/./x")), Path::new("/etc/x"));
        let m = of(
            &MountPoint {
                typ: Some("bind".into()),
                source: Some("/srv".into()),
                propagation: Some("rshared".into()),
                ..MountPoint::default()
            },
            None,
        );
        assert!(m.propagation_shared);
    }
}
