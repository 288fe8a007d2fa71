//! Whether a restart is needed for installed updates to take effect.

use std::cmp::Ordering;

use super::dpkg_version::compare;
use super::os::kernel;
use super::packages::Packages;
use super::root::{Gaps, Root};

/// A flag file says yes; else the running kernel is compared with the installed ones. No answer for a kernel that no
/// package here brought: that is a gap.
pub fn read(root: &Root, packages: Option<&Packages>, gaps: &mut Gaps) -> Option<bool> {
    if root.exists("/run/reboot-required") || root.exists("/var/run/reboot-required") {
        return Some(true);
    }
    let Some(running) = kernel(root) else {
        gaps.add("reboot_required", "cannot read the running kernel's release");
        return None;
    };
    let mut installed: Vec<String> = root.list("/lib/modules").unwrap_or_default();
    if installed.is_empty() {
        installed = root.list("/usr/lib/modules").unwrap_or_default();
    }
    installed.extend(
        root.list("/boot")
            .unwrap_or_default()
            .iter()
            .filter_map(|name| name.strip_prefix("vmlinuz-").map(str::to_owned)),
    );
    if !installed.contains(&running) {
        gaps.add(
            "reboot_required",
            format!(
                "the running kernel {running} is not among those installed here, so there is nothing to compare it with"
            ),
        );
        return None;
    }
    let newer = newer_kernel(&running, &installed);
    let rebuilt = packages
        .and_then(|packages| packages.version(&format!("linux-image-{running}")))
        .is_some_and(|version| root.text("/proc/version").ok().flatten().is_some_and(|text| rebuilt(&text, version)));
    Some(newer || rebuilt)
}

/// A kernel of the running one's flavour with a higher release is installed.
fn newer_kernel(running: &str, installed: &[String]) -> bool {
    installed
        .iter()
        .any(|release| flavour(release) == flavour(running) && compare(release, running) == Ordering::Greater)
}

/// What tells flavours apart, all numbers left out: `cloud-amd` of `6.1.0-25-cloud-amd64`, `el.x` of
/// `5.14.0-427.el9_4.x86_64`. A minor release of the distribution is no flavour.
fn flavour(release: &str) -> String {
    let start = release.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(release.len());
    release[start..].chars().filter(|c| !c.is_ascii_digit() && *c != '_').collect()
}

/// Debian builds several package versions under one release; the kernel carries the version it was built as
/// (`Debian 6.1.106-3`).
fn rebuilt(proc_version: &str, installed: &str) -> bool {
    let mut words = proc_version.split_whitespace();
    words.find(|word| *word == "Debian").and_then(|_| words.next()).is_some_and(|built| {
        built.starts_with(|c: char| c.is_ascii_digit()) && compare(installed, built) == Ordering::Greater
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::Commands;
    use crate::host::testing::Tree;

    fn tree(modules: &[&str]) -> Tree {
        let tree = Tree::new(&[("proc/sys/kernel/osrelease", "6.1.0-25-amd64\n")]);
        for release in modules {
            tree.write(&format!("lib/modules/{release}/modules.dep"), b"");
        }
        tree
    }

    #[test]
    fn a_newer_kernel_of_the_same_flavour() {
        let answer = |modules: &[&str]| read(&tree(modules).root(), None, &mut Gaps::default());
        assert_eq!(answer(&["6.1.0-25-amd64"]), Some(false));
        assert_eq!(answer(&["6.1.0-25-amd64", "6.1.0-9-amd64"]), Some(false));
        assert_eq!(answer(&["6.1.0-25-amd64", "6.1.0-26-cloud-amd64"]), Some(false));
        assert_eq!(answer(&["6.1.0-25-amd64", "6.1.0-100-amd64"]), Some(true));
        assert_eq!(flavour("5.14.0-427.13.1.el9_4.x86_64"), flavour("5.14.0-503.el9_5.x86_64"));
    }

    #[test]
    fn a_foreign_kernel_is_a_gap_and_a_flag_file_an_answer() {
        let tree = tree(&["6.1.0-26-amd64"]);
        let mut gaps = Gaps::default();
        assert_eq!(read(&tree.root(), None, &mut gaps), None);
        assert!(gaps.reason("reboot_required").unwrap().contains("6.1.0-25-amd64"));
        tree.write("run/reboot-required", b"*** System restart required ***");
        assert_eq!(read(&tree.root(), None, &mut Gaps::default()), Some(true));
    }

    #[test]
    fn a_rebuilt_kernel_of_the_same_release() {
        let tree = tree(&["6.1.0-25-amd64"]);
        tree.write(
            "proc/version",
            b"Linux version 6.1.0-25-amd64 (x) (gcc (Debian 12.2.0-14) 12.2.0) #1 SMP Debian 6.1.106-3 (2024-08-26)\n",
        );
        tree.write(
            "var/lib/dpkg/status",
            b"Package: linux-image-6.1.0-25-amd64\nStatus: install ok installed\nVersion: 6.1.106-3\n",
        );
        let answer = || {
            let packages = Packages::read(&tree.root(), Commands::new(false)).unwrap();
            read(&tree.root(), Some(&packages), &mut Gaps::default())
        };
        assert_eq!(answer(), Some(false));
        tree.write(
            "var/lib/dpkg/status",
            b"Package: linux-image-6.1.0-25-amd64\nStatus: install ok installed\nVersion: 6.1.112-1\n",
        );
        assert_eq!(answer(), Some(true));
    }
}
