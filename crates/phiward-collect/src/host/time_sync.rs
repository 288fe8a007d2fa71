//! Whether the clock follows a time server. Records of who did what when rest on it.

use super::command::{Commands, RunError};
use super::facts::TimeSyncFacts;
use super::journal;
use super::processes::Processes;
use super::root::{Gaps, Root};

/// Programs that keep the clock, and the name facts use.
const PROGRAMS: [(&str, &str); 6] = [
    ("chronyd", "chronyd"),
    ("systemd-timesyncd", "systemd-timesyncd"),
    ("ntpd", "ntpd"),
    ("ntpd-rs", "ntpd-rs"),
    ("ntp-daemon", "ntpd-rs"),
    ("openntpd", "openntpd"),
];

/// Reads who keeps the clock. Without a program that does, the clock is not synchronized.
pub fn read(root: &Root, commands: Commands, processes: Option<&Processes>, gaps: &mut Gaps) -> Option<TimeSyncFacts> {
    let Some(processes) = processes else {
        gaps.add("time_sync", "the process table could not be read");
        return None;
    };
    let program = PROGRAMS.iter().find(|(process, _)| processes.running(process)).map(|(_, name)| *name);
    let Some(program) = program else { return Some(TimeSyncFacts::default()) };
    let synchronized = match synchronized(root, commands, program) {
        Ok(synchronized) => synchronized,
        Err(why) => {
            gaps.add("time_sync.synchronized", why);
            false
        }
    };
    Some(TimeSyncFacts { program: program.to_owned(), running: true, synchronized, servers: servers(root, program) })
}

/// Asks whoever can tell: the program itself, then systemd, then the kernel through busybox.
fn synchronized(root: &Root, commands: Commands, program: &str) -> Result<bool, String> {
    // systemd-timesyncd touches this file at every successful exchange and removes nothing; after a restart it is gone.
    if program == "systemd-timesyncd" && root.exists("/run/systemd/timesync/synchronized") {
        return Ok(true);
    }
    let mut reasons = Vec::new();
    let mut ask = |name: &str, args: &[&str], answer: fn(&str) -> Option<bool>| match commands.stdout(name, args) {
        Ok(text) => answer(&text),
        Err(RunError::Absent(_)) => None,
        Err(error) => {
            reasons.push(error.to_string());
            None
        }
    };
    let chrony = if program == "chronyd" { ask("chronyc", &["-n", "tracking"], chrony_synchronized) } else { None };
    chrony
        .or_else(|| ask("timedatectl", &["show", "-p", "NTPSynchronized"], systemd_synchronized))
        .or_else(|| ask("busybox", &["adjtimex"], kernel_synchronized))
        .ok_or_else(|| {
            reasons.dedup();
            let said = if reasons.is_empty() {
                "no program here can tell (chronyc, timedatectl, busybox)".to_owned()
            } else {
                reasons.join("; ")
            };
            format!("cannot tell whether the clock is synchronized: {said}")
        })
}

pub(super) fn chrony_synchronized(text: &str) -> Option<bool> {
    let line = text.lines().find(|line| line.starts_with("Leap status"))?;
    let status = line.split_once(':')?.1.trim();
    Some(status != "Not synchronised" && status != "Not synchronized")
}

pub(super) fn systemd_synchronized(text: &str) -> Option<bool> {
    match text.trim().strip_prefix("NTPSynchronized=")? {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// `status: 0x2001 (PLL)`: the bit STA_UNSYNC says no.
pub(super) fn kernel_synchronized(text: &str) -> Option<bool> {
    const UNSYNCHRONIZED: u32 = 0x40;
    let line = text.lines().map(str::trim).find_map(|line| line.strip_prefix("status:"))?;
    let word = line.split_whitespace().next()?;
    let status = u32::from_str_radix(word.trim_start_matches("0x"), 16).ok()?;
    Some(status & UNSYNCHRONIZED == 0)
}

fn servers(root: &Root, program: &str) -> Vec<String> {
    let mut servers: Vec<String> = match program {
        "systemd-timesyncd" => {
            let values = journal::settings(root, "timesyncd").unwrap_or_default();
            let set = values.get("NTP").filter(|value| !value.is_empty()).or_else(|| values.get("FallbackNTP"));
            set.map(|value| value.split_whitespace().map(str::to_owned).collect()).unwrap_or_default()
        }
        "chronyd" => {
            let mut texts = Vec::new();
            for path in ["/etc/chrony/chrony.conf", "/etc/chrony.conf"] {
                texts.extend(root.text(path).ok().flatten());
            }
            for (dir, extension) in
                [("/etc/chrony/conf.d", "conf"), ("/etc/chrony/sources.d", "sources"), ("/etc/chrony.d", "conf")]
            {
                texts.extend(root.drop_ins(dir, extension).into_iter().filter_map(|(_, text)| text.ok()));
            }
            texts.iter().flat_map(|text| configured(text)).collect()
        }
        _ => ["/etc/ntpsec/ntp.conf", "/etc/ntp.conf", "/etc/openntpd/ntpd.conf", "/etc/ntpd.conf"]
            .iter()
            .filter_map(|path| root.text(path).ok().flatten())
            .flat_map(|text| configured(&text))
            .collect(),
    };
    servers.sort();
    servers.dedup();
    servers
}

/// `server NAME`, `pool NAME`, `servers NAME`.
fn configured(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            matches!(words.next()?, "server" | "pool" | "servers" | "peer" | "refclock")
                .then(|| words.next().map(str::to_owned))?
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    #[test]
    fn answers_of_programs() {
        assert_eq!(chrony_synchronized("Reference ID : 0\nLeap status     : Normal\n"), Some(true));
        assert_eq!(chrony_synchronized("Leap status     : Not synchronised\n"), Some(false));
        assert_eq!(chrony_synchronized("506 Cannot talk to daemon"), None);
        assert_eq!(systemd_synchronized("NTPSynchronized=no\n"), Some(false));
        assert_eq!(systemd_synchronized("x"), None);
        assert_eq!(
            kernel_synchronized("    mode:         0\n-o  offset:       0 us\n    status:       0x2001 (PLL | NANO)\n"),
            Some(true)
        );
        assert_eq!(kernel_synchronized("    status:       0x40 (UNSYNC)\n"), Some(false));
        assert_eq!(kernel_synchronized("status: zz"), None);
    }

    #[test]
    fn nobody_keeps_the_clock() {
        let tree = Tree::new(&[("proc/5/comm", "sh\n")]);
        let processes = Processes::read(&tree.root()).unwrap();
        let facts = read(&tree.root(), Commands::new(false), Some(&processes), &mut Gaps::default()).unwrap();
        assert_eq!(facts, TimeSyncFacts::default());
        assert!(read(&tree.root(), Commands::new(false), None, &mut Gaps::default()).is_none());
    }

    #[test]
    fn a_program_that_cannot_be_asked_is_a_gap() {
        let tree = Tree::new(&[
            ("proc/5/comm", "chronyd\n"),
            ("etc/chrony/chrony.conf", "# server x\npool 2.pool.example iburst\nserver 10.0.0.1\n"),
        ]);
        let processes = Processes::read(&tree.root()).unwrap();
        let mut gaps = Gaps::default();
        let facts = read(&tree.root(), Commands::new(false), Some(&processes), &mut gaps).unwrap();
        assert_eq!(facts.servers, ["10.0.0.1", "2.pool.example"]);
        assert!(gaps.reason("time_sync.synchronized").unwrap().contains("switched off"));
    }

    #[test]
    fn timesyncd_marks_its_success() {
        let tree = Tree::new(&[
            ("proc/5/comm", "systemd-timesyn\n"),
            ("run/systemd/timesync/synchronized", ""),
            ("etc/systemd/timesyncd.conf", "[Time]\nNTP=a b\nFallbackNTP=c\n"),
        ]);
        let processes = Processes::read(&tree.root()).unwrap();
        let facts = read(&tree.root(), Commands::new(false), Some(&processes), &mut Gaps::default()).unwrap();
        assert!(facts.running && facts.synchronized);
        assert_eq!((facts.program.as_str(), facts.servers.len()), ("systemd-timesyncd", 2));
    }
}
