//! A machine made to order. A folder becomes `/` in mount, network, host name and (unless an engine's processes must be
//! seen) process namespaces of its own; there the program runs and reads what it would read on such a machine. Nothing
//! outside is changed, and everything ends with the namespaces.
//!
//! Files, modes, owners, accounts, network settings, sockets, packet filters and mounts are made for real. Settings
//! that belong to the one kernel below (`kernel.*`, CPU weaknesses, Secure Boot, swap) are shown through a file laid
//! over the kernel's, and daemons and tools that may not be installed here (auditd, chronyc) are stood in for by small
//! scripts of the same name.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::Folder;

const NAMESPACES: [&str; 5] = ["--mount", "--net", "--uts", "--ipc", "--propagation=private"];
const BUSYBOX: [&str; 2] = ["/bin/busybox", "/usr/bin/busybox"];

/// Whether namespaces may be made here. Where not, it says so and the caller leaves.
pub fn possible() -> bool {
    static POSSIBLE: OnceLock<bool> = OnceLock::new();
    *POSSIBLE.get_or_init(|| {
        let tried = Command::new("unshare").args(NAMESPACES).args(["--pid", "--fork", "--cgroup", "true"]).output();
        let why = match tried {
            Ok(output) if output.status.success() => String::new(),
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        let busybox = BUSYBOX.iter().any(|path| Path::new(path).is_file());
        if !why.is_empty() || !busybox {
            eprintln!("skipped: a machine of one's own needs root, unshare and busybox: {why}");
        }
        why.is_empty() && busybox
    })
}

fn bounded(command: &str) -> String {
    format!(
        "n=0; until {command}; do n=$((n+1)); if [ $n -gt 250 ]; then echo 'never came: {}' >&2; exit 9; fi; sleep 0.02; done",
        command.replace('\'', "")
    )
}

/// A tree of files and what is done in the namespaces before the program runs.
pub struct Machine {
    folder: Folder,
    lines: Vec<String>,
    services: Vec<String>,
    /// Processes of the outside are not seen.
    own_processes: bool,
    /// Process whose mount and network namespaces are entered first.
    inside: Option<u32>,
}

impl Machine {
    /// An empty machine with the program, a shell and no service.
    pub fn new() -> Self {
        let machine = Machine {
            folder: Folder::new(),
            lines: Vec::new(),
            services: Vec::new(),
            own_processes: true,
            inside: None,
        };
        for dir in [
            "proc",
            "sys/kernel",
            "dev",
            "etc",
            "run",
            "root",
            "home",
            "var/log",
            "var/lib/dpkg",
            "usr/bin",
            "usr/sbin",
            "usr/lib",
            "bin",
            "sbin",
        ] {
            fs::create_dir_all(machine.path(dir)).expect("folder made");
        }
        machine.directory("tmp", 0o1777);
        machine.file("dev/null", 0o644, "");
        machine.file("usr/bin/phiward", 0o755, "");
        let busybox = BUSYBOX.into_iter().find(|path| Path::new(path).is_file()).expect("busybox-static is installed");
        fs::copy(busybox, machine.path("bin/busybox")).expect("copied");
        for applet in ["sh", "sleep", "cat", "nc", "echo", "grep"] {
            symlink("busybox", machine.path(&format!("bin/{applet}"))).expect("linked");
        }
        machine.libraries(Path::new(env!("CARGO_BIN_EXE_phiward")));
        machine
    }

    /// A machine that sees the processes of the outside, from within the namespaces of process `pid`.
    pub fn within(pid: u32) -> Self {
        Machine { own_processes: false, inside: Some(pid), ..Self::new() }
    }

    /// Where a path of the machine lies outside.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("root").join(path.trim_start_matches('/'))
    }

    pub fn file(&self, path: &str, mode: u32, text: impl AsRef<[u8]>) -> &Self {
        let at = self.path(path);
        fs::create_dir_all(at.parent().expect("a parent")).expect("folder made");
        fs::write(&at, text.as_ref()).expect("file written");
        self.mode(path, mode)
    }

    pub fn directory(&self, path: &str, mode: u32) -> &Self {
        fs::create_dir_all(self.path(path)).expect("folder made");
        self.mode(path, mode)
    }

    pub fn mode(&self, path: &str, mode: u32) -> &Self {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).expect("mode set");
        self
    }

    pub fn owner(&self, path: &str, uid: u32, gid: u32) -> &Self {
        chown(self.path(path), Some(uid), Some(gid)).expect("owner set");
        self
    }

    /// Sets the time of the last change to so many days ago.
    pub fn aged(&self, path: &str, days: u64) -> &Self {
        let then = SystemTime::now() - Duration::from_secs(days * 86_400);
        fs::File::open(self.path(path)).and_then(|file| file.set_modified(then)).expect("time set");
        self
    }

    /// A program that is a script of the machine's shell.
    pub fn script(&self, path: &str, text: &str) -> &Self {
        self.file(path, 0o755, format!("#!/bin/sh\n{text}\n"))
    }

    /// A program of this machine with its libraries, at the path it is looked for. Gives whether there is one.
    pub fn program(&self, path: &str) -> bool {
        let Ok(real) = fs::canonicalize(path) else { return false };
        let at = self.path(path);
        fs::create_dir_all(at.parent().expect("a parent")).expect("folder made");
        fs::copy(&real, at).expect("copied");
        self.libraries(&real);
        true
    }

    /// A daemon of this name that runs and does nothing.
    pub fn service(&mut self, path: &str) -> &mut Self {
        let name = path.rsplit('/').next().expect("a name");
        self.script(path, &format!("echo > /run/started.{name}\nwhile :; do sleep 60; done"));
        self.services.push(path.to_owned());
        self
    }

    /// A line of shell run in the namespaces before the services start; the working directory is the machine's `/`, and
    /// programs are those of the outside.
    pub fn line(&mut self, line: impl Into<String>) -> &mut Self {
        self.lines.push(line.into());
        self
    }

    /// Waits, at most five seconds, until a command of the outside succeeds.
    pub fn wait_until(&mut self, command: &str) -> &mut Self {
        self.line(bounded(command))
    }

    /// A setting of the network namespace, set for real.
    pub fn sysctl(&mut self, name: &str, value: &str) -> &mut Self {
        self.line(format!("if [ -e proc/sys/{name} ]; then echo {value} > proc/sys/{name}; fi"))
    }

    /// A file of the kernel that shows this text. A file that this kernel does not have stays absent.
    pub fn shows(&mut self, path: &str, text: &str) -> &mut Self {
        let shown = format!(".shown/{path}");
        self.file(&shown, 0o644, format!("{text}\n"));
        self.line(format!("if [ -e {path} ]; then mount --bind {shown} {path}; fi"))
    }

    /// A folder of the outside at the same path.
    pub fn shares(&mut self, path: &Path) -> &mut Self {
        let path = path.to_str().expect("a path").to_owned();
        fs::create_dir_all(self.path(&path)).expect("folder made");
        self.line(format!("mount --rbind {path} .{path}"))
    }

    fn libraries(&self, program: &Path) {
        let output = Command::new("ldd").arg(program).output().expect("ldd runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let found: BTreeSet<&str> = text.split_whitespace().filter(|word| word.starts_with('/')).collect();
        for library in found {
            let at = self.path(library);
            if !at.exists() {
                fs::create_dir_all(at.parent().expect("a parent")).expect("folder made");
                fs::copy(library, at).expect("library copied");
            }
        }
    }

    /// Runs the program there with these arguments.
    pub fn run(&self, args: &[&str]) -> Output {
        let mut script = String::from("set -eu\nroot=$1\nshift\nmount --bind \"$root\" \"$root\"\ncd \"$root\"\n");
        script.push_str(if self.own_processes { "mount -t proc proc proc\n" } else { "mount --rbind /proc proc\n" });
        script.push_str("for dir in dev devices fs block class; do if [ -d /sys/$dir ]; then mkdir -p sys/$dir; mount --rbind /sys/$dir sys/$dir; fi; done\n");
        script.push_str(
            "mount --bind /dev/null dev/null\nmount --bind \"$PHIWARD\" usr/bin/phiward\nip link set lo up || true\n",
        );
        for line in &self.lines {
            script.push_str(line);
            script.push('\n');
        }
        for service in &self.services {
            let name = service.rsplit('/').next().expect("a name");
            script.push_str(&format!(
                "chroot . /{} </dev/null >/dev/null 2>&1 &\n{}\n",
                service.trim_start_matches('/'),
                bounded(&format!("[ -e run/started.{name} ]"))
            ));
        }
        script.push_str("env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root PHIWARD_DATA=/tmp/phiward timeout -k 5 60 chroot . /usr/bin/phiward \"$@\"\n");
        let mut command = match self.inside {
            Some(pid) => {
                let mut enter = Command::new("nsenter");
                enter.args([
                    "--target",
                    &pid.to_string(),
                    "--mount",
                    "--net",
                    "unshare",
                    "--mount",
                    "--uts",
                    "--propagation=private",
                ]);
                enter
            }
            None => {
                let mut unshare = Command::new("unshare");
                unshare.args(NAMESPACES);
                if self.own_processes {
                    unshare.args(["--pid", "--fork", "--cgroup", "--kill-child"]);
                }
                unshare
            }
        };
        command.args(["sh", "-c", &script, "machine"]).arg(self.path("/")).args(args);
        command.env("PHIWARD", env!("CARGO_BIN_EXE_phiward")).output().expect("unshare runs")
    }

    /// `phiward assess --format json` there.
    pub fn assess(&self, args: &[&str]) -> Value {
        let output = self.run(&[&["assess", "--format", "json"][..], args].concat());
        serde_json::from_str(&super::text(&output, 0)).expect("JSON")
    }
}
