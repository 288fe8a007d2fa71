//! Swap: memory with ePHI may be written there.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::facts::SwapFacts;
use super::root::{Gaps, Root, why};
use crate::storage::{Mounts, PathProbe};

/// Reads which swap is active, and whether what is written there is encrypted first. Swap in compressed memory
/// (zram without a device behind it) counts as encrypted: its bytes reach no device.
pub fn read(root: &Root, mounts: &io::Result<Mounts>, gaps: &mut Gaps) -> Option<SwapFacts> {
    let text = match root.text("/proc/swaps") {
        Ok(Some(text)) => text,
        Ok(None) => {
            // A kernel without swap has no such file, a machine without /proc has no files there at all.
            if root.exists("/proc/meminfo") {
                return Some(SwapFacts::default());
            }
            gaps.add("swap", "there is no /proc/swaps");
            return None;
        }
        Err(error) => {
            gaps.add("swap", why("/proc/swaps", &error));
            return None;
        }
    };
    let devices = devices(&text);
    let answers: Vec<Option<bool>> = devices.iter().map(|device| encrypted(root, mounts, device)).collect();
    let encrypted = together(&answers);
    if !devices.is_empty() && encrypted.is_none() {
        gaps.add("swap.encrypted", format!("cannot tell what lies below the swap on {}", devices.join(", ")));
    }
    Some(SwapFacts { active: !devices.is_empty(), encrypted, devices })
}

/// First column of each line but the first, with the kernel's octal escapes undone.
fn devices(text: &str) -> Vec<String> {
    text.lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .map(|name| name.replace("\\040", " "))
        .collect()
}

/// One plain device is enough for a no; one unknown spoils a yes.
fn together(answers: &[Option<bool>]) -> Option<bool> {
    if answers.is_empty() {
        return None;
    }
    if answers.contains(&Some(false)) {
        return Some(false);
    }
    answers.iter().all(|answer| *answer == Some(true)).then_some(true)
}

fn encrypted(root: &Root, mounts: &io::Result<Mounts>, device: &str) -> Option<bool> {
    // A file may bear any name; only a device is compressed memory.
    if let Some(name) = device.strip_prefix("/dev/").filter(|name| name.starts_with("zram") && !name.contains('/')) {
        let backing = root.word(&format!("/sys/block/{name}/backing_dev"));
        if backing.as_deref().is_none_or(|backing| backing == "none") {
            return Some(true);
        }
        return None;
    }
    if !root.is_live() {
        return None;
    }
    let meta = std::fs::metadata(Path::new(device)).ok()?;
    if !meta.file_type().is_block_device() {
        return mounts.as_ref().ok()?.of(Path::new(device))?.encrypted;
    }
    let number = meta.rdev();
    block(root, rustix::fs::major(number), rustix::fs::minor(number))
}

/// Asks what lies below a block device by way of a mount that would be on it.
fn block(root: &Root, major: u32, minor: u32) -> Option<bool> {
    let mount = format!("1 0 {major}:{minor} / / rw - swap swap rw\n");
    let probe = PathProbe { resolved: PathBuf::from("/"), fscrypt: Some(false), ..PathProbe::default() };
    Mounts::parse(mount.as_bytes(), &root.path("/sys")).decide(Path::new("/"), &probe)?.encrypted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    const HEAD: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

    fn facts(tree: &Tree) -> (Option<SwapFacts>, Gaps) {
        let mut gaps = Gaps::default();
        (read(&tree.root(), &Err(io::Error::other("none")), &mut gaps), gaps)
    }

    #[test]
    fn no_swap() {
        let (swap, _) = facts(&Tree::new(&[("proc/swaps", HEAD)]));
        assert_eq!(swap, Some(SwapFacts::default()));
        let (swap, gaps) = facts(&Tree::new(&[]));
        assert!(swap.is_none() && gaps.reason("swap").is_some());
    }

    #[test]
    fn memory_only_and_what_cannot_be_told() {
        let zram = format!("{HEAD}/dev/zram0 partition 100 0 100\n");
        let (swap, _) = facts(&Tree::new(&[("proc/swaps", &zram)]));
        assert_eq!(swap.unwrap().encrypted, Some(true));
        let (swap, gaps) = facts(&Tree::new(&[("proc/swaps", &zram), ("sys/block/zram0/backing_dev", "/dev/sda3\n")]));
        assert_eq!(swap.unwrap().encrypted, None);
        assert!(gaps.reason("swap.encrypted").unwrap().contains("zram0"));
    }

    #[test]
    fn mixed_answers() {
        assert_eq!(together(&[Some(true), Some(false), None]), Some(false));
        assert_eq!(together(&[Some(true), None]), None);
        assert_eq!(together(&[Some(true), Some(true)]), Some(true));
    }

    #[test]
    fn a_device_is_judged_by_what_lies_below() {
        let tree = Tree::new(&[]);
        for (number, name, uuid) in [("253:1", "dm-1", "CRYPT-LUKS2-0123-swap\n"), ("8:2", "sda2", "")] {
            let dir = format!("sys/devices/virtual/block/{name}");
            tree.write(&format!("{dir}/size"), b"1");
            if !uuid.is_empty() {
                tree.write(&format!("{dir}/dm/uuid"), uuid.as_bytes());
            }
            std::fs::create_dir_all(tree.path().join("sys/dev/block")).unwrap();
            std::os::unix::fs::symlink(tree.path().join(dir), tree.path().join("sys/dev/block").join(number)).unwrap();
        }
        assert_eq!(block(&tree.root(), 253, 1), Some(true));
        assert_ne!(block(&tree.root(), 8, 2), Some(true));
        assert_eq!(block(&tree.root(), 9, 9), None);
    }
}
