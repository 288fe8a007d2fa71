//! Local accounts: passwd, shadow, group. Password hashes never leave this module; only what they say about
//! themselves (empty, locked, weak) does.

use std::collections::{HashMap, HashSet};
use std::io;

use jiff::Timestamp;

use super::facts::AccountFacts;
use super::root::{Gaps, Root, why};
use crate::storage::{Mounts, PathProbe};

const NO_LOGIN: [&str; 7] = ["nologin", "false", "sync", "shutdown", "halt", "true", "git-shell"];
/// First uid of ordinary users.
const FIRST_USER: i64 = 1000;
const OLD_DAYS: i64 = 365;
/// A maximum age from here on is none.
const NO_MAXIMUM: i64 = 99_999;
const FROM_SHADOW: [&str; 5] = [
    "accounts.empty_password",
    "accounts.old_password",
    "accounts.never_expires",
    "accounts.weak_hash",
    "accounts.root_password_set",
];

/// One line of passwd.
#[derive(Debug, Clone, PartialEq, Eq)]
struct User<'a> {
    name: &'a str,
    password: &'a str,
    uid: i64,
    home: &'a str,
    shell: &'a str,
}

impl User<'_> {
    /// An empty shell field stands for /bin/sh.
    fn can_log_in(&self) -> bool {
        let program = self.shell.rsplit('/').next().unwrap_or_default();
        !NO_LOGIN.contains(&program)
    }
}

/// Reads the accounts.
pub fn read(root: &Root, mounts: &io::Result<Mounts>, now: Timestamp, gaps: &mut Gaps) -> Option<AccountFacts> {
    let passwd = match root.text("/etc/passwd") {
        Ok(Some(text)) => text,
        Ok(None) => {
            gaps.add("accounts", "there is no /etc/passwd");
            return None;
        }
        Err(error) => {
            gaps.add("accounts", why("/etc/passwd", &error));
            return None;
        }
    };
    let users = users(&passwd);
    let mut facts = from_passwd(&users);
    let group = root.text("/etc/group").ok().flatten().unwrap_or_default();
    facts.legacy_plus_entries = plus(&passwd) || plus(&group);
    match root.text("/etc/shadow") {
        Ok(Some(text)) => {
            facts.legacy_plus_entries |= plus(&text);
            from_shadow(&users, &text, now.as_second() / 86_400, &mut facts);
        }
        // Without a shadow file the hashes stand in passwd itself.
        Ok(None) => from_shadow(&users, "", now.as_second() / 86_400, &mut facts),
        Err(error) => gaps.add_all(&FROM_SHADOW, &why("/etc/shadow", &error)),
    }
    facts.writable_homes = writable_homes(root, mounts, &users, gaps);
    facts.root_authorized_keys = root_keys(root, &users, gaps);
    Some(facts)
}

/// Members of a local group: those listed in /etc/group and those whose primary group it is, sorted. `None` when there
/// is no such group.
///
/// # Errors
/// When /etc/group or /etc/passwd exists and cannot be read.
pub fn group_members(root: &std::path::Path, group: &str) -> io::Result<Option<Vec<String>>> {
    members(&Root::new(root), group)
}

/// As [`group_members`], below a root.
pub(super) fn members(root: &Root, group: &str) -> io::Result<Option<Vec<String>>> {
    let groups = root.text("/etc/group")?.unwrap_or_default();
    let passwd = root.text("/etc/passwd")?.unwrap_or_default();
    Ok(members_of(&groups, &passwd, group))
}

fn members_of(groups: &str, passwd: &str, group: &str) -> Option<Vec<String>> {
    let mut names: Option<Vec<String>> = None;
    let mut ids: HashSet<&str> = HashSet::new();
    for line in groups.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, gid, listed, ..] = fields.as_slice() else { continue };
        if *name != group {
            continue;
        }
        ids.insert(gid);
        let names = names.get_or_insert_with(Vec::new);
        names.extend(listed.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned));
    }
    names.map(|mut names| {
        names.extend(passwd.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (ids.contains(fields.nth(2)?) && !name.is_empty()).then(|| name.to_owned())
        }));
        names.sort();
        names.dedup();
        names
    })
}

fn users(passwd: &str) -> Vec<User<'_>> {
    passwd
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, password, uid, _gid, _gecos, home, shell] = fields.as_slice() else { return None };
            if name.is_empty() || name.starts_with(['+', '-', '#']) {
                return None;
            }
            Some(User { name, password, uid: uid.parse().ok()?, home, shell: shell.trim() })
        })
        .collect()
}

/// `+` entries take accounts from NIS.
fn plus(text: &str) -> bool {
    text.lines().any(|line| line.starts_with('+'))
}

fn from_passwd(users: &[User]) -> AccountFacts {
    let names = |wanted: &dyn Fn(&User) -> bool| -> Vec<String> {
        users.iter().filter(|user| wanted(user)).map(|user| user.name.to_owned()).collect()
    };
    let mut duplicates: Vec<String> = Vec::new();
    let (mut seen_names, mut seen_ids) = (HashSet::new(), HashSet::new());
    for user in users {
        if !seen_names.insert(user.name) {
            duplicates.push(user.name.to_owned());
        }
        if !seen_ids.insert(user.uid) {
            duplicates.push(user.uid.to_string());
        }
    }
    duplicates.sort();
    duplicates.dedup();
    AccountFacts {
        count: i64::try_from(users.len()).unwrap_or(i64::MAX),
        uid0: names(&|user| user.uid == 0),
        login_shells: names(&|user| user.can_log_in()),
        system_with_shell: names(&|user| user.uid != 0 && user.uid < FIRST_USER && user.can_log_in()),
        duplicates,
        ..AccountFacts::default()
    }
}

/// What a password field says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Password {
    Empty,
    /// No password can match.
    Locked,
    Set {
        weak: bool,
    },
}

fn password(field: &str) -> Password {
    match field.chars().next() {
        None => Password::Empty,
        Some('!' | '*') => Password::Locked,
        // DES has no prefix (`_` is its extended form), MD5 is $1$ and Sun's $md5.
        Some('$') => {
            Password::Set { weak: ["$1$", "$md5", "$sha1$", "$3$"].iter().any(|prefix| field.starts_with(prefix)) }
        }
        // Anything else that no hash function writes (`x`, `NP`, `LK`) matches no password.
        Some(_) if field.len() == 13 || field.starts_with('_') => Password::Set { weak: true },
        Some(_) => Password::Locked,
    }
}

fn from_shadow(users: &[User], shadow: &str, today: i64, facts: &mut AccountFacts) {
    let lines: HashMap<&str, Vec<&str>> = shadow
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .filter(|fields| fields.len() > 1)
        .map(|fields| (fields[0], fields))
        .collect();
    let (mut empty, mut old, mut never, mut weak) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut root_set = false;
    for user in users {
        let line = lines.get(user.name);
        // `x` sends to shadow; whatever else stands in passwd is the password field itself.
        let field = if user.password == "x" {
            line.and_then(|fields| fields.get(1)).copied().unwrap_or("*")
        } else {
            user.password
        };
        let number =
            |index: usize| line.and_then(|fields| fields.get(index)).and_then(|text| text.trim().parse::<i64>().ok());
        match password(field) {
            Password::Empty => empty.push(user.name.to_owned()),
            Password::Locked => {}
            Password::Set { weak: is_weak } => {
                if is_weak {
                    weak.push(user.name.to_owned());
                }
                // 0 asks for a change at the next log-in.
                if number(2).is_some_and(|changed| changed > 0 && today.saturating_sub(changed) > OLD_DAYS) {
                    old.push(user.name.to_owned());
                }
                if number(4).is_none_or(|maximum| !(0..NO_MAXIMUM).contains(&maximum)) {
                    never.push(user.name.to_owned());
                }
                root_set |= user.name == "root";
            }
        }
        root_set |= user.name == "root" && password(field) == Password::Empty;
    }
    facts.empty_password = Some(empty);
    facts.old_password = Some(old);
    facts.never_expires = Some(never);
    facts.weak_hash = Some(weak);
    facts.root_password_set = Some(root_set);
}

fn writable_homes(root: &Root, mounts: &io::Result<Mounts>, users: &[User], gaps: &mut Gaps) -> Vec<String> {
    let mut writable: Vec<String> = Vec::new();
    let mut unseen: Vec<&str> = Vec::new();
    for home in users.iter().filter(|user| user.can_log_in() && user.home.starts_with('/')).map(|user| user.home) {
        if is_remote(mounts, home) {
            unseen.push(home);
            continue;
        }
        match root.facts(home) {
            Ok(facts) if facts.as_ref().is_some_and(|facts| facts.other_write) => writable.push(home.to_owned()),
            Ok(_) => {}
            Err(_) => unseen.push(home),
        }
    }
    writable.sort();
    writable.dedup();
    if writable.is_empty() && !unseen.is_empty() {
        gaps.add(
            "accounts.writable_homes",
            format!("cannot examine {} (no permission, or on another machine)", unseen.join(", ")),
        );
    }
    writable
}

/// On a file system of another machine, or one that is mounted by looking at it. It is not touched: a server that is
/// gone would hold the reader for ever.
fn is_remote(mounts: &io::Result<Mounts>, path: &str) -> bool {
    let probe = PathProbe { resolved: path.into(), ..PathProbe::default() };
    let storage = mounts.as_ref().ok().and_then(|mounts| mounts.decide(path.as_ref(), &probe));
    storage.is_some_and(|storage| storage.remote || storage.filesystem == "autofs")
}

fn root_keys(root: &Root, users: &[User], gaps: &mut Gaps) -> Option<i64> {
    let home = users.iter().find(|user| user.name == "root").map_or("/root", |user| user.home);
    let mut keys = 0;
    for name in ["authorized_keys", "authorized_keys2"] {
        let path = format!("{}/.ssh/{name}", home.trim_end_matches('/'));
        let text = gaps.keep("accounts.root_authorized_keys", &path, root.text(&path))?;
        keys += text
            .unwrap_or_default()
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .count();
    }
    i64::try_from(keys).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:/usr/sbin/nologin\nsync:x:4:65534::/bin:/bin/sync\n\
        toor:x:0:0::/root:/bin/sh\nsvc:x:120:120::/srv:/bin/sh\nann:x:1000:1000:Ann:/home/ann:/bin/zsh\nbob:x:1001:1001::/home/bob:\n\
        old:abcdefghijklm:1002:27::/home/old:/bin/sh\nann:x:1003:27::/home/a2:/bin/false\nbroken:x:zz:1::/:/bin/sh\nshort:x:1\n+::::::\n";
    const SHADOW: &str = "root:$6$s$h:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\nann:$y$j9T$s$h:20000:0:90:7:::\nbob::20000:0:99999:7:::\n\
        svc:!$6$s$h:1:0:::::\ntoor:$1$s$h:20000:0:60:7:::\n";

    fn none() -> io::Result<Mounts> {
        Err(io::Error::other("no mounts"))
    }

    #[test]
    fn homes_on_other_machines_are_not_touched() {
        let tree = Tree::new(&[("home/ann/x", "")]);
        std::fs::set_permissions(tree.path().join("home/ann"), std::os::unix::fs::PermissionsExt::from_mode(0o777))
            .unwrap();
        let users = users("ann:x:1000:1000::/home/ann:/bin/sh\n");
        let remote = Ok(Mounts::parse(
            b"1 0 0:5 / / rw - ext4 /dev/sda rw\n2 1 0:6 / /home rw - nfs4 s:/h rw\n",
            "/nowhere".as_ref(),
        ));
        let mut gaps = Gaps::default();
        assert!(writable_homes(&tree.root(), &remote, &users, &mut gaps).is_empty());
        assert!(gaps.reason("accounts.writable_homes").unwrap().contains("/home/ann"));
        assert_eq!(writable_homes(&tree.root(), &none(), &users, &mut Gaps::default()), ["/home/ann"]);
    }

    fn facts() -> AccountFacts {
        let tree = Tree::new(&[
            ("etc/passwd", PASSWD),
            ("etc/shadow", SHADOW),
            ("root/.ssh/authorized_keys", "# c\n\nssh-ed25519 AAAA x\n"),
            ("home/ann/.profile", ""),
        ]);
        let now = Timestamp::from_second(20_100 * 86_400).unwrap();
        let mut gaps = Gaps::default();
        std::fs::set_permissions(tree.path().join("home/ann"), std::os::unix::fs::PermissionsExt::from_mode(0o777))
            .unwrap();
        let facts = read(&tree.root(), &none(), now, &mut gaps).unwrap();
        assert!(gaps.into_vec().is_empty());
        facts
    }

    #[test]
    fn accounts_by_what_they_can() {
        let facts = facts();
        assert_eq!(facts.count, 9);
        assert_eq!(facts.uid0, ["root", "toor"]);
        assert_eq!(facts.login_shells, ["root", "toor", "svc", "ann", "bob", "old"]);
        assert_eq!(facts.system_with_shell, ["svc"]);
        assert_eq!(facts.duplicates, ["0", "ann"]);
        assert!(facts.legacy_plus_entries);
        assert_eq!(facts.writable_homes, ["/home/ann"]);
        assert_eq!(facts.root_authorized_keys, Some(1));
    }

    #[test]
    fn passwords_by_what_their_field_says() {
        let facts = facts();
        assert_eq!(facts.empty_password.as_deref(), Some(&["bob".to_owned()][..]));
        assert_eq!(facts.old_password.as_deref(), Some(&["root".to_owned()][..]));
        assert_eq!(facts.never_expires.as_deref(), Some(&["root".to_owned(), "old".to_owned()][..]));
        assert_eq!(facts.weak_hash.as_deref(), Some(&["toor".to_owned(), "old".to_owned()][..]));
        assert_eq!(facts.root_password_set, Some(true));
    }

    #[test]
    fn no_hash_is_in_the_facts() {
        let text = serde_json::to_string(&facts()).unwrap();
        assert!(!text.contains("abcdefghijklm") && !text.contains('$'), "{text}");
    }

    #[test]
    fn password_fields() {
        assert_eq!(password(""), Password::Empty);
        for locked in ["*", "!", "!!", "!$6$x", "x", "*LK*", "NP"] {
            assert_eq!(password(locked), Password::Locked, "{locked}");
        }
        for weak in ["$1$a$b", "abcdefghijklm", "_J9..abcdefghijkl", "$md5,rounds=5$x"] {
            assert_eq!(password(weak), Password::Set { weak: true }, "{weak}");
        }
        for strong in ["$6$a$b", "$y$j9T$a", "$2b$12$abc", "$5$x"] {
            assert_eq!(password(strong), Password::Set { weak: false }, "{strong}");
        }
    }

    #[test]
    fn members_of_groups() {
        let groups = "docker:x:998:ann, bob\nempty:x:5:\nusers:x:1000:\nbroken\n";
        assert_eq!(members_of(groups, PASSWD, "docker").unwrap(), ["ann", "bob"]);
        assert_eq!(members_of(groups, PASSWD, "users").unwrap(), ["ann"]);
        assert_eq!(members_of(groups, PASSWD, "empty"), Some(Vec::new()));
        assert_eq!(members_of(groups, PASSWD, "none"), None);
        assert_eq!(group_members(Tree::new(&[]).path(), "docker").unwrap(), None);
    }

    #[test]
    fn an_unreadable_shadow_file_is_a_gap() {
        let tree = Tree::new(&[("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"), ("etc/shadow/x", "")]);
        let mut gaps = Gaps::default();
        let facts = read(&tree.root(), &none(), Timestamp::UNIX_EPOCH, &mut gaps).unwrap();
        assert_eq!(facts.empty_password, None);
        for path in FROM_SHADOW {
            assert!(gaps.reason(path).unwrap().contains("/etc/shadow"));
        }
    }
}
