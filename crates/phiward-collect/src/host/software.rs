//! Protection software and legacy services, by what runs, is installed or listens.

use super::facts::ListenerFacts;
use super::packages::Packages;
use super::processes::Processes;
use super::root::{Gaps, Root};

/// Programs that look for malicious software while they run.
const MALWARE: [&str; 17] = [
    "clamd",
    "clamonacc",
    "falcon-sensor",
    "sentinelone-agent",
    "s1-agent",
    "mdatp",
    "wdavdaemon",
    "ds_agent",
    "savd",
    "sophos-spl",
    "cbagentd",
    "cbdaemon",
    "xagt",
    "esets_daemon",
    "oaeventd",
    "traps_pmd",
    "cyberprotect",
];
/// Packages of scanners that run by schedule and not as a daemon.
const MALWARE_PACKAGES: [&str; 8] =
    ["clamav-daemon", "clamd", "clamav", "rkhunter", "chkrootkit", "falcon-sensor", "mdatp", "maldet"];
const INTEGRITY: [&str; 6] = ["wazuh-syscheckd", "ossec-syscheckd", "osqueryd", "samhain", "tripwire", "auditbeat"];
const INTEGRITY_PACKAGES: [&str; 10] = [
    "aide",
    "aide-common",
    "tripwire",
    "samhain",
    "integrit",
    "debsums",
    "wazuh-agent",
    "ossec-hids-agent",
    "osquery",
    "afick",
];
/// Packages of services that send passwords or data in the clear. Clients are not services.
const LEGACY_PACKAGES: [&str; 29] = [
    "telnetd",
    "inetutils-telnetd",
    "telnetd-ssl",
    "telnet-server",
    "krb5-telnet",
    "rsh-server",
    "rsh-redone-server",
    "vsftpd",
    "proftpd-basic",
    "proftpd-core",
    "proftpd",
    "pure-ftpd",
    "ftpd",
    "inetutils-ftpd",
    "tftpd",
    "tftpd-hpa",
    "tftp-server",
    "atftpd",
    "ypserv",
    "ypbind",
    "nis",
    "talkd",
    "talk-server",
    "xinetd",
    "inetutils-inetd",
    "openbsd-inetd",
    "fingerd",
    "efingerd",
    "rwhod",
];
/// Ports whose names in the listeners are legacy services.
const LEGACY_PROTOCOLS: [&str; 6] = ["ftp", "telnet", "rexec", "rlogin", "rsh", "tftp"];

/// Protection from malicious software: running programs, then installed packages.
pub fn malware_protection(
    root: &Root,
    packages: Option<&Packages>,
    processes: Option<&Processes>,
    gaps: &mut Gaps,
) -> Option<Vec<String>> {
    let directories = [
        ("/opt/CrowdStrike", "falcon-sensor"),
        ("/opt/sentinelone", "sentinelone-agent"),
        ("/opt/microsoft/mdatp", "mdatp"),
        ("/opt/ds_agent", "ds_agent"),
        ("/opt/sophos-spl", "sophos-spl"),
    ];
    find("malware_protection", root, packages, processes, &MALWARE, &MALWARE_PACKAGES, &directories, gaps)
}

/// File-integrity monitors: running programs, then installed packages.
pub fn integrity_monitors(
    root: &Root,
    packages: Option<&Packages>,
    processes: Option<&Processes>,
    gaps: &mut Gaps,
) -> Option<Vec<String>> {
    let directories = [("/var/ossec/bin/wazuh-syscheckd", "wazuh-agent")];
    find("integrity_monitors", root, packages, processes, &INTEGRITY, &INTEGRITY_PACKAGES, &directories, gaps)
}

#[allow(clippy::too_many_arguments)]
fn find(
    field: &str,
    root: &Root,
    packages: Option<&Packages>,
    processes: Option<&Processes>,
    programs: &[&str],
    names: &[&str],
    directories: &[(&str, &str)],
    gaps: &mut Gaps,
) -> Option<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    found.extend(processes.map(|processes| processes.which(programs)).unwrap_or_default());
    found.extend(packages.map(|packages| packages.which(names)).unwrap_or_default());
    found.extend(directories.iter().filter(|(path, _)| root.exists(path)).map(|(_, name)| (*name).to_owned()));
    found.sort();
    found.dedup();
    // Something found is an answer; nothing found is one only if all could be looked at.
    if found.is_empty() && (packages.is_none() || processes.is_none()) {
        gaps.add(field, "the installed packages or the process table could not be read");
        return None;
    }
    Some(found)
}

/// Legacy services installed, or listening at their port.
pub fn legacy_services(
    packages: Option<&Packages>,
    listeners: Option<&[ListenerFacts]>,
    gaps: &mut Gaps,
) -> Option<Vec<String>> {
    let (Some(packages), Some(listeners)) = (packages, listeners) else {
        gaps.add("legacy_services", "the installed packages or the listening sockets could not be read");
        return None;
    };
    let mut found = packages.which(&LEGACY_PACKAGES);
    for listener in listeners.iter().filter(|listener| LEGACY_PROTOCOLS.contains(&listener.plaintext.as_str())) {
        let program = if listener.program.is_empty() { listener.plaintext.clone() } else { listener.program.clone() };
        found.push(format!("{program} on {} port {}", listener.protocol.trim_end_matches('6'), listener.port));
    }
    found.sort();
    found.dedup();
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::Commands;
    use crate::host::testing::Tree;

    #[test]
    fn running_and_installed() {
        let tree = Tree::new(&[
            (
                "var/lib/dpkg/status",
                "Package: aide\nStatus: install ok installed\nVersion: 1\n\nPackage: vsftpd\nStatus: install ok installed\nVersion: 1\n",
            ),
            ("proc/4/comm", "clamd\n"),
            ("opt/ds_agent/x", ""),
        ]);
        let root = tree.root();
        let packages = Packages::read(&root, Commands::new(false)).unwrap();
        let processes = Processes::read(&root).unwrap();
        let mut gaps = Gaps::default();
        assert_eq!(
            malware_protection(&root, Some(&packages), Some(&processes), &mut gaps).unwrap(),
            ["clamd", "ds_agent"]
        );
        assert_eq!(integrity_monitors(&root, Some(&packages), Some(&processes), &mut gaps).unwrap(), ["aide"]);
        let listeners = [
            ListenerFacts {
                protocol: "tcp6".to_owned(),
                port: 23,
                program: "busybox".to_owned(),
                plaintext: "telnet".to_owned(),
                ..ListenerFacts::default()
            },
            ListenerFacts {
                protocol: "tcp".to_owned(),
                port: 80,
                plaintext: "http".to_owned(),
                ..ListenerFacts::default()
            },
        ];
        assert_eq!(
            legacy_services(Some(&packages), Some(&listeners), &mut gaps).unwrap(),
            ["busybox on tcp port 23", "vsftpd"]
        );
        assert!(gaps.into_vec().is_empty());
    }

    #[test]
    fn nothing_found_needs_a_whole_look() {
        let tree = Tree::new(&[]);
        let mut gaps = Gaps::default();
        assert_eq!(malware_protection(&tree.root(), Some(&Packages::default()), None, &mut gaps), None);
        assert_eq!(legacy_services(None, Some(&[]), &mut gaps), None);
        assert!(gaps.reason("malware_protection").is_some() && gaps.reason("legacy_services").is_some());
    }
}
