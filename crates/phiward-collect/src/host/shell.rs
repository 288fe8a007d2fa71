//! Time after which idle shells end (`TMOUT`), from the start-up files of all shells.

use super::facts::ShellTimeout;
use super::root::{Gaps, Root};

/// Start-up files of login shells and of interactive shells, in the order they run, with their text. Unreadable ones
/// are left out: shells of ordinary users cannot read them either.
pub fn start_up_files(root: &Root) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut add = |path: &str| {
        if let Ok(Some(text)) = root.text(path) {
            files.push((path.to_owned(), text));
        }
    };
    add("/etc/profile");
    for name in root.list("/etc/profile.d").unwrap_or_default() {
        if name.ends_with(".sh") {
            add(&format!("/etc/profile.d/{name}"));
        }
    }
    add("/etc/bash.bashrc");
    add("/etc/bashrc");
    files
}

/// Reads `TMOUT`.
pub fn read(root: &Root, gaps: &mut Gaps) -> Option<ShellTimeout> {
    if let Err(error) = root.list("/etc") {
        gaps.add("shell_timeout", format!("cannot list /etc: {error}"));
        return None;
    }
    let mut timeout = ShellTimeout::default();
    for (_, text) in start_up_files(root) {
        scan(&text, &mut timeout);
    }
    Some(timeout)
}

/// A later assignment replaces an earlier one, unless the variable was read-only by then.
fn scan(text: &str, timeout: &mut ShellTimeout) {
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        for command in line.split([';', '&', '|']) {
            let command = command.trim();
            let mut words = command.split_whitespace();
            let readonly = match words.clone().next() {
                Some("readonly") => true,
                Some("declare" | "typeset") => words.clone().any(|word| word.starts_with('-') && word.contains('r')),
                _ => false,
            };
            let locked = timeout.tmout_readonly;
            if let Some(value) = words.clone().find_map(|word| word.strip_prefix("TMOUT=")) {
                let value = value.trim_matches(['"', '\'']);
                if let Ok(seconds) = value.parse::<i64>()
                    && !locked
                {
                    timeout.tmout_seconds = seconds.max(0);
                }
                timeout.tmout_readonly |= readonly;
            } else if readonly && words.any(|word| word == "TMOUT") {
                timeout.tmout_readonly = true;
            }
            if command == "unset TMOUT" && !locked {
                timeout.tmout_seconds = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    fn timeout(text: &str) -> (i64, bool) {
        let tree = Tree::new(&[("etc/profile.d/tmout.sh", text)]);
        let facts = read(&tree.root(), &mut Gaps::default()).unwrap();
        (facts.tmout_seconds, facts.tmout_readonly)
    }

    #[test]
    fn forms_of_the_assignment() {
        assert_eq!(timeout("TMOUT=900\nreadonly TMOUT\nexport TMOUT\n"), (900, true));
        assert_eq!(timeout("readonly TMOUT=600 ; export TMOUT\n"), (600, true));
        assert_eq!(timeout("declare -xr TMOUT=\"300\"\n"), (300, true));
        assert_eq!(timeout("export TMOUT=900"), (900, false));
        assert_eq!(timeout("# TMOUT=900\nMYTMOUT=3\nTMOUT=$X\n"), (0, false));
        assert_eq!(timeout("TMOUT=900\nunset TMOUT\n"), (0, false));
        assert_eq!(timeout("readonly TMOUT=900\nTMOUT=0\n"), (900, true));
    }

    #[test]
    fn nothing_set_is_zero() {
        let tree = Tree::new(&[("etc/profile", "PATH=/bin\n"), ("etc/profile.d/x.csh", "TMOUT=5\n")]);
        assert_eq!(read(&tree.root(), &mut Gaps::default()), Some(ShellTimeout::default()));
    }
}
