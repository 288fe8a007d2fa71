//! Password ageing, quality and lockout for local accounts.

use std::collections::HashMap;

use super::facts::PasswordPolicy;
use super::pam::{self, Rule};
use super::root::{Gaps, Root, why};
use super::shell::start_up_files;

const FROM_PAM: [&str; 7] = [
    "passwords.quality_module",
    "passwords.min_length",
    "passwords.min_classes",
    "passwords.remember",
    "passwords.lockout",
    "passwords.lockout_after",
    "passwords.lockout_seconds",
];

/// Reads the policy in force for new passwords.
pub fn read(root: &Root, gaps: &mut Gaps) -> Option<PasswordPolicy> {
    let mut policy = PasswordPolicy::default();
    match root.text("/etc/login.defs") {
        Ok(text) => login_defs(&text.unwrap_or_default(), &mut policy),
        Err(error) => {
            let paths = [
                "passwords.max_days",
                "passwords.min_days",
                "passwords.warn_days",
                "passwords.encrypt_method",
                "passwords.umask",
            ];
            gaps.add_all(&paths, &why("/etc/login.defs", &error));
        }
    }
    // Start-up files of shells run after PAM, so their umask is the one in force.
    let shell = start_up_files(root).iter().rev().find_map(|(_, text)| umask(text));
    if let Some(mask) = shell.or_else(|| policy.umask.as_deref().and_then(octal)) {
        policy.umask = Some(format!("{mask:04o}"));
        policy.umask_within_027 = Some(mask & 0o027 == 0o027);
    }
    if let Some(rules) = pam::common(root, &FROM_PAM, gaps) {
        quality(root, &rules, &mut policy, gaps);
        lockout(root, &rules, &mut policy, gaps);
    }
    match root.text("/etc/pam.d/su") {
        Ok(Some(text)) => {
            let strict = |rule: &Rule| {
                rule.kind == "auth"
                    && rule.module == "pam_wheel"
                    && matches!(rule.control.as_str(), "required" | "requisite")
            };
            policy.su_restricted = Some(pam::parse(&text).iter().any(strict));
        }
        Ok(None) => {}
        Err(error) => gaps.add("passwords.su_restricted", why("/etc/pam.d/su", &error)),
    }
    Some(policy)
}

fn login_defs(text: &str, policy: &mut PasswordPolicy) {
    let mut values: HashMap<&str, &str> = HashMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        if let (Some(key), Some(value)) = (words.next(), words.next()) {
            values.insert(key, value.trim_matches('"'));
        }
    }
    let number = |key: &str| values.get(key)?.parse::<i64>().ok();
    policy.max_days = number("PASS_MAX_DAYS");
    policy.min_days = number("PASS_MIN_DAYS");
    policy.warn_days = number("PASS_WARN_AGE");
    policy.encrypt_method = values.get("ENCRYPT_METHOD").map(|method| (*method).to_owned()).unwrap_or_default();
    policy.umask = values.get("UMASK").map(|mask| (*mask).to_owned());
}

/// The last `umask` command of a start-up file that stands on its own or in a condition.
fn umask(text: &str) -> Option<u32> {
    text.lines()
        .filter_map(|line| {
            line.trim().strip_prefix("umask ").and_then(|rest| octal(rest.split([' ', ';', '#']).next()?))
        })
        .next_back()
}

fn octal(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim(), 8).ok().filter(|mask| *mask <= 0o777)
}

/// Settings `key = value` of a module's file; a later one replaces an earlier one. A key alone is a switch.
fn settings(text: &str, into: &mut HashMap<String, String>) {
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, "1"));
        into.insert(key.trim().to_owned(), value.trim().to_owned());
    }
}

fn quality(root: &Root, rules: &[Rule], policy: &mut PasswordPolicy, gaps: &mut Gaps) {
    let of = |module: &str| rules.iter().find(|rule| rule.kind == "password" && rule.module == module);
    let pwquality = of("pam_pwquality");
    let cracklib = of("pam_cracklib");
    let passwdqc = of("pam_passwdqc");
    policy.quality_module = Some(pwquality.is_some() || cracklib.is_some() || passwdqc.is_some());

    if let Some(rule) = pwquality.or(cracklib) {
        let mut values = HashMap::new();
        if pwquality.is_some() {
            let mut texts = Vec::new();
            for (path, text) in root.drop_ins("/etc/security/pwquality.conf.d", "conf") {
                match text {
                    Ok(text) => texts.push(text),
                    Err(error) => gaps.add_all(&["passwords.min_length", "passwords.min_classes"], &why(&path, &error)),
                }
            }
            let main = "/etc/security/pwquality.conf";
            if let Some(text) = gaps.keep("passwords.min_length", main, root.text(main)) {
                // The library reads the directory first and the file last.
                texts.push(text.unwrap_or_default());
            }
            for text in &texts {
                settings(text, &mut values);
            }
        }
        // Arguments of the module come after every file.
        for arg in &rule.args {
            settings(arg, &mut values);
        }
        let number = |key: &str| values.get(key).and_then(|value| value.parse::<i64>().ok());
        policy.min_length = Some(number("minlen").unwrap_or(if pwquality.is_some() { 8 } else { 9 }));
        let required = ["dcredit", "ucredit", "lcredit", "ocredit"]
            .iter()
            .filter(|key| number(key).is_some_and(|n| n < 0))
            .count();
        policy.min_classes = Some(number("minclass").unwrap_or(0).max(i64::try_from(required).unwrap_or(0)));
    } else if passwdqc.is_some() {
        // passwdqc asks for different lengths by kind of password, so there is no one number.
        let why = "pam_passwdqc has no single minimum length or number of classes";
        gaps.add_all(&["passwords.min_length", "passwords.min_classes"], why);
    } else {
        policy.min_length = Some(of("pam_unix").and_then(|rule| rule.number("minlen")).unwrap_or(6));
        policy.min_classes = Some(0);
    }

    let history = of("pam_pwhistory").map(|rule| {
        let mut values = HashMap::new();
        settings(&root.text("/etc/security/pwhistory.conf").ok().flatten().unwrap_or_default(), &mut values);
        rule.number("remember").or_else(|| values.get("remember")?.parse().ok()).unwrap_or(10)
    });
    let unix = of("pam_unix").and_then(|rule| rule.number("remember")).unwrap_or(0);
    policy.remember = Some(history.unwrap_or(0).max(unix));
}

fn lockout(root: &Root, rules: &[Rule], policy: &mut PasswordPolicy, gaps: &mut Gaps) {
    let of = |modules: &[&str]| {
        rules.iter().filter(|rule| rule.kind == "auth" && modules.contains(&rule.module.as_str())).collect::<Vec<_>>()
    };
    let faillock = of(&["pam_faillock"]);
    let tally = of(&["pam_tally2", "pam_tally"]);
    policy.lockout = Some(!faillock.is_empty() || !tally.is_empty());
    if !faillock.is_empty() {
        let path = "/etc/security/faillock.conf";
        let mut values = HashMap::new();
        match root.text(path) {
            Ok(text) => settings(&text.unwrap_or_default(), &mut values),
            Err(error) => {
                gaps.add_all(&["passwords.lockout_after", "passwords.lockout_seconds"], &why(path, &error));
                return;
            }
        }
        let argument = |key: &str| faillock.iter().find_map(|rule| rule.number(key));
        let number = |key: &str| argument(key).or_else(|| values.get(key)?.parse().ok());
        policy.lockout_after = Some(number("deny").unwrap_or(3));
        let never = values.get("unlock_time").is_some_and(|value| value == "never")
            || faillock.iter().any(|rule| rule.value("unlock_time") == Some("never"));
        policy.lockout_seconds = Some(if never { 0 } else { number("unlock_time").unwrap_or(600) });
        if policy.lockout_after == Some(0) {
            policy.lockout = Some(false);
        }
    } else if !tally.is_empty() {
        let number = |key: &str| tally.iter().find_map(|rule| rule.number(key));
        policy.lockout_after = number("deny");
        policy.lockout_seconds = Some(number("unlock_time").unwrap_or(0));
        // Without `deny` the module counts and never refuses.
        policy.lockout = Some(policy.lockout_after.is_some_and(|after| after > 0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    fn policy(files: &[(&str, &str)]) -> (PasswordPolicy, Gaps) {
        let mut gaps = Gaps::default();
        (read(&Tree::new(files).root(), &mut gaps).unwrap(), gaps)
    }

    #[test]
    fn a_hardened_debian() {
        let (policy, gaps) = policy(&[
            (
                "etc/login.defs",
                "# PASS_MAX_DAYS 1\nPASS_MAX_DAYS\t90\nPASS_MIN_DAYS 1\nPASS_WARN_AGE 7\nENCRYPT_METHOD YESCRYPT\nUMASK 022\n",
            ),
            ("etc/profile", "if true; then\n  umask 077 # private\nfi\n"),
            (
                "etc/pam.d/common-password",
                "password requisite pam_pwquality.so retry=3 minlen=16\npassword required pam_pwhistory.so remember=24\npassword [success=1] pam_unix.so\n",
            ),
            ("etc/security/pwquality.conf", "minlen = 12\ndcredit=-1\nucredit = -1\n# minclass = 4\n"),
            ("etc/security/pwquality.conf.d/50.conf", "minclass = 3\n"),
            (
                "etc/pam.d/common-auth",
                "auth required pam_faillock.so preauth\nauth [default=die] pam_faillock.so authfail\n",
            ),
            ("etc/security/faillock.conf", "deny = 5\nunlock_time = 900\nsilent\n"),
            ("etc/pam.d/su", "auth required pam_wheel.so use_uid\n"),
        ]);
        assert_eq!((policy.max_days, policy.min_days, policy.warn_days), (Some(90), Some(1), Some(7)));
        assert_eq!((policy.min_length, policy.min_classes, policy.remember), (Some(16), Some(3), Some(24)));
        assert_eq!((policy.lockout, policy.lockout_after, policy.lockout_seconds), (Some(true), Some(5), Some(900)));
        assert_eq!((policy.umask.as_deref(), policy.umask_within_027), (Some("0077"), Some(true)));
        assert_eq!((policy.su_restricted, policy.encrypt_method.as_str()), (Some(true), "YESCRYPT"));
        assert!(gaps.into_vec().is_empty());
    }

    #[test]
    fn a_plain_debian() {
        let (policy, _) = policy(&[
            ("etc/login.defs", "UMASK 022\n"),
            ("etc/pam.d/common-password", "password [success=1 default=ignore] pam_unix.so obscure yescrypt\n"),
            ("etc/pam.d/common-auth", "auth [success=1 default=ignore] pam_unix.so nullok\n"),
            ("etc/pam.d/su", "# auth required pam_wheel.so\n"),
        ]);
        assert_eq!((policy.quality_module, policy.min_length, policy.min_classes), (Some(false), Some(6), Some(0)));
        assert_eq!((policy.remember, policy.lockout, policy.lockout_after), (Some(0), Some(false), None));
        assert_eq!((policy.umask.as_deref(), policy.umask_within_027), (Some("0022"), Some(false)));
        assert_eq!((policy.su_restricted, policy.max_days), (Some(false), None));
    }

    #[test]
    fn counting_without_refusing_is_no_lockout() {
        let (tally, _) = policy(&[("etc/pam.d/system-auth", "auth required pam_tally2.so onerr=fail\n")]);
        assert_eq!(tally.lockout, Some(false));
        let files = [("etc/pam.d/system-auth", "auth required pam_faillock.so deny=4 unlock_time=never\n")];
        let (never, _) = policy(&files);
        assert_eq!((never.lockout_after, never.lockout_seconds), (Some(4), Some(0)));
    }

    #[test]
    fn a_machine_without_pam_is_a_gap() {
        let (policy, gaps) = policy(&[]);
        assert_eq!((policy.quality_module, policy.lockout), (None, None));
        assert!(gaps.reason("passwords.lockout").unwrap().contains("PAM"));
    }

    #[test]
    fn odd_masks() {
        assert_eq!(umask("umask 9\numask 0022x\numask"), None);
        assert_eq!(umask("umask 022\n umask 027;\nxumask 000\n# umask 000"), Some(0o027));
    }
}
