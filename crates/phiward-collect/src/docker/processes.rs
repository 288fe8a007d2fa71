//! Processes of containers, from one scan of `/proc`: a process belongs to the container whose id is in its control
//! group. Nothing is executed inside a container, and a container in the host's pid namespace is not charged with the
//! host's processes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;

use super::facts::Processes;

/// One process of a container.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Process {
    pub pid: i32,
    pub ppid: i32,
    pub comm: String,
    /// Base name of the program's file; empty when unreadable.
    pub exe: String,
    /// Words of the command line; empty when unreadable. Used to recognize health checks and scripts, never kept.
    pub args: Vec<String>,
    pub uid: Option<u32>,
    pub tty: bool,
    /// Clock ticks after boot at which it started.
    pub started: u64,
}

/// Fields of /proc/PID/stat.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Stat {
    pub comm: String,
    pub ppid: i32,
    pub tty: bool,
    pub started: u64,
}

/// Reads a /proc/PID/stat. The name may hold spaces and brackets, so the fields begin after the last bracket.
pub(super) fn parse_stat(bytes: &[u8]) -> Option<Stat> {
    let text = String::from_utf8_lossy(bytes);
    let open = text.find('(')?;
    let close = text.rfind(')')?;
    let comm = text.get(open + 1..close)?.to_owned();
    let fields: Vec<&str> = text.get(close + 1..)?.split_ascii_whitespace().collect();
    Some(Stat {
        comm,
        ppid: fields.get(1)?.parse().ok()?,
        tty: fields.get(4)?.parse::<i64>().ok()? != 0,
        started: fields.get(19)?.parse().ok()?,
    })
}

/// The container id in a control group text: the first path element of 64 hexadecimal digits, bare or as
/// `docker-ID.scope`. The first one, because containers inside a container are that container's.
pub(super) fn container_of(cgroup: &str) -> Option<&str> {
    cgroup.lines().filter_map(|line| line.splitn(3, ':').nth(2)).find_map(|path| {
        path.split('/').find_map(|part| {
            let id = part.strip_suffix(".scope").unwrap_or(part);
            let id = id.rsplit_once('-').map_or(id, |(_, id)| id);
            (id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit())).then_some(id)
        })
    })
}

/// Processes of all containers, by container id. A process that ends during the scan is left out.
///
/// # Errors
/// When /proc cannot be listed.
pub(super) fn scan() -> std::io::Result<HashMap<String, Vec<Process>>> {
    let mut found: HashMap<String, Vec<Process>> = HashMap::new();
    for pid in super::daemon_process::processes()? {
        let Ok(cgroup) = fs::read(format!("/proc/{pid}/cgroup")) else { continue };
        let cgroup = String::from_utf8_lossy(&cgroup);
        let Some(id) = container_of(&cgroup) else { continue };
        if let Some(process) = read(pid) {
            found.entry(id.to_owned()).or_default().push(process);
        }
    }
    Ok(found)
}

/// Clock ticks since boot; 0 when unreadable, which makes every process count as lasting.
pub(super) fn now_ticks() -> u64 {
    let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let mut parts = uptime.split_ascii_whitespace().next().unwrap_or_default().split('.');
    let seconds: u64 = parts.next().and_then(|s| s.parse().ok()).unwrap_or_default();
    seconds.saturating_mul(100)
}

fn read(pid: i32) -> Option<Process> {
    let stat = parse_stat(&fs::read(format!("/proc/{pid}/stat")).ok()?)?;
    let uid = fs::read_to_string(format!("/proc/{pid}/status")).ok().and_then(|s| effective_uid(&s));
    let exe = fs::read_link(format!("/proc/{pid}/exe"))
        .ok()
        .and_then(|p| p.file_name().map(|n| n.to_string_lossy().trim_end_matches(" (deleted)").to_owned()))
        .unwrap_or_default();
    let args = fs::read(format!("/proc/{pid}/cmdline"))
        .map(|b| {
            // Every word ends with a zero byte, the last one too.
            let end = b.strip_suffix(b"\0").unwrap_or(&b).len().min(4096);
            b[..end].split(|c| *c == 0).take(8).map(|w| String::from_utf8_lossy(w).into_owned()).collect()
        })
        .unwrap_or_default();
    Some(Process { pid, ppid: stat.ppid, comm: stat.comm, exe, args, uid, tty: stat.tty, started: stat.started })
}

/// The effective uid in a /proc/PID/status.
pub(super) fn effective_uid(status: &str) -> Option<u32> {
    status.lines().find_map(|l| l.strip_prefix("Uid:"))?.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Programs that only start and reap others: what they start is what runs.
const SUPERVISORS: &[&str] = &[
    "tini",
    "docker-init",
    "dumb-init",
    "catatonit",
    "s6-svscan",
    "s6-supervise",
    "s6-linux-init-shutdownd",
    "runsvdir",
    "runsv",
    "runit",
    "supervisord",
    "init",
    "openrc-init",
    "systemd",
    "su-exec",
    "gosu",
    "sh",
    "bash",
    "dash",
    "ash",
    "ksh",
    "zsh",
    "mksh",
    "timeout",
    "nice",
    "setpriv",
    "sudo",
    "su",
    "env",
    "multirun",
    "circusd",
    "monit",
    "perp",
    "dinit",
    "hivemind",
    "overmind",
    "forego",
    "honcho",
];
const SHELLS: &[&str] = &["sh", "bash", "dash", "ash", "ksh", "zsh", "mksh", "fish", "csh", "tcsh"];
/// One file for many programs: the process's own name tells which.
const MULTI_CALL: &[&str] = &["busybox", "toybox", "coreutils"];
const SSH_SERVERS: &[&str] = &["sshd", "dropbear", "sshd-session", "tinysshd"];
/// Children younger than this (in clock ticks of a hundredth of a second) are taken as passing, unless everything is.
const LASTING: u64 = 1_000;

impl Process {
    /// What the process is called: its program's file, or its own name where one file holds many programs.
    fn program(&self) -> &str {
        if self.exe.is_empty() || MULTI_CALL.contains(&self.exe.as_str()) { &self.comm } else { &self.exe }
    }

    /// A supervisor may be a script: supervisord's program is python.
    fn is_supervisor(&self) -> bool {
        SUPERVISORS.contains(&self.program())
            || (self.is_interpreter() && self.script().is_some_and(|s| SUPERVISORS.contains(&s)))
    }

    fn is_interpreter(&self) -> bool {
        let base = self.program().trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        ["python", "perl", "ruby", "node", "php", "java", "lua"].contains(&base)
    }

    /// Base name of the script an interpreter runs.
    fn script(&self) -> Option<&str> {
        let word = self.args.get(1).filter(|w| !w.starts_with('-') && !w.is_empty())?;
        Some(word.rsplit('/').next().unwrap_or(word))
    }

    /// Two processes with one identity are one program with several workers.
    fn identity(&self) -> (String, Option<String>) {
        let script = if self.is_interpreter() { self.script().map(str::to_owned) } else { None };
        (self.program().to_owned(), script)
    }

    fn is_health_check(&self, test: &[String]) -> bool {
        match test.split_first() {
            Some((kind, rest)) if kind == "CMD-SHELL" => rest.first().is_some_and(|line| {
                let given: Vec<&str> = self.args.iter().map(String::as_str).collect();
                let shell = given.get(1) == Some(&"-c") && given.get(2).is_some_and(|a| same_cut(a, line));
                // A shell becomes the program when its line is one command.
                let words = || line.strip_prefix("exec ").unwrap_or(line).split_whitespace().take(8);
                shell || (!given.is_empty() && words().eq(given.iter().copied()))
            }),
            Some((kind, rest)) if kind == "CMD" => {
                !rest.is_empty()
                    && rest.iter().zip(&self.args).take(8).all(|(a, b)| same_cut(b, a))
                    && self.args.len() >= rest.len().min(8)
            }
            _ => false,
        }
    }
}

/// The words read of a process are cut at four thousand bytes in all.
fn same_cut(read: &str, whole: &str) -> bool {
    read == whole || (read.len() > 3_000 && whole.starts_with(read))
}

/// Different programs, with the scripts of those that run scripts. A container chooses the names of its processes, and
/// may have tens of thousands.
#[derive(Default)]
struct Programs(HashMap<String, HashSet<Option<String>>>);

impl Programs {
    fn add(&mut self, (program, script): (String, Option<String>)) {
        let scripts = self.0.entry(program).or_default();
        // A worker started as `python -c …` names no script and is taken as its parent's.
        if scripts.is_empty() || (script.is_some() && !scripts.contains(&None)) {
            scripts.insert(script);
        }
    }

    fn len(&self) -> usize {
        self.0.values().map(HashSet::len).sum()
    }
}

/// What runs in one container.
///
/// `main` is the pid of the container's first process, `health_test` the configured health check, `now` the clock ticks
/// since boot. Processes of a running health check count as processes but are no tree of their own.
pub(super) fn judge(processes: &[Process], main: i32, health_test: &[String], now: u64) -> Processes {
    let by_pid: HashMap<i32, &Process> = processes.iter().map(|p| (p.pid, p)).collect();
    let mut children: BTreeMap<i32, Vec<&Process>> = BTreeMap::new();
    let mut heads: Vec<&Process> = Vec::new();
    for p in processes {
        if p.pid != main && by_pid.contains_key(&p.ppid) {
            children.entry(p.ppid).or_default().push(p);
        } else if p.pid != main && !p.is_health_check(health_test) && !is_starting(p) {
            heads.push(p);
        }
    }
    let mut programs: BTreeSet<String> = BTreeSet::new();
    let mut trees = 0;
    if let Some(first) = by_pid.get(&main) {
        let inside = main_programs(first, &children, now);
        trees += inside.len();
        programs.extend(inside.0.into_keys());
    }
    trees += heads.len();
    programs.extend(heads.iter().map(|p| p.program().to_owned()));
    let uids: BTreeSet<i64> = processes.iter().filter_map(|p| p.uid).map(i64::from).collect();
    Processes {
        count: count(processes.len()),
        trees: count(trees),
        programs: programs.into_iter().collect(),
        sshd: processes.iter().any(|p| SSH_SERVERS.contains(&p.exe.as_str()) || SSH_SERVERS.contains(&p.comm.as_str())),
        interactive_exec: heads.iter().any(|p| p.tty || SHELLS.contains(&p.program())),
        uids: uids.into_iter().collect(),
    }
}

/// Whether a process descended from the container's first one runs as uid 0 of the host. Absent without any uid.
pub(super) fn main_tree_has_root(processes: &[Process], main: i32) -> Option<bool> {
    // From the first process down, each once: a container can hold tens of thousands of processes, each the child of
    // the one before.
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for p in processes {
        children.entry(p.ppid).or_default().push(p.pid);
    }
    let mut descend: HashSet<i32> = HashSet::new();
    let mut waiting = vec![main];
    while let Some(pid) = waiting.pop() {
        if descend.insert(pid) {
            waiting.extend(children.get(&pid).into_iter().flatten());
        }
    }
    let uids: Vec<u32> = processes.iter().filter(|p| descend.contains(&p.pid)).filter_map(|p| p.uid).collect();
    if uids.is_empty() { None } else { Some(uids.contains(&0)) }
}

/// The runtime shows itself for a moment before it becomes the program.
fn is_starting(p: &Process) -> bool {
    p.comm.starts_with("runc:[") || p.comm.starts_with("crun:[") || p.exe == "runc"
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Different programs that the first process stands for: those its supervisors keep, else itself and other programs that
/// it keeps as lasting children.
fn main_programs(first: &Process, children: &BTreeMap<i32, Vec<&Process>>, now: u64) -> Programs {
    // In a container that has only just started everything is young.
    let container_is_old = now.saturating_sub(first.started) >= LASTING;
    let lasting = |p: &Process| !container_is_old || now.saturating_sub(p.started) >= LASTING;
    let mut found = Programs::default();
    let mut queue = vec![(first, 0_u8)];
    while let Some((p, depth)) = queue.pop() {
        let kids = children.get(&p.pid).map(Vec::as_slice).unwrap_or_default();
        let supervises = p.is_supervisor() && !kids.is_empty() && depth < 8;
        if !supervises {
            found.add(p.identity());
        }
        // Below a program, only its direct children are looked at: what these start is their own affair.
        if supervises || depth == 0 {
            for kid in kids {
                if p.is_supervisor() {
                    queue.push((kid, depth + 1));
                } else if lasting(kid) && !is_starting(kid) {
                    found.add(kid.identity());
                }
            }
        }
    }
    if found.len() == 0 {
        found.add(first.identity());
    }
    found
}

/// Processes as the engine's `top` gives them for `ps -eo pid,ppid,uid,tty,comm`, for an engine on another machine.
pub(super) fn from_top(titles: &[String], rows: &[Vec<String>]) -> Option<Vec<Process>> {
    let column = |name: &str| titles.iter().position(|t| t.eq_ignore_ascii_case(name));
    let (pid, ppid) = (column("PID")?, column("PPID")?);
    let (uid, tty) = (column("UID"), column("TT").or_else(|| column("TTY")));
    let comm = column("COMMAND").or_else(|| column("CMD"))?;
    rows.iter()
        .map(|row| {
            Some(Process {
                pid: row.get(pid)?.parse().ok()?,
                ppid: row.get(ppid)?.parse().ok()?,
                comm: row.get(comm)?.clone(),
                uid: uid.and_then(|i| row.get(i)).and_then(|u| u.parse().ok()),
                tty: tty.and_then(|i| row.get(i)).is_some_and(|t| t != "?" && !t.is_empty()),
                ..Process::default()
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(pid: i32, ppid: i32, exe: &str, args: &[&str]) -> Process {
        Process {
            pid,
            ppid,
            comm: exe.chars().take(15).collect(),
            exe: exe.to_owned(),
            args: args.iter().map(|a| (*a).to_owned()).collect(),
            uid: Some(1000),
            ..Process::default()
        }
    }

    #[test]
    fn stat_with_an_odd_name() {
        let s = parse_stat(b"42 (a) b (c)) S 7 42 42 34816 -1 4194304 1 0 0 0 1 2 0 0 20 0 1 0 9876 1 1").unwrap();
        assert_eq!((s.comm.as_str(), s.ppid, s.tty, s.started), ("a) b (c)", 7, true, 9876));
        assert!(parse_stat(b"garbage").is_none());
    }

    #[test]
    fn control_groups_of_every_kind() {
        let id = "0123456789abcdef".repeat(4);
        for text in [
            format!("12:pids:/docker/{id}\n0::/system.slice"),
            format!("0::/system.slice/docker-{id}.scope"),
            format!("0::/docker/{id}/docker/{}", "f".repeat(64)),
            format!("1:name=systemd:/../{id}/init.scope"),
        ] {
            assert_eq!(container_of(&text), Some(id.as_str()), "{text}");
        }
        assert_eq!(container_of("0::/user.slice/user-1000.slice\n"), None);
        assert_eq!(container_of(&format!("0::/docker/{}", &id[..12])), None);
    }

    #[test]
    fn workers_of_one_program_are_one_tree() {
        let ps = [p(10, 5, "nginx", &[]), p(11, 10, "nginx", &[]), p(12, 10, "nginx", &[])];
        let j = judge(&ps, 10, &[], 0);
        assert_eq!((j.count, j.trees), (3, 1));
        assert_eq!(j.programs, ["nginx"]);
        assert!(!j.sshd && !j.interactive_exec);
    }

    #[test]
    fn a_supervisor_with_two_programs_is_two_trees() {
        let ps = [
            p(10, 5, "tini", &[]),
            p(11, 10, "bash", &[]),
            p(12, 11, "redis-server", &[]),
            p(13, 11, "node", &["node", "/app/x.js"]),
        ];
        let j = judge(&ps, 10, &[], 0);
        assert_eq!(j.trees, 2);
        assert_eq!(j.programs, ["node", "redis-server"]);
        let wrapped = [p(10, 5, "sh", &[]), p(11, 10, "java", &[])];
        assert_eq!(judge(&wrapped, 10, &[], 0).trees, 1);
        assert_eq!(judge(&[p(10, 5, "sh", &[])], 10, &[], 0).programs, ["sh"]);
    }

    #[test]
    fn supervisord_is_seen_through_its_interpreter() {
        let ps = [
            p(10, 5, "python3.11", &["python3", "/usr/bin/supervisord", "-n"]),
            p(11, 10, "nginx", &[]),
            p(12, 10, "python3.11", &["python3", "app.py"]),
        ];
        assert_eq!(judge(&ps, 10, &[], 0).trees, 2);
        let gunicorn = [
            p(10, 5, "python3.11", &["python3", "/bin/gunicorn"]),
            p(11, 10, "python3.11", &["python3", "/bin/gunicorn"]),
            p(12, 10, "python3.11", &["python3", "-c", "x"]),
        ];
        assert_eq!(judge(&gunicorn, 10, &[], 0).trees, 1);
    }

    #[test]
    fn an_entered_shell_is_a_tree_and_interactive() {
        let mut shell = p(20, 4, "bash", &["bash"]);
        shell.tty = true;
        let ps = [p(10, 5, "nginx", &[]), shell];
        let j = judge(&ps, 10, &[], 0);
        assert_eq!((j.trees, j.interactive_exec), (2, true));
    }

    #[test]
    fn a_shell_that_became_its_health_check_is_one_still() {
        let test = ["CMD-SHELL".to_owned(), "pg_isready -U records".to_owned()];
        let ps = [p(10, 5, "postgres", &[]), p(20, 4, "pg_isready", &["pg_isready", "-U", "records"])];
        assert_eq!(judge(&ps, 10, &test, 0).trees, 1);
        let other = [p(10, 5, "postgres", &[]), p(20, 4, "pg_isready", &["pg_isready", "-U"])];
        assert_eq!(judge(&other, 10, &test, 0).trees, 2);
    }

    #[test]
    fn a_health_check_is_not_an_entered_shell() {
        let test = ["CMD-SHELL".to_owned(), "curl -f localhost || exit 1".to_owned()];
        let ps = [
            p(10, 5, "nginx", &[]),
            p(20, 4, "dash", &["/bin/sh", "-c", "curl -f localhost || exit 1"]),
            p(21, 20, "curl", &["curl"]),
        ];
        let j = judge(&ps, 10, &test, 0);
        assert_eq!((j.count, j.trees, j.interactive_exec), (3, 1, false));
        let other = judge(&ps, 10, &[], 0);
        assert!(other.interactive_exec);
    }

    #[test]
    fn busybox_programs_are_told_apart_by_their_own_name() {
        let mut httpd = p(11, 10, "busybox", &[]);
        httpd.comm = "httpd".into();
        let mut crond = p(12, 10, "busybox", &[]);
        crond.comm = "crond".into();
        let mut sh = p(10, 5, "busybox", &[]);
        sh.comm = "sh".into();
        assert_eq!(judge(&[sh, httpd, crond], 10, &[], 0).programs, ["crond", "httpd"]);
    }

    #[test]
    fn sshd_and_passing_children() {
        let mut main = p(10, 5, "server", &[]);
        main.started = 0;
        let mut helper = p(11, 10, "sshd", &[]);
        helper.started = 10;
        let mut passing = p(12, 10, "cat", &[]);
        passing.started = 100_000;
        let j = judge(&[main, helper, passing], 10, &[], 100_050);
        assert!(j.sshd);
        assert_eq!(j.programs, ["server", "sshd"]);
    }

    #[test]
    fn root_is_looked_for_below_the_main_process_only() {
        let mut exec = p(20, 4, "bash", &[]);
        exec.uid = Some(0);
        let mut ps = vec![p(10, 5, "nginx", &[]), exec];
        assert_eq!(main_tree_has_root(&ps, 10), Some(false));
        ps[0].uid = Some(0);
        assert_eq!(main_tree_has_root(&ps, 10), Some(true));
        assert_eq!(main_tree_has_root(&[], 10), None);
    }

    #[test]
    fn top_of_a_remote_engine() {
        let titles: Vec<String> = ["PID", "PPID", "UID", "TT", "COMMAND"].map(str::to_owned).to_vec();
        let rows = vec![["10", "5", "0", "?", "nginx"].map(str::to_owned).to_vec()];
        let ps = from_top(&titles, &rows).unwrap();
        assert_eq!(judge(&ps, 10, &[], 0).programs, ["nginx"]);
        assert!(from_top(&titles, &[vec!["x".into()]]).is_none());
    }
}
