//! Where syslog programs send records, from their configuration.

/// One place that records are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub address: String,
    pub encrypted: bool,
}

/// Targets of rsyslog. Its old directives hold for all actions after them; here for all files.
pub fn rsyslog(texts: &[String]) -> Vec<Target> {
    let text = without_comments(texts);
    let lower = text.to_ascii_lowercase();
    let directive = |name: &str, values: &[&str]| {
        lower.lines().any(|line| {
            let mut words = line.split_whitespace();
            words.next() == Some(name) && words.next().is_some_and(|value| values.contains(&value))
        })
    };
    let drivers = ["gtls", "ossl", "mbedtls"];
    // `global(DefaultNetstreamDriver="gtls")` is the newer form of the directive.
    let driver = directive("$defaultnetstreamdriver", &drivers)
        || drivers
            .iter()
            .any(|driver| lower.replace(' ', "").contains(&format!("defaultnetstreamdriver=\"{driver}\"")));
    let mode = directive("$actionsendstreamdrivermode", &["1"]);
    let mut targets = Vec::new();
    for line in text.lines() {
        if let Some(target) = legacy(line.trim()) {
            let tcp = target.starts_with("@@");
            let address = target.trim_start_matches('@');
            // Options in parentheses: `@@(z9)host`.
            let address =
                if address.starts_with('(') { address.split_once(')').map_or("", |(_, rest)| rest) } else { address };
            let address = address.split([';', ' ', '\t']).next().unwrap_or_default();
            if !address.is_empty() {
                targets.push(Target { address: address.to_owned(), encrypted: tcp && driver && mode });
            }
        }
    }
    for action in blocks(&text, "action") {
        let get = |key: &str| parameter(&action, key);
        let kind = get("type").unwrap_or_default().to_ascii_lowercase();
        let Some(host) = get("target").or_else(|| get("server")) else { continue };
        let encrypted = match kind.as_str() {
            "omfwd" => {
                let own = get("streamdriver").or_else(|| get("streamdriver.name"));
                let has_driver = own.map_or(driver, |own| drivers.contains(&own.to_ascii_lowercase().as_str()));
                let tcp = get("protocol").is_some_and(|protocol| protocol.eq_ignore_ascii_case("tcp"));
                tcp && has_driver
                    && get("streamdrivermode").or_else(|| get("streamdriver.mode")).as_deref() == Some("1")
            }
            "omrelp" => get("tls").is_some_and(|tls| tls.eq_ignore_ascii_case("on")),
            "omelasticsearch" => {
                get("usehttps").is_some_and(|on| on.eq_ignore_ascii_case("on")) || host.starts_with("https:")
            }
            "omhttp" => get("usehttps").is_none_or(|on| on.eq_ignore_ascii_case("on")),
            _ => continue,
        };
        let address = match get("port") {
            Some(port) => format!("{host}:{port}"),
            None => host,
        };
        targets.push(Target { address, encrypted });
    }
    targets
}

/// Targets of syslog-ng: drivers `network`, `syslog`, `tcp` and `udp` in destinations.
pub fn syslog_ng(texts: &[String]) -> Vec<Target> {
    let text = without_comments(texts);
    let mut targets = Vec::new();
    for destination in text.split("destination").skip(1) {
        // A destination ends where the next statement starts.
        let end = destination.find("};").unwrap_or(destination.len());
        for driver in ["network", "syslog", "tcp", "tcp6", "udp", "udp6"] {
            for block in blocks(&destination[..end], driver) {
                let address = block
                    .split('"')
                    .nth(1)
                    .or_else(|| block.split(['(', ' ', ')']).find(|word| !word.is_empty()))
                    .unwrap_or_default();
                let squeezed: String = block.to_ascii_lowercase().split_whitespace().collect();
                let encrypted = squeezed.contains("transport(\"tls\")")
                    || squeezed.contains("transport(tls)")
                    || squeezed.contains("tls(");
                if !address.is_empty() {
                    targets.push(Target { address: address.to_owned(), encrypted });
                }
            }
        }
    }
    targets
}

fn without_comments(texts: &[String]) -> String {
    let mut text = String::new();
    for line in texts.iter().flat_map(|text| text.lines()).filter(|line| !line.trim_start().starts_with('#')) {
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// The action of `FACILITY.LEVEL  @host`, where it forwards.
fn legacy(line: &str) -> Option<&str> {
    if let Some(rest) = line.strip_prefix('&') {
        return Some(rest.trim_start()).filter(|action| action.starts_with('@'));
    }
    let (selector, action) = line.split_once(char::is_whitespace)?;
    let action = action.trim_start();
    let selects = selector.contains('.') || selector.starts_with(':');
    // Property filters have a comma and a quoted value before the action.
    let action =
        if selector.starts_with(':') { action.rsplit_once('"').map(|(_, rest)| rest.trim_start())? } else { action };
    (selects && action.starts_with('@')).then_some(action)
}

/// Insides of `NAME( … )`, parentheses in quotes not counted. A block that never ends is left out.
fn blocks(text: &str, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    // Blocks lie next to each other, or few levels inside each other. Text in which thousands begin and none ends is
    // not gone through thousands of times.
    let mut steps_left = text.len().saturating_mul(16);
    for (position, _) in text.match_indices(name) {
        let before = text[..position].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '"')) {
            continue;
        }
        let Some(inside) = text[position + name.len()..].trim_start().strip_prefix('(') else { continue };
        let mut depth = 1;
        let mut quoted = false;
        for (end, c) in inside.char_indices() {
            if steps_left == 0 {
                return found;
            }
            steps_left -= 1;
            match c {
                '"' => quoted = !quoted,
                '(' if !quoted => depth += 1,
                ')' if !quoted => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                found.push(inside[..end].to_owned());
                break;
            }
        }
    }
    found
}

/// Value of `key="value"`, whatever the case of the key.
fn parameter(block: &str, key: &str) -> Option<String> {
    let lower = block.to_ascii_lowercase();
    for (position, _) in lower.match_indices(key) {
        let before = lower[..position].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_')) {
            continue;
        }
        // Lower case of ASCII keeps every position.
        let rest = block.get(position + key.len()..)?.trim_start();
        if let Some(value) = rest.strip_prefix('=') {
            let value = value.trim_start();
            return Some(match value.strip_prefix('"') {
                Some(inner) => inner.split('"').next().unwrap_or(inner).to_owned(),
                None => value.split_whitespace().next()?.to_owned(),
            });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<(String, bool)> {
        rsyslog(&[text.to_owned()]).into_iter().map(|target| (target.address, target.encrypted)).collect()
    }

    #[test]
    fn rsyslog_old_form() {
        assert_eq!(
            of(
                "*.* @192.0.2.1:514\n# *.* @@no\nauth.* @@(z9)log.example:6514;RSYSLOG_Format\n& @@second\nauth.* /var/log/auth.log\nmail.* user@host\n"
            ),
            [("192.0.2.1:514".to_owned(), false), ("log.example:6514".to_owned(), false), ("second".to_owned(), false),]
        );
        let tls = "$DefaultNetstreamDriver gtls\n$ActionSendStreamDriverMode 1\n*.* @@log.example\n*.* @log.example\n:msg, contains, \"x\" @@filtered\n";
        assert_eq!(
            of(tls),
            [("log.example".to_owned(), true), ("log.example".to_owned(), false), ("filtered".to_owned(), true)]
        );
    }

    #[test]
    fn rsyslog_new_form() {
        let text = "action(type=\"omfwd\" Target=\"a\" Port=\"6514\" Protocol=\"tcp\" StreamDriver=\"gtls\" StreamDriverMode=\"1\")\n\
            *.* action(type=\"omfwd\"\n target=\"b\" protocol=\"udp\"\n StreamDriver=\"gtls\" StreamDriverMode=\"1\")\naction(type=\"omrelp\" target=\"c\" port=\"1\" tls=\"on\")\n\
            action(type=\"omfile\" file=\"/x\")\naction(type=\"omfwd\" target=\"d\"";
        assert_eq!(of(text), [("a:6514".to_owned(), true), ("b".to_owned(), false), ("c:1".to_owned(), true)]);
    }

    #[test]
    fn syslog_ng_destinations() {
        let text = "source s { network(port(514)); };\ndestination d { network(\"log.example\" port(6514) transport(\"tls\") tls(ca-dir(\"/x\"))); };\n\
            destination f { file(\"/var/log/x\"); };\ndestination u { udp(\"192.0.2.9\" port(514)); };\n";
        let found = syslog_ng(&[text.to_owned()]);
        assert_eq!(
            found,
            [
                Target { address: "log.example".to_owned(), encrypted: true },
                Target { address: "192.0.2.9".to_owned(), encrypted: false },
            ]
        );
    }

    #[test]
    fn odd_texts_end() {
        for text in [
            "action(",
            "action((((",
            "& ",
            ": x",
            "*.* @",
            "*.* @@(",
            "action(type=\"omfwd\" target=)",
            "\u{e9}action(target=\"\u{e9}",
            "destination destination network(",
        ] {
            let _ = rsyslog(&[text.to_owned()]);
            let _ = syslog_ng(&[text.to_owned()]);
        }
    }
}
