//! Content from the binary, or from folders the user names.

use std::path::Path;

use phiward_core::content::{Content, SourceFile};

use crate::config::Config;
use crate::error::CliError;

/// Path below `content/` and text, of every file embedded when phiward was built.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/content.rs"));

/// Largest content file read, in bytes: far above any sensible check.
const FILE_LIMIT: u64 = 1 << 20;

/// The built-in content, or that of `content`, with the user's `checks` on top.
pub fn load(config: &Config) -> Result<Content, CliError> {
    let mut files = match &config.content {
        Some(dir) => read_dir(dir, false)?,
        None => embedded(),
    };
    if let Some(dir) = &config.checks {
        files.extend(read_dir(dir, true)?);
    }
    Content::load(&files, &phiward_collect::kinds()).map_err(|errors| {
        let many = errors.0.len();
        CliError::new(format!(
            "{errors}\n{many} error{} in check files; nothing was judged",
            if many == 1 { "" } else { "s" }
        ))
        .help("`phiward checks lint --checks DIR` shows the same list; docs/adding/check.md explains each field")
    })
}

/// The content embedded in the binary.
pub fn embedded() -> Vec<SourceFile> {
    EMBEDDED
        .iter()
        .map(|(path, text)| SourceFile { path: format!("content/{path}"), text: (*text).to_owned(), user: false })
        .collect()
}

/// Every YAML file below `dir`.
fn read_dir(dir: &Path, user: bool) -> Result<Vec<SourceFile>, CliError> {
    let mut files = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let failed =
            |e: std::io::Error| CliError::new(format!("cannot read the folder of checks {}: {e}", folder.display()));
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            // Symbolic links to folders are not followed: a loop would never end.
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
                let failed = |why: String| CliError::new(format!("cannot read {}: {why}", path.display()));
                let size = std::fs::metadata(&path).map_err(|e| failed(e.to_string()))?.len();
                if size > FILE_LIMIT {
                    return Err(failed(format!("it has {size} bytes, and a check has at most {FILE_LIMIT}")));
                }
                let bytes = std::fs::read(&path).map_err(|e| failed(e.to_string()))?;
                let text = String::from_utf8(bytes).map_err(|e| failed(format!("it is not UTF-8 text ({e})")))?;
                files.push(SourceFile { path: path.display().to_string(), text, user });
            }
        }
    }
    Ok(files)
}
