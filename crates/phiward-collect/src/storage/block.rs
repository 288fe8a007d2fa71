//! What a block device rests on, walked through `/sys`: partitions, device mapper, RAID, loop files.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use super::{MAX_DEPTH, Mounts};

/// What bytes pass through below a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beneath {
    Luks,
    DmCrypt,
    /// A file on an encrypted file system, behind a loop device.
    Encrypted(&'static str),
    Plain,
    Memory,
    Unknown,
}

/// Drivers of ordinary disks: no encryption in this machine below them.
const DISKS: &[&str] = &["sd", "vd", "xvd", "hd", "nvme", "mmcblk", "dasd", "pmem", "sr", "fd", "mtdblock", "ubiblock"];

impl Mounts {
    /// What the device lies on. Encrypted only if every device below is.
    pub(super) fn block(&self, major: u32, minor: u32, depth: u8) -> Beneath {
        let link = self.sys.join(format!("dev/block/{major}:{minor}"));
        match fs::canonicalize(link) {
            Ok(dir) => self.block_dir(&dir, depth),
            Err(_) => Beneath::Unknown,
        }
    }

    fn block_dir(&self, dir: &Path, depth: u8) -> Beneath {
        if depth > MAX_DEPTH {
            return Beneath::Unknown;
        }
        let dir = match dir.parent() {
            Some(disk) if dir.join("partition").exists() => disk,
            _ => dir,
        };
        if let Ok(uuid) = fs::read_to_string(dir.join("dm/uuid"))
            && let Some(found) = crypt_target(uuid.trim())
        {
            return found;
        }
        if let Ok(file) = fs::read_to_string(dir.join("loop/backing_file")) {
            return self.loop_file(file.trim_end_matches('\n'), depth);
        }
        let name = dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let slaves: Vec<Beneath> = fs::read_dir(dir.join("slaves"))
            .map(|entries| {
                entries
                    .map(|entry| match entry.and_then(|e| fs::canonicalize(e.path())) {
                        Ok(below) => self.block_dir(&below, depth + 1),
                        Err(_) => Beneath::Unknown,
                    })
                    .collect()
            })
            .unwrap_or_default();
        if !slaves.is_empty() {
            return all(&slaves);
        }
        if name.starts_with("zram") || name.strip_prefix("ram").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit())) {
            return Beneath::Memory;
        }
        if DISKS.iter().any(|d| name.starts_with(d)) {
            return Beneath::Plain;
        }
        // Network block devices, vendor drivers, a mapping without anything below: nothing can be said.
        Beneath::Unknown
    }

    fn loop_file(&self, file: &str, depth: u8) -> Beneath {
        if file.is_empty() || file.ends_with(" (deleted)") {
            return Beneath::Unknown;
        }
        let Some(facts) = self.of_depth(Path::new(file), depth + 1) else { return Beneath::Unknown };
        // The kernel names the file as its opener saw it. Where it is not seen, the place says nothing about its bytes.
        if !facts.remote && !Path::new(file).exists() {
            return Beneath::Unknown;
        }
        match facts.encrypted {
            Some(true) => Beneath::Encrypted(super::known_word(&facts.encryption)),
            Some(false) => Beneath::Plain,
            None if facts.in_memory => Beneath::Memory,
            None => Beneath::Unknown,
        }
    }

    /// All devices of the btrfs file system that `source` is part of.
    pub(super) fn btrfs_devices(&self, source: &str, depth: u8) -> Beneath {
        let Ok(real) = fs::canonicalize(source) else { return Beneath::Unknown };
        let Ok(meta) = fs::metadata(&real) else { return Beneath::Unknown };
        if !meta.file_type().is_block_device() {
            return Beneath::Unknown;
        }
        let (major, minor) = (rustix::fs::major(meta.rdev()), rustix::fs::minor(meta.rdev()));
        let one = self.block(major, minor, depth);
        if one == Beneath::Plain {
            return one;
        }
        // Another device of the same file system may be plain.
        let name = fs::canonicalize(self.sys.join(format!("dev/block/{major}:{minor}")))
            .ok()
            .and_then(|d| d.file_name().map(|n| n.to_os_string()));
        let Some(name) = name else { return Beneath::Unknown };
        let Ok(systems) = fs::read_dir(self.sys.join("fs/btrfs")) else { return Beneath::Unknown };
        for devices in systems.flatten().map(|s| s.path().join("devices")) {
            if devices.join(&name).exists() {
                let Ok(list) = fs::read_dir(&devices) else { return Beneath::Unknown };
                let found: Vec<Beneath> = list
                    .map(|d| {
                        d.and_then(|d| fs::canonicalize(d.path()))
                            .map_or(Beneath::Unknown, |d| self.block_dir(&d, depth + 1))
                    })
                    .collect();
                return all(&found);
            }
        }
        Beneath::Unknown
    }
}

/// Reads a device-mapper UUID. `None` when the target does not encrypt by itself and what is below decides.
fn crypt_target(uuid: &str) -> Option<Beneath> {
    let kind = uuid.strip_prefix("CRYPT-")?.split('-').next().unwrap_or_default();
    match kind {
        "LUKS1" | "LUKS2" => Some(Beneath::Luks),
        "PLAIN" | "TCRYPT" | "BITLK" | "LOOPAES" | "FVAULT2" => Some(Beneath::DmCrypt),
        // cryptsetup's own prefix too, for targets that only check integrity.
        "VERITY" | "INTEGRITY" | "SUBDEV" => None,
        _ => Some(Beneath::Unknown),
    }
}

fn all(devices: &[Beneath]) -> Beneath {
    let weakest = |b: &Beneath| match b {
        Beneath::Plain => 0,
        Beneath::Unknown => 1,
        Beneath::Memory => 2,
        Beneath::DmCrypt => 3,
        Beneath::Encrypted(_) => 4,
        Beneath::Luks => 5,
    };
    devices.iter().copied().min_by_key(weakest).unwrap_or(Beneath::Unknown)
}
