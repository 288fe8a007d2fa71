//! The package that brought the engine's program, from the databases of dpkg, rpm and apk.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::facts::EnginePackage;

/// The package of the daemon's program; absent for one that no package brought, or that none of the known ways tells.
pub(super) fn of(program: &Path) -> Option<EnginePackage> {
    debian(program).or_else(|| rpm(program)).or_else(|| alpine(&fs::read_to_string("/lib/apk/db/installed").ok()?))
}

/// This machine's packages are dpkg's, so that a program without one came from elsewhere.
pub(super) fn is_debian() -> bool {
    Path::new("/var/lib/dpkg/status").exists() && Path::new("/var/lib/dpkg/info").exists()
}

/// The Debian package that holds the daemon's program.
fn debian(program: &Path) -> Option<EnginePackage> {
    let path = program.to_string_lossy();
    // Before the merge of /usr the database may still call it by its old place.
    let short = path.strip_prefix("/usr").unwrap_or(&path).to_owned();
    let name = ["docker.io", "docker-ce", "moby-engine"].into_iter().find(|name| {
        fs::read_to_string(format!("/var/lib/dpkg/info/{name}.list"))
            .is_ok_and(|list| list.lines().any(|l| l == path || l == short))
    })?;
    let version = installed_version(fs::File::open("/var/lib/dpkg/status").ok()?, name)?;
    Some(EnginePackage { name: name.to_owned(), version, update_available: None })
}

pub(super) fn installed_version(status: impl io::Read, package: &str) -> Option<String> {
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

fn rpm(program: &Path) -> Option<EnginePackage> {
    let mut child = Command::new("/usr/bin/rpm")
        .args(["-qf", "--qf", "%{NAME} %{VERSION}-%{RELEASE}\n"])
        .arg(program)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    // A locked database makes rpm wait for ever.
    let until = Instant::now() + Duration::from_secs(2);
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(10)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    };
    let mut text = String::new();
    child.stdout.take()?.take(4096).read_to_string(&mut text).ok()?;
    let (name, version) = text.lines().next()?.split_once(' ')?;
    status.success().then(|| EnginePackage {
        name: name.to_owned(),
        version: version.to_owned(),
        update_available: None,
    })
}

/// Alpine builds the daemon as `docker-engine`.
pub(super) fn alpine(database: &str) -> Option<EnginePackage> {
    database.split("\n\n").find(|entry| entry.lines().any(|l| l == "P:docker-engine")).and_then(|entry| {
        let version = entry.lines().find_map(|l| l.strip_prefix("V:"))?;
        Some(EnginePackage { name: "docker-engine".to_owned(), version: version.to_owned(), update_available: None })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpine_database() {
        let package = alpine("P:docker-cli\nV:1\n\nP:docker-engine\nV:25.0.5-r1\nA:x86_64\n").unwrap();
        assert_eq!(package.version, "25.0.5-r1");
        assert!(alpine("P:docker-cli\nV:1\n").is_none());
    }

    #[test]
    fn version_of_an_installed_package() {
        let status = "Package: docker.io-doc\nStatus: install ok installed\nVersion: 9\n\nPackage: docker.io\nStatus: install ok installed\nVersion: 20.10.24+dfsg1-1\n\n";
        assert_eq!(installed_version(status.as_bytes(), "docker.io").as_deref(), Some("20.10.24+dfsg1-1"));
        let removed = "Package: docker.io\nStatus: deinstall ok config-files\nVersion: 1\n";
        assert_eq!(installed_version(removed.as_bytes(), "docker.io"), None);
    }
}
