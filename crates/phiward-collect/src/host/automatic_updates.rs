//! Automatic installation of security updates.

use std::collections::HashMap;

use super::apt_conf;
use super::facts::AutomaticUpdates;
use super::os::assignments;
use super::root::{Gaps, Root, why};

/// Reads who installs updates by itself.
pub fn read(root: &Root, gaps: &mut Gaps) -> Option<AutomaticUpdates> {
    if root.exists("/usr/bin/unattended-upgrade") {
        return unattended(root, gaps);
    }
    let dnf = ["/etc/dnf/automatic.conf", "/etc/dnf/dnf5-plugins/automatic.conf"];
    let program = [
        "/usr/bin/dnf-automatic",
        "/usr/lib/systemd/system/dnf-automatic.timer",
        "/usr/lib/systemd/system/dnf5-automatic.timer",
    ];
    if program.iter().any(|path| root.exists(path)) {
        return dnf_automatic(root, &dnf, gaps);
    }
    Some(AutomaticUpdates::default())
}

fn unattended(root: &Root, gaps: &mut Gaps) -> Option<AutomaticUpdates> {
    let mut texts = Vec::new();
    // Names without an end count as well as those in .conf.
    let names = root.list("/etc/apt/apt.conf.d").unwrap_or_default();
    let paths = names
        .into_iter()
        .filter(|name| !name.starts_with('.') && (!name.contains('.') || name.ends_with(".conf")))
        .map(|name| format!("/etc/apt/apt.conf.d/{name}"))
        .chain(["/etc/apt/apt.conf".to_owned()]);
    for path in paths {
        match root.text(&path) {
            Ok(text) => texts.extend(text),
            Err(error) => {
                gaps.add("automatic_updates", why(&path, &error));
                return None;
            }
        }
    }
    let settings: Vec<(String, String)> = texts.iter().flat_map(|text| apt_conf::parse(text)).collect();
    let masked = ["apt-daily-upgrade.timer", "apt-daily-upgrade.service"].iter().any(|unit| masked(root, unit));
    let (enabled, security) = judge_apt(&settings);
    Some(AutomaticUpdates { program: "unattended-upgrades".to_owned(), enabled: enabled && !masked, security })
}

/// Whether periodic upgrades are on, and whether they take from the security archive.
fn judge_apt(settings: &[(String, String)]) -> (bool, bool) {
    let last: HashMap<&str, &str> = settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let on = |key: &str, default: &str| !matches!(last.get(key).copied().unwrap_or(default), "0" | "" | "false" | "no");
    let enabled = on("apt::periodic::enable", "1") && on("apt::periodic::unattended-upgrade", "0");
    let security = settings
        .iter()
        .filter(|(key, _)| {
            matches!(key.as_str(), "unattended-upgrade::origins-pattern" | "unattended-upgrade::allowed-origins")
        })
        .any(|(_, value)| value.to_ascii_lowercase().contains("security"));
    (enabled, security)
}

/// A unit linked to /dev/null never starts.
fn masked(root: &Root, unit: &str) -> bool {
    std::fs::read_link(root.path("/etc/systemd/system").join(unit)).is_ok_and(|target| target.ends_with("dev/null"))
}

fn dnf_automatic(root: &Root, files: &[&str], gaps: &mut Gaps) -> Option<AutomaticUpdates> {
    let mut text = String::new();
    for path in files {
        match root.text(path) {
            Ok(Some(found)) => text = found,
            Ok(None) => {}
            Err(error) => {
                gaps.add("automatic_updates", why(path, &error));
                return None;
            }
        }
    }
    let wants = root.list("/etc/systemd/system/timers.target.wants").unwrap_or_default();
    Some(judge_dnf(&text, &wants))
}

fn judge_dnf(text: &str, timers: &[String]) -> AutomaticUpdates {
    let spaced: String = text.lines().map(|line| line.replacen(" = ", "=", 1) + "\n").collect();
    let values = assignments(&spaced);
    let get = |key: &str, default: &'static str| values.get(key).map_or(default, String::as_str).to_ascii_lowercase();
    let applies = matches!(get("apply_updates", "no").as_str(), "yes" | "true" | "1");
    let timer = |name: &str| timers.iter().any(|timer| timer == name);
    // The install timer applies updates whatever the file says.
    let enabled = timer("dnf-automatic-install.timer")
        || (applies && (timer("dnf-automatic.timer") || timer("dnf5-automatic.timer")));
    let security = matches!(get("upgrade_type", "default").as_str(), "security" | "default");
    AutomaticUpdates { program: "dnf-automatic".to_owned(), enabled, security }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    #[test]
    fn unattended_upgrades() {
        let tree = Tree::new(&[
            ("usr/bin/unattended-upgrade", ""),
            (
                "etc/apt/apt.conf.d/20auto-upgrades",
                "APT::Periodic::Update-Package-Lists \"1\";\nAPT::Periodic::Unattended-Upgrade \"1\";\n",
            ),
            (
                "etc/apt/apt.conf.d/50unattended-upgrades",
                "Unattended-Upgrade::Origins-Pattern { \"origin=Debian,label=Debian-Security\"; };",
            ),
        ]);
        let facts = read(&tree.root(), &mut Gaps::default()).unwrap();
        assert!(facts.enabled && facts.security);
        tree.write(
            "etc/apt/apt.conf.d/50unattended-upgrades",
            b"Unattended-Upgrade::Origins-Pattern { // \"label=Debian-Security\";\n };",
        );
        tree.write("etc/apt/apt.conf.d/99off", b"APT::Periodic::Unattended-Upgrade \"0\";");
        tree.write("etc/apt/apt.conf.d/99off.bak", b"APT::Periodic::Unattended-Upgrade \"1\";");
        let facts = read(&tree.root(), &mut Gaps::default()).unwrap();
        assert!(!facts.enabled && !facts.security);
    }

    #[test]
    fn a_masked_timer_is_off() {
        let tree = Tree::new(&[
            ("usr/bin/unattended-upgrade", ""),
            ("etc/apt/apt.conf.d/20", "APT::Periodic::Unattended-Upgrade \"1\";"),
        ]);
        assert!(read(&tree.root(), &mut Gaps::default()).unwrap().enabled);
        std::fs::create_dir_all(tree.path().join("etc/systemd/system")).unwrap();
        std::os::unix::fs::symlink("/dev/null", tree.path().join("etc/systemd/system/apt-daily-upgrade.timer"))
            .unwrap();
        assert!(!read(&tree.root(), &mut Gaps::default()).unwrap().enabled);
    }

    #[test]
    fn dnf_automatic_needs_a_timer() {
        let conf = "[commands]\nupgrade_type = security\napply_updates = yes\n";
        assert!(!judge_dnf(conf, &[]).enabled);
        assert!(judge_dnf(conf, &["dnf-automatic.timer".to_owned()]).enabled);
        assert!(judge_dnf("", &["dnf-automatic-install.timer".to_owned()]).enabled);
        assert!(!judge_dnf("[commands]\napply_updates = no\n", &["dnf-automatic.timer".to_owned()]).enabled);
    }

    #[test]
    fn nothing_installed_is_a_fact() {
        assert_eq!(read(&Tree::new(&[]).root(), &mut Gaps::default()).unwrap().program, "");
    }
}
