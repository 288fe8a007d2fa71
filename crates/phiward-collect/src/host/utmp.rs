//! Records of log-ins in wtmp and btmp (utmp(5)), read by position: the files have no header and may end anywhere.

/// Kind of record: a user's log-in.
const USER_PROCESS: i16 = 7;
/// Kind of record: a session leader, which failed log-ins are written as.
const LOGIN_PROCESS: i16 = 6;

/// Where fields lie in one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Length of one record in bytes.
    pub size: usize,
    seconds: usize,
    wide: bool,
}

/// The layout of glibc on this kind of processor; `None` where phiward does not know it.
pub fn layout(architecture: &str) -> Option<Layout> {
    match architecture {
        // These keep 32-bit times for programs of both word sizes.
        "x86_64" | "i686" | "i586" | "i386" | "powerpc64le" | "ppc64le" => {
            Some(Layout { size: 384, seconds: 340, wide: false })
        }
        "aarch64" | "riscv64" => Some(Layout { size: 400, seconds: 344, wide: true }),
        _ => None,
    }
}

/// One log-in or one failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub kind: i16,
    /// Seconds since 1970.
    pub time: i64,
    /// Address or name it came from; the terminal for local ones.
    pub source: String,
}

impl Record {
    /// The record is a user's log-in.
    pub fn is_log_in(&self) -> bool {
        self.kind == USER_PROCESS
    }

    /// In btmp: the record is a failed log-in.
    pub fn is_failure(&self) -> bool {
        matches!(self.kind, USER_PROCESS | LOGIN_PROCESS)
    }
}

/// One record; `None` when the bytes are too few.
pub fn record(bytes: &[u8], layout: Layout) -> Option<Record> {
    let bytes = bytes.get(..layout.size)?;
    let kind = i16::from_le_bytes(bytes.get(..2)?.try_into().ok()?);
    let time = if layout.wide {
        i64::from_le_bytes(bytes.get(layout.seconds..layout.seconds + 8)?.try_into().ok()?)
    } else {
        // Unsigned, so that it holds beyond 2038.
        i64::from(u32::from_le_bytes(bytes.get(layout.seconds..layout.seconds + 4)?.try_into().ok()?))
    };
    let host = text(bytes.get(76..332)?);
    let line = text(bytes.get(8..40)?);
    Some(Record { kind, time, source: if host.is_empty() { line } else { host } })
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A record as glibc writes it on x86_64.
    pub fn bytes(kind: i16, time: u32, line: &str, host: &str) -> Vec<u8> {
        let mut bytes = vec![0; 384];
        bytes[..2].copy_from_slice(&kind.to_le_bytes());
        bytes[8..8 + line.len()].copy_from_slice(line.as_bytes());
        bytes[76..76 + host.len()].copy_from_slice(host.as_bytes());
        bytes[340..344].copy_from_slice(&time.to_le_bytes());
        bytes
    }

    #[test]
    fn a_record_of_x86_64() {
        let layout = layout("x86_64").unwrap();
        let found = record(&bytes(7, 4_000_000_000, "pts/0", "198.51.100.7"), layout).unwrap();
        assert_eq!(found, Record { kind: 7, time: 4_000_000_000, source: "198.51.100.7".to_owned() });
        assert!(found.is_log_in());
        assert_eq!(record(&bytes(6, 1, "tty1", ""), layout).unwrap().source, "tty1");
    }

    #[test]
    fn a_record_of_aarch64() {
        let mut bytes = vec![0; 400];
        bytes[0] = 7;
        bytes[344..352].copy_from_slice(&1_700_000_000_i64.to_le_bytes());
        let found = record(&bytes, layout("aarch64").unwrap()).unwrap();
        assert_eq!((found.time, found.is_log_in()), (1_700_000_000, true));
    }

    #[test]
    fn what_is_cut_or_odd() {
        let layout = layout("x86_64").unwrap();
        assert_eq!(record(&bytes(7, 1, "", "")[..383], layout), None);
        assert_eq!(record(&[], layout), None);
        let odd = record(&[0xff; 384], layout).unwrap();
        assert!(!odd.is_log_in() && !odd.is_failure());
        assert_eq!(super::layout("s390x"), None);
    }
}
