//! Changes in a container's own layer, by walking the overlay's upper directory where it can be read, else from the
//! engine's `changes`.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::facts::LayerChanges;

/// Entries looked at before the walk stops and says so.
const MOST: usize = 100_000;
const EXAMPLES: usize = 20;
/// Files that the engine writes into each container.
const ENGINE_FILES: &[&str] = &[
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/hostname",
    "/etc/mtab",
    "/run/.containerenv",
    "/.dockerenv",
    "/.dockerinit",
];
/// Mount points that every container has.
const ENGINE_MOUNTS: &[&str] = &["/dev", "/proc", "/sys", "/run/secrets"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Added,
    Changed,
    Deleted,
}

/// One change: the path in the container, and whether it is a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub path: PathBuf,
    pub kind: Kind,
    pub directory: bool,
}

/// Counts changes. `targets` are the container's mount points.
pub(super) fn count<'a>(
    changes: impl IntoIterator<Item = &'a Change>,
    targets: &[String],
    truncated: bool,
) -> LayerChanges {
    let targets: Vec<&Path> = targets.iter().map(Path::new).chain(ENGINE_MOUNTS.iter().map(Path::new)).collect();
    let mut facts = LayerChanges { truncated, ..LayerChanges::default() };
    let mut examples = BTreeSet::new();
    for change in changes {
        let path = change.path.as_path();
        let under_mount = targets.iter().any(|t| path.starts_with(t));
        let above_mount = change.directory && targets.iter().any(|t| t.starts_with(path));
        if under_mount || above_mount || ENGINE_FILES.iter().any(|f| path == Path::new(f)) {
            continue;
        }
        match change.kind {
            Kind::Added => facts.added += 1,
            Kind::Changed => facts.changed += 1,
            Kind::Deleted => facts.deleted += 1,
        }
        if change.kind == Kind::Deleted || change.directory {
            continue;
        }
        facts.written += 1;
        facts.programs_changed |= is_program(path);
        if examples.len() < EXAMPLES {
            examples.insert(path.to_string_lossy().into_owned());
        }
    }
    facts.examples = examples.into_iter().collect();
    facts
}

fn is_program(path: &Path) -> bool {
    let mut parts = path.components().skip(1).map(|c| c.as_os_str().to_string_lossy());
    parts.next().is_some_and(|first| {
        matches!(&*first, "bin" | "sbin" | "usr" | "lib" | "lib32" | "lib64" | "libx32" | "libexec")
    })
}

/// Changes as the engine tells them: paths and kinds without file types. A path that has another below it is a
/// directory; an empty directory cannot be told from a file and counts as one.
pub(super) fn from_engine(list: &[(String, i64)]) -> Vec<Change> {
    let parents: BTreeSet<&str> = list.iter().filter_map(|(p, _)| p.rsplit_once('/').map(|(up, _)| up)).collect();
    list.iter()
        .map(|(path, kind)| Change {
            path: PathBuf::from(path),
            kind: match kind {
                1 => Kind::Added,
                2 => Kind::Deleted,
                _ => Kind::Changed,
            },
            directory: parents.contains(path.as_str()),
        })
        .collect()
}

/// Walks the upper directory. Returns the changes and whether there were more than are looked at.
///
/// # Errors
/// When the upper directory cannot be read.
pub(super) fn walk(upper: &Path, lowers: &[PathBuf]) -> io::Result<(Vec<Change>, bool)> {
    let mut changes = Vec::new();
    let mut stack = vec![(PathBuf::from("/"), false)];
    while let Some((inside, opaque)) = stack.pop() {
        let dir = upper.join(inside.strip_prefix("/").unwrap_or(&inside));
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            // A directory removed while it is walked.
            Err(e) if e.kind() == io::ErrorKind::NotFound && inside != Path::new("/") => continue,
            Err(e) => return Err(e),
        };
        for entry in entries {
            let Ok(entry) = entry else { continue };
            let Ok(meta) = fs::symlink_metadata(entry.path()) else { continue };
            if changes.len() >= MOST {
                return Ok((changes, true));
            }
            let path = inside.join(entry.file_name());
            let below = if opaque { None } else { lower(&path, lowers) };
            if is_whiteout(&meta) {
                changes.push(Change { path, kind: Kind::Deleted, directory: false });
                continue;
            }
            let directory = meta.is_dir();
            if directory {
                stack.push((path.clone(), opaque || below.is_none() || is_opaque(&entry.path())));
            }
            let kind = match &below {
                // A directory that is there only because something below it changed is no change by itself.
                Some(old) if directory && old.is_dir() && same_directory(old, &meta) => continue,
                Some(_) => Kind::Changed,
                None => Kind::Added,
            };
            changes.push(Change { path, kind, directory });
        }
    }
    Ok((changes, false))
}

fn same_directory(old: &fs::Metadata, new: &fs::Metadata) -> bool {
    old.mode() == new.mode() && old.uid() == new.uid() && old.gid() == new.gid()
}

fn is_whiteout(meta: &fs::Metadata) -> bool {
    meta.file_type().is_char_device() && meta.rdev() == 0
}

fn is_opaque(dir: &Path) -> bool {
    ["trusted.overlay.opaque", "user.overlay.opaque"].iter().any(|name| {
        let mut value = [0_u8; 1];
        rustix::fs::lgetxattr(dir, *name, &mut value[..]).is_ok_and(|n| n == 1) && value[0] == b'y'
    })
}

/// What the lower layers show at `path`.
fn lower(path: &Path, lowers: &[PathBuf]) -> Option<fs::Metadata> {
    let relative = path.strip_prefix("/").unwrap_or(path);
    for layer in lowers {
        match fs::symlink_metadata(layer.join(relative)) {
            Ok(meta) if is_whiteout(&meta) => return None,
            Ok(meta) => return Some(meta),
            Err(_) => {}
        }
    }
    None
}

/// The directories of an overlay: upper, and lower ones from the top down. `None` when the driver is another one.
pub(super) fn overlay_dirs(
    driver: &str,
    data: &std::collections::HashMap<String, String>,
) -> Option<(PathBuf, Vec<PathBuf>)> {
    if driver != "overlay2" && driver != "fuse-overlayfs" {
        return None;
    }
    let upper = data.get("UpperDir").filter(|u| !u.is_empty())?;
    let lowers = data
        .get("LowerDir")
        .map(|l| l.split(':').filter(|p| !p.is_empty()).map(PathBuf::from).collect())
        .unwrap_or_default();
    Some((PathBuf::from(upper), lowers))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("phiward-layer-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        for d in [
            "upper/etc",
            "upper/data/vol",
            "upper/usr/bin",
            "upper/var/log",
            "lower/etc",
            "lower/usr/bin",
            "lower/var/log",
        ] {
            fs::create_dir_all(dir.join(d)).unwrap();
        }
        dir
    }

    #[test]
    fn upper_directory_is_compared_with_what_lies_below() {
        let dir = tree("walk");
        for f in [
            "upper/etc/hosts",
            "upper/etc/app.conf",
            "lower/etc/app.conf",
            "upper/usr/bin/tool",
            "upper/var/log/new.log",
        ] {
            fs::write(dir.join(f), "x").unwrap();
        }
        let (changes, truncated) = walk(&dir.join("upper"), &[dir.join("lower")]).unwrap();
        let facts = count(&changes, &["/data/vol".to_owned()], truncated);
        assert_eq!((facts.added, facts.changed, facts.deleted, facts.written), (2, 1, 0, 3));
        assert_eq!(facts.examples, ["/etc/app.conf", "/usr/bin/tool", "/var/log/new.log"]);
        assert!(facts.programs_changed && !facts.truncated);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn an_unwritten_container_has_no_changes() {
        let dir = std::env::temp_dir().join(format!("phiward-layer-empty-{}", std::process::id()));
        fs::create_dir_all(dir.join("upper")).unwrap();
        let (changes, _) = walk(&dir.join("upper"), &[]).unwrap();
        assert_eq!(count(&changes, &[], false), LayerChanges::default());
        assert!(walk(&dir.join("nothing"), &[]).is_err());
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn the_engines_list_has_no_file_types() {
        let list: Vec<(String, i64)> =
            [("/data", 0), ("/data/vol", 1), ("/etc", 0), ("/etc/passwd", 0), ("/tmp/gone", 2), ("/bin/x", 1)]
                .map(|(p, k)| (p.to_owned(), k))
                .to_vec();
        let facts = count(&from_engine(&list), &["/data/vol".to_owned()], false);
        assert_eq!((facts.added, facts.changed, facts.deleted, facts.written), (1, 2, 1, 2));
        assert!(facts.programs_changed);
    }

    #[test]
    fn libraries_are_programs() {
        for (path, expected) in [
            ("/lib64/x.so", true),
            ("/usr/lib/x", true),
            ("/library", false),
            ("/var/lib/x", false),
            ("/opt/bin/x", false),
        ] {
            assert_eq!(is_program(Path::new(path)), expected, "{path}");
        }
    }
}
