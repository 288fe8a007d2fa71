//! Effective settings of the OpenSSH server.

use super::command::Commands;
use super::facts::SshdFacts;
use super::processes::Processes;
use super::root::{Gaps, Root, why};
use super::sshd_config::{self, Setting};

const CONFIG: &str = "/etc/ssh/sshd_config";

/// Reads the settings: from `sshd -T` where it can be run, else from the configuration files and OpenSSH's defaults.
pub fn read(root: &Root, commands: Commands, processes: Option<&Processes>, gaps: &mut Gaps) -> Option<SshdFacts> {
    let binary =
        ["/usr/sbin/sshd", "/usr/bin/sshd", "/sbin/sshd", "/usr/local/sbin/sshd"].iter().any(|path| root.exists(path));
    let running = processes.is_some_and(|processes| processes.running("sshd"));
    if processes.is_none() {
        gaps.add("sshd.running", "the process table could not be read");
    }
    if !binary && !root.exists(CONFIG) {
        return Some(SshdFacts { running, ..SshdFacts::default() });
    }
    let (settings, source) = match commands.stdout("sshd", &["-T"]) {
        Ok(text) => (sshd_config::effective(&text), "sshd -T"),
        // It needs root, host keys and its run directory: without them the files speak.
        Err(_) => match sshd_config::files(root, CONFIG) {
            Ok(settings) => (settings, "file"),
            Err((path, error)) => {
                gaps.add("sshd", why(&path, &error));
                return None;
            }
        },
    };
    let mut facts = judge(&settings);
    facts.installed = true;
    facts.running = running;
    facts.source = source.to_owned();
    facts.config_file = gaps.keep("sshd.config_file", CONFIG, root.facts(CONFIG)).flatten();
    facts.host_keys_exposed = exposed_keys(root, &settings);
    Some(facts)
}

/// Facts from settings, the first of a name wins; OpenSSH's defaults for the rest.
pub(super) fn judge(settings: &[Setting]) -> SshdFacts {
    let first = |names: &[&str]| {
        settings.iter().find(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.as_str())
    };
    let yes = |names: &[&str], default: bool| match first(names).map(str::to_ascii_lowercase).as_deref() {
        None => default,
        Some(value) => value == "yes" || value == "true",
    };
    // A forwarding that is only partly allowed is still allowed, and so is a .rhosts or an environment of some users.
    let not_no = |name: &str, default: bool| match first(&[name]).map(str::to_ascii_lowercase).as_deref() {
        None => default,
        Some(value) => value != "no" && value != "false",
    };
    let number = |name: &str, default: i64| first(&[name]).and_then(|value| value.parse().ok()).unwrap_or(default);
    let duration = |name: &str, default: i64| first(&[name]).and_then(seconds).unwrap_or(default);
    let interval = duration("clientaliveinterval", 0);
    let count = number("clientalivecountmax", 3);
    let mut ports: Vec<i64> =
        settings.iter().filter(|(name, _)| name == "port").filter_map(|(_, value)| value.parse().ok()).collect();
    for (_, address) in settings.iter().filter(|(name, _)| name == "listenaddress") {
        ports.extend(address_port(address));
    }
    ports.sort_unstable();
    ports.dedup();
    if ports.is_empty() {
        ports.push(22);
    }
    SshdFacts {
        permit_root_login: match first(&["permitrootlogin"]).unwrap_or("prohibit-password").to_ascii_lowercase() {
            old if old == "without-password" => "prohibit-password".to_owned(),
            value => value,
        },
        password_authentication: yes(&["passwordauthentication"], true),
        permit_empty_passwords: yes(&["permitemptypasswords"], false),
        keyboard_interactive: yes(&["kbdinteractiveauthentication", "challengeresponseauthentication"], true),
        x11_forwarding: yes(&["x11forwarding"], false),
        tcp_forwarding: not_no("allowtcpforwarding", true),
        agent_forwarding: yes(&["allowagentforwarding"], true),
        hostbased_authentication: yes(&["hostbasedauthentication"], false),
        ignore_rhosts: yes(&["ignorerhosts"], true),
        permit_user_environment: not_no("permituserenvironment", false),
        use_pam: yes(&["usepam"], false),
        max_auth_tries: number("maxauthtries", 6),
        max_sessions: number("maxsessions", 10),
        login_grace_seconds: duration("logingracetime", 120),
        client_alive_interval: interval,
        client_alive_count_max: count,
        // A count of zero never drops a client (OpenSSH 8.2 and later).
        idle_timeout_seconds: interval.saturating_mul(count).max(0),
        log_level: first(&["loglevel"]).unwrap_or("INFO").to_ascii_uppercase(),
        banner: first(&["banner"]).filter(|value| !value.eq_ignore_ascii_case("none")).unwrap_or_default().to_owned(),
        weak_algorithms: weak_algorithms(&[first(&["ciphers"]), first(&["macs"]), first(&["kexalgorithms"])]),
        access_limited: ["allowusers", "allowgroups", "denyusers", "denygroups"]
            .iter()
            .any(|name| first(&[name]).is_some()),
        ports,
        ..SshdFacts::default()
    }
}

/// `[::]:2222`, `0.0.0.0:2222` and `host:2222` name a port; a plain address does not.
fn address_port(address: &str) -> Option<i64> {
    let address = address.split_whitespace().next()?;
    let (host, port) = address.rsplit_once(':')?;
    (host.ends_with(']') || !host.contains(':')).then(|| port.parse().ok())?
}

/// Time as sshd reads it: `90`, `2m`, `1h30m`.
fn seconds(text: &str) -> Option<i64> {
    let mut total = 0_i64;
    let mut number = None::<i64>;
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(i64::from(digit))?);
            continue;
        }
        let unit = match c.to_ascii_lowercase() {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        total = total.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    match number {
        Some(rest) => total.checked_add(rest),
        None => (!text.is_empty()).then_some(total),
    }
}

/// Algorithms that are broken or too short. HMAC with whole SHA-1 is not among them: it is still approved (NIST SP
/// 800-131A) and part of OpenSSH's defaults, while SHA-1 in a key exchange and cut SHA-1 are neither.
fn weak_algorithms(lists: &[Option<&str>]) -> Vec<String> {
    let mut weak: Vec<String> = lists
        .iter()
        .flatten()
        // `-list` takes away from the defaults, `+list` and `^list` add to them.
        .filter(|list| !list.starts_with('-'))
        .flat_map(|list| list.trim_start_matches(['+', '^']).split(','))
        .map(str::trim)
        .filter(|name| is_weak(name))
        .map(str::to_owned)
        .collect();
    weak.sort();
    weak.dedup();
    weak
}

fn is_weak(name: &str) -> bool {
    const PARTS: [&str; 9] = ["-cbc", "arcfour", "3des", "blowfish", "cast128", "md5", "ripemd", "sha1-96", "rijndael"];
    if PARTS.iter().any(|part| name.contains(part)) || name == "none" {
        return true;
    }
    let exchange = name.starts_with("diffie-hellman") || name.starts_with("gss-") || name.starts_with("rsa1024");
    exchange && (name.contains("sha1") || name.contains("group1-"))
}

/// Private host keys that more than their owner (and the group `ssh_keys`) may read.
fn exposed_keys(root: &Root, settings: &[Setting]) -> Vec<String> {
    let mut paths: Vec<String> =
        settings.iter().filter(|(name, _)| name == "hostkey").map(|(_, value)| value.clone()).collect();
    if paths.is_empty() {
        let names = root.list("/etc/ssh").unwrap_or_default();
        paths = names
            .iter()
            .filter(|name| name.starts_with("ssh_host_") && name.ends_with("_key"))
            .map(|name| format!("/etc/ssh/{name}"))
            .collect();
    }
    paths.retain(|path| {
        let Ok(Some(facts)) = root.facts(path) else { return false };
        facts.other_read || facts.other_write || facts.group_write || (facts.group_read && facts.group != "ssh_keys")
    });
    paths.sort();
    paths.dedup();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    fn from_file(text: &str) -> SshdFacts {
        let tree = Tree::new(&[("etc/ssh/sshd_config", text)]);
        read(&tree.root(), Commands::new(false), None, &mut Gaps::default()).unwrap()
    }

    #[test]
    fn defaults_of_openssh() {
        let facts = from_file("");
        assert!(facts.installed && facts.password_authentication && facts.keyboard_interactive && facts.tcp_forwarding);
        assert!(!facts.x11_forwarding && !facts.use_pam && !facts.permit_empty_passwords && !facts.access_limited);
        assert_eq!(
            (facts.permit_root_login.as_str(), facts.max_auth_tries, facts.login_grace_seconds),
            ("prohibit-password", 6, 120)
        );
        assert_eq!(
            (facts.source.as_str(), facts.log_level.as_str(), facts.ports.as_slice()),
            ("file", "INFO", &[22][..])
        );
        assert_eq!(facts.idle_timeout_seconds, 0);
        assert!(facts.weak_algorithms.is_empty());
    }

    #[test]
    fn settings_of_a_file() {
        let facts = from_file(
            "PermitRootLogin without-password\nPermitRootLogin yes\nPasswordAuthentication no\nChallengeResponseAuthentication no\n\
             AllowTcpForwarding local\nClientAliveInterval 5m\nClientAliveCountMax 2\nBanner /etc/issue.net\nPort 2222\n\
             ListenAddress [::]:2200\nListenAddress 10.0.0.1\nAllowGroups ops\nCiphers +aes128-cbc,3des-cbc\nMACs hmac-sha1,hmac-sha1-96\n\
             KexAlgorithms -diffie-hellman-group1-sha1\nLogLevel verbose\nMatch User x\n  PasswordAuthentication yes\n",
        );
        assert_eq!(facts.permit_root_login, "prohibit-password");
        assert!(
            !facts.password_authentication
                && !facts.keyboard_interactive
                && facts.tcp_forwarding
                && facts.access_limited
        );
        assert_eq!((facts.client_alive_interval, facts.idle_timeout_seconds), (300, 600));
        assert_eq!(facts.weak_algorithms, ["3des-cbc", "aes128-cbc", "hmac-sha1-96"]);
        assert_eq!(facts.ports, [2200, 2222]);
        assert_eq!((facts.banner.as_str(), facts.log_level.as_str()), ("/etc/issue.net", "VERBOSE"));
    }

    #[test]
    fn a_machine_without_sshd() {
        let facts = read(&Tree::new(&[]).root(), Commands::new(false), None, &mut Gaps::default()).unwrap();
        assert!(!facts.installed);
    }

    #[test]
    fn exposed_host_keys() {
        use std::os::unix::fs::PermissionsExt;
        let tree = Tree::new(&[
            ("etc/ssh/sshd_config", ""),
            ("etc/ssh/ssh_host_a_key", ""),
            ("etc/ssh/ssh_host_b_key", ""),
            ("etc/ssh/ssh_host_a_key.pub", ""),
        ]);
        std::fs::set_permissions(tree.path().join("etc/ssh/ssh_host_a_key"), PermissionsExt::from_mode(0o600)).unwrap();
        std::fs::set_permissions(tree.path().join("etc/ssh/ssh_host_b_key"), PermissionsExt::from_mode(0o644)).unwrap();
        assert_eq!(exposed_keys(&tree.root(), &[]), ["/etc/ssh/ssh_host_b_key"]);
    }

    #[test]
    fn times_and_algorithms() {
        assert_eq!(seconds("90"), Some(90));
        assert_eq!(seconds("1h30m"), Some(5400));
        assert_eq!(seconds("2M"), Some(120));
        for odd in ["", "m", "1x", "99999999999999999999", "-1"] {
            assert_eq!(seconds(odd), None, "{odd}");
        }
        assert!(
            is_weak("diffie-hellman-group14-sha1") && is_weak("diffie-hellman-group1-sha1") && is_weak("arcfour256")
        );
        assert!(
            !is_weak("diffie-hellman-group14-sha256")
                && !is_weak("diffie-hellman-group16-sha512")
                && !is_weak("hmac-sha1-etm@openssh.com")
        );
    }
}
