//! Where the host's own records go.

use super::facts::HostLogging;
use super::forwarding::{Target, rsyslog, syslog_ng};
use super::journal::{self, Journal};
use super::processes::Processes;
use super::root::{Gaps, Root};

/// Programs that ship records elsewhere.
const AGENTS: [&str; 21] = [
    "filebeat",
    "journalbeat",
    "auditbeat",
    "elastic-agent",
    "fluent-bit",
    "fluentd",
    "td-agent",
    "vector",
    "promtail",
    "alloy",
    "splunkd",
    "datadog-agent",
    "amazon-cloudwatch-agent",
    "google_cloud_ops_agent_engine",
    "otelcol",
    "otelcol-contrib",
    "nxlog",
    "wazuh-agentd",
    "wazuh-logcollector",
    "azuremonitoragent",
    "newrelic-infra",
];
/// Records that say who did what: not for everyone's eyes.
const PRIVATE: [&str; 8] = ["auth", "secure", "audit", "syslog", "messages", "sudo", "faillog", "btmp"];

/// Reads who writes records and where they are sent.
pub fn read(root: &Root, processes: Option<&Processes>, journal: &Journal, gaps: &mut Gaps) -> Option<HostLogging> {
    let Some(processes) = processes else {
        gaps.add("logging", "the process table could not be read");
        return None;
    };
    let programs = [
        ("rsyslogd", "rsyslog"),
        ("syslog-ng", "syslog-ng"),
        ("systemd-journald", "systemd-journald"),
        ("syslogd", "syslogd"),
    ];
    let program = programs.iter().find(|(process, _)| processes.running(process)).map_or("", |(_, name)| *name);
    let mut targets = match program {
        "rsyslog" => rsyslog(&texts(root, "/etc/rsyslog.conf", "/etc/rsyslog.d", gaps)),
        "syslog-ng" => syslog_ng(&texts(root, "/etc/syslog-ng/syslog-ng.conf", "/etc/syslog-ng/conf.d", gaps)),
        _ => Vec::new(),
    };
    if processes.running("systemd-journal-upload")
        && let Some(url) = journal::settings(root, "journal-upload").and_then(|values| values.get("URL").cloned())
    {
        // Without a scheme the program uses https.
        targets.push(Target { encrypted: !url.starts_with("http:"), address: url });
    }
    let agents = processes.which(&AGENTS);
    let plain = targets.iter().any(|target| !target.encrypted);
    if !agents.is_empty() && !plain {
        gaps.add(
            "logging.remote_encrypted",
            format!("phiward does not read the configuration of {}", agents.join(", ")),
        );
    }
    if journal.persistent.is_none() {
        gaps.add("logging.journal_persistent", "the journal's configuration could not be read");
    }
    Some(HostLogging {
        program: program.to_owned(),
        running: !program.is_empty(),
        remote: !targets.is_empty() || !agents.is_empty(),
        remote_encrypted: !targets.is_empty() && !plain,
        remote_targets: addresses(targets),
        journal_persistent: journal.persistent,
        agents,
        world_readable: world_readable(root, gaps),
        rotation: root.exists("/etc/logrotate.conf")
            && ["/usr/sbin/logrotate", "/usr/bin/logrotate"].iter().any(|path| root.exists(path)),
    })
}

fn addresses(targets: Vec<Target>) -> Vec<String> {
    let mut addresses: Vec<String> = targets.into_iter().map(|target| without_credentials(&target.address)).collect();
    addresses.sort();
    addresses.dedup();
    addresses
}

/// An address may carry a name and a password: `https://user:secret@host`.
fn without_credentials(address: &str) -> String {
    match (address.find("://"), address.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}{}", &address[..scheme + 3], &address[at + 1..]),
        (None, Some(at)) => address[at + 1..].to_owned(),
        _ => address.to_owned(),
    }
}

fn texts(root: &Root, main: &str, dir: &str, gaps: &mut Gaps) -> Vec<String> {
    let mut texts = Vec::new();
    for (path, text) in std::iter::once((main.to_owned(), root.text(main).map(Option::unwrap_or_default)))
        .chain(root.drop_ins(dir, "conf"))
    {
        match text {
            Ok(text) => texts.push(text),
            Err(error) => gaps.add_all(
                &["logging.remote", "logging.remote_encrypted", "logging.remote_targets"],
                &super::root::why(&path, &error),
            ),
        }
    }
    texts
}

fn world_readable(root: &Root, gaps: &mut Gaps) -> Vec<String> {
    let dir = "/var/log";
    let names = gaps.keep("logging.world_readable", dir, root.list(dir)).unwrap_or_default();
    names
        .iter()
        .filter(|name| PRIVATE.iter().any(|private| name.starts_with(private)))
        .map(|name| format!("{dir}/{name}"))
        // An empty file has nothing to read.
        .filter(|path| std::fs::metadata(root.path(path)).is_ok_and(|meta| meta.is_dir() || meta.len() > 0))
        .filter(|path| root.facts(path).ok().flatten().is_some_and(|facts| facts.other_read))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;
    use std::os::unix::fs::PermissionsExt;

    fn facts(tree: &Tree) -> (HostLogging, Gaps) {
        let root = tree.root();
        let processes = Processes::read(&root).unwrap();
        let mut gaps = Gaps::default();
        (read(&root, Some(&processes), &Journal { running: false, persistent: Some(false) }, &mut gaps).unwrap(), gaps)
    }

    #[test]
    fn rsyslog_that_forwards() {
        let tree = Tree::new(&[
            ("proc/3/comm", "rsyslogd\n"),
            ("etc/rsyslog.conf", "*.* @@logs.example:6514\n"),
            ("etc/rsyslog.d/tls.conf", "$ActionSendStreamDriverMode 1\n$DefaultNetstreamDriver gtls\n"),
            ("var/log/auth.log", "x"),
            ("var/log/auth.log.1", "x"),
            ("var/log/faillog", ""),
            ("var/log/other", "x"),
        ]);
        std::fs::set_permissions(tree.path().join("var/log/auth.log"), PermissionsExt::from_mode(0o644)).unwrap();
        std::fs::set_permissions(tree.path().join("var/log/auth.log.1"), PermissionsExt::from_mode(0o640)).unwrap();
        let (facts, gaps) = facts(&tree);
        assert!(facts.running && facts.remote && facts.remote_encrypted && !facts.rotation);
        assert_eq!(
            (facts.program.as_str(), facts.remote_targets.as_slice()),
            ("rsyslog", &["logs.example:6514".to_owned()][..])
        );
        assert_eq!(facts.world_readable, ["/var/log/auth.log"]);
        assert!(gaps.into_vec().is_empty());
    }

    #[test]
    fn configuration_of_a_program_that_does_not_run_counts_for_nothing() {
        let tree = Tree::new(&[("proc/3/comm", "sh\n"), ("etc/rsyslog.conf", "*.* @@logs.example\n")]);
        let (facts, _) = facts(&tree);
        assert!(!facts.running && !facts.remote && facts.remote_targets.is_empty());
    }

    #[test]
    fn an_agent_ships_somehow() {
        let (facts, gaps) = facts(&Tree::new(&[("proc/3/comm", "vector\n")]));
        assert!(facts.remote);
        assert_eq!(facts.agents, ["vector"]);
        assert!(gaps.reason("logging.remote_encrypted").unwrap().contains("vector"));
    }

    #[test]
    fn passwords_in_addresses_are_dropped() {
        assert_eq!(without_credentials("https://u:p@h:1/x"), "https://h:1/x");
        assert_eq!(without_credentials("u:p@h"), "h");
        assert_eq!(without_credentials("https://h"), "https://h");
    }
}
