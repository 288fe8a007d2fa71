//! Operating system: distribution, support, kernel, virtualization.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::Offset;

use super::facts::OsFacts;
use super::root::{Gaps, Root, why};
use super::support::support_ends;

/// Reads what the machine runs. `now` decides whether support has ended.
pub fn read(root: &Root, now: Timestamp, gaps: &mut Gaps) -> OsFacts {
    let release = release(root, gaps);
    let get = |key: &str| release.get(key).cloned().unwrap_or_default();
    let (id, version) = (get("ID"), get("VERSION_ID"));
    let support_ends = support_ends(&id, &version).map(str::to_owned);
    let end_of_life = support_ends.as_deref().and_then(|date| ended(date, now));
    if support_ends.is_none() && !release.is_empty() {
        let name = if version.is_empty() { id.clone() } else { format!("{id} {version}") };
        let why = format!("phiward knows no end of support for the release {name:?}");
        gaps.add_all(&["os.support_ends", "os.end_of_life"], &why);
    }
    let uptime = root.word("/proc/uptime").and_then(|text| text.split(['.', ' ']).next()?.parse().ok());
    if uptime.is_none() {
        gaps.add("os.uptime_seconds", "cannot read /proc/uptime");
    }
    OsFacts {
        pretty_name: match get("PRETTY_NAME") {
            name if name.is_empty() => get("NAME"),
            name => name,
        },
        id,
        version,
        support_ends,
        end_of_life,
        kernel: kernel(root).unwrap_or_default(),
        architecture: architecture(root),
        uptime_seconds: uptime.unwrap_or_default(),
        virtualization: virtualization(root),
    }
}

/// Release of the running kernel: `6.1.0-25-amd64`.
pub fn kernel(root: &Root) -> Option<String> {
    root.word("/proc/sys/kernel/osrelease")
}

fn architecture(root: &Root) -> String {
    root.word("/proc/sys/kernel/arch").unwrap_or_else(|| {
        if root.is_live() { rustix::system::uname().machine().to_string_lossy().into_owned() } else { String::new() }
    })
}

fn release(root: &Root, gaps: &mut Gaps) -> BTreeMap<String, String> {
    for path in ["/etc/os-release", "/usr/lib/os-release"] {
        match root.text(path) {
            Ok(Some(text)) => return assignments(&text),
            Ok(None) => {}
            Err(error) => {
                gaps.add_all(&["os.id", "os.version", "os.pretty_name", "os.support_ends"], &why(path, &error));
                return BTreeMap::new();
            }
        }
    }
    gaps.add_all(
        &["os.id", "os.version", "os.pretty_name", "os.support_ends", "os.end_of_life"],
        "there is no os-release file in /etc or /usr/lib",
    );
    BTreeMap::new()
}

/// `KEY=value` lines as shells read them, quotes and backslashes removed. What is no assignment is left out.
pub fn assignments(text: &str) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for line in text.lines() {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        if line.starts_with('#') {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let key = key.trim_end();
        if key.is_empty() || !key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            continue;
        }
        values.insert(key.to_owned(), unquote(value));
    }
    values
}

fn unquote(value: &str) -> String {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote) {
            let inner = inner.split(quote).next().unwrap_or(inner);
            return inner.replace("\\$", "$").replace("\\\\", "\\");
        }
    }
    value.split(" #").next().unwrap_or(value).trim_end().to_owned()
}

fn ended(date: &str, now: Timestamp) -> Option<bool> {
    let date: jiff::civil::Date = date.parse().ok()?;
    Some(Offset::UTC.to_datetime(now).date() > date)
}

/// Kind of virtual machine; empty when none was recognized, `unknown` when the processor says that it is virtual.
fn virtualization(root: &Root) -> String {
    let dmi: Vec<String> = ["sys_vendor", "product_name", "board_vendor", "bios_vendor"]
        .iter()
        .filter_map(|name| root.word(&format!("/sys/class/dmi/id/{name}")))
        .collect();
    if let Some(kind) = by_vendor(&dmi) {
        return kind.to_owned();
    }
    if let Some(kind) = root.word("/sys/hypervisor/type") {
        return kind;
    }
    // Firecracker has no DMI table; its ACPI tables carry its name.
    let acpi = root.bytes("/sys/firmware/acpi/tables/FACP").ok().flatten().unwrap_or_default();
    if acpi.get(10..16) == Some(b"FIRECK") {
        return "firecracker".to_owned();
    }
    let virtual_cpu = root.text("/proc/cpuinfo").ok().flatten().is_some_and(|text| {
        text.lines()
            .find(|line| line.starts_with("flags"))
            .is_some_and(|line| line.split(' ').any(|flag| flag == "hypervisor"))
    });
    if virtual_cpu { "unknown".to_owned() } else { String::new() }
}

fn by_vendor(dmi: &[String]) -> Option<&'static str> {
    const VENDORS: &[(&str, &str)] = &[
        ("Amazon EC2", "amazon"),
        ("Google", "google"),
        ("VMware", "vmware"),
        ("VirtualBox", "virtualbox"),
        ("innotek", "virtualbox"),
        ("Virtual Machine", "hyper-v"),
        ("Xen", "xen"),
        ("OpenStack", "openstack"),
        ("DigitalOcean", "digitalocean"),
        ("Hetzner", "hetzner"),
        ("Parallels", "parallels"),
        ("Firecracker", "firecracker"),
        ("KVM", "kvm"),
        ("QEMU", "kvm"),
    ];
    VENDORS.iter().find(|(mark, _)| dmi.iter().any(|text| text.contains(mark))).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn release_and_support() {
        let tree = Tree::new(&[
            ("etc/os-release", "NAME=\"Debian GNU/Linux\"\nID=debian\nVERSION_ID=\"11\"\nPRETTY_NAME='Debian 11'\n"),
            ("proc/sys/kernel/osrelease", "5.10.0-33-amd64\n"),
            ("proc/uptime", "3601.22 7000.00\n"),
            ("sys/class/dmi/id/sys_vendor", "Amazon EC2\n"),
        ]);
        let mut gaps = Gaps::default();
        let facts = read(&tree.root(), at("2026-09-01T00:00:00Z"), &mut gaps);
        assert_eq!(
            (facts.id.as_str(), facts.version.as_str(), facts.pretty_name.as_str()),
            ("debian", "11", "Debian 11")
        );
        assert_eq!(facts.end_of_life, Some(true));
        assert_eq!(facts.uptime_seconds, 3601);
        assert_eq!(facts.virtualization, "amazon");
        assert_eq!(facts.kernel, "5.10.0-33-amd64");
        assert!(gaps.into_vec().is_empty());
        let facts = read(&tree.root(), at("2026-08-31T12:00:00Z"), &mut Gaps::default());
        assert_eq!(facts.end_of_life, Some(false), "the last day still counts");
    }

    #[test]
    fn an_unknown_release_is_a_gap_and_no_verdict() {
        let tree = Tree::new(&[("usr/lib/os-release", "ID=nixos\nVERSION_ID=24.05\n"), ("proc/uptime", "1.0 1.0")]);
        let mut gaps = Gaps::default();
        let facts = read(&tree.root(), Timestamp::UNIX_EPOCH, &mut gaps);
        assert_eq!((facts.support_ends, facts.end_of_life), (None, None));
        assert!(gaps.reason("os.end_of_life").unwrap().contains("nixos 24.05"));
        let mut gaps = Gaps::default();
        read(&Tree::new(&[]).root(), Timestamp::UNIX_EPOCH, &mut gaps);
        assert!(gaps.reason("os.id").is_some());
    }

    #[test]
    fn odd_assignments() {
        let values =
            assignments("# c\n A=1\nexport B='two words'\nC=\"x\\$y\" # z\nno line\n=5\nD E=6\nF=\"open\nG=7 # c\n");
        assert_eq!(values.get("A").map(String::as_str), Some("1"));
        assert_eq!(values.get("B").map(String::as_str), Some("two words"));
        assert_eq!(values.get("C").map(String::as_str), Some("x$y"));
        assert_eq!(values.get("F").map(String::as_str), Some("open"));
        assert_eq!(values.get("G").map(String::as_str), Some("7"));
        assert_eq!(values.len(), 5);
    }
}
