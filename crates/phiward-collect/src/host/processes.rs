//! Processes of the host, to know whether a named service runs.
//!
//! A process is taken for a service by its executable, not by what it calls itself: `argv` is the caller's to choose.
//! Executables in directories that users write, processes of ordinary users and processes in containers never count.

use std::fs;
use std::io;

use super::root::Root;

/// Directories that hold installed software.
const INSTALLED: [&str; 10] =
    ["/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/opt/", "/snap/", "/var/ossec/", "/nix/store/", "/gnu/store/"];
/// Interpreters: the executable says nothing, so the name the process gave itself is taken.
const INTERPRETERS: [&str; 8] = ["python", "perl", "ruby", "node", "java", "bash", "dash", "busybox"];
/// First uid of ordinary users.
const FIRST_USER: u32 = 1000;

#[derive(Clone, Debug)]
struct Process {
    pid: u32,
    comm: String,
    /// Executable; absent for kernel threads and for processes of others when not root.
    exe: Option<String>,
}

/// The process table at one moment.
#[derive(Clone, Debug)]
pub struct Processes {
    list: Vec<Process>,
    root: Root,
}

impl Processes {
    /// Reads the process table.
    ///
    /// # Errors
    /// When `/proc` cannot be listed, or hides the processes of others.
    pub fn read(root: &Root) -> io::Result<Self> {
        let mut list = Vec::new();
        for name in root.list("/proc")? {
            let Ok(pid) = name.parse::<u32>() else { continue };
            // A process may end between the listing and the reading.
            let Some(process) = read_one(root, pid) else { continue };
            list.push(process);
        }
        if list.is_empty() {
            return Err(io::Error::other("no process table is there"));
        }
        if root.is_live() && !list.iter().any(|process| process.pid == 1) {
            return Err(io::Error::other(
                "the kernel hides the processes of other users (hidepid): run phiward as root",
            ));
        }
        Ok(Processes { list, root: root.clone() })
    }

    /// An installed program of this name runs on the host itself.
    pub fn running(&self, program: &str) -> bool {
        self.list.iter().any(|process| process.is(program) && self.is_of_the_host(process.pid))
    }

    /// Of these programs, those that run.
    pub fn which(&self, programs: &[&str]) -> Vec<String> {
        programs.iter().filter(|program| self.running(program)).map(|program| (*program).to_owned()).collect()
    }

    /// Process ids with the name the kernel has for each.
    pub fn pids(&self) -> impl Iterator<Item = (u32, &str)> {
        self.list.iter().map(|process| (process.pid, process.comm.as_str()))
    }

    /// Neither an ordinary user's process nor one in a container.
    fn is_of_the_host(&self, pid: u32) -> bool {
        let status = self.root.text(&format!("/proc/{pid}/status")).ok().flatten().unwrap_or_default();
        let cgroup = self.root.text(&format!("/proc/{pid}/cgroup")).ok().flatten().unwrap_or_default();
        !ordinary_user(&status) && !nested_pid(&status) && !container_cgroup(&cgroup)
    }
}

fn read_one(root: &Root, pid: u32) -> Option<Process> {
    let dir = root.path("/proc").join(pid.to_string());
    let comm = fs::read(dir.join("comm")).ok()?;
    let comm = String::from_utf8_lossy(&comm).trim_end().to_owned();
    let exe = fs::read_link(dir.join("exe")).ok().map(|exe| {
        let exe = exe.to_string_lossy();
        exe.strip_suffix(" (deleted)").unwrap_or(&exe).to_owned()
    });
    Some(Process { pid, comm, exe })
}

impl Process {
    fn is(&self, program: &str) -> bool {
        // The kernel keeps 15 bytes of a name.
        let by_name = self.comm == program.get(..15).unwrap_or(program);
        let Some(exe) = &self.exe else { return by_name };
        if !INSTALLED.iter().any(|dir| exe.starts_with(dir)) {
            return false;
        }
        let base = exe.rsplit('/').next().unwrap_or_default();
        base == program || (by_name && INTERPRETERS.iter().any(|interpreter| base.starts_with(interpreter)))
    }
}

/// The real uid, first of four.
fn ordinary_user(status: &str) -> bool {
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    ids.and_then(|ids| ids.split_whitespace().next()?.parse::<u32>().ok()).is_some_and(|uid| uid >= FIRST_USER)
}

/// `NSpid` lists one id for each nested process namespace.
fn nested_pid(status: &str) -> bool {
    status.lines().find_map(|line| line.strip_prefix("NSpid:")).is_some_and(|ids| ids.split_whitespace().count() > 1)
}

/// A control group named after a container: 64 hexadecimal digits, alone or with a runtime's name around them.
fn container_cgroup(cgroup: &str) -> bool {
    cgroup.split(['/', '\n', '-', '.', ':']).any(|part| part.len() == 64 && part.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(comm: &str, exe: Option<&str>) -> Process {
        Process { pid: 2, comm: comm.to_owned(), exe: exe.map(str::to_owned) }
    }

    #[test]
    fn the_executable_decides() {
        assert!(process("auditd", Some("/usr/sbin/auditd")).is("auditd"));
        assert!(!process("auditd", Some("/usr/bin/sleep")).is("auditd"));
        assert!(!process("auditd", Some("/tmp/auditd")).is("auditd"));
        assert!(process("fail2ban-server", Some("/usr/bin/python3.11")).is("fail2ban-server"));
        assert!(process("systemd-timesyn", None).is("systemd-timesyncd"));
        assert!(process("x", Some("/usr/lib/systemd/systemd-timesyncd")).is("systemd-timesyncd"));
    }

    #[test]
    fn processes_of_users_and_containers_do_not_count() {
        let tree = crate::host::testing::Tree::new(&[
            ("proc/7/comm", "auditd\n"),
            ("proc/7/status", "Name:\tauditd\nUid:\t0\t0\t0\t0\nNSpid:\t7\n"),
        ]);
        let running = || Processes::read(&tree.root()).unwrap().running("auditd");
        assert!(running());
        tree.write("proc/7/status", b"Uid:\t1000\t0\t0\t0\n");
        assert!(!running());
        tree.write("proc/7/status", b"Uid:\t0\t0\t0\t0\nNSpid:\t7\t1\n");
        assert!(!running());
        assert!(Processes::read(&crate::host::testing::Tree::new(&[]).root()).is_err());
    }

    #[test]
    fn processes_in_containers_are_known() {
        let id = "0123456789abcdef".repeat(4);
        assert!(container_cgroup(&format!("0::/system.slice/docker-{id}.scope\n")));
        assert!(container_cgroup(&format!("12:pids:/docker/{id}\n")));
        assert!(!container_cgroup("0::/system.slice/ssh.service\n"));
        assert!(nested_pid("Name:\tx\nNSpid:\t812\t1\n"));
        assert!(!nested_pid("Name:\tx\nNSpid:\t812\n"));
    }
}
