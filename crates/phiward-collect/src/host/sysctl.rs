//! Kernel settings that harden a machine, read live.

use serde_json::{Map, Value};

use super::facts::Sysctl;
use super::root::{Gaps, Root};

/// The settings, as paths below /proc/sys. A fact's name is the path with underscores.
const SETTINGS: [&str; 25] = [
    "kernel/randomize_va_space",
    "kernel/dmesg_restrict",
    "kernel/kptr_restrict",
    "kernel/yama/ptrace_scope",
    "kernel/unprivileged_bpf_disabled",
    "kernel/kexec_load_disabled",
    "kernel/sysrq",
    "kernel/perf_event_paranoid",
    "fs/suid_dumpable",
    "fs/protected_hardlinks",
    "fs/protected_symlinks",
    "fs/protected_fifos",
    "fs/protected_regular",
    "net/ipv4/ip_forward",
    "net/ipv4/tcp_syncookies",
    "net/ipv4/conf/all/rp_filter",
    "net/ipv4/conf/all/accept_redirects",
    "net/ipv4/conf/all/send_redirects",
    "net/ipv4/conf/all/accept_source_route",
    "net/ipv4/conf/all/log_martians",
    "net/ipv4/conf/all/secure_redirects",
    "net/ipv4/icmp_echo_ignore_broadcasts",
    "net/ipv6/conf/all/accept_redirects",
    "net/ipv6/conf/all/accept_ra",
    "net/ipv6/conf/all/accept_source_route",
];

/// Reads the settings. One that does not exist in this kernel is absent.
pub fn read(root: &Root, gaps: &mut Gaps) -> Option<Sysctl> {
    if !root.exists("/proc/sys/kernel") {
        gaps.add("sysctl", "there is no /proc/sys");
        return None;
    }
    let mut values = Map::new();
    for setting in SETTINGS {
        let field = setting.replace('/', "_");
        let path = format!("/proc/sys/{setting}");
        let Some(Some(text)) = gaps.keep(&format!("sysctl.{field}"), &path, root.text(&path)) else { continue };
        match number(&text) {
            Some(value) => drop(values.insert(field, Value::from(value))),
            None => gaps.add(&format!("sysctl.{field}"), format!("{path} holds no number")),
        }
    }
    match serde_json::from_value(Value::Object(values)) {
        Ok(facts) => Some(facts),
        Err(error) => {
            gaps.add("sysctl", format!("the kernel's settings do not fit the facts: {error}"));
            None
        }
    }
}

fn number(text: &str) -> Option<i64> {
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    #[test]
    fn settings_by_their_files() {
        let tree = Tree::new(&[
            ("proc/sys/kernel/randomize_va_space", "2\n"),
            ("proc/sys/kernel/yama/ptrace_scope", "1\n"),
            ("proc/sys/kernel/perf_event_paranoid", "-1\n"),
            ("proc/sys/net/ipv4/conf/all/rp_filter", "junk\n"),
            ("proc/sys/net/ipv4/ip_forward/x", ""),
        ]);
        let mut gaps = Gaps::default();
        let facts = read(&tree.root(), &mut gaps).unwrap();
        assert_eq!(facts.kernel_randomize_va_space, Some(2));
        assert_eq!((facts.kernel_yama_ptrace_scope, facts.kernel_perf_event_paranoid), (Some(1), Some(-1)));
        assert_eq!(
            (facts.net_ipv4_conf_all_rp_filter, facts.net_ipv4_ip_forward, facts.kernel_sysrq),
            (None, None, None)
        );
        assert!(gaps.reason("sysctl.net_ipv4_ip_forward").is_some());
        assert!(gaps.reason("sysctl.net_ipv4_conf_all_rp_filter").is_some());
        assert!(gaps.reason("sysctl.kernel_sysrq").is_none());
    }

    #[test]
    fn no_proc_is_a_gap() {
        let mut gaps = Gaps::default();
        assert!(read(&Tree::new(&[]).root(), &mut gaps).is_none());
        assert!(gaps.reason("sysctl").is_some());
    }

    #[test]
    fn the_list_and_the_facts_name_the_same_settings() {
        let schema = schemars::schema_for!(Sysctl).to_value();
        let mut facts: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
        facts.sort();
        let mut read: Vec<String> = SETTINGS.iter().map(|setting| setting.replace('/', "_")).collect();
        read.sort();
        assert_eq!(facts, read.iter().collect::<Vec<_>>());
    }
}
