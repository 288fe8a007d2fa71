//! Whether programs that crash leave their memory on disk.

use super::facts::CoreDumps;
use super::journal;
use super::root::{Gaps, Root, why};

/// Reads the limits and where dumps go.
pub fn read(root: &Root, gaps: &mut Gaps) -> Option<CoreDumps> {
    let Some(pattern) = root.word("/proc/sys/kernel/core_pattern") else {
        gaps.add("core_dumps", "cannot read kernel.core_pattern");
        return None;
    };
    let mut texts = Vec::new();
    let main = "/etc/security/limits.conf";
    let files = std::iter::once((main.to_owned(), root.text(main).map(Option::unwrap_or_default)))
        .chain(root.drop_ins("/etc/security/limits.d", "conf"));
    for (path, text) in files {
        match text {
            Ok(text) => texts.push(text),
            Err(error) => gaps.add("core_dumps.restricted", why(&path, &error)),
        }
    }
    // A pipe ignores the limit of size: then the program behind it decides.
    let restricted = if pattern.starts_with('|') {
        pattern.contains("systemd-coredump")
            && journal::settings(root, "coredump")
                .is_some_and(|values| values.get("Storage").is_some_and(|storage| storage.eq_ignore_ascii_case("none")))
            || pattern.trim_start_matches('|').trim_start().starts_with("/bin/false")
    } else {
        limit_is_zero(&texts)
    };
    Some(CoreDumps { restricted, pattern })
}

/// `* hard core 0`, the last such line counts.
fn limit_is_zero(texts: &[String]) -> bool {
    let mut zero = false;
    for line in texts.iter().flat_map(|text| text.lines()) {
        let words: Vec<&str> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
        if let ["*", "hard" | "-", "core", value, ..] = words.as_slice() {
            zero = *value == "0";
        }
    }
    zero
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    fn restricted(pattern: &str, limits: &str, coredump: &str) -> bool {
        let tree = Tree::new(&[
            ("proc/sys/kernel/core_pattern", pattern),
            ("etc/security/limits.d/x.conf", limits),
            ("etc/systemd/coredump.conf", coredump),
        ]);
        read(&tree.root(), &mut Gaps::default()).unwrap().restricted
    }

    #[test]
    fn limits_and_pipes() {
        assert!(restricted("core\n", "* hard core 0 # none\n", ""));
        assert!(!restricted("core\n", "* soft core 0\n# * hard core 0\nroot hard core 0\n", ""));
        assert!(!restricted("core\n", "* hard core 0\n* hard core unlimited\n", ""));
        let pipe = "|/usr/lib/systemd/systemd-coredump %P\n";
        assert!(!restricted(pipe, "* hard core 0\n", ""), "a pipe ignores the limit");
        assert!(restricted(pipe, "", "[Coredump]\nStorage=none\n"));
        assert!(restricted("|/bin/false\n", "", ""));
    }

    #[test]
    fn no_pattern_is_a_gap() {
        let mut gaps = Gaps::default();
        assert!(read(&Tree::new(&[]).root(), &mut gaps).is_none());
        assert!(gaps.reason("core_dumps").is_some());
    }
}
