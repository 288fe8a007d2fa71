//! Packet filter rules in one shape, whichever program printed them, and what they mean for what comes in.

/// What a rule does with a packet that it matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accept,
    /// Drop or reject.
    Refuse,
    Jump(String),
    /// Counts, marks, logs, returns.
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
    let denies = |wanted: fn(&Chain) -> bool| inputs.iter().any(|chain| wanted(chain) && denies_by_default(chain, &own, 0));
    let rules = own.iter().map(|chain| chain.rules.iter().filter(|rule| !matches!(&rule.verdict, Verdict::Jump(to) if is_docker(to))).count()).sum::<usize>();
    Meaning {
        active,
        default_deny: denies(|chain| chain.ipv4) && (!ipv6_in_use || denies(|chain| chain.ipv6)),
        rules: i64::try_from(rules).unwrap_or(i64::MAX),
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

/// A packet that no rule speaks of is refused: by the policy, or by a rule for every packet.
fn denies_by_default(chain: &Chain, all: &[&Chain], depth: usize) -> bool {
    for rule in chain.rules.iter().filter(|rule| rule.always) {
        match &rule.verdict {
            Verdict::Refuse => return true,
            Verdict::Accept => return false,
            Verdict::Jump(to) => {
                if follow(chain, to, all, depth).is_some_and(|next| denies_by_default(next, all, depth + 1)) {
                    return true;
                }
            }
            Verdict::Other => {}
        }
    }
    chain.policy_refuses
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
    Some(chains.any(|chain| chain.rules.iter().any(|rule| !(rule.always && rule.verdict == Verdict::Other))))
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
        assert!(judge(&chains, false).default_deny);
    }

    #[test]
    fn dockers_chains_are_not_the_operators() {
        let docker = [
            chain("DOCKER", false, false, vec![rule(Verdict::Refuse, true)]),
            chain("DOCKER-USER", false, false, vec![rule(Verdict::Other, true)]),
            chain("INPUT", true, false, vec![rule(Verdict::Jump("DOCKER".to_owned()), true)]),
        ];
        let meaning = judge(&docker, false);
        assert_eq!(meaning, Meaning { docker_user_rules: Some(false), ..Meaning::default() });
        let user = [chain("DOCKER-USER", false, false, vec![rule(Verdict::Refuse, false), rule(Verdict::Other, true)])];
        assert_eq!(judge(&user, false).docker_user_rules, Some(true));
    }
}
