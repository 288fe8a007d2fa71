//! The kernel's list of mounts, as text.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// One line of mountinfo.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MountEntry {
    pub id: u64,
    pub parent: u64,
    pub major: u32,
    pub minor: u32,
    /// Directory of the file system that is mounted: `/` unless it is a bind or a subvolume.
    pub root: PathBuf,
    pub mount_point: PathBuf,
    /// Options of this mount: `rw`, `nosuid`, …
    pub options: Vec<String>,
    /// `shared:1`, `master:2`; empty for a private mount.
    pub propagation: Vec<String>,
    pub filesystem: String,
    /// Device or remote source.
    pub source: String,
    /// Options of the file system itself.
    pub super_options: Vec<String>,
}

impl MountEntry {
    /// Numbers of the device, the same for every mount of one file system.
    pub fn device_numbers(&self) -> (u32, u32) {
        (self.major, self.minor)
    }
}

/// Reads a mountinfo text. A line in another form is left out.
pub(super) fn parse(text: &[u8]) -> Vec<MountEntry> {
    text.split(|b| *b == b'\n').filter_map(line).collect()
}

fn line(line: &[u8]) -> Option<MountEntry> {
    let mut fields = line.split(|b| *b == b' ').filter(|f| !f.is_empty());
    let id = number(fields.next()?)?;
    let parent = number(fields.next()?)?;
    let (major, minor) = {
        let text = String::from_utf8_lossy(fields.next()?).into_owned();
        let (a, b) = text.split_once(':')?;
        (a.parse().ok()?, b.parse().ok()?)
    };
    let root = path(fields.next()?);
    let mount_point = path(fields.next()?);
    let options = list(fields.next()?);
    let mut propagation = Vec::new();
    for field in fields.by_ref() {
        if field == b"-" {
            break;
        }
        propagation.push(String::from_utf8_lossy(field).into_owned());
    }
    Some(MountEntry {
        id,
        parent,
        major,
        minor,
        root,
        mount_point,
        options,
        propagation,
        filesystem: text(fields.next()?),
        // A source may be empty: the field is then missing and the options follow.
        source: fields.next().map(text).unwrap_or_default(),
        super_options: fields.next().map(list).unwrap_or_default(),
    })
}

fn number(field: &[u8]) -> Option<u64> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(&unescape(field)).into_owned()
}

fn path(field: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(unescape(field)))
}

/// Options are split before they are unescaped. A comma inside a value is written `\,` by overlayfs and is kept.
fn list(field: &[u8]) -> Vec<String> {
    let mut options = Vec::new();
    let mut current = Vec::new();
    let mut bytes = field.iter().copied().peekable();
    while let Some(b) = bytes.next() {
        match b {
            b'\\' if bytes.peek() == Some(&b',') => {
                bytes.next();
                current.push(b',');
            }
            b',' => options.push(text(&std::mem::take(&mut current))),
            _ => current.push(b),
        }
    }
    options.push(text(&current));
    options
}

/// Turns `\040` into a space and likewise for each escape of three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut i = 0;
    while i < field.len() {
        if let [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] = &field[i..] {
            out.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
            i += 4;
        } else {
            out.push(field[i]);
            i += 1;
        }
    }
    out
}
