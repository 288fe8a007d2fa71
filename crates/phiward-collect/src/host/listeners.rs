//! Sockets that listen for connections, and UDP sockets that take datagrams from anyone.
//!
//! The port table names protocols that carry plain text at that port by their nature, or unless a client asks for
//! encryption (POP3, IMAP, LDAP). Protocols that the server may itself require TLS for at the same port (PostgreSQL,
//! MySQL, MongoDB, SMTP) are not in it: the port proves nothing about them.

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::facts::ListenerFacts;
use super::processes::Processes;
use super::root::{Gaps, Root, why};

const TCP_LISTEN: &str = "0A";
const UDP_UNCONNECTED: &str = "07";

const TCP_PLAIN: &[(u16, &str)] = &[
    (21, "ftp"),
    (23, "telnet"),
    (80, "http"),
    (104, "dicom"),
    (110, "pop3"),
    (143, "imap"),
    (389, "ldap"),
    (512, "rexec"),
    (513, "rlogin"),
    (514, "rsh"),
    (873, "rsync"),
    (1883, "mqtt"),
    (2375, "docker-api"),
    (2575, "hl7-mllp"),
    (4242, "dicom"),
    (5900, "vnc"),
    (6000, "x11"),
    (6379, "redis"),
    (8042, "http"),
    (8080, "http"),
    (11112, "dicom"),
    (11211, "memcached"),
];
const UDP_PLAIN: &[(u16, &str)] = &[(69, "tftp"), (161, "snmp"), (514, "syslog"), (11211, "memcached")];

/// One line of a socket table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Socket {
    address: IpAddr,
    port: u16,
    uid: i64,
    inode: u64,
}

/// Reads the sockets of the host's own network.
pub fn read(root: &Root, processes: Option<&Processes>, gaps: &mut Gaps) -> Option<Vec<ListenerFacts>> {
    let mut found: Vec<(&str, Socket)> = Vec::new();
    let mut any = false;
    for protocol in ["tcp", "tcp6", "udp", "udp6"] {
        match table(root, protocol) {
            Ok(Some(text)) => {
                any = true;
                let state = if protocol.starts_with("tcp") { TCP_LISTEN } else { UDP_UNCONNECTED };
                found.extend(sockets(&text, state).into_iter().map(|socket| (protocol, socket)));
            }
            // A kernel without IPv6 has no table for it.
            Ok(None) => {}
            Err(error) => {
                gaps.add("listeners", why(&format!("/proc/net/{protocol}"), &error));
                return None;
            }
        }
    }
    if !any {
        gaps.add("listeners", "there are no socket tables in /proc/net");
        return None;
    }
    let programs = processes.map(|processes| owners(root, processes, &found)).unwrap_or_default();
    if found.iter().any(|(_, socket)| socket.inode != 0 && !programs.contains_key(&socket.inode))
        && !rustix::process::geteuid().is_root()
    {
        gaps.add(
            "listeners.program",
            "no permission to read the open files of other users' processes: run phiward as root",
        );
    }
    let mut listeners: Vec<ListenerFacts> =
        found.into_iter().map(|(protocol, socket)| facts(protocol, &socket, programs.get(&socket.inode))).collect();
    listeners.sort_by(|a, b| (a.port, &a.protocol, &a.address).cmp(&(b.port, &b.protocol, &b.address)));
    listeners.dedup_by(|a, b| {
        (a.port, &a.protocol, &a.address, &a.program) == (b.port, &b.protocol, &b.address, &b.program)
    });
    Some(listeners)
}

fn table(root: &Root, protocol: &str) -> std::io::Result<Option<String>> {
    if !root.is_live()
        // Below a mounted /proc, `net` is the reader's network; the first process has the machine's.
        && let Ok(Some(text)) = root.text(&format!("/proc/1/net/{protocol}"))
    {
        return Ok(Some(text));
    }
    root.text(&format!("/proc/net/{protocol}"))
}

fn facts(protocol: &str, socket: &Socket, program: Option<&String>) -> ListenerFacts {
    let udp = protocol.starts_with("udp");
    let plain = if udp { UDP_PLAIN } else { TCP_PLAIN };
    ListenerFacts {
        protocol: protocol.to_owned(),
        address: socket.address.to_string(),
        port: i64::from(socket.port),
        public: !is_loopback(socket.address),
        program: program.cloned().unwrap_or_default(),
        uid: Some(socket.uid),
        plaintext: plain
            .iter()
            .find(|(port, _)| *port == socket.port)
            .map(|(_, name)| (*name).to_owned())
            .unwrap_or_default(),
    }
}

fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|inner| inner.is_loopback())
        }
    }
}

/// Sockets in a state, from the kernel's table. A UDP socket counts when it has no peer.
fn sockets(text: &str, state: &str) -> Vec<Socket> {
    text.lines().skip(1).filter_map(|line| socket(line, state)).collect()
}

fn socket(line: &str, state: &str) -> Option<Socket> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    if *fields.get(3)? != state {
        return None;
    }
    let (address, port) = endpoint(fields.get(1)?)?;
    let (_, peer) = endpoint(fields.get(2)?)?;
    if port == 0 || peer != 0 {
        return None;
    }
    Some(Socket { address, port, uid: fields.get(7)?.parse().ok()?, inode: fields.get(9)?.parse().ok()? })
}

/// `0100007F:0016`: words of the address in the machine's order, port in network order.
fn endpoint(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    if !address.is_ascii() {
        return None;
    }
    let mut bytes = Vec::with_capacity(16);
    let mut rest = address;
    while !rest.is_empty() {
        let word = u32::from_str_radix(rest.get(..8)?, 16).ok()?;
        bytes.extend_from_slice(&word.to_ne_bytes());
        rest = &rest[8..];
    }
    let address = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(four) => IpAddr::V4(Ipv4Addr::from(four)),
        Err(_) => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?)),
    };
    Some((address, port))
}

/// Names of the processes that hold the sockets, by inode. The first holder found counts.
fn owners(root: &Root, processes: &Processes, found: &[(&str, Socket)]) -> HashMap<u64, String> {
    let mut missing: std::collections::HashSet<u64> =
        found.iter().map(|(_, socket)| socket.inode).filter(|inode| *inode != 0).collect();
    let mut owners = HashMap::new();
    let proc = root.path("/proc");
    for (pid, comm) in processes.pids() {
        if missing.is_empty() {
            break;
        }
        // Unreadable without being root, or the process has ended.
        let Ok(entries) = fs::read_dir(proc.join(format!("{pid}/fd"))) else { continue };
        for entry in entries.flatten() {
            let Ok(target) = fs::read_link(entry.path()) else { continue };
            let inode =
                target.to_str().and_then(|name| name.strip_prefix("socket:[")?.strip_suffix(']')?.parse::<u64>().ok());
            if let Some(inode) = inode
                && missing.remove(&inode)
            {
                owners.insert(inode, comm.to_owned());
            }
        }
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn word(address: [u8; 4]) -> String {
        format!("{:08X}", u32::from_ne_bytes(address))
    }

    fn line(address: &str, port: u16, peer: u16, state: &str, inode: u64) -> String {
        let zero = "0".repeat(address.len());
        format!(
            "   0: {address}:{port:04X} {zero}:{peer:04X} {state} 00000000:00000000 00:00000000 00000000   103        0 {inode} 1 0\n"
        )
    }

    #[test]
    fn sockets_with_their_programs() {
        let local = word([127, 0, 0, 1]);
        let any6 = "0".repeat(32);
        let mapped = format!("{}{}{}{}", word([0; 4]), word([0; 4]), word([0, 0, 255, 255]), local);
        let tree = Tree::new(&[
            (
                "proc/net/tcp",
                &format!(
                    "{HEAD}{}{}{}",
                    line(&local, 6379, 0, "0A", 11),
                    line("00000000", 22, 0, "0A", 12),
                    line(&local, 4000, 5000, "01", 13)
                ),
            ),
            ("proc/net/tcp6", &format!("{HEAD}{}{}", line(&any6, 2575, 0, "0A", 14), line(&mapped, 80, 0, "0A", 0))),
            (
                "proc/net/udp",
                &format!("{HEAD}{}{}", line("00000000", 161, 0, "07", 15), line(&local, 999, 53, "01", 16)),
            ),
            ("proc/9/comm", "redis-server\n"),
        ]);
        std::fs::create_dir_all(tree.path().join("proc/9/fd")).unwrap();
        std::os::unix::fs::symlink("socket:[11]", tree.path().join("proc/9/fd/5")).unwrap();
        let root = tree.root();
        let processes = Processes::read(&root).unwrap();
        let found = read(&root, Some(&processes), &mut Gaps::default()).unwrap();
        let rows: Vec<(&str, &str, i64, bool, &str, &str)> = found
            .iter()
            .map(|l| {
                (l.protocol.as_str(), l.address.as_str(), l.port, l.public, l.program.as_str(), l.plaintext.as_str())
            })
            .collect();
        assert_eq!(
            rows,
            [
                ("tcp", "0.0.0.0", 22, true, "", ""),
                ("tcp6", "::ffff:127.0.0.1", 80, false, "", "http"),
                ("udp", "0.0.0.0", 161, true, "", "snmp"),
                ("tcp6", "::", 2575, true, "", "hl7-mllp"),
                ("tcp", "127.0.0.1", 6379, false, "redis-server", "redis"),
            ]
        );
        assert_eq!(found[0].uid, Some(103));
    }

    #[test]
    fn malformed_tables() {
        for odd in [
            "",
            "x",
            "0: 0100007F 0:0 0A",
            "0: 01:0016 0:0 0A a a a 0 0 1",
            "0: 0100007F:XX 00000000:0000 0A a a a 0 0 1",
            "0: \u{e9}\u{e9}\u{e9}\u{e9}:0016 00000000:0000 0A a a a 0 0 1",
        ] {
            assert_eq!(socket(odd, "0A"), None, "{odd}");
        }
        let mut gaps = Gaps::default();
        assert!(read(&Tree::new(&[]).root(), None, &mut gaps).is_none());
        assert!(gaps.reason("listeners").is_some());
    }
}
