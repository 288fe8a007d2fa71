//! What the kernel enforces by itself.

use super::facts::KernelFacts;
use super::root::{Gaps, Root};

/// Modules for file systems and protocols that a server rarely needs and attackers like.
const RARE: [&str; 16] = [
    "cramfs",
    "freevxfs",
    "jffs2",
    "hfs",
    "hfsplus",
    "udf",
    "usb_storage",
    "dccp",
    "sctp",
    "rds",
    "tipc",
    "firewire_core",
    "n_hdlc",
    "ax25",
    "appletalk",
    "atm",
];

/// Reads protections of the running kernel.
pub fn read(root: &Root, gaps: &mut Gaps) -> Option<KernelFacts> {
    if !root.exists("/proc/sys/kernel") && !root.exists("/sys/kernel") {
        gaps.add("kernel", "there is neither /proc/sys/kernel nor /sys/kernel");
        return None;
    }
    let lockdown = match root.word("/sys/kernel/security/lockdown") {
        Some(text) => chosen(&text).map(str::to_owned),
        // Security modules are listed, and lockdown is none of them.
        None => {
            root.word("/sys/kernel/security/lsm").filter(|list| !list.contains("lockdown")).map(|_| "none".to_owned())
        }
    };
    if lockdown.is_none() {
        gaps.add("kernel.lockdown", "the kernel does not show its lockdown mode (/sys/kernel/security is not mounted)");
    }
    let unmitigated = unmitigated(root);
    if unmitigated.is_none() {
        gaps.add("kernel.unmitigated", "the kernel does not list CPU weaknesses");
    }
    let modules = root.text("/proc/modules").ok().flatten();
    // A kernel without modules has no such file: then none is loaded.
    let rare_modules = match modules {
        Some(text) => Some(rare(&text)),
        None if root.exists("/proc/sys/kernel/osrelease") => Some(Vec::new()),
        None => {
            gaps.add("kernel.rare_modules", "there is no /proc/modules");
            None
        }
    };
    Some(KernelFacts {
        mandatory_access_control: mandatory_access_control(root),
        seccomp: root.exists("/proc/sys/kernel/seccomp")
            || root
                .text("/proc/self/status")
                .ok()
                .flatten()
                .is_some_and(|text| text.lines().any(|line| line.starts_with("Seccomp:"))),
        lockdown,
        unmitigated,
        rare_modules,
    })
}

/// The system that enforces. AppArmor without any profile in enforce mode enforces nothing; where its profiles cannot be
/// read, its being on counts.
fn mandatory_access_control(root: &Root) -> String {
    if root.word("/sys/fs/selinux/enforce").as_deref() == Some("1") {
        return "selinux".to_owned();
    }
    if root.word("/sys/module/apparmor/parameters/enabled").as_deref() == Some("Y") {
        let profiles = root.text("/sys/kernel/security/apparmor/profiles").ok().flatten();
        if profiles.is_none_or(|text| text.lines().any(|line| line.ends_with("(enforce)"))) {
            return "apparmor".to_owned();
        }
    }
    String::new()
}

/// The word in brackets: `none [integrity] confidentiality`.
fn chosen(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('[')?;
    let (word, _) = rest.split_once(']')?;
    matches!(word, "none" | "integrity" | "confidentiality").then_some(word)
}

fn unmitigated(root: &Root) -> Option<Vec<String>> {
    let dir = "/sys/devices/system/cpu/vulnerabilities";
    let names = root.list(dir).ok().filter(|names| !names.is_empty())?;
    Some(
        names
            .into_iter()
            .filter(|name| root.word(&format!("{dir}/{name}")).as_deref().is_some_and(is_vulnerable))
            .collect(),
    )
}

/// `Vulnerable`, `Vulnerable: …`, `KVM: Vulnerable`. Parts of a mitigation that name a vulnerable piece are not meant.
fn is_vulnerable(text: &str) -> bool {
    text.strip_prefix("KVM: ").unwrap_or(text).starts_with("Vulnerable")
}

fn rare(modules: &str) -> Vec<String> {
    let mut found: Vec<String> = modules
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| RARE.contains(name))
        .map(str::to_owned)
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    #[test]
    fn a_hardened_kernel() {
        let tree = Tree::new(&[
            ("proc/sys/kernel/osrelease", "6.1\n"),
            ("proc/self/status", "Name:\tx\nSeccomp:\t0\n"),
            ("proc/modules", "sctp 1 0 - Live 0\next4 1 0\nsctpx 1\n"),
            ("sys/kernel/security/lockdown", "none [integrity] confidentiality\n"),
            ("sys/module/apparmor/parameters/enabled", "Y\n"),
            ("sys/kernel/security/apparmor/profiles", "docker-default (enforce)\nx (complain)\n"),
            ("sys/devices/system/cpu/vulnerabilities/mds", "Not affected\n"),
            ("sys/devices/system/cpu/vulnerabilities/spectre_v2", "Mitigation: Retpolines; PBRSB-eIBRS: Vulnerable\n"),
            ("sys/devices/system/cpu/vulnerabilities/srbds", "Vulnerable: No microcode\n"),
            ("sys/devices/system/cpu/vulnerabilities/itlb_multihit", "KVM: Vulnerable\n"),
        ]);
        let mut gaps = Gaps::default();
        let facts = read(&tree.root(), &mut gaps).unwrap();
        assert_eq!(
            (facts.mandatory_access_control.as_str(), facts.lockdown.as_deref(), facts.seccomp),
            ("apparmor", Some("integrity"), true)
        );
        assert_eq!(facts.unmitigated.unwrap(), ["itlb_multihit", "srbds"]);
        assert_eq!(facts.rare_modules.unwrap(), ["sctp"]);
        assert!(gaps.into_vec().is_empty());
    }

    #[test]
    fn what_the_kernel_does_not_tell_is_a_gap() {
        let tree =
            Tree::new(&[("proc/sys/kernel/osrelease", "6.1\n"), ("sys/module/apparmor/parameters/enabled", "N\n")]);
        let mut gaps = Gaps::default();
        let facts = read(&tree.root(), &mut gaps).unwrap();
        assert_eq!((facts.mandatory_access_control.as_str(), facts.lockdown, facts.unmitigated), ("", None, None));
        assert_eq!(facts.rare_modules, Some(Vec::new()));
        assert!(gaps.reason("kernel.lockdown").is_some() && gaps.reason("kernel.unmitigated").is_some());
        tree.write("sys/kernel/security/lsm", b"capability,yama\n");
        assert_eq!(read(&tree.root(), &mut Gaps::default()).unwrap().lockdown.as_deref(), Some("none"));
        assert_eq!(chosen("none integrity"), None);
        assert_eq!(chosen("[odd]"), None);
    }

    #[test]
    fn apparmor_that_only_complains_enforces_nothing() {
        let tree = Tree::new(&[
            ("sys/module/apparmor/parameters/enabled", "Y\n"),
            ("sys/kernel/security/apparmor/profiles", "x (complain)\n"),
        ]);
        assert_eq!(mandatory_access_control(&tree.root()), "");
    }
}
