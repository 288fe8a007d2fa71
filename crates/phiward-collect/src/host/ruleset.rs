//! Packet filter rules in one shape, whichever program printed them, and what they mean for what comes in.

use std::collections::HashMap;

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
    let rules = Rules::new(chains);
    let inputs: Vec<usize> = rules.own.iter().enumerate().filter(|(_, chain)| chain.input).map(|(at, _)| at).collect();
    let reached = rules.reached(&inputs);
    let mut defaults = vec![First::Unknown; rules.own.len()];
    let mut denies = |wanted: fn(&Chain) -> bool| {
        inputs.iter().any(|at| wanted(rules.own[*at]) && rules.denies_by_default(*at, &mut defaults))
    };
    Meaning {
        active: rules.refuses(&reached),
        default_deny: denies(|chain| chain.ipv4) && (!ipv6_in_use || denies(|chain| chain.ipv6)),
        rules: i64::try_from(rules.count(&reached)).unwrap_or(i64::MAX),
        docker_user_rules: docker_user(chains),
    }
}

fn is_docker(chain: &str) -> bool {
    chain == "DOCKER" || chain.starts_with("DOCKER-")
}

/// What the first rule for every packet does in a chain.
#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    Unknown,
    /// It is being looked into. The kernel refuses loops of chains; a text need not.
    Open,
    Refuses,
    Accepts,
    /// There is no such rule.
    None,
}

/// Chains without Docker's, found by name. Every chain is looked into once, however many rules jump to it: rules in
/// which each chain jumps to the next one several times would take for ever otherwise.
struct Rules<'a> {
    own: Vec<&'a Chain>,
    index: HashMap<(&'a str, &'a str), usize>,
}

impl<'a> Rules<'a> {
    fn new(chains: &'a [Chain]) -> Self {
        let own: Vec<&Chain> = chains.iter().filter(|chain| !is_docker(&chain.name)).collect();
        let mut index = HashMap::new();
        for (at, chain) in own.iter().enumerate() {
            index.entry((chain.table.as_str(), chain.name.as_str())).or_insert(at);
        }
        Rules { own, index }
    }

    /// The chain of the same table that a rule jumps to.
    fn follow(&self, from: usize, to: &str) -> Option<usize> {
        self.index.get(&(self.own[from].table.as_str(), to)).copied()
    }

    /// The input chains and all chains reached from them, each once.
    fn reached(&self, inputs: &[usize]) -> Vec<usize> {
        let mut seen = vec![false; self.own.len()];
        let mut reached = Vec::new();
        let mut waiting = inputs.to_vec();
        while let Some(at) = waiting.pop() {
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            reached.push(at);
            for rule in &self.own[at].rules {
                if let Verdict::Jump(to) = &rule.verdict {
                    waiting.extend(self.follow(at, to));
                }
            }
        }
        reached
    }

    /// Some packet is refused by one of these chains.
    fn refuses(&self, reached: &[usize]) -> bool {
        reached
            .iter()
            .map(|at| self.own[*at])
            .any(|chain| chain.policy_refuses || chain.rules.iter().any(|rule| rule.verdict == Verdict::Refuse))
    }

    /// Rules of these chains.
    fn count(&self, reached: &[usize]) -> usize {
        let dockers = |rule: &&Rule| matches!(&rule.verdict, Verdict::Jump(to) if is_docker(to));
        reached.iter().map(|at| self.own[*at].rules.iter().filter(|rule| !dockers(rule)).count()).sum()
    }

    /// A packet that no narrower rule speaks of is refused: by a rule for every packet, or by the policy.
    fn denies_by_default(&self, at: usize, known: &mut [First]) -> bool {
        match self.default_of(at, 0, known) {
            First::Refuses => true,
            First::Accepts => false,
            _ => self.own[at].policy_refuses,
        }
    }

    fn default_of(&self, at: usize, depth: usize, known: &mut [First]) -> First {
        if known[at] != First::Unknown {
            return known[at];
        }
        // The kernel follows at most 16 jumps. What lies deeper is not looked at, and so nothing good is said of it.
        if depth > 16 {
            return First::Accepts;
        }
        known[at] = First::Open;
        let mut found = First::None;
        for rule in self.own[at].rules.iter().filter(|rule| rule.always) {
            found = match &rule.verdict {
                Verdict::Refuse => First::Refuses,
                Verdict::Accept => First::Accepts,
                Verdict::Return => break,
                Verdict::Other => continue,
                Verdict::Jump(to) => {
                    let inside = self.follow(at, to).map(|next| self.default_of(next, depth + 1, known));
                    match inside {
                        Some(decided @ (First::Refuses | First::Accepts)) => decided,
                        _ => continue,
                    }
                }
            };
            break;
        }
        known[at] = found;
        found
    }
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
