//! Package updates that stand in the local package cache. Nothing is fetched.

use jiff::Timestamp;

use super::apt;
use super::command::Commands;
use super::facts::{PendingUpdate, UpdateFacts};
use super::packages::Packages;
use super::root::{Gaps, Root};

/// Reads what the package manager knows.
pub fn read(
    root: &Root,
    commands: Commands,
    packages: &Packages,
    now: Timestamp,
    gaps: &mut Gaps,
) -> Option<UpdateFacts> {
    match packages.manager {
        "apt" => Some(apt::read(root, packages, now, gaps)),
        "apk" => apk(root, commands, packages, now, gaps),
        "dnf" => dnf(root, commands, packages, now, gaps),
        _ => {
            gaps.add("updates", "no package manager is known here (apt, dnf and apk were looked for)");
            None
        }
    }
}

/// The version that stands ready for an installed package; empty when the installed one is the newest known.
///
/// # Errors
/// In words for a reader, when that cannot be told: lists that are old, unreadable or of another package manager.
pub fn pending_update(root: &Root, package: &str, now: Timestamp) -> Result<String, String> {
    let packages = Packages::read(root, Commands::new(false))?;
    if packages.manager != "apt" {
        return Err("only apt's package lists are read for a single package".to_owned());
    }
    let mut gaps = Gaps::default();
    let (facts, pending) = apt::survey(root, &packages, now, &mut gaps);
    if let Some(gap) = gaps.into_vec().into_iter().find(|gap| gap.path == "updates.pending") {
        return Err(gap.why);
    }
    match pending.into_iter().find(|update| update.package == package) {
        // An update that stands in old lists is an update all the same.
        Some(update) => Ok(update.available),
        None if facts.cache_fresh => Ok(String::new()),
        None => Err("the package lists are more than a day old: run apt-get update".to_owned()),
    }
}

fn base(packages: &Packages) -> UpdateFacts {
    UpdateFacts {
        manager: packages.manager.to_owned(),
        packages_installed: i64::try_from(packages.len()).unwrap_or(i64::MAX),
        ..UpdateFacts::default()
    }
}

fn age(root: &Root, paths: &[String], now: Timestamp) -> Option<i64> {
    let newest = paths.iter().filter_map(|path| std::fs::metadata(root.path(path)).ok()?.modified().ok()).max()?;
    apt::hours_since(newest, now)
}

fn finish(mut facts: UpdateFacts, mut pending: Vec<PendingUpdate>, age: Option<i64>) -> UpdateFacts {
    facts.cache_age_hours = age;
    facts.cache_fresh = age.is_some_and(|hours| hours <= 24);
    facts.pending = i64::try_from(pending.len()).unwrap_or(i64::MAX);
    facts.pending_security = i64::try_from(pending.iter().filter(|update| update.security).count()).unwrap_or(i64::MAX);
    pending.sort_by(|a, b| b.security.cmp(&a.security).then_with(|| a.package.cmp(&b.package)));
    pending.truncate(50);
    facts.examples = pending;
    facts
}

fn apk(root: &Root, commands: Commands, packages: &Packages, now: Timestamp, gaps: &mut Gaps) -> Option<UpdateFacts> {
    // Alpine's index does not say which updates are for security, and has no separate archive for them.
    gaps.add("updates.pending_security", "apk does not tell security updates from others");
    let caches: Vec<String> = root
        .list("/var/cache/apk")
        .unwrap_or_default()
        .into_iter()
        .filter(|name| name.starts_with("APKINDEX."))
        .map(|name| format!("/var/cache/apk/{name}"))
        .collect();
    if caches.is_empty() {
        gaps.add_all(&["updates.pending", "updates.examples"], "apk has no index cached: run apk update");
        return Some(base(packages));
    }
    match commands.stdout("apk", &["--no-network", "version", "-l", "<"]) {
        Ok(text) => {
            let mut facts = finish(base(packages), apk_pending(&text), age(root, &caches, now));
            facts.security_source = true;
            Some(facts)
        }
        Err(error) => {
            gaps.add("updates", format!("cannot ask apk for newer versions: {error}"));
            None
        }
    }
}

/// Lines `name-1.2-r0 < 1.3-r0`.
pub(super) fn apk_pending(text: &str) -> Vec<PendingUpdate> {
    text.lines()
        .filter_map(|line| {
            let (left, right) = line.split_once(" < ")?;
            let left = left.trim();
            // The version starts at the last hyphen but one: `libcrypto3-3.1.4-r0`.
            let revision = left.rfind("-r")?;
            let (rest, _) = left.split_at(revision);
            let (name, _) = rest.rsplit_once('-')?;
            Some(PendingUpdate {
                package: name.to_owned(),
                installed: left[name.len() + 1..].to_owned(),
                available: right.trim().to_owned(),
                security: false,
            })
        })
        .collect()
}

fn dnf(root: &Root, commands: Commands, packages: &Packages, now: Timestamp, gaps: &mut Gaps) -> Option<UpdateFacts> {
    let program = if root.exists("/usr/bin/dnf") { "dnf" } else { "yum" };
    // Exit code 100 says that there are updates.
    let updates = match commands.run(program, &["-C", "-q", "check-update"]) {
        Ok(output) if output.success || output.code == Some(100) => output.stdout,
        Ok(output) => {
            let said = output.stderr.lines().next().unwrap_or("no reason given").to_owned();
            gaps.add("updates", format!("{program} has no usable cache: {said}"));
            return None;
        }
        Err(error) => {
            gaps.add("updates", format!("cannot ask {program} for updates: {error}"));
            return None;
        }
    };
    let security = match commands.stdout(program, &["-C", "-q", "updateinfo", "list", "--security"]) {
        Ok(text) => Some(text),
        Err(error) => {
            gaps.add("updates.pending_security", format!("cannot ask {program} for security advisories: {error}"));
            None
        }
    };
    let pending = dnf_pending(&updates, security.as_deref().unwrap_or_default(), packages);
    let caches: Vec<String> = ["/var/cache/dnf", "/var/cache/libdnf5", "/var/cache/yum"]
        .iter()
        .flat_map(|dir| root.list(dir).unwrap_or_default().into_iter().map(move |name| format!("{dir}/{name}")))
        .filter(|path| !path.ends_with(".json") && !path.contains("lock"))
        .collect();
    let mut facts = finish(base(packages), pending, age(root, &caches, now));
    // Security advisories come with the ordinary repositories here.
    facts.security_source = security.is_some();
    Some(facts)
}

/// Lines `openssl.x86_64  1:3.0.7-27.el9  baseos`, up to the list of obsoleted packages.
pub(super) fn dnf_pending(updates: &str, advisories: &str, packages: &Packages) -> Vec<PendingUpdate> {
    let advised: Vec<&str> = advisories.lines().filter_map(|line| line.split_whitespace().last()).collect();
    updates
        .lines()
        .take_while(|line| !line.starts_with("Obsoleting"))
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let (full, available, _repository) = (fields.next()?, fields.next()?, fields.next()?);
            let (name, architecture) = full.rsplit_once('.')?;
            let plain = available.split_once(':').map_or(available, |(_, rest)| rest);
            // Advisories name each package in full, perhaps with the epoch: `openssl-1:3.0.7-27.el9.x86_64`.
            let prefix = format!("{name}-");
            let security = advised.iter().any(|advised| {
                advised.strip_prefix(prefix.as_str()).and_then(|rest| rest.strip_suffix(architecture)).is_some_and(
                    |version| {
                        let version = version.trim_end_matches('.');
                        version == plain || version == available || version.rsplit(':').next() == Some(plain)
                    },
                )
            });
            Some(PendingUpdate {
                package: name.to_owned(),
                installed: packages.version(name).unwrap_or_default().to_owned(),
                available: available.to_owned(),
                security,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    #[test]
    fn apk_lines() {
        let text = "Installed:                                Available:\nbusybox-1.36.1-r2      < 1.36.1-r5 \nlibcrypto3-3.1.4-r0 < 3.1.8-r0\nodd < 1\n";
        let found = apk_pending(text);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].package.as_str(), found[0].installed.as_str(), found[0].available.as_str()),
            ("busybox", "1.36.1-r2", "1.36.1-r5")
        );
        assert_eq!(found[1].package, "libcrypto3");
    }

    #[test]
    fn dnf_lines() {
        let updates = "\nopenssl.x86_64   1:3.0.7-27.el9   baseos\nbash.x86_64  5.1.8-9.el9 baseos\nbroken\nObsoleting Packages\nold.noarch 1 x\n";
        let advisories = "RHSA-2024:1 Important/Sec. openssl-1:3.0.7-27.el9.x86_64\nRHSA-2024:2 Low/Sec. bash-completion-5.1.8-9.el9.x86_64\n";
        let found = dnf_pending(updates, advisories, &Packages::default());
        assert_eq!(found.len(), 2);
        assert!(found[0].security && !found[1].security);
    }

    #[test]
    fn what_cannot_be_asked_is_a_gap() {
        let tree = Tree::new(&[("lib/apk/db/installed", "P:musl\nV:1\n"), ("var/cache/apk/APKINDEX.1.tar.gz", "")]);
        let root = tree.root();
        let packages = Packages::read(&root, Commands::new(false)).unwrap();
        let mut gaps = Gaps::default();
        assert!(read(&root, Commands::new(false), &packages, Timestamp::now(), &mut gaps).is_none());
        assert!(gaps.reason("updates").unwrap().contains("switched off"));
        let mut gaps = Gaps::default();
        assert!(read(&root, Commands::new(false), &Packages::default(), Timestamp::now(), &mut gaps).is_none());
        assert!(gaps.reason("updates").is_some());
    }
}
