//! Settings of systemd's journal.

use std::collections::HashMap;

use super::processes::Processes;
use super::root::Root;

/// What the journal keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// systemd-journald runs.
    pub running: bool,
    /// Records survive a restart; absent when it cannot be told.
    pub persistent: Option<bool>,
}

/// Reads whether the journal runs and where it keeps its records.
pub fn read(root: &Root, processes: Option<&Processes>) -> Journal {
    let running = processes.map(|processes| processes.running("systemd-journald"));
    let persistent = match running {
        None => None,
        // A journal that nobody writes keeps nothing.
        Some(false) => Some(false),
        Some(true) => storage(root).map(|storage| match storage.as_str() {
            "persistent" => true,
            "auto" => root.path("/var/log/journal").is_dir(),
            _ => false,
        }),
    };
    Journal { running: running.unwrap_or(false), persistent }
}

/// `Storage=`: `auto` unless set; `None` when a file cannot be read.
fn storage(root: &Root) -> Option<String> {
    Some(
        settings(root, "journald")?
            .get("Storage")
            .map_or_else(|| "auto".to_owned(), |value| value.to_ascii_lowercase()),
    )
}

/// Settings of `/etc/systemd/NAME.conf` and its drop-ins; later ones replace earlier ones. `None` when a file cannot be
/// read.
pub fn settings(root: &Root, name: &str) -> Option<HashMap<String, String>> {
    let mut values = HashMap::new();
    let mut texts = Vec::new();
    // A file in /etc replaces the vendor's of the same name.
    let main = ["/etc/systemd", "/run/systemd", "/usr/lib/systemd"]
        .iter()
        .find_map(|dir| root.text(&format!("{dir}/{name}.conf")).transpose());
    texts.extend(main.transpose().ok()?);
    for dir in ["/usr/lib/systemd", "/run/systemd", "/etc/systemd"] {
        for (_, text) in root.drop_ins(&format!("{dir}/{name}.conf.d"), "conf") {
            texts.push(text.ok()?);
        }
    }
    for line in texts.iter().flat_map(|text| text.lines()).map(str::trim) {
        if line.starts_with(['#', ';', '[']) {
            continue;
        }
        if let Some((key, value)) = line.split_once('=') {
            values.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    #[test]
    fn where_records_are_kept() {
        let tree = Tree::new(&[("etc/systemd/journald.conf", "[Journal]\n#Storage=volatile\n")]);
        assert_eq!(storage(&tree.root()).as_deref(), Some("auto"));
        tree.write("etc/systemd/journald.conf.d/50.conf", b"[Journal]\nStorage = Persistent\n");
        assert_eq!(storage(&tree.root()).as_deref(), Some("persistent"));
        assert_eq!(read(&tree.root(), None).persistent, None);
    }

    #[test]
    fn a_journal_that_runs() {
        let tree = Tree::new(&[("proc/7/comm", "systemd-journal\n")]);
        let processes = Processes::read(&tree.root()).unwrap();
        assert_eq!(read(&tree.root(), Some(&processes)), Journal { running: true, persistent: Some(false) });
        std::fs::create_dir_all(tree.path().join("var/log/journal")).unwrap();
        assert_eq!(read(&tree.root(), Some(&processes)).persistent, Some(true));
        let none = Tree::new(&[("proc/7/comm", "sh\n")]);
        let processes = Processes::read(&none.root()).unwrap();
        assert_eq!(read(&none.root(), Some(&processes)), Journal { running: false, persistent: Some(false) });
    }
}
