//! Packages that are installed, by the distribution's database.

use std::collections::HashMap;

use super::command::Commands;
use super::root::Root;

/// One installed package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    pub version: String,
    /// The administrator holds it at this version.
    pub hold: bool,
}

/// Installed packages and who manages them.
#[derive(Clone, Debug, Default)]
pub struct Packages {
    /// `apt`, `apk`, `dnf`; empty when none was recognized.
    pub manager: &'static str,
    installed: HashMap<String, Package>,
}

impl Packages {
    /// Reads the package database. A machine without a database that is known gives none, with the reason.
    ///
    /// # Errors
    /// In words for a reader, when a database exists and cannot be read.
    pub fn read(root: &Root, commands: Commands) -> Result<Packages, String> {
        const DPKG: &str = "/var/lib/dpkg/status";
        const APK: &str = "/lib/apk/db/installed";
        if let Some(text) = large(root, DPKG)? {
            return Ok(Packages { manager: "apt", installed: dpkg_status(&text) });
        }
        if let Some(text) = large(root, APK)? {
            return Ok(Packages { manager: "apk", installed: apk_installed(&text) });
        }
        if root.exists("/var/lib/rpm") || root.exists("/usr/lib/sysimage/rpm") {
            return match commands.stdout("rpm", &["-qa", "--qf", "%{NAME}\\t%{VERSION}-%{RELEASE}\\n"]) {
                Ok(text) => Ok(Packages { manager: "dnf", installed: rpm_list(&text) }),
                Err(error) => Err(format!("cannot list the rpm packages: {error}")),
            };
        }
        Err("no package database is known here (dpkg, apk and rpm were looked for)".to_owned())
    }

    /// The package is installed.
    pub fn has(&self, name: &str) -> bool {
        self.installed.contains_key(name)
    }

    /// Version of an installed package.
    pub fn version(&self, name: &str) -> Option<&str> {
        self.installed.get(name).map(|package| package.version.as_str())
    }

    /// Of these names, those that are installed.
    pub fn which(&self, names: &[&str]) -> Vec<String> {
        names.iter().filter(|name| self.has(name)).map(|name| (*name).to_owned()).collect()
    }

    /// Number of installed packages.
    pub fn len(&self) -> usize {
        self.installed.len()
    }

    /// Every installed package.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Package)> {
        self.installed.iter().map(|(name, package)| (name.as_str(), package))
    }
}

/// A package database may be larger than a configuration file.
fn large(root: &Root, path: &str) -> Result<Option<String>, String> {
    match std::fs::read(root.path(path)) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if super::root::absent(&error) => Ok(None),
        Err(error) => Err(super::root::why(path, &error)),
    }
}

/// Parses dpkg's status file. Packages that are removed with their configuration left are not installed. Packages of
/// several architectures count once: dpkg keeps them at one version.
fn dpkg_status(text: &str) -> HashMap<String, Package> {
    let mut installed = HashMap::new();
    for stanza in text.split("\n\n") {
        let mut name = "";
        let mut status = "";
        let mut version = "";
        for line in stanza.lines() {
            if let Some(value) = line.strip_prefix("Package:") {
                name = value.trim();
            } else if let Some(value) = line.strip_prefix("Status:") {
                status = value.trim();
            } else if let Some(value) = line.strip_prefix("Version:") {
                version = value.trim();
            }
        }
        let mut words = status.split(' ');
        let want = words.next().unwrap_or_default();
        let state = words.nth(1).unwrap_or_default();
        if name.is_empty() || matches!(state, "" | "not-installed" | "config-files") {
            continue;
        }
        installed.insert(name.to_owned(), Package { version: version.to_owned(), hold: want == "hold" });
    }
    installed
}

fn apk_installed(text: &str) -> HashMap<String, Package> {
    let mut installed = HashMap::new();
    for stanza in text.split("\n\n") {
        let field = |key: &str| stanza.lines().find_map(|line| line.strip_prefix(key));
        if let (Some(name), Some(version)) = (field("P:"), field("V:")) {
            installed.insert(name.to_owned(), Package { version: version.to_owned(), hold: false });
        }
    }
    installed
}

pub(super) fn rpm_list(text: &str) -> HashMap<String, Package> {
    text.lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(name, version)| (name.to_owned(), Package { version: version.to_owned(), hold: false }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    const STATUS: &str = "Package: openssl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0.11-1\nDescription: a\n more\n Version: 9\n\n\
        Package: old\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: kept\nStatus: hold ok installed\nVersion: 1:2-3\n\n\
        Package: broken\nVersion: 1\n\nStatus: install ok installed\nVersion: 7\n";

    #[test]
    fn dpkg_knows_what_is_installed() {
        let tree = Tree::new(&[("var/lib/dpkg/status", STATUS)]);
        let packages = Packages::read(&tree.root(), Commands::new(false)).unwrap();
        assert_eq!((packages.manager, packages.len()), ("apt", 2));
        assert_eq!(packages.version("openssl"), Some("3.0.11-1"));
        assert!(packages.iter().any(|(name, package)| name == "kept" && package.hold));
        assert_eq!(packages.which(&["old", "openssl", "broken"]), ["openssl"]);
    }

    #[test]
    fn apk_and_rpm_lists() {
        let tree = Tree::new(&[("lib/apk/db/installed", "C:Q1x=\nP:musl\nV:1.2.5-r0\nA:x86_64\n\nP:broken\n\n")]);
        let packages = Packages::read(&tree.root(), Commands::new(false)).unwrap();
        assert_eq!((packages.manager, packages.version("musl"), packages.len()), ("apk", Some("1.2.5-r0"), 1));
        assert_eq!(rpm_list("bash\t5.1-6.el9\nnoise\n").len(), 1);
    }

    #[test]
    fn a_machine_without_a_database_says_so() {
        assert!(Packages::read(&Tree::new(&[]).root(), Commands::new(false)).unwrap_err().contains("dpkg"));
        let tree = Tree::new(&[("var/lib/rpm/rpmdb.sqlite", "")]);
        assert!(Packages::read(&tree.root(), Commands::new(false)).unwrap_err().contains("rpm"));
    }
}
