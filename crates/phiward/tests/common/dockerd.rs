//! Engines of a test's own: a dockerd in network and mount namespaces of its own, so that its bridge, its packet filter,
//! its listeners and its mounts are no business of the shared engine or of this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Folder;
use super::docker::{self, IMAGE};

/// Whether engines of one's own may be started here.
pub fn possible() -> bool {
    static POSSIBLE: OnceLock<bool> = OnceLock::new();
    *POSSIBLE.get_or_init(|| {
        let tried = Command::new("unshare")
            .args(["--net", "--mount", "--propagation=private", "dockerd", "--version"])
            .output();
        let there =
            docker::available_to_root() && super::machine::possible() && tried.is_ok_and(|o| o.status.success());
        if !there {
            eprintln!("skipped: an engine of one's own needs root, unshare and dockerd");
        }
        there
    })
}

/// How an engine is started.
#[derive(Default)]
pub struct Setup {
    /// Lines of shell run in its namespaces before it; `$D` is its folder.
    pub lines: Vec<String>,
    pub flags: Vec<String>,
    pub environment: Vec<(&'static str, String)>,
}

impl Setup {
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    pub fn flags(mut self, flags: &[&str]) -> Self {
        self.flags.extend(flags.iter().map(|f| (*f).to_owned()));
        self
    }
}

/// A running engine; it and all it holds go away with the test.
pub struct Engine {
    folder: Folder,
    child: Child,
}

impl Engine {
    /// Starts one in a new folder.
    ///
    /// # Errors
    /// With the end of its log, when it does not come up.
    pub fn start(setup: &Setup) -> Result<Engine, String> {
        Self::start_in(Folder::new(), setup)
    }

    /// As [`Engine::start`], in a folder that may hold files it needs, or the data of an earlier one.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub fn start_in(folder: Folder, setup: &Setup) -> Result<Engine, String> {
        let dir = folder.path().display().to_string();
        let mut script = String::from("set -eu\nip link set lo up\n");
        for line in &setup.lines {
            script.push_str(line);
            script.push('\n');
        }
        script.push_str("exec dockerd --data-root \"$D/data\" --exec-root \"$D/exec\" --pidfile \"$D/pid\" -H \"unix://$D/docker.sock\" \"$@\"\n");
        let log = fs::File::create(folder.path().join("log")).expect("a log");
        let mut command = Command::new("unshare");
        command.args(["--net", "--mount", "--propagation=private", "sh", "-c", &script, "engine"]).args(&setup.flags);
        command.env("D", &dir).envs(setup.environment.iter().map(|(k, v)| (*k, v.as_str())));
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a second handle")).stderr(log);
        let child = command.spawn().expect("unshare runs");
        let mut engine = Engine { folder, child };
        let deadline = Instant::now() + Duration::from_secs(60);
        while !engine.docker(&["info"]).status.success() {
            let ended = engine.child.try_wait().expect("a state").is_some();
            if ended || Instant::now() > deadline {
                return Err(engine.log_end());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(engine)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Process id; it is also the way into the engine's namespaces.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn socket(&self) -> PathBuf {
        self.folder().join("docker.sock")
    }

    pub fn address(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Its client.
    pub fn docker(&self, args: &[&str]) -> Output {
        Command::new("docker")
            .env_remove("DOCKER_HOST")
            .args(["-H", &self.address()])
            .args(args)
            .output()
            .expect("the docker client runs")
    }

    /// Runs the client and gives its output; panics when it fails.
    pub fn ok(&self, args: &[&str]) -> String {
        let output = self.docker(args);
        assert!(
            output.status.success(),
            "docker {args:?}: {}{}",
            String::from_utf8_lossy(&output.stderr),
            self.log_end()
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// The test image of the shared engine is here too.
    pub fn load_image(&self) {
        let archive = self.folder().join("image.tar");
        let archive = archive.to_str().expect("a path");
        docker::ok(&["save", "-o", archive, IMAGE]);
        self.ok(&["load", "-i", archive]);
    }

    /// `docker run -d` of the test image, which sleeps unless a command is given.
    pub fn run(&self, name: &str, options: &[&str], command: &[&str]) -> String {
        let command = if command.is_empty() { &["sleep", "3600"][..] } else { command };
        self.ok(&[&["run", "-d", "--name", name][..], options, &[IMAGE], command].concat())
    }

    /// `phiward assess --format json` of this engine, from within its namespaces.
    pub fn assess(&self, args: &[&str]) -> Value {
        let output = self
            .phiward(&[])
            .args(["assess", "--format", "json", "--docker-host", &self.address()])
            .args(args)
            .output()
            .expect("it runs");
        serde_json::from_str(&super::text(&output, 0)).expect("JSON")
    }

    /// The program within the engine's namespaces.
    pub fn phiward(&self, environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.pid().to_string(), "--net", "--mount", env!("CARGO_BIN_EXE_phiward")]);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.folder());
        command
            .env("PHIWARD_DATA", self.folder().join("phiward"))
            .envs(environment.iter().copied())
            .stdin(Stdio::null());
        command
    }

    fn log_end(&self) -> String {
        let log = fs::read(self.folder().join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        format!("\nend of its log:\n{}", lines[lines.len().saturating_sub(12)..].join("\n"))
    }

    /// Ends it in good order and gives its folder, so that another can be started on its data.
    pub fn stop(mut self) -> Folder {
        self.end();
        // The engine is gone; what is left of this value has nothing to end.
        std::mem::replace(&mut self.folder, Folder::new())
    }

    fn end(&mut self) {
        if self.child.try_wait().expect("a state").is_some() {
            return;
        }
        let _ = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status();
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.child.try_wait().expect("a state").is_none() {
            if Instant::now() > deadline {
                // Its containerd would outlive it and hold the namespaces.
                let containerd =
                    fs::read_to_string(self.folder().join("exec/containerd/containerd.pid")).unwrap_or_default();
                if containerd.trim().parse::<u32>().is_ok_and(|pid| pid > 1) {
                    let _ = Command::new("kill").args(["-KILL", containerd.trim()]).status();
                }
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let list = self.docker(&["ps", "-aq"]);
            let list = String::from_utf8_lossy(&list.stdout).into_owned();
            let ids: Vec<&str> = list.split_whitespace().collect();
            if !ids.is_empty() {
                let _ = self.docker(&[&["rm", "-f", "-v"][..], &ids].concat());
            }
            self.end();
        }
    }
}

/// A certificate authority, a server for loopback and a client, made with openssl; `false` without it.
pub fn certificates(dir: &Path) -> bool {
    fs::create_dir_all(dir).expect("folder made");
    let script = "set -e
        key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
        openssl req -x509 $key -keyout ca-key.pem -out ca.pem -subj /CN=phiward-test-ca -days 2 -addext keyUsage=critical,keyCertSign
        printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\nextendedKeyUsage=serverAuth\\n' > server.ext
        printf 'extendedKeyUsage=clientAuth\\n' > client.ext
        openssl req $key -keyout server-key.pem -out server.csr -subj /CN=localhost
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -out server.pem -extfile server.ext
        openssl req $key -keyout key.pem -out client.csr -subj /CN=phiward-test
        openssl x509 -req -in client.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -out cert.pem -extfile client.ext";
    match Command::new("sh").args(["-c", script]).current_dir(dir).output() {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            eprintln!("skipped: certificates: {}", String::from_utf8_lossy(&output.stderr));
            false
        }
        Err(error) => {
            eprintln!("skipped: certificates: {error}");
            false
        }
    }
}
