//! A throw-away tree of files for tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::root::Root;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A directory with files, removed when dropped.
pub struct Tree(PathBuf);

impl Tree {
    /// A tree with these files, by path relative to its root.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let name = format!("phiward-host-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let base = std::env::temp_dir().join(name);
        fs::create_dir_all(&base).unwrap();
        let tree = Tree(base);
        for (path, text) in files {
            tree.write(path, text.as_bytes());
        }
        tree
    }

    /// Writes one more file.
    pub fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Where the tree lies.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The tree as a machine's root.
    pub fn root(&self) -> Root {
        Root::new(&self.0)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
