//! The demo's image: this very program with the libraries it has loaded, and nothing else.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// The second program of the service that has one.
pub const SECOND_PROGRAM: &str = "/log-shipper";

/// A tar archive that `docker build` takes: a Dockerfile and the tree it copies.
pub fn build_context(dockerfile: &str) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    append(&mut archive, "Dockerfile", dockerfile.as_bytes(), 0o644)?;
    let program = std::fs::read("/proc/self/exe")?;
    append(&mut archive, "rootfs/phiward", &program, 0o755)?;
    // The same file under a second name: the service that runs a second program beside its own.
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Link);
    link.set_size(0);
    link.set_mode(0o755);
    archive.append_link(&mut link, format!("rootfs{SECOND_PROGRAM}"), "rootfs/phiward")?;
    let mut placed = BTreeSet::new();
    for library in loaded_libraries()? {
        let bytes = std::fs::read(&library)?;
        for place in places(&library) {
            if placed.insert(place.clone()) {
                append(&mut archive, &format!("rootfs{}", place.display()), &bytes, 0o755)?;
            }
        }
    }
    append(&mut archive, "rootfs/etc/passwd", b"root:x:0:0::/:/phiward\nservice:x:65532:65532::/:/phiward\n", 0o644)?;
    archive.into_inner()
}

fn append(archive: &mut tar::Builder<Vec<u8>>, path: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_cksum();
    archive.append_data(&mut header, path, bytes)
}

/// Shared libraries of this process, from its memory map. A static program has none.
fn loaded_libraries() -> io::Result<BTreeSet<PathBuf>> {
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    Ok(maps
        .lines()
        .filter_map(|line| line.splitn(6, char::is_whitespace).nth(5))
        .map(str::trim)
        .filter(|path| {
            path.starts_with('/') && Path::new(path).file_name().is_some_and(|n| n.to_string_lossy().contains(".so"))
        })
        .map(PathBuf::from)
        .collect())
}

/// Where a library must stand in the image: where it was found, and in the folders every loader searches. The loader
/// itself is named by an absolute path in the program, most often below /lib64 or /lib.
fn places(library: &Path) -> Vec<PathBuf> {
    let name = library.file_name().unwrap_or_default();
    let mut places = vec![library.to_path_buf(), Path::new("/lib").join(name)];
    if name.to_string_lossy().starts_with("ld-") {
        places.push(Path::new("/lib64").join(name));
    }
    places
}
