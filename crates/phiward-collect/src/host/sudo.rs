//! Who may become root through sudo, from sudoers(5).

use std::cmp::Ordering;
use std::collections::HashSet;
use std::io;

use super::accounts::members;
use super::dpkg_version::compare;
use super::facts::SudoFacts;
use super::packages::Packages;
use super::root::{Gaps, Root, why};

const MAIN: &str = "/etc/sudoers";
/// Files included by others at most this deep.
const MAX_DEPTH: usize = 8;
/// Most files read. Files that include each other double at every level.
const MAX_FILES: usize = 1000;
const TAGS: [&str; 15] = [
    "EXEC",
    "NOEXEC",
    "FOLLOW",
    "NOFOLLOW",
    "SETENV",
    "NOSETENV",
    "LOG_INPUT",
    "NOLOG_INPUT",
    "LOG_OUTPUT",
    "NOLOG_OUTPUT",
    "MAIL",
    "NOMAIL",
    "INTERCEPT",
    "NOINTERCEPT",
    "NOLOG",
];
const OPTIONS: [&str; 8] = ["ROLE", "TYPE", "PRIVS", "LIMITPRIVS", "NOTBEFORE", "NOTAFTER", "TIMEOUT", "CWD"];
const FROM_RULES: [&str; 3] = ["sudo.nopasswd_all", "sudo.use_pty", "sudo.logged"];

/// Reads the rules.
pub fn read(root: &Root, packages: Option<&Packages>, gaps: &mut Gaps) -> Option<SudoFacts> {
    let installed = ["/usr/bin/sudo", "/bin/sudo", "/usr/local/bin/sudo"].iter().any(|path| root.exists(path));
    let mut facts = SudoFacts { installed, ..SudoFacts::default() };
    for group in ["sudo", "wheel", "admin"] {
        if let Some(names) = gaps.keep("sudo.administrators", "/etc/group", members(root, group)) {
            facts.administrators.extend(names.unwrap_or_default());
        }
    }
    facts.administrators.sort();
    facts.administrators.dedup();
    if !installed {
        return Some(facts);
    }
    // From 1.9.14 on sudo runs commands in a terminal of their own unless told not to.
    let new = packages
        .and_then(|packages| packages.version("sudo"))
        .is_some_and(|version| compare(version, "1.9.14") != Ordering::Less);
    let mut rules = Rules { use_pty: new, syslog: true, ..Rules::default() };
    match lines(root, MAIN, 0, &mut 0) {
        Ok(lines) => lines.iter().for_each(|line| rules.line(line)),
        Err((path, error)) => {
            gaps.add_all(&FROM_RULES, &why(&path, &error));
            return Some(facts);
        }
    }
    facts.nopasswd_all = rules.nopasswd_all();
    facts.use_pty = rules.use_pty;
    facts.logged = rules.syslog || rules.own_log;
    Some(facts)
}

/// Logical lines of a file and of what it includes, in order.
fn lines(root: &Root, path: &str, depth: usize, files: &mut usize) -> Result<Vec<String>, (String, io::Error)> {
    let failed = |error: io::Error| (path.to_owned(), error);
    *files += 1;
    if *files > MAX_FILES {
        return Err(failed(io::Error::other(format!("more than {MAX_FILES} files are included, some many times"))));
    }
    let text = root.text(path).map_err(failed)?.unwrap_or_default();
    let mut found = Vec::new();
    for line in text.replace("\\\n", " ").lines() {
        let line = line.trim();
        let directive = |name: &str| {
            let rest = line.strip_prefix(['@', '#'])?.strip_prefix(name)?;
            rest.starts_with(char::is_whitespace).then(|| rest.trim().trim_matches('"').to_owned())
        };
        let near = |target: String| if target.starts_with('/') { target } else { format!("/etc/{target}") };
        if let Some(target) = directive("includedir") {
            if depth < MAX_DEPTH {
                let target = near(target);
                let names = root.list(&target).map_err(|error| (target.clone(), error))?;
                // sudo passes over names with a dot or a final tilde.
                for name in names.iter().filter(|name| !name.contains('.') && !name.ends_with('~')) {
                    found.extend(lines(root, &format!("{target}/{name}"), depth + 1, files)?);
                }
            }
        } else if let Some(target) = directive("include") {
            if depth < MAX_DEPTH {
                found.extend(lines(root, &near(target), depth + 1, files)?);
            }
        } else {
            let line = without_comment(line);
            if !line.is_empty() {
                found.push(line.to_owned());
            }
        }
    }
    Ok(found)
}

/// `#` starts a comment unless a number follows: then it is a user id.
fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    for (position, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '#' if !quoted && !line[position + 1..].starts_with(|c: char| c.is_ascii_digit()) => {
                return line[..position].trim_end();
            }
            _ => {}
        }
    }
    line
}

#[derive(Debug, Default)]
struct Rules {
    use_pty: bool,
    syslog: bool,
    own_log: bool,
    /// Nobody is asked for a password.
    no_authentication: bool,
    /// Names of command aliases that stand for every command.
    all_aliases: HashSet<String>,
    /// Who may run which commands without a password.
    nopasswd: Vec<(String, String)>,
}

impl Rules {
    fn line(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("Defaults") {
            // Only settings for everyone: a scope (`Defaults:ann`) sticks to the word.
            if rest.starts_with(char::is_whitespace) {
                split_outside_quotes(rest, ',').iter().for_each(|setting| self.setting(setting.trim()));
            }
            return;
        }
        if let Some(rest) = line.strip_prefix("Cmnd_Alias").or_else(|| line.strip_prefix("Cmd_Alias")) {
            for alias in split_outside_quotes(rest, ':') {
                if let Some((name, commands)) = alias.split_once('=')
                    && commands.split(',').any(|command| command.trim() == "ALL")
                {
                    self.all_aliases.insert(name.trim().to_owned());
                }
            }
            return;
        }
        if ["User_Alias", "Runas_Alias", "Host_Alias"].iter().any(|word| line.starts_with(word)) {
            return;
        }
        let Some((left, right)) = line.split_once('=') else { return };
        // The last word before `=` is the list of hosts; lists may have spaces after commas.
        let left = left.replace(", ", ",");
        let who = left.split_whitespace().next().unwrap_or_default().to_owned();
        if who.is_empty() {
            return;
        }
        self.commands(&who, right);
    }

    fn setting(&mut self, setting: &str) {
        let (negated, name) = match setting.strip_prefix('!') {
            Some(name) => (true, name.trim()),
            None => (false, setting),
        };
        let key = name.split(['=', '+', '-']).next().unwrap_or_default().trim();
        match key {
            "use_pty" => self.use_pty = !negated,
            "syslog" => self.syslog = !negated,
            "logfile" | "log_output" | "log_servers" => self.own_log |= !negated,
            "authenticate" => self.no_authentication = negated,
            _ => {}
        }
    }

    /// Commands of a rule. ` : HOST =` starts another list for the same user.
    fn commands(&mut self, who: &str, rule: &str) {
        let mut lists: Vec<String> = vec![String::new()];
        for part in rule.split(" : ") {
            match part.split_once('=') {
                Some((_, commands)) if lists.len() > 1 || lists.first().is_some_and(|list| !list.is_empty()) => {
                    lists.push(commands.to_owned())
                }
                _ => {
                    if let Some(list) = lists.last_mut() {
                        if !list.is_empty() {
                            list.push_str(" : ");
                        }
                        list.push_str(part);
                    }
                }
            }
        }
        lists.iter().for_each(|list| self.list(who, list));
    }

    /// One list of commands with their tags. A tag holds for the commands after it.
    fn list(&mut self, who: &str, list: &str) {
        let mut nopasswd = false;
        for item in outside_parentheses(list) {
            let mut item = item.trim();
            loop {
                if let Some(rest) = item.strip_prefix('(') {
                    item = rest.split_once(')').map_or("", |(_, rest)| rest).trim_start();
                    continue;
                }
                // Options such as `CWD=/` come before the tags.
                let word = item.split_whitespace().next().unwrap_or_default();
                if OPTIONS.iter().any(|option| word.strip_prefix(option).is_some_and(|rest| rest.starts_with('='))) {
                    item = item[word.len()..].trim_start();
                    continue;
                }
                let Some((tag, rest)) = item.split_once(':') else { break };
                match tag.trim() {
                    "NOPASSWD" => nopasswd = true,
                    "PASSWD" => nopasswd = false,
                    tag if TAGS.contains(&tag) => {}
                    _ => break,
                }
                item = rest.trim_start();
            }
            if nopasswd {
                self.nopasswd.push((who.to_owned(), item.trim().to_owned()));
            }
        }
    }

    fn nopasswd_all(&self) -> Vec<String> {
        let all = |command: &str| command == "ALL" || self.all_aliases.contains(command);
        let mut who: Vec<String> =
            self.nopasswd.iter().filter(|(_, command)| all(command)).map(|(who, _)| who.clone()).collect();
        if self.no_authentication {
            who.push("Defaults !authenticate".to_owned());
        }
        who.sort();
        who.dedup();
        who
    }
}

fn split_outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    text.split(|c: char| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
    .collect()
}

/// Splits at commas that are not in a list of users: `(root, ann) ALL, /bin/ls` has two parts.
fn outside_parentheses(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(|c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth <= 0
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    fn facts(files: &[(&str, &str)]) -> (SudoFacts, Gaps) {
        let tree = Tree::new(files);
        tree.write("usr/bin/sudo", b"");
        let mut gaps = Gaps::default();
        (read(&tree.root(), None, &mut gaps).unwrap(), gaps)
    }

    #[test]
    fn rules_of_many_forms() {
        let main = "Defaults env_reset, use_pty\nDefaults logfile=\"/var/log/sudo,x.log\", !syslog\nroot ALL=(ALL:ALL) ALL\n\
            %sudo ALL=(ALL:ALL) NOPASSWD: ALL\nann ALL = (root, bob) NOPASSWD:SETENV: /bin/ls, \\\n  ALL\n\
            bob ALL=(ALL) NOPASSWD: /bin/ls, PASSWD: ALL\n#1005 ALL=(ALL) NOPASSWD:ALL # comment\n# eve ALL=(ALL) NOPASSWD: ALL\n\
            Cmnd_Alias EVERY = ALL : FEW = /bin/ls\nops ALL=NOPASSWD: EVERY\nfew ALL=NOPASSWD: FEW\nzed web=/bin/ls : db=(root) CWD=/ NOPASSWD: ALL\nUser_Alias X = NOPASSWD\n@includedir /etc/sudoers.d\n";
        let (facts, gaps) = facts(&[
            ("etc/sudoers", main),
            ("etc/sudoers.d/90-cloud", "ubuntu ALL=(ALL) NOPASSWD:ALL\n"),
            ("etc/sudoers.d/off.bak", "off ALL=(ALL) NOPASSWD:ALL\n"),
            ("etc/sudoers.d/off~", "off ALL=(ALL) NOPASSWD:ALL\n"),
            ("etc/group", "sudo:x:27:ann\nwheel:x:10:bob,ann\n"),
        ]);
        assert_eq!(facts.nopasswd_all, ["#1005", "%sudo", "ann", "ops", "ubuntu", "zed"]);
        assert!(facts.use_pty && facts.logged && facts.installed);
        assert_eq!(facts.administrators, ["ann", "bob"]);
        assert!(gaps.into_vec().is_empty());
    }

    #[test]
    fn switches() {
        let (facts, _) = facts(&[("etc/sudoers", "Defaults !authenticate, !syslog\nDefaults:ann !use_pty\n")]);
        assert_eq!(facts.nopasswd_all, ["Defaults !authenticate"]);
        assert!(!facts.logged && !facts.use_pty);
    }

    #[test]
    fn odd_files_end() {
        let (facts, _) = facts(&[(
            "etc/sudoers",
            "@include /etc/sudoers\n=\n= ALL\nx = ((((\ny = )))), NOPASSWD: \u{fffd}\nDefaults\nCmnd_Alias\n#\n\"\n",
        )]);
        assert!(facts.nopasswd_all.is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_a_gap() {
        let (_, gaps) = facts(&[("etc/sudoers/x", "")]);
        assert!(gaps.reason("sudo.nopasswd_all").unwrap().contains("/etc/sudoers"));
        let facts = read(&Tree::new(&[]).root(), None, &mut Gaps::default()).unwrap();
        assert!(!facts.installed);
    }
}
