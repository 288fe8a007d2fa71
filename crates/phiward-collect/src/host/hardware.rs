//! Processors, memory and load.

use super::facts::HardwareFacts;
use super::root::{Gaps, Root};

/// Reads what the machine has.
pub fn read(root: &Root, gaps: &mut Gaps) -> HardwareFacts {
    let text = |path: &str| root.text(path).ok().flatten();
    let mut facts = HardwareFacts::default();
    match text("/proc/cpuinfo") {
        Some(info) => (facts.cpus, facts.cpu_model) = cpus(&info),
        None => gaps.add_all(&["hardware.cpus", "hardware.cpu_model"], "cannot read /proc/cpuinfo"),
    }
    match text("/proc/meminfo").as_deref().and_then(memory) {
        Some((total, available)) => {
            facts.memory_bytes = total;
            facts.memory_available_bytes = available;
        }
        None => {
            gaps.add_all(&["hardware.memory_bytes", "hardware.memory_available_bytes"], "cannot read /proc/meminfo")
        }
    }
    match root
        .word("/proc/loadavg")
        .and_then(|text| text.split(' ').next()?.parse::<f64>().ok())
        .filter(|load| load.is_finite())
    {
        Some(load) => facts.load1 = load,
        None => gaps.add("hardware.load1", "cannot read /proc/loadavg"),
    }
    facts
}

fn cpus(info: &str) -> (i64, String) {
    let value = |line: &str| line.split_once(':').map(|(_, value)| value.trim().to_owned());
    let mut count = 0;
    let mut model = String::new();
    for line in info.lines() {
        if line.split(':').next().is_some_and(|key| key.trim_end() == "processor") {
            count += 1;
        } else if model.is_empty() && (line.starts_with("model name") || line.starts_with("Model")) {
            model = value(line).unwrap_or_default();
        }
    }
    (count, model)
}

fn memory(info: &str) -> Option<(i64, i64)> {
    let get = |key: &str| -> Option<i64> {
        let line = info.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        line.trim().trim_end_matches("kB").trim_end().parse::<i64>().ok()?.checked_mul(1024)
    };
    Some((get("MemTotal")?, get("MemAvailable").or_else(|| get("MemFree"))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    #[test]
    fn reads_processors_memory_and_load() {
        let tree = Tree::new(&[
            ("proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU\n\nprocessor\t: 1\nmodel name\t: Some CPU\n"),
            ("proc/meminfo", "MemTotal:       1024 kB\nMemFree: 1 kB\nMemAvailable:    512 kB\n"),
            ("proc/loadavg", "0.25 0.1 0.0 1/100 4242\n"),
        ]);
        let mut gaps = Gaps::default();
        let facts = read(&tree.root(), &mut gaps);
        assert_eq!((facts.cpus, facts.cpu_model.as_str()), (2, "Some CPU"));
        assert_eq!((facts.memory_bytes, facts.memory_available_bytes), (1_048_576, 524_288));
        assert!((facts.load1 - 0.25).abs() < 1e-9);
        assert!(gaps.into_vec().is_empty());
    }

    #[test]
    fn what_is_malformed_is_a_gap() {
        let tree = Tree::new(&[("proc/meminfo", "MemTotal: lots kB\n"), ("proc/loadavg", "")]);
        let mut gaps = Gaps::default();
        read(&tree.root(), &mut gaps);
        for path in ["hardware.cpus", "hardware.memory_bytes", "hardware.load1"] {
            assert!(gaps.reason(path).is_some(), "{path}");
        }
    }
}
