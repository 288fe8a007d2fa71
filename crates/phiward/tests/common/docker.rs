//! The real engine, through its own client, and containers that go away with the test.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Image with busybox and nothing else, made once.
pub const IMAGE: &str = "phiward-test:busybox";

/// Whether an engine is there. Where the tests were promised one, its absence is a failure.
pub fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        let there =
            Command::new("docker").args(["info", "--format", "{{.ID}}"]).output().is_ok_and(|o| o.status.success());
        assert!(
            there || std::env::var_os("PHIWARD_TEST_REQUIRE_DOCKER").is_none(),
            "these tests need a Docker engine, and none answers"
        );
        if there {
            image();
        } else {
            eprintln!("skipped: no Docker engine answers");
        }
        there
    })
}

/// As [`available`], and the test runs as root: only then are processes, layers and volumes read as they are.
pub fn available_to_root() -> bool {
    let root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n");
    if !root {
        eprintln!("skipped: not run as root, so that the engine's processes and files cannot be read");
    }
    available() && root
}

pub fn docker(args: &[&str]) -> Output {
    Command::new("docker").args(args).output().expect("the docker client runs")
}

/// Runs the client and gives its output; panics when it fails.
pub fn ok(args: &[&str]) -> String {
    let output = docker(args);
    assert!(output.status.success(), "docker {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn image() {
    if docker(&["image", "inspect", IMAGE]).status.success() {
        return;
    }
    let busybox = ["/bin/busybox", "/usr/bin/busybox"]
        .into_iter()
        .find(|p| Path::new(p).is_file())
        .expect("busybox-static is installed");
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_path_with_name(busybox, "bin/busybox").expect("packed");
    for applet in ["sh", "sleep", "touch", "cat", "mkdir", "echo", "nc", "true"] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        archive.append_link(&mut header, format!("bin/{applet}"), "busybox").expect("packed");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("busybox.tar");
    std::fs::write(&path, archive.into_inner().expect("packed")).expect("written");
    ok(&["import", path.to_str().expect("a path"), IMAGE]);
}

/// Things made in the engine, removed at the end of the test, however it ends.
#[derive(Default)]
pub struct Made {
    containers: Vec<String>,
    volumes: Vec<String>,
    networks: Vec<String>,
    images: Vec<String>,
}

impl Made {
    /// An image of this name is removed at the end.
    pub fn image(&mut self, name: &str) {
        self.images.push(name.to_owned());
    }

    /// `docker run -d` with these options; sleeps in the container unless a command is given. Gives the id.
    pub fn run(&mut self, name: &str, options: &[&str], command: &[&str]) -> String {
        self.start("run", name, &[&["-d"][..], options].concat(), command)
    }

    /// As [`Made::run`] of any image, where the machine may refuse it: then with the engine's reason.
    pub fn try_run(&mut self, image: &str, name: &str, options: &[&str], command: &[&str]) -> Result<String, String> {
        let _ = docker(&["rm", "-f", "-v", name]);
        self.containers.push(name.to_owned());
        let command = if command.is_empty() { &["sleep", "3600"][..] } else { command };
        let output = docker(&[&["run", "-d", "--name", name][..], options, &[image], command].concat());
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        let _ = docker(&["rm", "-f", "-v", name]);
        Err(String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or_default().to_owned())
    }

    /// `docker create` with these options.
    pub fn create(&mut self, name: &str, options: &[&str]) -> String {
        self.start("create", name, options, &[])
    }

    fn start(&mut self, verb: &str, name: &str, options: &[&str], command: &[&str]) -> String {
        let _ = docker(&["rm", "-f", "-v", name]);
        self.containers.push(name.to_owned());
        let command = if command.is_empty() { &["sleep", "3600"][..] } else { command };
        ok(&[&[verb, "--name", name][..], options, &[IMAGE], command].concat())
    }

    pub fn volume(&mut self, name: &str, options: &[&str]) {
        let _ = docker(&["volume", "rm", "-f", name]);
        self.volumes.push(name.to_owned());
        ok(&[&["volume", "create"][..], options, &[name]].concat());
    }

    pub fn network(&mut self, name: &str, options: &[&str]) {
        let _ = docker(&["network", "rm", name]);
        self.networks.push(name.to_owned());
        ok(&[&["network", "create"][..], options, &[name]].concat());
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let all: [(&[&str], &[String]); 4] = [
            (&["rm", "-f", "-v"], &self.containers),
            (&["network", "rm"], &self.networks),
            (&["volume", "rm", "-f"], &self.volumes),
            (&["rmi", "-f"], &self.images),
        ];
        for (words, names) in all.into_iter().filter(|(_, names)| !names.is_empty()) {
            let _ = Command::new("docker").args(words).args(names).output();
        }
    }
}
