//! Finds the process behind the engine's socket, never by its name.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The daemon as its `/proc` entry shows it.
#[derive(Clone, Debug, Default)]
pub(super) struct DaemonProcess {
    pub pid: i32,
    pub uid: Option<u32>,
    /// Words of the command line, the program first; `None` when unreadable.
    pub command: Option<Vec<String>>,
    /// `NAME=value` pairs; `None` when unreadable.
    pub environment: Option<Vec<String>>,
    /// The program's file.
    pub exe: Option<PathBuf>,
    /// The process's own name, readable by everyone.
    pub comm: String,
    /// Clock ticks after boot at which it started.
    pub started: Option<u64>,
}

/// The process that made the socket at `path` listen, as the kernel tells it to who connects.
///
/// # Errors
/// In words: the socket cannot be opened, or its maker lives outside this pid namespace.
pub(super) async fn peer(path: &Path) -> Result<i32, String> {
    let stream = tokio::net::UnixStream::connect(path).await.map_err(|e| format!("{}: {e}", path.display()))?;
    let peer = stream.peer_cred().map_err(|e| format!("peer of {}: {e}", path.display()))?;
    match peer.pid() {
        Some(pid) if pid > 0 => Ok(pid),
        _ => Err("the engine's process is outside the process namespace that phiward runs in (start phiward on the host, or with --pid host)".into()),
    }
}

/// The daemon behind the socket whose peer is `pid`.
///
/// # Errors
/// In words: systemd owns the socket and no other holder was found.
pub(super) fn find(pid: i32, socket: &Path, pid_file: &Path) -> Result<DaemonProcess, String> {
    if pid != 1 {
        return Ok(read(pid));
    }
    // The socket was made by systemd and handed over: whoever else holds it open is the daemon.
    let inode =
        listening_inode(socket).ok_or("systemd made the engine's socket and it was not found in /proc/net/unix")?;
    if let Some(pid) = fs::read_to_string(pid_file).ok().and_then(|t| t.trim().parse::<i32>().ok())
        && pid != 1
        && holds(pid, inode).unwrap_or(false)
    {
        return Ok(read(pid));
    }
    let others = processes().map_err(|e| format!("/proc: {e}"))?.into_iter().filter(|p| *p != 1);
    let mut refused = false;
    for pid in others {
        match holds(pid, inode) {
            Ok(true) => return Ok(read(pid)),
            Ok(false) => {}
            Err(e) => refused |= e.kind() == io::ErrorKind::PermissionDenied,
        }
    }
    Err(if refused {
        "systemd made the engine's socket; finding the daemon behind it needs root".to_owned()
    } else {
        "systemd holds the engine's socket and no daemon does".to_owned()
    })
}

impl DaemonProcess {
    /// Whether the process is an engine's daemon and not something that passes its socket on: a filtering proxy, an ssh
    /// client. The process is known already; its name only confirms it.
    pub(super) fn is_daemon(&self) -> bool {
        matches!(self.program().as_str(), "dockerd" | "docker")
    }

    /// What the process is called.
    pub(super) fn program(&self) -> String {
        let exe = self
            .exe
            .as_ref()
            .and_then(|e| e.file_name())
            .map(|n| n.to_string_lossy().trim_end_matches(" (deleted)").to_owned());
        exe.unwrap_or_else(|| self.comm.clone())
    }
}

fn read(pid: i32) -> DaemonProcess {
    let proc = PathBuf::from(format!("/proc/{pid}"));
    let stat = fs::read(proc.join("stat")).ok().and_then(|b| super::processes::parse_stat(&b)).unwrap_or_default();
    DaemonProcess {
        pid,
        uid: fs::metadata(&proc).ok().map(|m| m.uid()),
        command: words(&proc.join("cmdline")),
        environment: words(&proc.join("environ")),
        exe: fs::read_link(proc.join("exe")).ok(),
        started: (!stat.comm.is_empty()).then_some(stat.started),
        comm: stat.comm,
    }
}

fn words(path: &Path) -> Option<Vec<String>> {
    let bytes = fs::read(path).ok()?;
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
    Some(bytes.split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect())
}

/// Inode of the socket listening at `path`, from /proc/net/unix.
fn listening_inode(path: &Path) -> Option<u64> {
    let wanted = fs::canonicalize(path).ok();
    parse_unix_sockets(&fs::read("/proc/net/unix").ok()?, |p| {
        p == path || wanted.as_deref() == Some(p) || fs::canonicalize(p).ok() == wanted
    })
}

pub(super) fn parse_unix_sockets(text: &[u8], matches: impl Fn(&Path) -> bool) -> Option<u64> {
    // Num RefCount Protocol Flags Type St Inode Path; the flag 0x10000 marks one that listens.
    text.split(|b| *b == b'\n').find_map(|line| {
        let mut fields = line.split(|b| *b == b' ').filter(|f| !f.is_empty());
        let flags = fields.nth(3)?;
        if flags != b"00010000" {
            return None;
        }
        let inode = std::str::from_utf8(fields.nth(2)?).ok()?.parse().ok()?;
        let path = fields.next()?;
        matches(Path::new(std::ffi::OsStr::from_bytes(path))).then_some(inode)
    })
}

fn holds(pid: i32, inode: u64) -> io::Result<bool> {
    let wanted = format!("socket:[{inode}]");
    for fd in fs::read_dir(format!("/proc/{pid}/fd"))? {
        if let Ok(fd) = fd
            && fs::read_link(fd.path()).is_ok_and(|t| t.as_os_str() == wanted.as_str())
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// TCP addresses that the process listens on.
///
/// # Errors
/// When its open files cannot be looked at, which needs root.
pub(super) fn tcp_listeners(pid: i32) -> io::Result<Vec<(String, u16)>> {
    let mut inodes = std::collections::HashSet::new();
    for fd in fs::read_dir(format!("/proc/{pid}/fd"))?.flatten() {
        if let Ok(target) = fs::read_link(fd.path())
            && let Some(inode) = target.to_str().and_then(|t| t.strip_prefix("socket:["))
        {
            inodes.insert(inode.trim_end_matches(']').to_owned());
        }
    }
    let mut found = Vec::new();
    for file in ["tcp", "tcp6"] {
        let text = match fs::read_to_string(format!("/proc/{pid}/net/{file}")) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(e),
        };
        found.extend(
            text.lines()
                .skip(1)
                .filter_map(parse_listener)
                .filter(|(_, _, inode)| inodes.contains(inode))
                .map(|(a, p, _)| (a, p)),
        );
    }
    Ok(found)
}

/// Address, port and inode of a line of /proc/net/tcp that listens.
pub(super) fn parse_listener(line: &str) -> Option<(String, u16, String)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    // 0A is LISTEN.
    if *fields.get(3)? != "0A" {
        return None;
    }
    let (address, port) = fields.get(1)?.split_once(':')?;
    // Words of four bytes in the machine's order.
    let mut bytes = Vec::new();
    for word in address.as_bytes().chunks(8) {
        let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
        bytes.extend(word.to_ne_bytes());
    }
    let address = match bytes.len() {
        4 => std::net::IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        16 => std::net::IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?),
        _ => return None,
    };
    Some((address.to_string(), u16::from_str_radix(port, 16).ok()?, (*fields.get(9)?).to_owned()))
}

pub(super) fn processes() -> io::Result<Vec<i32>> {
    Ok(fs::read_dir("/proc")?.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_peer_is_found_whatever_it_is_called() {
        let dir = std::env::temp_dir().join(format!("phiward-peer-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let socket = dir.join("s");
        let _ = std::fs::remove_file(&socket);
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let found = find(peer(&socket).await.unwrap(), &socket, Path::new("/nonexistent")).unwrap();
        assert_eq!(found.pid, i32::try_from(std::process::id()).unwrap());
        assert!(found.command.as_ref().is_some_and(|c| !c.is_empty()));
        // It is no daemon, only something that listens.
        assert!(!found.is_daemon() && !found.program().is_empty());
        let inode = listening_inode(&socket).unwrap();
        assert!(holds(found.pid, inode).unwrap());
        drop(listener);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn listeners_of_both_families() {
        let v4 = "   0: 0100007F:0947 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4321 1";
        let v6 =
            "   1: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 77 1";
        let open = "   2: 0100007F:0947 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 99 1";
        if cfg!(target_endian = "little") {
            assert_eq!(parse_listener(v4), Some(("127.0.0.1".into(), 2375, "4321".into())));
        }
        assert_eq!(parse_listener(v6), Some(("::".into(), 8080, "77".into())));
        assert_eq!(parse_listener(open), None);
    }

    #[test]
    fn only_listening_sockets_count() {
        let text = b"Num       RefCount Protocol Flags    Type St Inode Path\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 111 /run/docker.sock\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 222 /run/docker.sock\n";
        assert_eq!(parse_unix_sockets(text, |p| p == Path::new("/run/docker.sock")), Some(222));
    }
}
