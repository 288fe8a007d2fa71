//! Limits and use of a live container, from its control group.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::facts::Usage;
use crate::storage::Mounts;

/// Limits read. Absent ones could not be read; 0 is no limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct LiveLimits {
    pub memory: Option<i64>,
    pub pids: Option<i64>,
    pub cpu_millis: Option<i64>,
}

/// Where each controller of a process is found in the file system.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    v1: HashMap<String, PathBuf>,
    v2: Option<PathBuf>,
}

/// From this on a limit of version 1 means none: the kernel rounds the largest number down to a page.
const V1_UNLIMITED: i64 = 0x7fff_ffff_ffff_0000;

impl Groups {
    /// Combines a /proc/PID/cgroup text with where the hierarchies are mounted.
    pub(super) fn of(cgroup: &str, mounts: &Mounts) -> Groups {
        let mut groups = Groups::default();
        for line in cgroup.lines() {
            let mut fields = line.splitn(3, ':');
            let (Some(number), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next()) else {
                continue;
            };
            let path = Path::new(path);
            if number == "0" && controllers.is_empty() {
                groups.v2 = mounts.list().iter().find(|m| m.filesystem == "cgroup2").and_then(|m| below(m, path));
                continue;
            }
            for controller in controllers.split(',') {
                let mount = mounts
                    .list()
                    .iter()
                    .find(|m| m.filesystem == "cgroup" && m.super_options.iter().any(|o| o == controller));
                if let Some(dir) = mount.and_then(|m| below(m, path)) {
                    groups.v1.insert(controller.to_owned(), dir);
                }
            }
        }
        groups
    }

    /// A value's text: from the controller's own hierarchy of version 1, else from the unified one.
    fn read(&self, controller: &str, v1: &str, v2: &str) -> Option<(String, bool)> {
        if let Some(dir) = self.v1.get(controller) {
            return fs::read_to_string(dir.join(v1)).ok().map(|t| (t, true));
        }
        fs::read_to_string(self.v2.as_ref()?.join(v2)).ok().map(|t| (t, false))
    }

    pub(super) fn limits(&self) -> LiveLimits {
        let memory = self.read("memory", "memory.limit_in_bytes", "memory.max").and_then(|(t, _)| number_or_none(&t));
        let pids = self.read("pids", "pids.max", "pids.max").and_then(|(t, _)| number_or_none(&t));
        let cpu_millis = match self.v1.get("cpu") {
            Some(dir) => {
                let value = |f: &str| fs::read_to_string(dir.join(f)).ok().and_then(|t| t.trim().parse::<i64>().ok());
                value("cpu.cfs_quota_us").zip(value("cpu.cfs_period_us")).map(|(q, p)| millis(q, p))
            }
            None => self
                .v2
                .as_ref()
                .and_then(|dir| fs::read_to_string(dir.join("cpu.max")).ok())
                .and_then(|t| parse_cpu_max(&t)),
        };
        LiveLimits { memory, pids, cpu_millis }
    }

    /// Memory in use without the file cache that can be given back, and processes; absent when either cannot be read.
    pub(super) fn usage(&self, limit: Option<i64>) -> Option<Usage> {
        let (used, v1) = self.read("memory", "memory.usage_in_bytes", "memory.current")?;
        let used: i64 = used.trim().parse().ok()?;
        let stat = self.read("memory", "memory.stat", "memory.stat").map(|(t, _)| t).unwrap_or_default();
        let key = if v1 { "total_inactive_file " } else { "inactive_file " };
        let cache = stat
            .lines()
            .find_map(|l| l.strip_prefix(key))
            .and_then(|v| v.trim().parse::<i64>().ok())
            .unwrap_or_default();
        let (pids, _) = self.read("pids", "pids.current", "pids.current")?;
        let memory_bytes = used.saturating_sub(cache).max(0);
        Some(Usage {
            memory_bytes,
            memory_percent: limit
                .filter(|l| *l > 0)
                .map(|l| i64::try_from(i128::from(memory_bytes) * 100 / i128::from(l)).unwrap_or(i64::MAX)),
            pids: pids.trim().parse().ok()?,
        })
    }
}

fn below(mount: &crate::storage::MountEntry, path: &Path) -> Option<PathBuf> {
    let relative = path.strip_prefix(&mount.root).or_else(|_| path.strip_prefix("/")).ok()?;
    // A path with `..` is outside the part of the hierarchy that this process may see.
    if relative.components().any(|c| matches!(c, std::path::Component::ParentDir)) {
        return None;
    }
    Some(mount.mount_point.join(relative))
}

/// 0 for `max` and for the number that stands for no limit.
pub(super) fn number_or_none(text: &str) -> Option<i64> {
    let text = text.trim();
    if text == "max" {
        return Some(0);
    }
    // The largest 64-bit number does not fit.
    let value = text.parse::<u64>().ok()?;
    Some(i64::try_from(value).ok().filter(|v| *v < V1_UNLIMITED).unwrap_or(0))
}

fn millis(quota: i64, period: i64) -> i64 {
    if quota <= 0 || period <= 0 { 0 } else { quota.saturating_mul(1000) / period }
}

pub(super) fn parse_cpu_max(text: &str) -> Option<i64> {
    let mut words = text.split_ascii_whitespace();
    let quota = words.next()?;
    if quota == "max" {
        return Some(0);
    }
    Some(millis(quota.parse().ok()?, words.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temp(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("phiward-limits-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        dir
    }

    #[test]
    fn version_one() {
        let dir = temp("v1");
        for c in ["memory", "pids", "cpu"] {
            fs::create_dir_all(dir.join(c).join("docker/x")).unwrap();
        }
        let put = |f: &str, v: &str| fs::write(dir.join(f), v).unwrap();
        put("memory/docker/x/memory.limit_in_bytes", "9223372036854771712\n");
        put("memory/docker/x/memory.usage_in_bytes", "5000\n");
        put("memory/docker/x/memory.stat", "cache 1\ninactive_file 1\ntotal_inactive_file 1000\n");
        put("pids/docker/x/pids.max", "100\n");
        put("pids/docker/x/pids.current", "3\n");
        put("cpu/docker/x/cpu.cfs_quota_us", "50000\n");
        put("cpu/docker/x/cpu.cfs_period_us", "100000\n");
        let info: String = ["memory", "pids", "cpu"]
            .iter()
            .enumerate()
            .map(|(i, c)| format!("{i} 1 0:{i} / {}/{c} rw - cgroup cgroup rw,{c}\n", dir.display()))
            .collect();
        let mounts = Mounts::parse(info.as_bytes(), Path::new("/nonexistent"));
        let groups =
            Groups::of("4:memory:/docker/x\n3:pids:/docker/x\n2:cpu,cpuacct:/docker/x\n0::/docker/x\n", &mounts);
        assert_eq!(groups.limits(), LiveLimits { memory: Some(0), pids: Some(100), cpu_millis: Some(500) });
        let usage = groups.usage(Some(8000)).unwrap();
        assert_eq!((usage.memory_bytes, usage.memory_percent, usage.pids), (4000, Some(50), 3));
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn version_two() {
        let dir = temp("v2");
        let group = dir.join("system.slice/docker-x.scope");
        fs::create_dir_all(&group).unwrap();
        fs::write(group.join("memory.max"), "1048576\n").unwrap();
        fs::write(group.join("pids.max"), "max\n").unwrap();
        fs::write(group.join("cpu.max"), "max 100000\n").unwrap();
        let mounts = Mounts::parse(
            format!("1 0 0:9 / {} rw - cgroup2 cgroup2 rw\n", dir.display()).as_bytes(),
            Path::new("/nonexistent"),
        );
        let groups = Groups::of("0::/system.slice/docker-x.scope\n", &mounts);
        assert_eq!(groups.limits(), LiveLimits { memory: Some(1_048_576), pids: Some(0), cpu_millis: Some(0) });
        assert!(groups.usage(None).is_none());
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn what_is_out_of_sight_stays_absent() {
        let mounts = Mounts::parse(b"1 0 0:9 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", Path::new("/nonexistent"));
        assert_eq!(Groups::of("0::/../../x\n", &mounts).limits(), LiveLimits::default());
        assert_eq!(parse_cpu_max("150000 100000"), Some(1500));
        assert_eq!(parse_cpu_max("x"), None);
    }
}
