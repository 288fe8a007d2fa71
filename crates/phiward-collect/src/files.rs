//! Ownership and mode of a file, as facts.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Ownership and mode of one file or directory. Modes are judged as bits, never as decimal numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FileFacts {
    pub path: String,
    pub uid: i64,
    pub gid: i64,
    /// Names, or the number where it has none.
    pub owner: String,
    pub group: String,
    /// Permission bits in octal, four digits: `0644`.
    pub mode: String,
    pub setuid: bool,
    pub setgid: bool,
    pub owner_exec: bool,
    pub group_read: bool,
    pub group_write: bool,
    pub group_exec: bool,
    pub other_read: bool,
    pub other_write: bool,
    pub other_exec: bool,
    /// Owned by uid 0 and gid 0.
    pub root_owned: bool,
    /// No permission beyond 0644.
    pub within_644: bool,
    /// No permission beyond 0755.
    pub within_755: bool,
    /// No permission beyond 0660.
    pub within_660: bool,
    /// No permission beyond 0444.
    pub within_444: bool,
    /// No permission beyond 0400.
    pub within_400: bool,
    /// No permission beyond 0600.
    pub within_600: bool,
    /// No permission beyond 0640.
    pub within_640: bool,
    /// No permission beyond 0710.
    pub within_710: bool,
}

/// Names of users and groups from the local account files. Accounts of a directory service (LDAP, AD) are not
/// there: their files show the number.
#[derive(Clone, Debug, Default)]
pub struct Names {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Names {
    /// Reads `/etc/passwd` and `/etc/group`. A file that cannot be read gives no names, so numbers are shown.
    pub fn read() -> Self {
        let text =
            |path: &str| std::fs::read(path).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
        Self::parse(&text("/etc/passwd"), &text("/etc/group"))
    }

    /// Reads the two files' texts. The first entry of a number wins, as in the C library.
    pub fn parse(passwd: &str, group: &str) -> Self {
        fn table(text: &str) -> HashMap<u32, String> {
            let mut names = HashMap::new();
            for line in text.lines() {
                let mut fields = line.split(':');
                let (Some(name), Some(_), Some(id)) = (fields.next(), fields.next(), fields.next()) else { continue };
                if let Ok(id) = id.parse() {
                    names.entry(id).or_insert_with(|| name.to_owned());
                }
            }
            names
        }
        Self { users: table(passwd), groups: table(group) }
    }

    /// The user's name, or the number where it has none.
    pub fn user(&self, uid: u32) -> String {
        self.users.get(&uid).cloned().unwrap_or_else(|| uid.to_string())
    }

    /// The group's name, or the number where it has none.
    pub fn group(&self, gid: u32) -> String {
        self.groups.get(&gid).cloned().unwrap_or_else(|| gid.to_string())
    }
}

impl FileFacts {
    /// Ownership and mode of the file at `path`, symlinks followed. `None` when nothing is there (a dangling
    /// symlink too). An error means it could not be looked at, which is not the same as absent.
    pub fn read(path: &Path) -> io::Result<Option<FileFacts>> {
        Self::read_with(path, &Names::read())
    }

    /// As [`FileFacts::read`], with names read once for many files.
    pub fn read_with(path: &Path, names: &Names) -> io::Result<Option<FileFacts>> {
        let meta = match std::fs::metadata(path) {
            Ok(meta) => meta,
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
            Err(e) => return Err(e),
        };
        let shown = path.to_string_lossy();
        Ok(Some(Self::from_parts(&shown, meta.uid(), meta.gid(), meta.mode(), meta.is_dir(), names)))
    }

    /// Facts from what `stat` gives. `mode` may carry the file type bits; only the lower twelve are used.
    pub fn from_parts(path: &str, uid: u32, gid: u32, mode: u32, directory: bool, names: &Names) -> Self {
        // The set-id bits give rights on a file; on a directory they only say which group new files get.
        let rights = if directory { mode & 0o777 } else { mode & 0o6777 };
        let within = |limit: u32| rights & !limit == 0;
        Self {
            path: path.to_owned(),
            uid: i64::from(uid),
            gid: i64::from(gid),
            owner: names.user(uid),
            group: names.group(gid),
            mode: format!("{:04o}", mode & 0o7777),
            setuid: mode & 0o4000 != 0,
            setgid: mode & 0o2000 != 0,
            owner_exec: mode & 0o100 != 0,
            group_read: mode & 0o040 != 0,
            group_write: mode & 0o020 != 0,
            group_exec: mode & 0o010 != 0,
            other_read: mode & 0o004 != 0,
            other_write: mode & 0o002 != 0,
            other_exec: mode & 0o001 != 0,
            root_owned: uid == 0 && gid == 0,
            within_644: within(0o644),
            within_755: within(0o755),
            within_660: within(0o660),
            within_444: within(0o444),
            within_400: within(0o400),
            within_600: within(0o600),
            within_640: within(0o640),
            within_710: within(0o710),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(mode: u32) -> FileFacts {
        FileFacts::from_parts("/x", 0, 0, mode, false, &Names::default())
    }

    #[test]
    fn modes_are_bits_not_decimal_numbers() {
        // 0606 is a smaller number than 0644 and yet lets everyone write.
        let f = mode(0o606);
        assert!(!f.within_644 && f.other_write && !f.group_read);
        assert!(mode(0o640).within_644 && mode(0o640).within_640 && !mode(0o640).within_600);
        assert!(!mode(0o4644).within_644 && mode(0o4644).setuid);
        assert!(mode(0o100644).within_644);
        assert_eq!(mode(0o100644).mode, "0644");
        assert!(FileFacts::from_parts("/d", 0, 0, 0o42755, true, &Names::default()).within_755);
    }

    #[test]
    fn names_come_from_the_account_files_and_fall_back_to_numbers() {
        let names = Names::parse("root:x:0:0::/root:/bin/sh\nbroken\ntoor:x:0:0::/:/bin/sh\n", "docker:x:103:me\n");
        let f = FileFacts::from_parts("/x", 0, 103, 0o660, false, &names);
        assert_eq!((f.owner.as_str(), f.group.as_str()), ("root", "docker"));
        assert!(!f.root_owned && f.within_660);
        assert_eq!(names.user(4242), "4242");
    }

    #[test]
    fn absent_is_not_an_error() {
        assert!(FileFacts::read(Path::new("/nonexistent/phiward/file")).unwrap().is_none());
        assert!(FileFacts::read(Path::new("/")).unwrap().is_some_and(|f| f.root_owned));
    }
}
