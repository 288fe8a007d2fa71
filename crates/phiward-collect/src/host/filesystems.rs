//! File systems that are mounted here, without those of the kernel and of containers.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use super::facts::FilesystemFacts;
use super::root::{Gaps, Root};
use crate::storage::{MountEntry, Mounts, PSEUDO, PathProbe};

/// Made by the kernel like those of [`PSEUDO`], in memory.
const DEVICES: [&str; 2] = ["devtmpfs", "hugetlbfs"];
/// Read-only images, and file systems whose layers are containers'.
const LAYERS: [&str; 4] = ["overlay", "squashfs", "aufs", "fuse-overlayfs"];
/// Memory file systems are listed only at places that everyone writes.
const MEMORY_PLACES: [&str; 5] = ["/", "/tmp", "/var/tmp", "/dev/shm", "/run"];
/// Directories below which container engines mount.
const CONTAINERS: [&str; 9] = [
    "/var/lib/docker/",
    "/var/lib/containers/",
    "/var/lib/containerd/",
    "/var/lib/kubelet/pods/",
    "/run/containerd/",
    "/run/docker/",
    "/run/netns/",
    "/run/user/",
    "/var/snap/",
];

/// The mount table of the machine below `root`.
///
/// # Errors
/// When it cannot be read.
pub fn mounts(root: &Root) -> io::Result<Mounts> {
    if root.is_live() {
        return Mounts::read();
    }
    // Below a mounted /proc, `self` is the reader; the machine's first process sees the machine's mounts.
    for path in ["/proc/1/mountinfo", "/proc/self/mountinfo"] {
        if let Ok(Some(text)) = root.bytes(path) {
            return Ok(Mounts::parse(&text, &root.path("/sys")));
        }
    }
    Err(io::Error::other("there is no mountinfo below the root that was given"))
}

/// Reads what is mounted.
pub fn read(root: &Root, mounts: &io::Result<Mounts>, gaps: &mut Gaps) -> Option<Vec<FilesystemFacts>> {
    let mounts = match mounts {
        Ok(mounts) => mounts,
        Err(error) => {
            gaps.add("filesystems", format!("cannot read the mount table: {error}"));
            return None;
        }
    };
    // A mount over another one hides it: the last at a place counts.
    let listed: Vec<&MountEntry> = mounts.list().iter().filter(|entry| wanted(entry)).collect();
    let last: HashMap<&Path, usize> =
        listed.iter().enumerate().map(|(position, entry)| (entry.mount_point.as_path(), position)).collect();
    let seen = listed
        .iter()
        .enumerate()
        .filter(|(position, entry)| last.get(entry.mount_point.as_path()) == Some(position))
        .map(|(_, entry)| *entry);
    Some(seen.filter_map(|entry| facts(root, mounts, entry)).collect())
}

fn wanted(entry: &MountEntry) -> bool {
    let kind = entry.filesystem.as_str();
    let place = entry.mount_point.to_string_lossy();
    let root = place == "/";
    if PSEUDO.contains(&kind) || DEVICES.contains(&kind) || (LAYERS.contains(&kind) && !root) {
        return false;
    }
    if matches!(kind, "tmpfs" | "ramfs") && !MEMORY_PLACES.contains(&place.as_ref()) {
        return false;
    }
    !CONTAINERS.iter().any(|dir| place.starts_with(dir)) && !place.starts_with("/proc/") && !place.starts_with("/sys/")
}

fn facts(root: &Root, mounts: &Mounts, entry: &MountEntry) -> Option<FilesystemFacts> {
    let storage = if root.is_live() {
        mounts.of(&entry.mount_point)
    } else {
        let probe = PathProbe { resolved: entry.mount_point.clone(), ..PathProbe::default() };
        mounts.decide(&entry.mount_point, &probe)
    }?;
    let place = root.path(&entry.mount_point.to_string_lossy());
    // A directory mounted on itself is no file system of its own.
    if storage.mount_point != entry.mount_point.to_string_lossy() {
        return None;
    }
    // A file bound over a file is no file system of its own. A remote place is not touched: its server may be gone.
    if !storage.remote && root.is_live() && !place.is_dir() {
        return None;
    }
    let mut facts = FilesystemFacts { options: options(entry), ..FilesystemFacts::default() };
    let has = |name: &str| facts.options.iter().any(|option| option == name);
    (facts.nodev, facts.nosuid, facts.noexec, facts.read_only) =
        (has("nodev"), has("nosuid"), has("noexec"), has("ro"));
    if !storage.remote && root.is_live() {
        usage(&place, &mut facts);
    }
    facts.storage = storage;
    Some(facts)
}

/// Options of the mount, then those of the file system that add to them.
fn options(entry: &MountEntry) -> Vec<String> {
    let mut options = entry.options.clone();
    for option in &entry.super_options {
        // A read-only mount of a writable file system stays read-only, and the other way round.
        let wanted = if option == "rw" { false } else { !options.contains(option) };
        if wanted {
            options.push(option.clone());
        }
    }
    options
}

fn usage(place: &Path, facts: &mut FilesystemFacts) {
    let Ok(space) = rustix::fs::statvfs(place) else { return };
    let size = u128::from(space.f_blocks) * u128::from(space.f_frsize);
    facts.size_bytes = i64::try_from(size).unwrap_or(i64::MAX);
    // As df(1): what root reserves counts neither as used nor as free.
    facts.used_percent = percent(space.f_blocks.saturating_sub(space.f_bfree), space.f_bavail);
    facts.inodes_used_percent = percent(space.f_files.saturating_sub(space.f_ffree), space.f_ffree);
}

/// Used of used and free, rounded up; `None` where there is nothing to count.
fn percent(used: u64, free: u64) -> Option<i64> {
    let total = u128::from(used) + u128::from(free);
    if total == 0 {
        return None;
    }
    i64::try_from((u128::from(used) * 100).div_ceil(total)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    const MOUNTS: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda1 rw,errors=remount-ro
28 27 254:1 / /var ro,nodev,nosuid - xfs /dev/vda2 rw
29 27 0:30 / /tmp rw,nosuid,nodev,noexec - tmpfs tmpfs rw,size=1g
30 27 0:31 / /run/secrets rw - tmpfs tmpfs rw
31 27 0:32 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw
32 27 0:33 / /mnt/share rw - nfs4 server:/x rw
33 27 7:0 / /snap/core/1 ro - squashfs /dev/loop0 ro
34 27 254:2 / /var rw - ext4 /dev/vda3 rw
broken line
";

    #[test]
    fn real_file_systems_only() {
        let tree = Tree::new(&[("proc/self/mountinfo", MOUNTS)]);
        let root = tree.root();
        let mut gaps = Gaps::default();
        let found = read(&root, &mounts(&root), &mut gaps).unwrap();
        let places: Vec<&str> = found.iter().map(|facts| facts.storage.mount_point.as_str()).collect();
        assert_eq!(places, ["/", "/tmp", "/mnt/share", "/var"]);
        assert!(found[1].nodev && found[1].nosuid && found[1].noexec && !found[1].read_only);
        assert!(found[0].options.contains(&"errors=remount-ro".to_owned()));
        assert!(found[2].storage.remote);
        assert_eq!(found[2].used_percent, None);
    }

    #[test]
    fn no_mount_table_is_a_gap() {
        let root = Tree::new(&[]).root();
        let mut gaps = Gaps::default();
        assert!(read(&root, &mounts(&root), &mut gaps).is_none());
        assert!(gaps.reason("filesystems").is_some());
    }

    #[test]
    fn percentages() {
        assert_eq!(percent(0, 0), None);
        assert_eq!(percent(1, 999), Some(1));
        assert_eq!(percent(5, 0), Some(100));
        assert_eq!(percent(u64::MAX, u64::MAX), Some(50));
    }
}
