//! Commands of the host: by absolute path, with a clean environment and a time limit, never through a shell.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Where programs are looked for. Directories that an ordinary administrator's group can write are left out.
const DIRECTORIES: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
/// Time after which a command is ended.
const LIMIT: Duration = Duration::from_secs(3);
/// Most output kept of one command, in bytes.
const MAX_OUTPUT: u64 = 8 << 20;

/// Runs commands, or refuses to.
#[derive(Clone, Copy, Debug)]
pub struct Commands {
    enabled: bool,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Output {
    pub success: bool,
    /// Exit code; absent when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Why a command gave no output.
#[derive(Debug)]
pub enum RunError {
    /// Commands are switched off, or the tree read is not this machine.
    Disabled,
    /// No such program on this machine.
    Absent(String),
    /// It could not be started, or did not end in time.
    Failed(String),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Disabled => f.write_str("running commands on the host is switched off"),
            RunError::Absent(program) => write!(f, "the program {program} is not installed"),
            RunError::Failed(why) => f.write_str(why),
        }
    }
}

impl Commands {
    /// Runs commands when `enabled`.
    pub fn new(enabled: bool) -> Self {
        Commands { enabled }
    }

    /// Commands may be run.
    pub fn enabled(self) -> bool {
        self.enabled
    }

    /// Runs `program` with `args` and waits at most three seconds.
    ///
    /// # Errors
    /// When commands are off, the program is absent, cannot be started or does not end in time. A program that ends
    /// with a failure is no error here: see [`Output::success`].
    pub fn run(self, program: &str, args: &[&str]) -> Result<Output, RunError> {
        if !self.enabled {
            return Err(RunError::Disabled);
        }
        let path = find(program).ok_or_else(|| RunError::Absent(program.to_owned()))?;
        run_at(&path, args, LIMIT)
    }

    /// As [`Commands::run`], with the output of a run that succeeded.
    ///
    /// # Errors
    /// As [`Commands::run`], and when the program ends with a failure.
    pub fn stdout(self, program: &str, args: &[&str]) -> Result<String, RunError> {
        let output = self.run(program, args)?;
        if output.success {
            return Ok(output.stdout);
        }
        let said = output.stderr.lines().find(|line| !line.trim().is_empty()).unwrap_or("no reason given").trim();
        let said: String = said.chars().take(200).collect();
        Err(RunError::Failed(format!("{program} {} failed: {said}", args.join(" "))))
    }
}

fn find(program: &str) -> Option<PathBuf> {
    DIRECTORIES.iter().map(|dir| Path::new(dir).join(program)).find(|path| path.is_file())
}

fn run_at(path: &Path, args: &[&str], limit: Duration) -> Result<Output, RunError> {
    let deadline = Instant::now() + limit;
    let name = path.display();
    let mut child = Command::new(path)
        .args(args)
        .env_clear()
        .env("LC_ALL", "C")
        .env("PATH", PATH)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| RunError::Failed(format!("cannot start {name}: {error}")))?;
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let left = || deadline.saturating_duration_since(Instant::now());
    // A grandchild can hold the pipe open, so the end of output is waited for with the same deadline.
    let text = stdout.recv_timeout(left()).ok();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if left().is_zero() => break None,
            Ok(None) => thread::sleep(Duration::from_millis(1)),
            Err(error) => return Err(RunError::Failed(format!("cannot wait for {name}: {error}"))),
        }
    };
    let (Some(status), Some(stdout)) = (status, text) else {
        // It may have ended by itself meanwhile; then there is nothing to end.
        let _ = child.kill();
        let _ = child.wait();
        return Err(RunError::Failed(format!("{name} did not end within {} seconds", limit.as_secs_f32())));
    };
    let stderr = stderr.recv_timeout(left().max(Duration::from_millis(10))).unwrap_or_default();
    Ok(Output { success: status.success(), code: status.code(), stdout, stderr })
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            // What was read before an error is still the program's output.
            let _ = pipe.take(MAX_OUTPUT).read_to_end(&mut bytes);
        }
        // The receiver is gone when the time limit passed.
        let _ = send.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receive
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_clean() {
        let output = Commands::new(true).stdout("env", &[]).unwrap();
        let mut lines: Vec<&str> = output.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["LC_ALL=C", &format!("PATH={PATH}")]);
    }

    #[test]
    fn a_slow_command_is_ended() {
        let started = Instant::now();
        let path = find("sleep").unwrap();
        let error = run_at(&path, &["30"], Duration::from_millis(100)).unwrap_err();
        assert!(error.to_string().contains("did not end within"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn failures_are_told_apart() {
        let on = Commands::new(true);
        assert!(matches!(on.run("no-such-program-here", &[]), Err(RunError::Absent(_))));
        assert!(matches!(Commands::new(false).run("env", &[]), Err(RunError::Disabled)));
        assert!(!on.run("false", &[]).unwrap().success);
        let error = on.stdout("ls", &["/no-such-directory"]).unwrap_err().to_string();
        assert!(error.contains("No such file"), "{error}");
    }
}
