//! Rules of the kernel's audit, and the daemon that writes its records.

use std::collections::HashSet;
use std::path::Path;

use super::command::{Commands, RunError};
use super::facts::AuditFacts;
use super::processes::Processes;
use super::root::{Gaps, Root, why};

/// Audit rules, from the kernel or from the files it is loaded from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditRules {
    /// The kernel has these rules loaded now.
    pub live: bool,
    /// Rules cannot be changed before a restart.
    pub immutable: bool,
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Rule {
    /// Watched file or directory, without a trailing slash.
    path: Option<String>,
    /// What lies below `path` is watched too.
    below: bool,
    /// `rwxa` where nothing narrows it.
    permissions: String,
    /// System calls of a rule without a path.
    calls: Vec<String>,
    never: bool,
}

/// Audit rules of the machine: those in the kernel where they can be asked for, else those in /etc/audit. A machine
/// without any has none, and that is an answer.
///
/// # Errors
/// Why neither the kernel nor the files could be read, in words for the person who can mend it.
pub fn audit_rules(root: &Path, run_commands: bool) -> Result<AuditRules, String> {
    let root = Root::new(root);
    let commands = Commands::new(run_commands && root.is_live());
    rules(&root, commands)
}

/// As [`audit_rules`], below a root.
pub(super) fn rules(root: &Root, commands: Commands) -> Result<AuditRules, String> {
    match commands.stdout("auditctl", &["-l"]) {
        Ok(text) => {
            let mut rules = parse(&[text]);
            rules.live = true;
            if let Ok(status) = commands.stdout("auditctl", &["-s"]) {
                rules.immutable = status.lines().any(|line| line.split_whitespace().eq(["enabled", "2"]));
            }
            Ok(rules)
        }
        Err(RunError::Absent(_) | RunError::Disabled) => from_files(root),
        Err(error) => from_files(root).map_err(|files| format!("{error}; {files}")),
    }
}

fn from_files(root: &Root) -> Result<AuditRules, String> {
    let main = "/etc/audit/audit.rules";
    let mut texts: Vec<String> = Vec::new();
    texts.extend(root.text(main).map_err(|error| why(main, &error))?);
    for (path, text) in root.drop_ins("/etc/audit/rules.d", "rules") {
        texts.push(text.map_err(|error| why(&path, &error))?);
    }
    Ok(parse(&texts))
}

pub(super) fn parse(texts: &[String]) -> AuditRules {
    let mut rules = AuditRules::default();
    let mut seen: HashSet<Rule> = HashSet::new();
    for line in texts.iter().flat_map(|text| text.lines()).map(str::trim).filter(|line| !line.starts_with('#')) {
        if line.split_whitespace().eq(["-e", "2"]) {
            rules.immutable = true;
        }
        if let Some(rule) = rule(line)
            && seen.insert(rule.clone())
        {
            rules.rules.push(rule);
        }
    }
    rules
}

/// `-w PATH -p wa -k KEY`, or `-a always,exit -F path=PATH -F perm=wa -S open`.
fn rule(line: &str) -> Option<Rule> {
    let mut words = line.split_whitespace();
    let mut rule = Rule { permissions: "rwxa".to_owned(), ..Rule::default() };
    let mut kind = "";
    while let Some(word) = words.next() {
        match word {
            "-w" => {
                kind = "watch";
                rule.path = Some(plain(words.next()?));
                // The kernel watches what lies below a directory that is given to -w.
                rule.below = true;
            }
            "-p" => words.next()?.clone_into(&mut rule.permissions),
            "-a" | "-A" => {
                kind = "list";
                let list = words.next()?;
                rule.never = list.split(',').any(|part| part == "never");
                // Rules of the exclude and user lists watch no files or calls.
                if !list.split(',').any(|part| part == "exit" || part == "filesystem") {
                    return None;
                }
            }
            "-S" => rule.calls.extend(words.next()?.split(',').map(str::to_owned)),
            "-F" => {
                let field = words.next()?;
                if let Some(path) = field.strip_prefix("path=") {
                    rule.path = Some(plain(path));
                } else if let Some(path) = field.strip_prefix("dir=") {
                    rule.path = Some(plain(path));
                    rule.below = true;
                } else if let Some(permissions) = field.strip_prefix("perm=") {
                    permissions.clone_into(&mut rule.permissions);
                }
            }
            "-k" => {
                words.next();
            }
            _ => {}
        }
    }
    (!kind.is_empty() && (rule.path.is_some() || !rule.calls.is_empty())).then_some(rule)
}

fn plain(path: &str) -> String {
    let path = path.trim_matches('"');
    if path.len() > 1 { path.trim_end_matches('/').to_owned() } else { path.to_owned() }
}

impl Rule {
    /// Changes are recorded: content (`w`) or attributes (`a`). Watching only reads or executions does not.
    fn records_changes(&self) -> bool {
        self.permissions.contains(['w', 'a'])
    }

    fn covers(&self, path: &str) -> bool {
        let Some(watched) = &self.path else { return false };
        if watched == path {
            return true;
        }
        let dir = watched.trim_end_matches('/');
        self.below && path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl AuditRules {
    /// Changes of the file or directory at `path` are recorded: by a rule on it or on a directory above it.
    pub fn watches(&self, path: &str) -> bool {
        let path = plain(path);
        // Rules are tried in order and the first that fits decides.
        self.rules.iter().find(|rule| rule.covers(&path) && rule.records_changes()).is_some_and(|rule| !rule.never)
    }

    /// Number of rules that record something.
    pub fn len(&self) -> usize {
        self.rules.iter().filter(|rule| !rule.never).count()
    }

    /// No rule records anything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Paths watched, sorted.
    pub fn watched(&self) -> Vec<String> {
        let mut paths: Vec<String> = self
            .rules
            .iter()
            .filter(|rule| !rule.never && rule.records_changes())
            .filter_map(|rule| rule.path.clone())
            .collect();
        paths.sort();
        paths.dedup();
        paths
    }

    /// A system call is recorded, whatever file it is about.
    fn records_call(&self, names: &[&str]) -> bool {
        self.rules.iter().any(|rule| {
            !rule.never && rule.path.is_none() && rule.calls.iter().any(|call| names.contains(&call.as_str()))
        })
    }
}

/// Reads the audit facts.
pub fn read(root: &Root, commands: Commands, processes: Option<&Processes>, gaps: &mut Gaps) -> Option<AuditFacts> {
    let installed = ["/usr/sbin/auditd", "/sbin/auditd"].iter().any(|path| root.exists(path));
    let running = processes.map(|processes| processes.running("auditd") || processes.running("auditbeat"));
    if running.is_none() {
        gaps.add("audit.running", "the process table could not be read");
    }
    let mut facts = AuditFacts { installed, running: running.unwrap_or(false), ..AuditFacts::default() };
    match rules(root, commands) {
        Ok(rules) => fill(&rules, &mut facts),
        Err(why) => {
            let paths = [
                "audit.rules",
                "audit.live",
                "audit.watched",
                "audit.watches_identity",
                "audit.watches_sudoers",
                "audit.watches_time_change",
                "audit.watches_logins",
                "audit.immutable",
            ];
            gaps.add_all(&paths, &why);
        }
    }
    let path = "/etc/audit/auditd.conf";
    if let Some(text) = gaps.keep("audit.max_log_file_action", path, root.text(path)) {
        facts.max_log_file_action = log_action(&text.unwrap_or_default());
    }
    Some(facts)
}

pub(super) fn fill(rules: &AuditRules, facts: &mut AuditFacts) {
    facts.live = rules.live;
    facts.immutable = rules.immutable;
    facts.rules = i64::try_from(rules.len()).unwrap_or(i64::MAX);
    facts.watched = rules.watched();
    let all = |paths: &[&str]| paths.iter().all(|path| rules.watches(path));
    facts.watches_identity = all(&["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow"]);
    facts.watches_sudoers = all(&["/etc/sudoers", "/etc/sudoers.d"]);
    facts.watches_time_change =
        rules.records_call(&["settimeofday", "adjtimex", "clock_settime"]) || rules.watches("/etc/localtime");
    facts.watches_logins = [
        "/var/log/lastlog",
        "/var/log/wtmp",
        "/var/log/btmp",
        "/var/run/faillock",
        "/run/faillock",
        "/var/run/utmp",
        "/var/log/tallylog",
    ]
    .iter()
    .any(|path| rules.watches(path));
}

fn log_action(text: &str) -> String {
    text.lines()
        .filter_map(|line| line.trim().split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case("max_log_file_action"))
        .map(|(_, value)| value.trim().to_ascii_lowercase())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    const RULES: &str = "-D\n-b 8192\n# -w /etc/hosts -p wa\n-w /etc/passwd -p wa -k identity\n-w /etc/shadow -p wa\n-w /etc/group -p wa\n-w /etc/gshadow -p wa\n\
        -w /etc/docker/ -k docker\n-a always,exit -F path=/usr/bin/dockerd -F perm=wa -k docker\n-a always,exit -F arch=b64 -F dir=/var/lib/docker -F perm=wa -F key=d\n\
        -a always,exit -F arch=b64 -S adjtimex,settimeofday -k time\n-a never,exit -F dir=/var/lib/docker/tmp -F perm=wa\n-w /usr/bin/runc -p x -k exec\n\
        -a always,exclude -F msgtype=CWD\n-w /var/log/wtmp -p wa\n-w\n-e 2\n";

    fn rules() -> AuditRules {
        parse(&[RULES.to_owned()])
    }

    #[test]
    fn watches_reach_what_lies_below() {
        let rules = rules();
        for path in [
            "/etc/passwd",
            "/etc/docker",
            "/etc/docker/daemon.json",
            "/etc/docker/",
            "/usr/bin/dockerd",
            "/var/lib/docker/volumes",
        ] {
            assert!(rules.watches(path), "{path}");
        }
        for path in ["/etc/hosts", "/etc/dockerx", "/etc", "/usr/bin/runc", "/usr/bin/dockerd/x", ""] {
            assert!(!rules.watches(path), "{path}");
        }
        assert!(rules.immutable && !rules.live);
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let rules = parse(&["-a never,exit -F dir=/etc/docker/tmp\n-w /etc/docker -p wa\n".to_owned()]);
        assert!(rules.watches("/etc/docker/x") && !rules.watches("/etc/docker/tmp/x"));
        assert!(parse(&["-w / -p wa".to_owned()]).watches("/etc/x"));
    }

    #[test]
    fn what_is_recorded() {
        let mut facts = AuditFacts::default();
        fill(&rules(), &mut facts);
        assert!(facts.watches_identity && facts.watches_time_change && facts.watches_logins && !facts.watches_sudoers);
        assert_eq!(facts.rules, 10);
        assert!(
            facts.watched.contains(&"/etc/docker".to_owned()) && !facts.watched.contains(&"/usr/bin/runc".to_owned())
        );
        let mut none = AuditFacts::default();
        fill(&parse(&["No rules\n".to_owned()]), &mut none);
        assert_eq!(none, AuditFacts::default());
    }

    #[test]
    fn rules_in_files() {
        let tree = Tree::new(&[
            ("etc/audit/rules.d/10.rules", "-w /etc/docker -p wa\n"),
            ("etc/audit/audit.rules", "-w /etc/docker -p wa\n-w /x\n"),
        ]);
        let rules = audit_rules(tree.path(), true).unwrap();
        assert_eq!((rules.len(), rules.live), (2, false));
        assert!(audit_rules(Tree::new(&[]).path(), false).unwrap().is_empty());
        let odd = Tree::new(&[("etc/audit/audit.rules/x", "")]);
        assert!(audit_rules(odd.path(), false).unwrap_err().contains("/etc/audit/audit.rules"));
        let mut gaps = Gaps::default();
        read(&odd.root(), Commands::new(false), None, &mut gaps);
        assert!(gaps.reason("audit.watches_identity").is_some());
    }

    #[test]
    fn the_daemons_file() {
        assert_eq!(log_action("# max_log_file_action = x\nmax_log_file_action = KEEP_LOGS\n"), "keep_logs");
        assert_eq!(log_action("log_file\n"), "");
    }
}
