//! Stacks of PAM modules (pam.conf(5)), as far as password policy and lockout need them.

use super::root::{Gaps, Root, why};

/// Files that hold the common stacks, by distribution.
const FILES: [&str; 4] = ["common-password", "common-auth", "system-auth", "password-auth"];

/// One line of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `auth`, `account`, `password` or `session`.
    pub kind: String,
    /// `required`, `sufficient`, `[success=1 default=ignore]`, …
    pub control: String,
    /// Without directory and `.so`: `pam_unix`.
    pub module: String,
    pub args: Vec<String>,
}

impl Rule {
    /// Value of `name=value`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.args.iter().rev().find_map(|arg| arg.strip_prefix(name)?.strip_prefix('='))
    }

    /// Numeric value of `name=value`.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.value(name)?.parse().ok()
    }
}

/// The rules of the common stacks. `None`, with a gap at each of `paths`, when there are none or one cannot be read.
pub fn common(root: &Root, paths: &[&str], gaps: &mut Gaps) -> Option<Vec<Rule>> {
    let mut rules = Vec::new();
    let mut found = false;
    for name in FILES {
        let path = format!("/etc/pam.d/{name}");
        match root.text(&path) {
            Ok(Some(text)) => {
                found = true;
                rules.extend(parse(&text));
            }
            Ok(None) => {}
            Err(error) => {
                gaps.add_all(paths, &why(&path, &error));
                return None;
            }
        }
    }
    if !found {
        gaps.add_all(paths, "no common PAM stack is known here (common-password, common-auth, system-auth, password-auth in /etc/pam.d)");
        return None;
    }
    Some(rules)
}

/// Rules of one file. Includes and comments are left out.
pub fn parse(text: &str) -> Vec<Rule> {
    text.replace("\\\n", " ").lines().filter_map(rule).collect()
}

fn rule(line: &str) -> Option<Rule> {
    let line = line.split('#').next()?.trim();
    let (kind, rest) = line.split_once(char::is_whitespace)?;
    let kind = kind.trim_start_matches('-').to_ascii_lowercase();
    if !matches!(kind.as_str(), "auth" | "account" | "password" | "session") {
        return None;
    }
    let rest = rest.trim_start();
    let (control, rest) = match rest.strip_prefix('[') {
        Some(inner) => inner.split_once(']')?,
        None => rest.split_once(char::is_whitespace)?,
    };
    let mut words = rest.split_whitespace();
    let module = words.next()?;
    let module = module.rsplit('/').next().unwrap_or(module).trim_end_matches(".so");
    Some(Rule {
        kind,
        control: control.trim().to_ascii_lowercase(),
        module: module.to_owned(),
        args: words.map(str::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_all_forms() {
        let text = "# c\npassword requisite pam_pwquality.so retry=3 minlen=14\n-auth [success=2 default=ignore] /lib/security/pam_unix.so nullok # x\n\
            @include common-account\nauth required \\\n pam_faillock.so preauth deny=5\nauth [open\nfoo required pam_x.so\nauth\n";
        let rules = parse(text);
        assert_eq!(rules.len(), 3);
        assert_eq!((rules[0].module.as_str(), rules[0].number("minlen")), ("pam_pwquality", Some(14)));
        assert_eq!(
            (rules[1].kind.as_str(), rules[1].module.as_str(), rules[1].control.as_str()),
            ("auth", "pam_unix", "success=2 default=ignore")
        );
        assert_eq!(rules[2].number("deny"), Some(5));
        assert_eq!(rules[2].number("preauth"), None);
    }
}
