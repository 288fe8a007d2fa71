//! Ownership and modes of system files.

use std::os::unix::fs::MetadataExt;

use super::facts::HostFiles;
use super::os::assignments;
use super::root::{Gaps, Root};

/// Where boot loaders keep their configuration, the first that exists counts.
const GRUB: [&str; 4] =
    ["/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/boot/efi/EFI/redhat/grub.cfg", "/boot/efi/EFI/debian/grub.cfg"];
/// PATH of root where no file sets another one.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Reads the files. Absent ones do not exist.
pub fn read(root: &Root, gaps: &mut Gaps) -> Option<HostFiles> {
    let mut get = |field: &str, path: &str| gaps.keep(&format!("files.{field}"), path, root.facts(path)).flatten();
    let mut files = HostFiles {
        passwd: get("passwd", "/etc/passwd"),
        shadow: get("shadow", "/etc/shadow"),
        group: get("group", "/etc/group"),
        gshadow: get("gshadow", "/etc/gshadow"),
        sudoers: get("sudoers", "/etc/sudoers"),
        crontab: get("crontab", "/etc/crontab"),
        cron_d: get("cron_d", "/etc/cron.d"),
        grub_config: GRUB.iter().find_map(|path| get("grub_config", path)),
        motd: get("motd", "/etc/motd"),
        ..HostFiles::default()
    };
    match std::fs::metadata(root.path("/tmp")) {
        Ok(meta) => files.tmp_sticky = Some(meta.mode() & 0o1000 != 0),
        Err(error) => gaps.add("files.tmp_sticky", format!("cannot examine /tmp: {error}")),
    }
    files.writable_path_dirs = writable(root, &root_path(root));
    Some(files)
}

/// PATH that a log-in of root gets: from /etc/environment or login.defs.
fn root_path(root: &Root) -> String {
    let text = |path: &str| root.text(path).ok().flatten().unwrap_or_default();
    let environment = assignments(&text("/etc/environment")).remove("PATH");
    let login = text("/etc/login.defs").lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()? == "ENV_SUPATH").then(|| words.next()?.strip_prefix("PATH=").map(str::to_owned))?
    });
    environment.or(login).unwrap_or_else(|| DEFAULT_PATH.to_owned())
}

/// Directories of a PATH that others can write. A relative one (empty or `.`) is whatever directory one stands in.
fn writable(root: &Root, path: &str) -> Vec<String> {
    path.split(':')
        .filter(|dir| !dir.starts_with('/') || root.facts(dir).ok().flatten().is_some_and(|facts| facts.other_write))
        .map(|dir| if dir.is_empty() { ".".to_owned() } else { dir.to_owned() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn files_and_what_does_not_exist() {
        let tree = Tree::new(&[
            ("etc/passwd", ""),
            ("etc/shadow", ""),
            ("tmp/x", ""),
            ("usr/bin/x", ""),
            ("etc/login.defs", "ENV_SUPATH\tPATH=/usr/bin:.:/none\n"),
        ]);
        let mode = |path: &str, mode: u32| {
            std::fs::set_permissions(tree.path().join(path), PermissionsExt::from_mode(mode)).unwrap()
        };
        mode("etc/shadow", 0o640);
        mode("tmp", 0o1777);
        mode("usr/bin", 0o777);
        let mut gaps = Gaps::default();
        let files = read(&tree.root(), &mut gaps).unwrap();
        assert_eq!(files.shadow.unwrap().mode, "0640");
        assert_eq!(files.passwd.unwrap().path, "/etc/passwd");
        assert_eq!((files.gshadow, files.grub_config, files.tmp_sticky), (None, None, Some(true)));
        assert_eq!(files.writable_path_dirs, ["/usr/bin", "."]);
        assert!(gaps.into_vec().is_empty());
        mode("tmp", 0o777);
        assert_eq!(read(&tree.root(), &mut Gaps::default()).unwrap().tmp_sticky, Some(false));
    }

    #[test]
    fn the_path_of_root() {
        let tree = Tree::new(&[("etc/environment", "PATH=\"/a:/b\"\n"), ("etc/login.defs", "ENV_SUPATH PATH=/c\n")]);
        assert_eq!(root_path(&tree.root()), "/a:/b");
        assert_eq!(
            root_path(&Tree::new(&[("etc/login.defs", "# ENV_SUPATH PATH=/c\nENV_SUPATH\n")]).root()),
            DEFAULT_PATH
        );
    }
}
