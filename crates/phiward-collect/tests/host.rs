//! The host collector on the machine the tests run on: what must hold on any Linux host.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::OnceLock;

use jiff::Timestamp;
use phiward_collect::host::facts::HostFacts;
use phiward_collect::host::{HostOptions, audit_rules, collect, group_members, host_id};
use phiward_collect::source::Collection;
use phiward_core::asset::{Ephi, Status};
use serde_json::Value;

/// One reading for all tests, with sockets that this process holds.
fn reading() -> &'static (Collection, HostFacts, u16, u16) {
    static READING: OnceLock<(Collection, HostFacts, u16, u16)> = OnceLock::new();
    READING.get_or_init(|| {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let udp = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let ports = (tcp.local_addr().unwrap().port(), udp.local_addr().unwrap().port());
        let labels = BTreeMap::from([("phiward.owner".to_owned(), "ops".to_owned())]);
        let collection = collect(&HostOptions { labels, ..HostOptions::default() }, Timestamp::now());
        let facts = serde_json::from_value(collection.assets[0].facts.clone()).unwrap();
        (collection, facts, ports.0, ports.1)
    })
}

fn gap(path: &str) -> Option<&'static str> {
    reading().0.assets[0].status.why_missing(path)
}

#[test]
fn the_asset_is_this_machine() {
    let (collection, facts, ..) = reading();
    let asset = &collection.assets[0];
    assert_eq!((collection.assets.len(), asset.kind.as_str(), collection.whole), (1, "host", true));
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(facts.hostname, hostname.trim());
    assert_eq!(
        (asset.name.as_str(), asset.owner.as_str(), asset.ephi),
        (facts.hostname.as_str(), "ops", Ephi::Unknown)
    );
    assert_eq!(asset.id, host_id("/".as_ref()));
    assert_eq!(asset.id.as_str(), collection.prefix);
    if let Ok(id) = std::fs::read_to_string("/etc/machine-id") {
        let text = serde_json::to_string(asset).unwrap();
        assert!(id.trim().is_empty() || !text.contains(id.trim()), "the machine id is in the asset");
    }
}

#[test]
fn the_flag_for_root_is_right() {
    let uid = std::fs::read_to_string("/proc/self/status").unwrap();
    let uid =
        uid.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap().split_whitespace().nth(1).unwrap().to_owned();
    assert_eq!(reading().1.as_root, uid == "0");
}

/// Every name in the document is in the schema, every value has the schema's type.
#[test]
fn the_document_fits_the_schema() {
    let schema = phiward_collect::kinds().into_iter().find(|kind| kind.kind == "host").unwrap().schema;
    fits(&reading().0.assets[0].facts, &schema, &schema, "facts");
}

fn fits(value: &Value, schema: &Value, root: &Value, path: &str) {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference} at {path}"));
        return fits(value, target, root, path);
    }
    if let Some(options) = schema.get("anyOf").and_then(Value::as_array) {
        let option = options.iter().find(|option| option.get("$ref").is_some()).unwrap_or(&options[0]);
        return fits(value, option, root, path);
    }
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let inner = match schema.get("properties").and_then(|properties| properties.get(name)) {
                    Some(inner) => inner,
                    None => schema
                        .get("additionalProperties")
                        .unwrap_or_else(|| panic!("{path}.{name} is not in the schema")),
                };
                fits(value, inner, root, &format!("{path}.{name}"));
            }
        }
        Value::Array(items) => {
            let inner = schema.get("items").unwrap_or_else(|| panic!("{path} is no array in the schema"));
            items.iter().for_each(|item| fits(item, inner, root, path));
        }
        value => {
            let types = match schema.get("type") {
                Some(Value::Array(types)) => types.clone(),
                Some(one) => vec![one.clone()],
                None => panic!("{path} has no type in the schema"),
            };
            let own = match value {
                Value::Bool(_) => "boolean",
                Value::String(_) => "string",
                Value::Number(number) if number.is_f64() => "number",
                Value::Number(_) => "integer",
                _ => "null",
            };
            assert!(
                types.iter().any(|kind| kind == own || (kind == "number" && own == "integer")),
                "{path}: {own} is not one of {types:?}"
            );
        }
    }
}

/// A fact is there or has a reason for being absent; never neither.
#[test]
fn every_part_is_there_or_a_gap() {
    let facts = &reading().0.assets[0].facts;
    for part in [
        "updates",
        "automatic_updates",
        "reboot_required",
        "filesystems",
        "swap",
        "sshd",
        "accounts",
        "passwords",
        "logins",
        "shell_timeout",
        "sudo",
        "listeners",
        "firewall",
        "time_sync",
        "audit",
        "logging",
        "sysctl",
        "kernel",
        "files",
        "malware_protection",
        "integrity_monitors",
        "legacy_services",
        "core_dumps",
        "boot",
    ] {
        assert!(facts.get(part).is_some() || gap(part).is_some(), "{part} is absent without a reason");
    }
    let root = std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    assert!(root || reading().0.source.help.is_some(), "an ordinary user is told what to do");
}

/// A gap's fact is absent, so that a default cannot pass for an answer.
#[test]
fn no_gap_has_a_value() {
    let (collection, ..) = reading();
    let Status::Partial { missing } = &collection.source.status else { return };
    for gap in missing {
        let pointer = format!("/{}", gap.path.replace('.', "/"));
        assert!(collection.assets[0].facts.pointer(&pointer).is_none(), "{} has a value and a gap", gap.path);
        assert!(!gap.why.is_empty());
    }
}

#[test]
fn sockets_of_this_process_are_listed() {
    let (_, facts, tcp, udp) = reading();
    let listeners = facts.listeners.as_ref().expect("the socket tables are readable by everyone");
    let own = std::fs::read_to_string("/proc/self/comm").unwrap();
    let found = listeners
        .iter()
        .find(|l| l.protocol == "tcp" && l.port == i64::from(*tcp))
        .expect("the TCP listener is missing");
    assert_eq!((found.address.as_str(), found.public, found.program.as_str()), ("127.0.0.1", false, own.trim()));
    let found =
        listeners.iter().find(|l| l.protocol == "udp" && l.port == i64::from(*udp)).expect("the UDP socket is missing");
    assert!(found.public && found.address == "0.0.0.0");
}

#[test]
fn a_machine_with_apt_has_updates_or_a_gap() {
    if !std::path::Path::new("/var/lib/dpkg/status").exists() {
        return;
    }
    let facts = &reading().1;
    let updates = facts.updates.as_ref().expect("dpkg's status file is readable by everyone");
    assert_eq!(updates.manager, "apt");
    assert!(updates.packages_installed > 0);
    if gap("updates.pending").is_none() {
        assert!(updates.pending_security <= updates.pending);
        assert_eq!(updates.examples.len() as i64, updates.pending.min(50));
        // apt itself is the judge, where it may be asked.
        let asked = std::process::Command::new("apt-get")
            .args(["-s", "-o", "Debug::NoLocking=1", "upgrade", "--with-new-pkgs"])
            .output();
        if let Ok(output) = asked
            && output.status.success()
        {
            let text = String::from_utf8_lossy(&output.stdout);
            let kept = text.lines().filter(|line| line.starts_with("Inst ")).count();
            assert!(
                updates.pending >= kept as i64 - new_packages(&text),
                "phiward sees {} and apt {kept}",
                updates.pending
            );
        }
    }
}

/// Packages that an upgrade would install anew: no version in brackets.
fn new_packages(text: &str) -> i64 {
    text.lines().filter(|line| line.starts_with("Inst ") && !line.contains(" [")).count() as i64
}

#[test]
fn counts_agree_with_the_kernel() {
    let facts = &reading().1;
    assert!(facts.hardware.cpus >= 1 && facts.hardware.memory_bytes > facts.hardware.memory_available_bytes);
    assert!(facts.os.uptime_seconds > 0 && !facts.os.kernel.is_empty() && !facts.os.architecture.is_empty());
    let filesystems = facts.filesystems.as_ref().unwrap();
    let root = filesystems.iter().find(|f| f.storage.mount_point == "/").expect("the root file system is missing");
    assert!(root.size_bytes > 0 && root.used_percent.is_some_and(|used| (0..=100).contains(&used)));
    assert!(filesystems.iter().all(|f| f.storage.filesystem != "proc" && f.storage.filesystem != "cgroup2"));
    let aslr: i64 = std::fs::read_to_string("/proc/sys/kernel/randomize_va_space").unwrap().trim().parse().unwrap();
    assert_eq!(facts.sysctl.as_ref().unwrap().kernel_randomize_va_space, Some(aslr));
}

#[test]
fn accounts_and_files_are_those_of_the_machine() {
    let facts = &reading().1;
    let accounts = facts.accounts.as_ref().unwrap();
    assert!(accounts.uid0.contains(&"root".to_owned()));
    assert_eq!(accounts.empty_password.is_some(), gap("accounts.empty_password").is_none());
    let passwd = facts.files.as_ref().unwrap().passwd.as_ref().unwrap();
    assert_eq!((passwd.path.as_str(), passwd.root_owned), ("/etc/passwd", true));
    // Nothing of a password hash is in the document.
    if let Ok(shadow) = std::fs::read_to_string("/etc/shadow") {
        let text = serde_json::to_string(&reading().0.assets[0]).unwrap();
        for hash in shadow.lines().filter_map(|line| line.split(':').nth(1)).filter(|hash| hash.len() > 8) {
            assert!(!text.contains(hash));
        }
    }
    assert!(group_members("/".as_ref(), "root").unwrap().is_some_and(|names| names.contains(&"root".to_owned())));
    assert_eq!(group_members("/".as_ref(), "no-such-group-here").unwrap(), None);
}

#[test]
fn audit_rules_are_read_or_refused_with_a_reason() {
    match audit_rules("/".as_ref(), true) {
        Ok(rules) => {
            let nothing = !["/usr/sbin/auditctl", "/sbin/auditctl", "/etc/audit"]
                .iter()
                .any(|path| std::path::Path::new(path).exists());
            assert!(!nothing || (rules.is_empty() && !rules.live), "rules were found where there is no audit");
        }
        Err(why) => assert!(!why.is_empty()),
    }
}

#[test]
fn without_commands_what_needs_them_is_a_gap() {
    let collection = collect(&HostOptions { run_commands: false, ..HostOptions::default() }, Timestamp::now());
    assert!(collection.assets[0].status.why_missing("firewall").is_some());
    assert!(collection.assets[0].facts.get("firewall").is_none());
}
