//! The content that ships, loaded as the program loads it.

use std::path::Path;

use phiward_core::content::{Content, SourceFile};

/// Every check and control below `content/`, with paths relative to it.
pub fn content() -> Content {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../content");
    let mut files = Vec::new();
    let mut folders = vec![root.join("checks"), root.join("controls")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("content is there").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path).expect("text");
                let name = path.strip_prefix(&root).expect("below content").display().to_string();
                files.push(SourceFile { path: name, text, user: false });
            }
        }
    }
    Content::load(&files, &phiward_collect::kinds()).unwrap_or_else(|e| panic!("{e}"))
}
