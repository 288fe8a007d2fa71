//! Packet filter rules in one shape, whichever program printed them, and what they mean for what comes in.

/// What a rule does with a packet that it matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accept,
    /// Drop or reject.
    Refuse,
    Jump(String),
    /// Back to the chain that jumped here, or to the policy.
    Return,
    /// Counts, marks, logs.
    Other,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub verdict: Verdict,
    /// It matches every packet.
    pub always: bool,
}

/// One chain of a filter table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Which program keeps it and for what family: chains jump only within one table.
    pub table: String,
    pub name: String,
    /// Packets for this machine start here.
    pub input: bool,
    pub policy_refuses: bool,
    pub ipv4: bool,
    pub ipv6: bool,
    pub rules: Vec<Rule>,
}

/// What the rules mean for packets to this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meaning {
    pub active: bool,
    pub default_deny: bool,
    pub rules: i64,
    pub docker_user_rules: Option<bool>,
}

/// Judges rules. Docker's own chains are left out: they filter what is forwarded to containers.
pub fn judge(chains: &[Chain], ipv6_in_use: bool) -> Meaning {
    let own: Vec<&Chain> = chains.iter().filter(|chain| !is_docker(&chain.name)).collect();
    let inputs: Vec<&Chain> = own.iter().copied().filter(|chain| chain.input).collect();
    let active = inputs.iter().any(|chain| refuses(chain, &own, 0));
    let denies =
        |wanted: fn(&Chain) -> bool| inputs.iter().any(|chain| wanted(chain) && denies_by_default(chain, &own));
    Meaning {
        active,
        default_deny: denies(|chain| chain.ipv4) && (!ipv6_in_use || denies(|chain| chain.ipv6)),
        rules: i64::try_from(count(&inputs, &own)).unwrap_or(i64::MAX),
        docker_user_rules: docker_user(chains),
    }
}

fn is_docker(chain: &str) -> bool {
    chain == "DOCKER" || chain.starts_with("DOCKER-")
}

/// Some packet is refused by this chain or by one it jumps to.
fn refuses(chain: &Chain, all: &[&Chain], depth: usize) -> bool {
    chain.policy_refuses
        || chain.rules.iter().any(|rule| match &rule.verdict {
            Verdict::Refuse => true,
            Verdict::Jump(to) => follow(chain, to, all, depth).is_some_and(|next| refuses(next, all, depth + 1)),
            _ => false,
        })
}

/// A packet that no narrower rule speaks of is refused: by a rule for every packet, or by the policy.
fn denies_by_default(chain: &Chain, all: &[&Chain]) -> bool {
    refuses_all(chain, all, 0).unwrap_or(chain.policy_refuses)
}

/// What the first rule for every packet does: `true` refuses, `false` accepts, `None` when there is none.
fn refuses_all(chain: &Chain, all: &[&Chain], depth: usize) -> Option<bool> {
    for rule in chain.rules.iter().filter(|rule| rule.always) {
        match &rule.verdict {
            Verdict::Refuse => return Some(true),
            Verdict::Accept => return Some(false),
            Verdict::Return => return None,
            Verdict::Jump(to) => {
                let inside = follow(chain, to, all, depth).and_then(|next| refuses_all(next, all, depth + 1));
                if inside.is_some() {
                    return inside;
                }
            }
            Verdict::Other => {}
        }
    }
    None
}

/// Rules of the input chains and of all chains reached from them, each chain once.
fn count(inputs: &[&Chain], all: &[&Chain]) -> usize {
    let mut reached: Vec<&Chain> = Vec::new();
    let mut waiting: Vec<&Chain> = inputs.to_vec();
    while let Some(chain) = waiting.pop() {
        if reached.iter().any(|seen| (&seen.table, &seen.name) == (&chain.table, &chain.name)) {
            continue;
        }
        reached.push(chain);
        for rule in &chain.rules {
            if let Verdict::Jump(to) = &rule.verdict {
                waiting.extend(follow(chain, to, all, 0));
            }
        }
    }
    let dockers = |rule: &&Rule| matches!(&rule.verdict, Verdict::Jump(to) if is_docker(to));
    reached.iter().map(|chain| chain.rules.iter().filter(|rule| !dockers(rule)).count()).sum()
}

fn follow<'a>(from: &Chain, to: &str, all: &[&'a Chain], depth: usize) -> Option<&'a Chain> {
    // The kernel refuses loops; a text need not.
    if depth >= 16 {
        return None;
    }
    all.iter().copied().find(|chain| chain.table == from.table && chain.name == to)
}

/// The operator's rules before Docker's. A rule that only returns is Docker's placeholder.
fn docker_user(chains: &[Chain]) -> Option<bool> {
    let mut chains = chains.iter().filter(|chain| chain.name == "DOCKER-USER").peekable();
    chains.peek()?;
    Some(chains.any(|chain| chain.rules.iter().any(|rule| !(rule.always && rule.verdict == Verdict::Return))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(verdict: Verdict, always: bool) -> Rule {
        Rule { verdict, always }
    }

    fn chain(name: &str, input: bool, policy_refuses: bool, rules: Vec<Rule>) -> Chain {
        Chain { table: "t".to_owned(), name: name.to_owned(), input, policy_refuses, ipv4: true, ipv6: false, rules }
    }

    #[test]
    fn only_accepting_rules_filter_nothing() {
        let meaning = judge(&[chain("INPUT", true, false, vec![rule(Verdict::Accept, false)])], false);
        assert!(!meaning.active && !meaning.default_deny);
        assert_eq!((meaning.rules, meaning.docker_user_rules), (1, None));
    }

    #[test]
    fn a_policy_or_a_last_rule_denies() {
        assert!(judge(&[chain("INPUT", true, true, vec![rule(Verdict::Accept, false)])], false).default_deny);
        let last = vec![rule(Verdict::Accept, false), rule(Verdict::Other, true), rule(Verdict::Refuse, true)];
        assert!(judge(&[chain("INPUT", true, false, last)], false).default_deny);
        let opened = vec![rule(Verdict::Accept, true), rule(Verdict::Refuse, true)];
        let meaning = judge(&[chain("INPUT", true, true, opened)], false);
        assert!(!meaning.default_deny, "a rule that accepts all comes first");
    }

    #[test]
    fn ipv6_must_be_denied_where_it_is_used() {
        let chains = [chain("INPUT", true, true, vec![])];
        assert!(judge(&chains, false).default_deny);
        assert!(!judge(&chains, true).default_deny);
    }

    #[test]
    fn jumps_are_followed_and_loops_end() {
        let chains = [
            chain("INPUT", true, false, vec![rule(Verdict::Jump("a".to_owned()), true)]),
            chain("a", false, false, vec![rule(Verdict::Jump("a".to_owned()), true), rule(Verdict::Refuse, true)]),
        ];
        let meaning = judge(&chains, false);
        assert!(meaning.default_deny && meaning.active);
        assert_eq!(meaning.rules, 3);
    }

    #[test]
    fn a_chain_that_accepts_all_undoes_the_policy() {
        let with = |inner: Vec<Rule>| {
            judge(
                &[
                    chain("INPUT", true, true, vec![rule(Verdict::Jump("a".to_owned()), true)]),
                    chain("a", false, false, inner),
                ],
                false,
            )
            .default_deny
        };
        assert!(!with(vec![rule(Verdict::Accept, true)]));
        assert!(
            with(vec![rule(Verdict::Return, true), rule(Verdict::Accept, true)]),
            "what stands after a return is never reached"
        );
        assert!(with(vec![rule(Verdict::Accept, false)]));
    }

    #[test]
    fn dockers_chains_are_not_the_operators() {
        let docker = [
            chain("DOCKER", false, false, vec![rule(Verdict::Refuse, true)]),
            chain("DOCKER-USER", false, false, vec![rule(Verdict::Return, true)]),
            chain("INPUT", true, false, vec![rule(Verdict::Jump("DOCKER".to_owned()), true)]),
        ];
        let meaning = judge(&docker, false);
        assert_eq!(meaning, Meaning { docker_user_rules: Some(false), ..Meaning::default() });
        let user =
            [chain("DOCKER-USER", false, false, vec![rule(Verdict::Refuse, false), rule(Verdict::Return, true)])];
        assert_eq!(judge(&user, false).docker_user_rules, Some(true));
    }
}
