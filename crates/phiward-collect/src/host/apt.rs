//! Pending updates from apt's package lists.
//!
//! The candidate of a package is what `apt-get upgrade` would take without pins: the highest version among ordinary
//! archives. Archives marked NotAutomatic (experimental) never give one; those marked ButAutomaticUpgrades
//! (backports) only for a package that is already newer than every ordinary archive. Pins of the administrator are
//! not read: a package pinned back shows as pending.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::time::SystemTime;

use jiff::Timestamp;

use super::dpkg_version::compare;
use super::facts::{PendingUpdate, UpdateFacts};
use super::packages::Packages;
use super::root::{Gaps, Root};

const LISTS: &str = "/var/lib/apt/lists";
/// Most examples given.
const EXAMPLES: usize = 50;
/// Age in hours up to which lists count as fresh.
const FRESH_HOURS: i64 = 24;
/// Facts that no list means nothing about.
const PENDING: [&str; 3] = ["updates.pending", "updates.pending_security", "updates.examples"];

/// What an archive's release file says about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Archive {
    /// The distribution's security archive.
    security: bool,
    /// Installs nothing from here by itself.
    not_automatic: bool,
    /// Upgrades what was once installed from here.
    automatic_upgrades: bool,
}

/// Best versions seen for one installed package.
#[derive(Clone, Debug, Default)]
struct Candidate {
    ordinary: String,
    backport: String,
    security: String,
}

/// Reads the lists and compares them with what is installed.
pub fn read(root: &Root, packages: &Packages, now: Timestamp, gaps: &mut Gaps) -> UpdateFacts {
    let (mut facts, mut pending) = survey(root, packages, now, gaps);
    pending.truncate(EXAMPLES);
    facts.examples = pending;
    facts
}

/// The facts without examples, and every pending update, security first.
pub fn survey(root: &Root, packages: &Packages, now: Timestamp, gaps: &mut Gaps) -> (UpdateFacts, Vec<PendingUpdate>) {
    let mut facts = UpdateFacts {
        manager: "apt".to_owned(),
        packages_installed: i64::try_from(packages.len()).unwrap_or(i64::MAX),
        ..UpdateFacts::default()
    };
    let Some(names) = gaps.keep("updates.security_source", LISTS, root.list(LISTS)) else {
        gaps.add_all(&PENDING, "apt's package lists cannot be read");
        return (facts, Vec::new());
    };
    let archives = archives(root, &names);
    facts.security_source = archives.iter().any(|(_, archive)| archive.security);
    facts.cache_age_hours = newest(root, &archives).and_then(|time| hours_since(time, now));
    facts.cache_fresh = facts.cache_age_hours.is_some_and(|hours| hours <= FRESH_HOURS);

    let mut table = Table::new(packages);
    let mut lists = 0;
    for name in names.iter().filter(|name| name.contains("_Packages")) {
        let archive = archive_of(name, &archives);
        let Some(open) = opener(name) else {
            gaps.add_all(&PENDING, &format!("phiward cannot read the compressed package list {name}"));
            continue;
        };
        let path = root.path(&format!("{LISTS}/{name}"));
        match File::open(path)
            .and_then(|file| scan(open(file), |package, version| table.offer(package, version, archive)))
        {
            Ok(()) => lists += 1,
            Err(error) => gaps.add_all(&PENDING, &format!("cannot read the package list {name}: {error}")),
        }
    }
    if lists == 0 {
        gaps.add_all(&PENDING, "there are no package lists: run apt-get update");
        facts.cache_fresh = false;
    }
    let pending = table.pending();
    facts.pending = i64::try_from(pending.len()).unwrap_or(i64::MAX);
    facts.pending_security = i64::try_from(pending.iter().filter(|update| update.security).count()).unwrap_or(i64::MAX);
    (facts, pending)
}

/// Release files by the prefix their lists share.
fn archives(root: &Root, names: &[String]) -> Vec<(String, Archive)> {
    names
        .iter()
        .filter_map(|name| {
            let prefix = name.strip_suffix("InRelease").or_else(|| name.strip_suffix("Release"))?;
            let text = root.text(&format!("{LISTS}/{name}")).ok().flatten()?;
            Some((prefix.to_owned(), archive(&text)))
        })
        .collect()
}

fn archive(release: &str) -> Archive {
    let mut archive = Archive::default();
    for line in release.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match key {
            "Label" => archive.security |= value.eq_ignore_ascii_case("Debian-Security"),
            "Suite" | "Codename" => archive.security |= value.ends_with("-security") || value.ends_with("/updates"),
            "NotAutomatic" => archive.not_automatic = value == "yes",
            "ButAutomaticUpgrades" => archive.automatic_upgrades = value == "yes",
            // The list of files follows, which is most of the text.
            "MD5Sum" | "SHA1" | "SHA256" | "SHA512" => break,
            _ => {}
        }
    }
    archive
}

fn archive_of(list: &str, archives: &[(String, Archive)]) -> Archive {
    archives
        .iter()
        .filter(|(prefix, _)| list.starts_with(prefix.as_str()))
        .max_by_key(|(prefix, _)| prefix.len())
        .map(|(_, archive)| *archive)
        .unwrap_or_default()
}

pub(super) type Opener = fn(File) -> Box<dyn Read>;

/// How to read a list, by its name's end.
pub(super) fn opener(name: &str) -> Option<Opener> {
    match name.rsplit_once("_Packages")?.1 {
        "" => Some(|file| Box::new(file)),
        ".lz4" => Some(|file| Box::new(lz4_flex::frame::FrameDecoder::new(file))),
        ".gz" => Some(|file| Box::new(flate2::read::MultiGzDecoder::new(file))),
        _ => None,
    }
}

/// When lists were last fetched: the newest of the release files, of the directory they are put into, and of the stamp
/// that periodic updates leave. A server may date a release file earlier than its fetching, never later.
fn newest(root: &Root, archives: &[(String, Archive)]) -> Option<SystemTime> {
    if archives.is_empty() {
        return None;
    }
    let mut paths = vec![LISTS.to_owned(), "/var/lib/apt/periodic/update-success-stamp".to_owned()];
    for (prefix, _) in archives {
        paths.push(format!("{LISTS}/{prefix}InRelease"));
        paths.push(format!("{LISTS}/{prefix}Release"));
    }
    paths.iter().filter_map(|path| std::fs::metadata(root.path(path)).ok()?.modified().ok()).max()
}

/// Whole hours since `time`. A time in the future is no age.
pub fn hours_since(time: SystemTime, now: Timestamp) -> Option<i64> {
    let then = Timestamp::try_from(time).ok()?;
    let seconds = now.as_second() - then.as_second();
    // Clocks of a file server and of this machine may differ by a little.
    (seconds > -3600).then_some(seconds.max(0) / 3600)
}

/// Installed packages by name, with the best versions seen.
struct Table<'a> {
    index: HashMap<&'a [u8], usize>,
    rows: Vec<(&'a str, &'a super::packages::Package, Candidate)>,
}

impl<'a> Table<'a> {
    fn new(packages: &'a Packages) -> Self {
        let mut index = HashMap::with_capacity(packages.len());
        let mut rows = Vec::with_capacity(packages.len());
        for (name, package) in packages.iter() {
            index.insert(name.as_bytes(), rows.len());
            rows.push((name, package, Candidate::default()));
        }
        Table { index, rows }
    }

    /// A list offers a version; gives whether the package is of interest.
    fn offer(&mut self, package: &[u8], version: Option<&[u8]>, archive: Archive) -> bool {
        let Some(row) = self.index.get(package).and_then(|position| self.rows.get_mut(*position)) else { return false };
        let Some(version) = version.and_then(|bytes| std::str::from_utf8(bytes).ok()) else { return true };
        let candidate = &mut row.2;
        let raise = |best: &mut String| {
            if best.is_empty() || compare(version, best) == Ordering::Greater {
                version.clone_into(best);
            }
        };
        match (archive.not_automatic, archive.automatic_upgrades) {
            (false, _) => raise(&mut candidate.ordinary),
            (true, true) => raise(&mut candidate.backport),
            (true, false) => {}
        }
        if archive.security {
            raise(&mut candidate.security);
        }
        true
    }

    /// What would be upgraded: security first, then by name. Held packages are left out.
    fn pending(self) -> Vec<PendingUpdate> {
        let mut pending: Vec<PendingUpdate> = self
            .rows
            .into_iter()
            .filter(|(_, package, _)| !package.hold)
            .filter_map(|(name, package, candidate)| {
                let newer =
                    |version: &str| !version.is_empty() && compare(version, &package.version) == Ordering::Greater;
                let same = compare(&candidate.ordinary, &package.version) == Ordering::Equal;
                let available = if newer(&candidate.ordinary) {
                    candidate.ordinary
                } else if !same && newer(&candidate.backport) {
                    candidate.backport
                } else {
                    return None;
                };
                Some(PendingUpdate {
                    package: name.to_owned(),
                    installed: package.version.clone(),
                    available,
                    security: newer(&candidate.security),
                })
            })
            .collect();
        pending.sort_by(|a, b| b.security.cmp(&a.security).then_with(|| a.package.cmp(&b.package)));
        pending
    }
}

/// Reads a package list line by line. `offer` is called with the package alone, and gives whether its version is
/// wanted; then with the version. A line that does not fit the buffer is passed over.
pub(super) fn scan(mut list: impl Read, mut offer: impl FnMut(&[u8], Option<&[u8]>) -> bool) -> io::Result<()> {
    let mut buffer = vec![0_u8; 256 << 10];
    let mut filled = 0;
    let mut skipping = false;
    let mut package: Vec<u8> = Vec::new();
    let mut wanted = false;
    loop {
        let read = match list.read(&mut buffer[filled..]) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        filled += read;
        let mut start = 0;
        while let Some(length) = memchr::memchr(b'\n', &buffer[start..filled]) {
            let line = &buffer[start..start + length];
            start += length + 1;
            if std::mem::take(&mut skipping) {
                continue;
            }
            match line.first() {
                Some(b'P') => {
                    if let Some(name) = line.strip_prefix(b"Package:") {
                        let name = name.trim_ascii();
                        wanted = offer(name, None);
                        if wanted {
                            package.clear();
                            package.extend_from_slice(name);
                        }
                    }
                }
                Some(b'V') if wanted => {
                    if let Some(version) = line.strip_prefix(b"Version:") {
                        offer(&package, Some(version.trim_ascii()));
                    }
                }
                None => wanted = false,
                _ => {}
            }
        }
        buffer.copy_within(start..filled, 0);
        filled -= start;
        if read == 0 {
            return Ok(());
        }
        if filled == buffer.len() {
            filled = 0;
            skipping = true;
        }
    }
}

#[cfg(test)]
#[path = "apt_tests.rs"]
mod tests;
