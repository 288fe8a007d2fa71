//! Files of a machine below a root directory: `/` normally, a mounted or recorded tree otherwise.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use crate::files::{FileFacts, Names};
use phiward_core::asset::Missing;

/// Largest configuration file read whole, in bytes. Anything larger is no configuration.
const MAX_TEXT: u64 = 4 << 20;
/// Symbolic links followed before a path is taken for a loop.
const MAX_LINKS: usize = 40;

/// The tree that stands for the machine's `/`.
#[derive(Clone, Debug)]
pub struct Root {
    base: PathBuf,
    names: OnceLock<Names>,
}

impl Root {
    /// A root at `base`.
    pub fn new(base: &Path) -> Self {
        Root { base: base.to_path_buf(), names: OnceLock::new() }
    }

    /// The tree is this machine itself, so that commands speak of it too.
    pub fn is_live(&self) -> bool {
        self.base == Path::new("/")
    }

    /// Where `path`, absolute on the machine, lies here. Symbolic links are followed inside the tree, so that an
    /// absolute link of a mounted tree never leads into the tree of the reader.
    pub fn path(&self, path: &str) -> PathBuf {
        if self.is_live() {
            return Path::new("/").join(path.trim_start_matches('/'));
        }
        let mut links = 0;
        let mut rest: Vec<PathBuf> = vec![PathBuf::from(path)];
        let mut inner: Vec<std::ffi::OsString> = Vec::new();
        while let Some(next) = rest.pop() {
            let mut components = next.components();
            let Some(first) = components.next() else { continue };
            let tail = components.as_path().to_path_buf();
            if !tail.as_os_str().is_empty() {
                rest.push(tail);
            }
            match first {
                Component::RootDir | Component::Prefix(_) => inner.clear(),
                Component::CurDir => {}
                Component::ParentDir => {
                    inner.pop();
                }
                Component::Normal(name) => {
                    inner.push(name.to_owned());
                    let here = self.at(&inner);
                    if let Ok(target) = fs::read_link(&here) {
                        links += 1;
                        if links > MAX_LINKS {
                            return here;
                        }
                        inner.pop();
                        rest.push(target);
                    }
                }
            }
        }
        self.at(&inner)
    }

    fn at(&self, inner: &[std::ffi::OsString]) -> PathBuf {
        let mut path = self.base.clone();
        path.extend(inner);
        path
    }

    /// Bytes of a file; `None` when it does not exist.
    ///
    /// # Errors
    /// When the file exists and cannot be read, is no regular file or exceeds 4 MiB.
    pub fn bytes(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        // Without waiting: a pipe in place of the file would hold the reader until somebody writes to it.
        let open = fs::OpenOptions::new()
            .read(true)
            .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
            .open(self.path(path));
        let mut file = match open {
            Ok(file) => file,
            Err(error) if absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let kind = file.metadata()?.file_type();
        if kind.is_dir() {
            return Err(io::Error::other("it is a directory"));
        }
        // A link to /dev/null is how a file is switched off: it is read as empty.
        if !kind.is_file() && !kind.is_char_device() {
            return Err(io::Error::other("it is no regular file"));
        }
        let mut bytes = Vec::new();
        file.by_ref().take(MAX_TEXT + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_TEXT {
            return Err(io::Error::other("it is larger than 4 MiB"));
        }
        Ok(Some(bytes))
    }

    /// Text of a file, with bytes that are no UTF-8 replaced; `None` when it does not exist.
    ///
    /// # Errors
    /// As [`Root::bytes`].
    pub fn text(&self, path: &str) -> io::Result<Option<String>> {
        Ok(self.bytes(path)?.map(|bytes| match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }))
    }

    /// Trimmed text of a small kernel file; `None` when it is absent, unreadable or empty.
    pub fn word(&self, path: &str) -> Option<String> {
        let text = self.text(path).ok().flatten()?;
        let word = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        (!word.is_empty()).then(|| word.to_owned())
    }

    /// Something exists at `path`.
    pub fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// Names in a directory, sorted; empty when it does not exist.
    ///
    /// # Errors
    /// When the directory exists and cannot be listed.
    pub fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.path(path)) {
            Ok(entries) => entries,
            Err(error) if absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names: Vec<String> =
            entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect();
        names.sort();
        Ok(names)
    }

    /// Ownership and mode of a file, under the machine's own name for it; `None` when it does not exist.
    ///
    /// # Errors
    /// When it exists and cannot be examined.
    pub fn facts(&self, path: &str) -> io::Result<Option<FileFacts>> {
        let names = self.names.get_or_init(|| {
            let text = |path: &str| self.text(path).ok().flatten().unwrap_or_default();
            Names::parse(&text("/etc/passwd"), &text("/etc/group"))
        });
        let facts = FileFacts::read_with(&self.path(path), names)?;
        Ok(facts.map(|facts| FileFacts { path: path.to_owned(), ..facts }))
    }

    /// Files `DIR/*.EXTENSION` and their text, in the order of their names. Unreadable ones are given as errors.
    pub fn drop_ins(&self, dir: &str, extension: &str) -> Vec<(String, io::Result<String>)> {
        let suffix = format!(".{extension}");
        let names = match self.list(dir) {
            Ok(names) => names,
            Err(error) => return vec![(dir.to_owned(), Err(error))],
        };
        names
            .into_iter()
            .filter(|name| name.ends_with(&suffix) && !name.starts_with('.'))
            .filter_map(|name| {
                let path = format!("{dir}/{name}");
                match self.text(&path) {
                    Ok(Some(text)) => Some((path, Ok(text))),
                    Ok(None) => None,
                    Err(error) => Some((path, Err(error))),
                }
            })
            .collect()
    }
}

/// The error says that there is no such file.
pub fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Why something could not be read, for the person who can mend it.
pub fn why(path: &str, error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::PermissionDenied {
        format!("no permission to read {path}: run phiward as root")
    } else {
        format!("cannot read {path}: {error}")
    }
}

/// Facts that could not be read, with the reason for each.
#[derive(Debug, Default)]
pub struct Gaps(Vec<Missing>);

impl Gaps {
    /// Notes that the fact at `path` is absent. The first reason for a path is kept.
    pub fn add(&mut self, path: &str, why: impl Into<String>) {
        if !self.0.iter().any(|gap| gap.path == path) {
            self.0.push(Missing { path: path.to_owned(), why: why.into() });
        }
    }

    /// Notes one reason for several facts.
    pub fn add_all(&mut self, paths: &[&str], why: &str) {
        for path in paths {
            self.add(path, why);
        }
    }

    /// The reading, or a gap at `path` with the reason why `file` could not be read.
    pub fn keep<T>(&mut self, path: &str, file: &str, reading: io::Result<T>) -> Option<T> {
        match reading {
            Ok(value) => Some(value),
            Err(error) => {
                self.add(path, why(file, &error));
                None
            }
        }
    }

    /// All gaps, in the order they were found.
    pub fn into_vec(self) -> Vec<Missing> {
        self.0
    }

    /// Adds the gaps of another reader.
    pub fn extend(&mut self, other: Gaps) {
        for gap in other.0 {
            self.add(&gap.path, gap.why);
        }
    }

    /// The reason for the fact at `path`, when it is a gap.
    #[cfg(test)]
    pub fn reason(&self, path: &str) -> Option<&str> {
        self.0.iter().find(|gap| gap.path == path).map(|gap| gap.why.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    #[test]
    fn absolute_links_stay_inside_the_tree() {
        let tree = Tree::new(&[("run/state", "inside")]);
        std::fs::create_dir_all(tree.path().join("var")).unwrap();
        std::os::unix::fs::symlink("/run", tree.path().join("var/run")).unwrap();
        std::os::unix::fs::symlink("../../../../run/state", tree.path().join("var/up")).unwrap();
        let root = tree.root();
        assert_eq!(root.text("/var/run/state").unwrap().as_deref(), Some("inside"));
        assert_eq!(root.text("/var/up").unwrap().as_deref(), Some("inside"));
        assert!(root.path("/../../etc/passwd").starts_with(tree.path()));
    }

    #[test]
    fn a_loop_of_links_ends() {
        let tree = Tree::new(&[]);
        std::os::unix::fs::symlink("b", tree.path().join("a")).unwrap();
        std::os::unix::fs::symlink("a", tree.path().join("b")).unwrap();
        assert!(tree.root().text("/a").is_err());
    }

    #[test]
    fn what_is_no_text_is_replaced_and_what_is_absent_is_none() {
        let tree = Tree::new(&[]);
        std::fs::write(tree.path().join("odd"), b"a\xff\xfeb\n").unwrap();
        std::fs::write(tree.path().join("big"), vec![b'x'; 5 << 20]).unwrap();
        let root = tree.root();
        assert_eq!(root.text("/odd").unwrap().unwrap(), "a\u{fffd}\u{fffd}b\n");
        assert!(root.text("/big").is_err());
        assert_eq!(root.text("/none").unwrap(), None);
        assert_eq!(root.text("/odd/below").unwrap(), None);
        assert!(root.text("/").is_err());
    }

    #[test]
    fn the_first_reason_for_a_gap_is_kept() {
        let mut gaps = Gaps::default();
        gaps.add("a", "one");
        gaps.add("a", "two");
        assert_eq!(gaps.reason("a"), Some("one"));
        assert_eq!(gaps.into_vec().len(), 1);
    }
}
