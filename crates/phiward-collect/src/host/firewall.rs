//! Packet filter of the host, from the kernel through `nft` or `iptables-save`.

use std::collections::HashMap;

use serde_json::Value;

use super::command::{Commands, RunError};
use super::facts::FirewallFacts;
use super::os::assignments;
use super::processes::Processes;
use super::root::{Gaps, Root};
use super::ruleset::{Chain, Rule, Verdict, judge};

/// Reads the rules in force.
pub fn read(
    root: &Root,
    commands: Commands,
    processes: Option<&Processes>,
    as_root: bool,
    gaps: &mut Gaps,
) -> Option<FirewallFacts> {
    if !commands.enabled() {
        gaps.add("firewall", RunError::Disabled.to_string());
        return None;
    }
    if !as_root {
        gaps.add("firewall", "only root may ask the kernel for its packet filter rules: run phiward as root");
        return None;
    }
    let (chains, source) = match chains(root, commands) {
        Ok(found) => found,
        Err(why) => {
            gaps.add("firewall", why);
            return None;
        }
    };
    let meaning = judge(&chains, ipv6_in_use(&root.text("/proc/net/if_inet6").ok().flatten().unwrap_or_default()));
    let ufw =
        root.text("/etc/ufw/ufw.conf").ok().flatten().is_some_and(|text| {
            assignments(&text).get("ENABLED").is_some_and(|value| value.eq_ignore_ascii_case("yes"))
        });
    let kind = if ufw && chains.iter().any(|chain| chain.name.starts_with("ufw")) {
        "ufw"
    } else if processes.is_some_and(|processes| processes.running("firewalld")) {
        "firewalld"
    } else if !chains.is_empty() {
        source
    } else {
        ""
    };
    Some(FirewallFacts {
        kind: kind.to_owned(),
        active: meaning.active,
        default_deny_incoming: meaning.default_deny,
        rules: meaning.rules,
        docker_user_rules: meaning.docker_user_rules,
    })
}

/// Every filter chain, and the program that told. nft does not see the rules of the old iptables interface, so these
/// are added where there are any.
fn chains(root: &Root, commands: Commands) -> Result<(Vec<Chain>, &'static str), String> {
    let mut chains = Vec::new();
    let mut source = "";
    let mut reasons = Vec::new();
    match commands.stdout("nft", &["-j", "list", "ruleset"]) {
        Ok(text) => match nft(&text) {
            Some(found) => {
                chains = found;
                source = "nftables";
            }
            None => reasons.push("nft printed no JSON that phiward knows".to_owned()),
        },
        Err(error) => reasons.push(error.to_string()),
    }
    let legacy =
        ["ip_tables_names", "ip6_tables_names"].iter().any(|name| root.word(&format!("/proc/net/{name}")).is_some());
    if source.is_empty() || legacy {
        let programs: [&[&str]; 2] = if source.is_empty() {
            [&["iptables-save", "iptables-legacy-save"], &["ip6tables-save", "ip6tables-legacy-save"]]
        } else {
            [&["iptables-legacy-save"], &["ip6tables-legacy-save"]]
        };
        for (family, programs) in programs.iter().enumerate() {
            for program in *programs {
                match commands.stdout(program, &[]) {
                    Ok(text) => {
                        chains.extend(iptables(&text, program, family == 1));
                        if source.is_empty() {
                            source = "iptables";
                        }
                    }
                    // A variant that is not installed says nothing.
                    Err(RunError::Absent(name)) if *program != programs[0] || family == 1 => drop(name),
                    Err(error) => reasons.push(error.to_string()),
                }
            }
        }
    }
    if source.is_empty() {
        Err(format!("cannot ask the kernel for its packet filter rules: {}", reasons.join("; ")))
    } else {
        Ok((chains, source))
    }
}

/// A global address on an interface other than loopback: scope 00 in the kernel's list.
pub(super) fn ipv6_in_use(text: &str) -> bool {
    text.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        matches!(fields.as_slice(), [_, _, _, scope, _, name, ..] if *scope == "00" && *name != "lo")
    })
}

/// Chains of `nft -j list ruleset`. `None` when the text is no such answer.
pub(super) fn nft(text: &str) -> Option<Vec<Chain>> {
    let value: Value = serde_json::from_str(text).ok()?;
    let objects = value.get("nftables")?.as_array()?;
    let mut chains: Vec<Chain> = Vec::new();
    let mut index: HashMap<(String, String), usize> = HashMap::new();
    let text = |object: &Value, key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    for object in objects {
        if let Some(chain) = object.get("chain") {
            let kind = text(chain, "type");
            if !matches!(kind.as_str(), "" | "filter") {
                continue;
            }
            let family = text(chain, "family");
            if matches!(family.as_str(), "bridge" | "arp" | "netdev") {
                continue;
            }
            let table = format!("{family} {}", text(chain, "table"));
            let name = text(chain, "name");
            index.insert((table.clone(), name.clone()), chains.len());
            chains.push(Chain {
                table,
                name,
                input: text(chain, "hook") == "input",
                policy_refuses: text(chain, "policy") == "drop",
                ipv4: family != "ip6",
                ipv6: family != "ip",
                rules: Vec::new(),
            });
        } else if let Some(rule) = object.get("rule") {
            let key = (format!("{} {}", text(rule, "family"), text(rule, "table")), text(rule, "chain"));
            if let Some(chain) = index.get(&key).and_then(|position| chains.get_mut(*position)) {
                chain.rules.push(nft_rule(rule.get("expr").and_then(Value::as_array).map_or(&[], Vec::as_slice)));
            }
        }
    }
    Some(chains)
}

fn nft_rule(expressions: &[Value]) -> Rule {
    let mut rule = Rule { verdict: Verdict::Other, always: true };
    for expression in expressions {
        let Some((name, value)) = expression.as_object().and_then(|object| object.iter().next()) else { continue };
        let target = || value.get("target").and_then(Value::as_str).unwrap_or_default().to_owned();
        match name.as_str() {
            "accept" => rule.verdict = Verdict::Accept,
            "drop" | "reject" => rule.verdict = Verdict::Refuse,
            "jump" | "goto" => rule.verdict = Verdict::Jump(target()),
            "return" => rule.verdict = Verdict::Return,
            "counter" | "log" | "comment" | "mangle" | "notrack" => {}
            // Extensions of iptables: a target ends the rule, a match narrows it.
            "xt" => match (value.get("type").and_then(Value::as_str), value.get("name").and_then(Value::as_str)) {
                (Some("target"), Some("REJECT")) => rule.verdict = Verdict::Refuse,
                (Some("target"), _) | (Some("match"), Some("comment")) => {}
                _ => rule.always = false,
            },
            // A map of verdicts refuses something only if it says so; it never speaks for every packet.
            "vmap" => {
                rule.always = false;
                let data = value.to_string();
                if data.contains("\"drop\"") || data.contains("\"reject\"") {
                    rule.verdict = Verdict::Refuse;
                }
            }
            _ => rule.always = false,
        }
    }
    rule
}

/// Chains of the filter table in `iptables-save` form.
pub(super) fn iptables(text: &str, program: &str, ipv6: bool) -> Vec<Chain> {
    let mut chains: Vec<Chain> = Vec::new();
    let mut index: HashMap<&str, usize> = HashMap::new();
    let mut filter = false;
    for line in text.lines() {
        if let Some(table) = line.strip_prefix('*') {
            filter = table.trim() == "filter";
        } else if !filter {
            continue;
        } else if let Some(chain) = line.strip_prefix(':') {
            let mut words = chain.split_whitespace();
            let (name, policy) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            index.entry(name).or_insert(chains.len());
            chains.push(Chain {
                table: program.to_owned(),
                name: name.to_owned(),
                input: name == "INPUT",
                policy_refuses: policy == "DROP" || policy == "REJECT",
                ipv4: !ipv6,
                ipv6,
                rules: Vec::new(),
            });
        } else if let Some(rule) = line.strip_prefix("-A ") {
            let (name, rest) = rule.split_once(' ').unwrap_or((rule, ""));
            if let Some(chain) = index.get(name).and_then(|position| chains.get_mut(*position)) {
                chain.rules.push(iptables_rule(rest));
            }
        }
    }
    chains
}

fn iptables_rule(text: &str) -> Rule {
    let words: Vec<&str> = text.split_whitespace().collect();
    let at = words.iter().position(|word| matches!(*word, "-j" | "-g"));
    let target = at.and_then(|at| words.get(at + 1)).copied().unwrap_or_default();
    let verdict = match target {
        "ACCEPT" => Verdict::Accept,
        "DROP" | "REJECT" => Verdict::Refuse,
        "RETURN" => Verdict::Return,
        "" | "LOG" | "NFLOG" | "MARK" | "CONNMARK" | "AUDIT" => Verdict::Other,
        chain => Verdict::Jump(chain.to_owned()),
    };
    // What stands before the target narrows the rule, except a comment.
    let mut always = true;
    let mut rest = words[..at.unwrap_or(words.len())].iter();
    while let Some(word) = rest.next() {
        match *word {
            "-m" if rest.clone().next() == Some(&"comment") => {
                rest.next();
            }
            "--comment" => {
                // A quoted comment may have several words.
                let first = rest.next().copied().unwrap_or_default();
                if first.starts_with('"') && !(first.len() > 1 && first.ends_with('"')) {
                    rest.by_ref().find(|word| word.ends_with('"'));
                }
            }
            _ => always = false,
        }
    }
    Rule { verdict, always }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iptables_of_a_docker_host() {
        let text = "*nat\n:INPUT DROP [0:0]\nCOMMIT\n*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:DOCKER - [0:0]\n:DOCKER-USER - [0:0]\n\
            -A FORWARD -j DOCKER-USER\n-A FORWARD -o docker0 -j DOCKER\n-A DOCKER-USER -j RETURN\nCOMMIT\n";
        let meaning = judge(&iptables(text, "iptables-save", false), false);
        assert!(!meaning.active && !meaning.default_deny);
        assert_eq!((meaning.rules, meaning.docker_user_rules), (0, Some(false)));
    }

    #[test]
    fn iptables_that_ends_with_a_reject() {
        let text = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -m comment --comment \"ssh for ops\" -j ACCEPT\n\
            -A INPUT -m comment --comment \"all the rest\" -j REJECT --reject-with icmp-port-unreachable\nCOMMIT\n";
        let meaning = judge(&iptables(text, "iptables-save", false), false);
        assert!(meaning.active && meaning.default_deny);
        assert_eq!(meaning.rules, 3);
    }

    #[test]
    fn iptables_in_odd_forms() {
        for text in [
            "",
            "*filter",
            ":INPUT",
            "*filter\n:\n-A\n-A INPUT\n-A x -j",
            "*filter\n:INPUT DROP\n-A INPUT --comment \"open\n",
        ] {
            let _ = judge(&iptables(text, "x", true), true);
        }
        assert!(
            !iptables_rule("--comment \"open -j DROP").always
                || iptables_rule("--comment \"open -j DROP").verdict == Verdict::Refuse
        );
    }

    #[test]
    fn nft_with_a_policy() {
        let text = r#"{"nftables":[{"metainfo":{"version":"1.0"}},{"table":{"family":"inet","name":"filter"}},
            {"chain":{"family":"inet","table":"filter","name":"input","type":"filter","hook":"input","prio":0,"policy":"drop"}},
            {"rule":{"family":"inet","table":"filter","chain":"input","expr":[{"match":{}},{"accept":null}]}},
            {"chain":{"family":"ip","table":"nat","name":"PRE","type":"nat","hook":"input","policy":"drop"}},
            {"rule":{"family":"ip","table":"nat","chain":"PRE","expr":[{"drop":null}]}}]}"#;
        let meaning = judge(&nft(text).unwrap(), true);
        assert!(meaning.active && meaning.default_deny);
        assert_eq!(meaning.rules, 1);
    }

    #[test]
    fn nft_rules() {
        let rule = |text: &str| nft_rule(serde_json::from_str::<Vec<Value>>(text).unwrap().as_slice());
        assert_eq!(rule(r#"[{"counter":{}},{"drop":null}]"#), Rule { verdict: Verdict::Refuse, always: true });
        assert_eq!(
            rule(r#"[{"match":{}},{"jump":{"target":"x"}}]"#),
            Rule { verdict: Verdict::Jump("x".to_owned()), always: false }
        );
        let commented =
            r#"[{"xt":{"type":"match","name":"comment"}},{"counter":{}},{"xt":{"type":"target","name":"REJECT"}}]"#;
        assert_eq!(rule(commented), Rule { verdict: Verdict::Refuse, always: true });
        assert!(!rule(r#"[{"xt":{"type":"match","name":"addrtype"}},{"drop":null}]"#).always);
        assert_eq!(
            rule(r#"[{"vmap":{"data":{"set":[["x",{"drop":null}]]}}}]"#),
            Rule { verdict: Verdict::Refuse, always: false }
        );
        assert!(rule(r#"[1, "x", {}]"#).always);
        assert!(nft("not json").is_none() && nft("{}").is_none());
    }

    #[test]
    fn ipv6_counts_with_a_global_address() {
        assert!(!ipv6_in_use(
            "00000000000000000000000000000001 01 80 10 80       lo\nfe800000000000000000000000000001 02 40 20 80     eth0\n"
        ));
        assert!(ipv6_in_use("20010db8000000000000000000000001 02 40 00 80     eth0\n"));
        assert!(!ipv6_in_use("broken 00\n"));
    }

    #[test]
    fn without_the_kernels_answer_there_is_a_gap() {
        let root = Root::new(std::path::Path::new("/nowhere"));
        let mut gaps = Gaps::default();
        assert!(read(&root, Commands::new(false), None, true, &mut gaps).is_none());
        assert!(read(&root, Commands::new(true), None, false, &mut Gaps::default()).is_none());
        assert!(gaps.reason("firewall").is_some());
    }
}
