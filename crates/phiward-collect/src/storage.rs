//! What a path lies on: mount, file system, device, and whether the bytes are encrypted on the way to it.
//!
//! The answer covers what this machine can prove. A disk that a cloud or a storage array encrypts below the machine
//! shows as a plain device and is `none` here; so does a self-encrypting drive.

mod block;
mod mountinfo;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statvfs, statx};

use crate::docker::facts::StorageFacts;
use block::Beneath;
pub use mountinfo::MountEntry;

/// The mounts this process sees, read once.
#[derive(Clone, Debug)]
pub struct Mounts {
    entries: Vec<MountEntry>,
    by_id: BTreeMap<u64, usize>,
    /// The latest mount at each place: of those stacked there, the one that is seen.
    by_place: HashMap<PathBuf, usize>,
    /// `/sys`, or a recorded tree in tests.
    sys: PathBuf,
}

/// What was seen of a path itself. Recorded facts stand in for it in tests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PathProbe {
    /// The path with symlinks resolved, as far as it could be.
    pub resolved: PathBuf,
    /// The kernel's mount id of the path.
    pub mount_id: Option<u64>,
    /// The file or directory is under an fscrypt policy. Absent when it could not be told.
    pub fscrypt: Option<bool>,
    /// Per cent of the file system free for unprivileged users.
    pub free_percent: Option<i64>,
}

/// File systems whose bytes live on another machine (or on the hypervisor).
const REMOTE: &[&str] = &[
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ncpfs",
    "afs",
    "ceph",
    "lustre",
    "beegfs",
    "orangefs",
    "glusterfs",
    "9p",
    "virtiofs",
    "vboxsf",
    "prl_fs",
    "coda",
    "gpfs",
    "fuse.glusterfs",
    "fuse.sshfs",
    "fuse.s3fs",
    "fuse.rclone",
    "fuse.ceph-fuse",
    "fuse.ceph",
    "fuse.davfs",
    "fuse.goofys",
    "fuse.mount-s3",
    "fuse.gcsfuse",
    "fuse.blobfuse",
    "fuse.blobfuse2",
    "fuse.vmhgfs-fuse",
    "fuse.juicefs",
    "fuse.seaweedfs",
    "fuse.moosefs",
    "fuse.mfs",
    "fuse.curlftpfs",
    "fuse.osxfs",
    "fuse.grpcfuse",
];
const MEMORY: &[&str] = &["tmpfs", "ramfs", "devtmpfs", "hugetlbfs", "rootfs"];
/// Made by the kernel: no bytes of anyone are stored there.
pub(crate) const PSEUDO: &[&str] = &[
    "proc",
    "sysfs",
    "cgroup",
    "cgroup2",
    "devpts",
    "mqueue",
    "debugfs",
    "tracefs",
    "securityfs",
    "bpf",
    "pstore",
    "configfs",
    "fusectl",
    "binfmt_misc",
    "nsfs",
    "autofs",
    "efivarfs",
    "selinuxfs",
    "rpc_pipefs",
    "nfsd",
    "fuse.lxcfs",
    "fuse.portal",
];
/// FUSE file systems that write only ciphertext to what lies below.
const FUSE_ENCRYPTING: &[&str] = &["fuse.gocryptfs", "fuse.encfs", "fuse.cryfs", "fuse.securefs"];
/// File systems that can carry fscrypt policies.
const FSCRYPT: &[&str] = &["ext4", "f2fs", "ubifs", "ceph"];
/// Loop files on overlays on loop files end somewhere.
const MAX_DEPTH: u8 = 12;

impl Mounts {
    /// Reads `/proc/self/mountinfo`.
    ///
    /// # Errors
    /// When `/proc` is not mounted or not readable.
    pub fn read() -> io::Result<Mounts> {
        let text = std::fs::read("/proc/self/mountinfo")?;
        Ok(Self::parse(&text, Path::new("/sys")))
    }

    /// Reads a mountinfo text, with block devices described below `sys`.
    pub fn parse(mountinfo: &[u8], sys: &Path) -> Mounts {
        let entries = mountinfo::parse(mountinfo);
        let by_id = entries.iter().enumerate().map(|(i, e)| (e.id, i)).collect();
        let by_place = entries.iter().enumerate().map(|(i, e)| (e.mount_point.clone(), i)).collect();
        Mounts { entries, by_id, by_place, sys: sys.to_owned() }
    }

    /// All mounts, in the kernel's order.
    pub fn list(&self) -> &[MountEntry] {
        &self.entries
    }

    /// What `path` lies on; for a path that does not exist, what it would lie on. `None` when no mount holds it.
    /// Remote file systems are not touched, so that a dead server cannot hang the caller.
    pub fn of(&self, path: &Path) -> Option<StorageFacts> {
        self.of_depth(path, 0)
    }

    fn of_depth(&self, path: &Path, depth: u8) -> Option<StorageFacts> {
        if self.lookup(path).is_some_and(|e| REMOTE.contains(&e.filesystem.as_str())) {
            let untouched = PathProbe { resolved: path.to_owned(), ..PathProbe::default() };
            return self.decide_depth(path, &untouched, depth);
        }
        self.decide_depth(path, &PathProbe::read(path), depth)
    }

    /// The decision alone: no file system but `sys` is looked at, except for the file behind a loop device.
    pub fn decide(&self, path: &Path, probe: &PathProbe) -> Option<StorageFacts> {
        self.decide_depth(path, probe, 0)
    }

    fn decide_depth(&self, path: &Path, probe: &PathProbe, depth: u8) -> Option<StorageFacts> {
        let entry = probe
            .mount_id
            .and_then(|id| self.by_id.get(&id))
            .and_then(|&i| self.entries.get(i))
            .or_else(|| self.lookup(&probe.resolved))?;
        let entry = self.beneath_self_binds(entry);
        let kind = entry.filesystem.as_str();
        let (encrypted, encryption) = self.encryption(entry, probe, depth);
        let parent = self.by_id.get(&entry.parent).and_then(|&i| self.entries.get(i));
        let root = self.lookup(Path::new("/"));
        Some(StorageFacts {
            path: path.to_string_lossy().into_owned(),
            mount_point: entry.mount_point.to_string_lossy().into_owned(),
            // A bind of a directory of the same disk is a mount point, but no partition of its own.
            is_mount_point: probe.resolved == entry.mount_point
                && parent.is_none_or(|p| p.device_numbers() != entry.device_numbers()),
            filesystem: kind.to_owned(),
            device: self.device_name(entry),
            on_root_disk: root.is_some_and(|r| r.device_numbers() == entry.device_numbers()),
            in_memory: MEMORY.contains(&kind) || self.beneath(entry, depth) == Beneath::Memory,
            remote: REMOTE.contains(&kind),
            encrypted,
            encryption: encryption.to_owned(),
            free_percent: probe.free_percent,
        })
    }

    /// The mount below those of a directory on itself, which the engine makes of its data directory and which are no
    /// place of their own.
    fn beneath_self_binds<'a>(&'a self, mut entry: &'a MountEntry) -> &'a MountEntry {
        // Parents lead to the root; a table read while it changed may not.
        for _ in 0..MAX_DEPTH {
            let Some(parent) = self.by_id.get(&entry.parent).and_then(|&i| self.entries.get(i)) else { break };
            let Ok(below) = entry.mount_point.strip_prefix(&parent.mount_point) else { break };
            let same = parent.device_numbers() == entry.device_numbers() && parent.id != entry.id;
            if !same || parent.root.join(below) != entry.root {
                break;
            }
            entry = parent;
        }
        entry
    }

    /// The mount that holds `path` by its text: the longest mount point, the latest of those stacked on one place.
    fn lookup(&self, path: &Path) -> Option<&MountEntry> {
        path.ancestors().find_map(|place| self.by_place.get(place)).and_then(|&i| self.entries.get(i))
    }

    fn device_name(&self, entry: &MountEntry) -> String {
        if entry.source == "/dev/root" || entry.source == "rootfs" {
            let uevent = self.sys.join(format!("dev/block/{}:{}/uevent", entry.major, entry.minor));
            if let Ok(text) = std::fs::read_to_string(uevent)
                && let Some(name) = text.lines().find_map(|l| l.strip_prefix("DEVNAME="))
            {
                return format!("/dev/{name}");
            }
        }
        entry.source.clone()
    }

    /// Whether bytes written at the path are encrypted, and by what.
    ///
    /// In memory: absent with `none`. There is no device to encrypt, yet tmpfs pages may reach swap, so that
    /// question belongs to the host's swap. Remote, zfs, bcachefs and unknown FUSE file systems: absent, `unknown`.
    fn encryption(&self, entry: &MountEntry, probe: &PathProbe, depth: u8) -> (Option<bool>, &'static str) {
        let kind = entry.filesystem.as_str();
        if depth > MAX_DEPTH || REMOTE.contains(&kind) {
            return (None, "unknown");
        }
        if MEMORY.contains(&kind) || PSEUDO.contains(&kind) {
            return (None, "none");
        }
        if FUSE_ENCRYPTING.contains(&kind) {
            return (Some(true), "fuse");
        }
        match kind {
            "ecryptfs" => return (Some(true), "ecryptfs"),
            "overlay" => {
                // What is written goes to the upper directory. Without one nothing is.
                let upper = entry.super_options.iter().find_map(|o| o.strip_prefix("upperdir="));
                return match upper.and_then(|u| self.of_depth(Path::new(u), depth + 1)) {
                    Some(below) => (below.encrypted, known_word(&below.encryption)),
                    None => (None, "unknown"),
                };
            }
            _ => {}
        }
        let may_fscrypt = FSCRYPT.contains(&kind);
        if probe.fscrypt == Some(true) && may_fscrypt {
            return (Some(true), "fscrypt");
        }
        match self.beneath(entry, depth) {
            Beneath::Luks => (Some(true), "luks"),
            Beneath::DmCrypt => (Some(true), "dm-crypt"),
            Beneath::Encrypted(word) => (Some(true), word),
            Beneath::Plain if may_fscrypt && probe.fscrypt.is_none() && self.kernel_has_fscrypt(kind) => {
                (None, "unknown")
            }
            Beneath::Plain => (Some(false), "none"),
            Beneath::Memory => (None, "none"),
            Beneath::Unknown => (None, "unknown"),
        }
    }

    fn kernel_has_fscrypt(&self, kind: &str) -> bool {
        match kind {
            "ext4" | "f2fs" => {
                let features = self.sys.join("fs").join(kind).join("features");
                // Where the kernel lists no features at all nothing follows from one being absent.
                !features.is_dir() || features.join("encryption").exists()
            }
            _ => true,
        }
    }

    fn beneath(&self, entry: &MountEntry, depth: u8) -> Beneath {
        if entry.major != 0 {
            return self.block(entry.major, entry.minor, depth);
        }
        match entry.filesystem.as_str() {
            "btrfs" => self.btrfs_devices(&entry.source, depth),
            _ => Beneath::Unknown,
        }
    }
}

fn known_word(word: &str) -> &'static str {
    ["luks", "dm-crypt", "fscrypt", "fuse", "ecryptfs", "none"].into_iter().find(|w| *w == word).unwrap_or("unknown")
}

impl PathProbe {
    /// Looks at `path`. Whatever cannot be read stays absent.
    pub fn read(path: &Path) -> PathProbe {
        let (resolved, seen) = resolve(path);
        let mut probe = PathProbe { resolved, ..PathProbe::default() };
        let Some((place, whole)) = seen else { return probe };
        let flags = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
        if let Ok(stat) = statx(CWD, &place, AtFlags::empty(), flags) {
            if stat.stx_mask & StatxFlags::MNT_ID.bits() != 0 {
                probe.mount_id = Some(stat.stx_mnt_id);
            }
            // The mask says whether this file system reports the attribute at all. A policy is inherited downward,
            // so an encrypted ancestor proves encryption, and a plain one proves nothing about what cannot be seen.
            if stat.stx_attributes_mask.contains(StatxAttributes::ENCRYPTED) {
                let set = stat.stx_attributes.contains(StatxAttributes::ENCRYPTED);
                probe.fscrypt = (set || whole).then_some(set);
            }
        }
        if let Ok(space) = statvfs(&place)
            && space.f_blocks > 0
        {
            probe.free_percent = i64::try_from(u128::from(space.f_bavail) * 100 / u128::from(space.f_blocks)).ok();
        }
        probe
    }
}

/// The path with symlinks resolved, and the nearest place of it that could be looked at, with whether that place
/// speaks for the path: it is the path, or the path does not exist yet.
fn resolve(path: &Path) -> (PathBuf, Option<(PathBuf, bool)>) {
    let mut rest: Vec<&std::ffi::OsStr> = Vec::new();
    let mut whole = true;
    let mut at = path;
    loop {
        match std::fs::canonicalize(at) {
            Ok(real) => {
                let mut resolved = real.clone();
                resolved.extend(rest.iter().rev());
                return (resolved, Some((real, whole)));
            }
            Err(e) => {
                if e.kind() != io::ErrorKind::NotFound {
                    whole = false;
                }
                match (at.parent(), at.file_name()) {
                    (Some(parent), Some(name)) => {
                        rest.push(name);
                        at = parent;
                    }
                    _ => return (path.to_owned(), None),
                }
            }
        }
    }
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
