//! What whole-program tests share: the program itself, a data folder, a Docker engine, a page in Chromium.
#![allow(dead_code, clippy::print_stderr)]

pub mod browser;
pub mod content;
pub mod docker;
pub mod dockerd;
pub mod http;
pub mod judged;
pub mod machine;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A folder that goes away with the test.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Folder(tempfile::tempdir().expect("a temporary folder"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file below it.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folder made");
        std::fs::write(&path, text).expect("file written");
        path
    }
}

/// The program with a clean environment: nothing of the machine's own settings reaches it.
pub fn phiward(data: &Folder) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_phiward"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", data.path())
        .env("PHIWARD_DATA", data.path().join("data"))
        .current_dir(data.path())
        .stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub fn run(data: &Folder, args: &[&str]) -> Output {
    phiward(data).args(args).output().expect("the program starts")
}

/// Standard output as text, after an exit with `code`.
pub fn text(output: &Output, code: i32) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "stdout:\n{out}\nstderr:\n{err}");
    out.into_owned()
}

/// Standard error as text.
pub fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// `phiward assess --format json` with more arguments.
pub fn assess(data: &Folder, args: &[&str]) -> Value {
    let output = phiward(data).args(["assess", "--format", "json"]).args(args).output().expect("the program starts");
    serde_json::from_str(&text(&output, 0)).expect("JSON")
}

/// Verdict of a check on the asset of a name.
pub fn verdict<'v>(report: &'v Value, check: &str, asset: &str) -> &'v str {
    let findings = report["findings"].as_array().expect("findings");
    let found = findings.iter().find(|f| f["check"]["id"] == check && f["asset"]["name"] == asset);
    found.unwrap_or_else(|| panic!("no verdict of {check} on {asset}"))["verdict"].as_str().expect("a word")
}

/// `phiward up` on a free port, ended with the test.
pub struct Up {
    child: Child,
    pub address: String,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Up {
    pub fn start(data: &Folder, args: &[&str]) -> Self {
        let mut command = phiward(data);
        command.args(["up", "--listen", "127.0.0.1:0"]).args(args);
        Self::spawn(command)
    }

    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let readers: [Box<dyn std::io::Read + Send>; 2] =
            [Box::new(child.stdout.take().expect("stdout")), Box::new(child.stderr.take().expect("stderr"))];
        for reader in readers {
            let lines = Arc::clone(&lines);
            std::thread::spawn(move || {
                for line in BufReader::new(reader).lines().map_while(Result::ok) {
                    lines.lock().expect("no panic").push(line);
                }
            });
        }
        let mut up = Up { child, address: String::new(), lines };
        let line = up.wait_for("dashboard at http://");
        let start = line.find("http://").expect("an address");
        up.address = line[start..].trim_end_matches('/').to_owned();
        up
    }

    /// Waits until a line with this text was printed, and gives it.
    pub fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(line) = self.lines.lock().expect("no panic").iter().find(|l| l.contains(text)) {
                return line.clone();
            }
            let ended = self.child.try_wait().expect("a state");
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "never printed {text:?}; ended: {ended:?}; said: {:#?}",
                self.lines.lock().expect("no panic")
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn said(&self) -> String {
        self.lines.lock().expect("no panic").join("\n")
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// GET of a path: status and body.
    pub fn get(&self, path: &str) -> (u16, String) {
        self.get_with(path, &[])
    }

    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let mut request = agent().get(format!("{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.call().unwrap_or_else(|e| panic!("GET {path}: {e}"));
        (response.status().as_u16(), response.body_mut().read_to_string().expect("text"))
    }

    pub fn json(&self, path: &str) -> Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }

    /// Asks again until `found` gives something.
    pub fn until<T>(&self, path: &str, seconds: u64, found: impl Fn(&Value) -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        loop {
            let body = self.json(path);
            if let Some(value) = found(&body) {
                return value;
            }
            assert!(Instant::now() < deadline, "{path} never gave it; last: {body:#}\nsaid:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until a source of this collector was read.
    pub fn wait_source(&self, collector: &str) {
        self.until("/api/v1/sources", 30, |body| {
            let items = body["items"].as_array()?;
            items.iter().any(|s| s["collector"] == collector && s["state"] != "failed").then_some(())
        });
    }

    /// SIGKILL, as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// SIGTERM, and the exit code.
    pub fn stop(mut self) -> i32 {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
        let deadline = Instant::now() + Duration::from_secs(15);
        loop {
            if let Some(status) = self.child.try_wait().expect("a state") {
                return status.code().unwrap_or(-1);
            }
            assert!(Instant::now() < deadline, "did not stop: {}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(20)))
        .build()
        .into()
}

/// Path of a reference table beside the checkout, where there is one.
pub fn reference(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference").join(name);
    if !path.is_file() {
        eprintln!("skipped: the reference table {name} is not beside this checkout");
        return None;
    }
    Some(path)
}
