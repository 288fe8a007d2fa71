//! Records of log-ins: whether they are kept, and the last day's counts.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use jiff::Timestamp;

use super::facts::LoginFacts;
use super::journal::Journal;
use super::processes::Processes;
use super::root::{Gaps, Root, absent, why};
use super::utmp::{self, Layout, Record};

const WTMP: &str = "/var/log/wtmp";
const BTMP: &str = "/var/log/btmp";
const DAY: i64 = 86_400;
/// Read at once, in records.
const CHUNK: usize = 4096;
/// Most bytes read of one file. An hour of the fiercest guessing fits many times.
const MAX_READ: u64 = 256 << 20;
/// Sources counted apart. More than that in one day are counted together, which keeps memory bounded.
const MAX_SOURCES: usize = 100_000;
/// Programs that watch failed log-ins and act or alert.
const WATCHERS: [&str; 7] =
    ["fail2ban-server", "sshguard", "crowdsec", "denyhosts", "wazuh-agentd", "ossec-logcollector", "sagan"];

/// Reads the records.
pub fn read(
    root: &Root,
    architecture: &str,
    processes: Option<&Processes>,
    journal: &Journal,
    now: Timestamp,
    gaps: &mut Gaps,
) -> Option<LoginFacts> {
    let mut facts = LoginFacts::default();
    let filled = |path: &str| std::fs::metadata(root.path(path)).is_ok_and(|meta| meta.is_file() && meta.len() > 0);
    if filled(WTMP) || filled("/var/log/wtmp.1") {
        facts.success_recorded = true;
        facts.sources.push(WTMP.to_owned());
    }
    if root.exists("/var/lib/wtmpdb/wtmp.db") {
        facts.success_recorded = true;
        facts.sources.push("/var/lib/wtmpdb/wtmp.db".to_owned());
    }
    // Failures are written only to a btmp that exists, and an empty one says that there were none.
    if root.exists(BTMP) {
        facts.failure_recorded = true;
        facts.sources.push(BTMP.to_owned());
    }
    for path in ["/var/log/auth.log", "/var/log/secure"] {
        if filled(path) {
            facts.success_recorded = true;
            facts.failure_recorded = true;
            facts.sources.push(path.to_owned());
        }
    }
    if journal.persistent == Some(true) {
        facts.success_recorded = true;
        facts.failure_recorded = true;
        facts.sources.push("journal".to_owned());
    }
    match processes {
        Some(processes) => facts.watchers = processes.which(&WATCHERS),
        None => gaps.add("logins.watchers", "the process table could not be read"),
    }
    let counts = ["logins.successes_24h", "logins.failures_24h", "logins.most_failures_one_source"];
    let Some(layout) = utmp::layout(architecture) else {
        gaps.add_all(&counts, &format!("the form of log-in records on {architecture:?} is not known"));
        return Some(facts);
    };
    let since = now.as_second() - DAY;
    match last_day(root, WTMP, layout, since, Record::is_log_in) {
        Ok(Some(found)) => facts.successes_24h = Some(found.total),
        Ok(None) => gaps.add(counts[0], format!("{WTMP} does not exist")),
        Err((path, error)) => gaps.add(counts[0], why(&path, &error)),
    }
    match last_day(root, BTMP, layout, since, Record::is_failure) {
        Ok(Some(found)) => {
            facts.failures_24h = Some(found.total);
            facts.most_failures_one_source = Some(found.most);
        }
        Ok(None) => gaps.add_all(&counts[1..], &format!("{BTMP} does not exist")),
        Err((path, error)) => gaps.add_all(&counts[1..], &why(&path, &error)),
    }
    Some(facts)
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    total: i64,
    /// Most from one source.
    most: i64,
}

/// Counts records since a moment in a file and in the one it was rotated to. `None` when neither exists.
fn last_day(
    root: &Root,
    path: &str,
    layout: Layout,
    since: i64,
    wanted: fn(&Record) -> bool,
) -> Result<Option<Count>, (String, io::Error)> {
    let mut total = 0;
    let mut sources: HashMap<String, i64> = HashMap::new();
    let mut found = false;
    for path in [path.to_owned(), format!("{path}.1")] {
        let mut file = match File::open(root.path(&path)) {
            Ok(file) => file,
            Err(error) if absent(&error) => continue,
            Err(error) => return Err((path, error)),
        };
        found = true;
        let counted = backwards(&mut file, layout, since, |record| {
            if wanted(&record) {
                total += 1;
                if sources.len() < MAX_SOURCES || sources.contains_key(&record.source) {
                    *sources.entry(record.source).or_default() += 1;
                }
            }
        });
        counted.map_err(|error| (path, error))?;
    }
    let most = sources.values().copied().max().unwrap_or(0);
    Ok(found.then_some(Count { total, most }))
}

/// Gives records since a moment, from the end of the file until a whole chunk is older. A cut record at the end is
/// left out.
fn backwards(
    file: &mut (impl Read + Seek),
    layout: Layout,
    since: i64,
    mut each: impl FnMut(Record),
) -> io::Result<()> {
    let size = layout.size as u64;
    let mut end = file.seek(SeekFrom::End(0))? / size * size;
    let mut read = 0;
    let mut buffer = vec![0; layout.size * CHUNK];
    while end > 0 {
        let length = end.min(buffer.len() as u64);
        let chunk = &mut buffer[..usize::try_from(length).unwrap_or_default()];
        file.seek(SeekFrom::Start(end - length))?;
        file.read_exact(chunk)?;
        end -= length;
        read += length;
        let mut any = false;
        for bytes in chunk.chunks_exact(layout.size) {
            if let Some(record) = utmp::record(bytes, layout)
                && record.time >= since
            {
                any = true;
                each(record);
            }
        }
        if !any {
            break;
        }
        if read > MAX_READ {
            return Err(io::Error::other("more than 256 MiB of it are from the last day"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::utmp::tests::bytes;
    use super::*;
    use crate::host::testing::Tree;

    const NOW: i64 = 1_700_000_000;

    fn facts(tree: &Tree) -> (LoginFacts, Gaps) {
        let mut gaps = Gaps::default();
        let now = Timestamp::from_second(NOW).unwrap();
        let facts = read(&tree.root(), "x86_64", None, &Journal::default(), now, &mut gaps).unwrap();
        (facts, gaps)
    }

    fn ago(seconds: i64) -> u32 {
        u32::try_from(NOW - seconds).unwrap()
    }

    #[test]
    fn counts_of_the_last_day() {
        let tree = Tree::new(&[]);
        let wtmp = [
            bytes(7, ago(2 * DAY), "pts/0", "a"),
            bytes(2, ago(60), "~", "boot"),
            bytes(7, ago(30), "pts/1", "a"),
            bytes(8, ago(10), "pts/1", ""),
        ];
        tree.write("var/log/wtmp", &wtmp.concat());
        let mut btmp = [
            bytes(6, ago(3 * DAY), "ssh", "x"),
            bytes(6, ago(50), "ssh", "x"),
            bytes(6, ago(40), "ssh", "y"),
            bytes(7, ago(30), "ssh", "x"),
        ]
        .concat();
        btmp.extend_from_slice(&[7; 100]);
        tree.write("var/log/btmp", &btmp);
        tree.write("var/log/btmp.1", &bytes(6, ago(DAY - 5), "ssh", "x"));
        let (facts, gaps) = facts(&tree);
        assert_eq!(
            (facts.successes_24h, facts.failures_24h, facts.most_failures_one_source),
            (Some(1), Some(4), Some(3))
        );
        assert!(facts.success_recorded && facts.failure_recorded);
        assert_eq!(facts.sources, [WTMP, BTMP]);
        assert_eq!(gaps.into_vec().len(), 1, "only the process table is missing here");
    }

    #[test]
    fn long_files_are_read_over_several_chunks() {
        let layout = utmp::layout("x86_64").unwrap();
        let mut data = Vec::new();
        for n in 0..3 * CHUNK {
            data.extend(bytes(6, if n < CHUNK / 2 { 10 } else { 1000 }, "ssh", "x"));
        }
        let mut count = 0;
        backwards(&mut io::Cursor::new(&data), layout, 500, |_| count += 1).unwrap();
        assert_eq!(count, 3 * CHUNK - CHUNK / 2);
    }

    #[test]
    fn no_files_are_gaps_and_an_empty_wtmp_records_nothing() {
        let (none, gaps) = facts(&Tree::new(&[]));
        assert!(!none.success_recorded && !none.failure_recorded);
        assert!(gaps.reason("logins.failures_24h").unwrap().contains("btmp"));
        let (empty, _) = facts(&Tree::new(&[("var/log/wtmp", ""), ("var/log/btmp", "")]));
        assert!(!empty.success_recorded && empty.failure_recorded);
        assert_eq!((empty.successes_24h, empty.failures_24h), (Some(0), Some(0)));
    }

    #[test]
    fn an_unknown_processor_is_a_gap() {
        let mut gaps = Gaps::default();
        let facts =
            read(&Tree::new(&[]).root(), "vax", None, &Journal::default(), Timestamp::UNIX_EPOCH, &mut gaps).unwrap();
        assert_eq!(facts.failures_24h, None);
        assert!(gaps.reason("logins.failures_24h").unwrap().contains("vax"));
    }
}
