//! `phiward assess`

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use phiward_core::asset::Status;
use phiward_core::content::Content;
use phiward_core::finding::Assessment;
use phiward_core::judge::Judge;
use phiward_core::words::{Severity, Verdict};
use phiward_report::{Format, Options};

use super::{Outcome, VERSION, output};
use crate::config::{Config, GlobalFlags};
use crate::error::{CliError, chain};
use crate::{content, gather};

/// Judge this host and its Docker engine once. Keeps nothing and changes nothing.
///
/// Exit code 0: done. 1: a failing check is at or above --fail-on. 2: wrong usage, or the work could not be done.
#[derive(Args)]
pub struct Assess {
    /// Form of the output
    #[arg(long, value_enum, default_value = "table")]
    format: FormatArg,
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Exit with 1 when a check of this severity or worse fails
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<SeverityArg>,
    /// With --fail-on: also when such a check could not be decided
    #[arg(long, requires = "fail_on")]
    fail_on_unknown: bool,
    /// Only assets of this kind: host, docker.container, … (repeatable; `docker` means every docker.* kind)
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// Only this check (repeatable)
    #[arg(long, value_name = "ID")]
    check: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum FormatArg {
    Table,
    Json,
    Csv,
    Sarif,
    Html,
}

#[derive(Clone, Copy, ValueEnum)]
enum SeverityArg {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl Assess {
    pub fn run(self, flags: &GlobalFlags) -> Result<Outcome, CliError> {
        let (config, _) = Config::load(flags)?;
        let content = content::load(&config)?;
        self.check_filters(&content)?;
        let progress = output::Progress::start("reading this host and its Docker engine");
        let wants = |kind: &str| self.kind.is_empty() || self.kind.iter().any(|k| kind_matches(kind, k));
        let gathered = super::runtime()?.block_on(gather::everything(&config, &wants));
        drop(progress);

        let judge = Judge::new(&content);
        let only: Vec<&str> = self.check.iter().filter_map(|id| content.check(id)).map(|c| c.id.as_str()).collect();
        let assessment =
            Assessment::new(&judge, content.digest(), &gathered.assets, gathered.sources, Timestamp::now(), |check| {
                wants(&check.kind) && (only.is_empty() || only.contains(&check.id.as_str()))
            });
        if assessment.sources.is_empty() {
            return Err(CliError::new("nothing was read: what --kind asks for is switched off by the configuration")
                .help("`phiward config show` shows docker.enabled and host.enabled"));
        }
        self.write(&assessment, &content)?;
        if matches!(self.format, FormatArg::Table) && !(self.kind.is_empty() && self.check.is_empty()) {
            output::note("only what --kind and --check ask for was judged; the rest is left out");
        }
        // An engine that somebody named, or a policy that needs it, must be read. Where none exists there is none to judge.
        let engine_needed =
            gathered.engine_named || (self.fail_on.is_some() && !gathered.engine_absent) || self.wants_docker();
        self.verdict(&assessment, engine_needed)
    }

    /// Somebody asked for nothing but Docker.
    fn wants_docker(&self) -> bool {
        !self.kind.is_empty() && self.kind.iter().all(|k| k.starts_with("docker"))
    }

    /// A mistyped filter would show nothing, which looks like all is well.
    fn check_filters(&self, content: &Content) -> Result<(), CliError> {
        for id in &self.check {
            let check = content.check(id).ok_or_else(|| unknown_check(content, id))?;
            if !check.automatic() {
                return Err(CliError::new(format!(
                    "the check `{id}` is decided by a person, so it cannot be assessed"
                )));
            }
        }
        for kind in &self.kind {
            if !content.kinds().any(|k| kind_matches(k, kind)) {
                let known: Vec<&str> = content.kinds().collect();
                return Err(CliError::new(format!("no check looks at the kind `{kind}`"))
                    .help(format!("the kinds are {}", known.join(", "))));
            }
        }
        Ok(())
    }

    fn write(&self, assessment: &Assessment, content: &Content) -> Result<(), CliError> {
        let format = match self.format {
            FormatArg::Table => Format::Table,
            FormatArg::Json => Format::Json,
            FormatArg::Csv => Format::Csv,
            FormatArg::Sarif => Format::Sarif,
            FormatArg::Html => Format::Html,
        };
        let to_terminal = self.output.is_none();
        let options = Options {
            colour: to_terminal && output::colour(&io::stdout()),
            width: if to_terminal { output::width() } else { None },
            version: VERSION,
        };
        let mut sink: Box<dyn Write> = match &self.output {
            Some(path) => Box::new(private_file(path)?),
            None => Box::new(io::stdout().lock()),
        };
        let mut buffered = BufWriter::new(&mut sink);
        let written = phiward_report::write(format, assessment, content, &options, &mut buffered)
            .map_err(|e| (chain(&e), e.is_closed_pipe()))
            .and_then(|()| buffered.flush().map_err(|e| (e.to_string(), e.kind() == io::ErrorKind::BrokenPipe)));
        match written {
            Ok(()) => Ok(()),
            // The reader (`head`) has seen enough.
            Err((_, true)) => Ok(()),
            Err((why, false)) => Err(CliError::new(format!("cannot write the report: {why}"))),
        }
    }

    fn verdict(&self, assessment: &Assessment, engine_needed: bool) -> Result<Outcome, CliError> {
        // A source that could not be read leaves the question open: not a pass.
        let needed = |collector: &str| engine_needed || collector != "docker";
        if let Some(source) =
            assessment.sources.iter().find(|s| needed(&s.collector) && matches!(s.status, Status::Failed { .. }))
        {
            let Status::Failed { why } = &source.status else { return Ok(Outcome::Done) };
            let error = CliError::new(format!("{} {} could not be read: {why}", source.collector, source.target));
            return Err(source.help.iter().fold(error, |e, help| e.help(help)));
        }
        let Some(limit) = self.fail_on else { return Ok(Outcome::Done) };
        let limit = match limit {
            SeverityArg::Info => Severity::Info,
            SeverityArg::Low => Severity::Low,
            SeverityArg::Medium => Severity::Medium,
            SeverityArg::High => Severity::High,
            SeverityArg::Critical => Severity::Critical,
        };
        let counts = |verdict| match verdict {
            Verdict::Fail => true,
            Verdict::Unknown => self.fail_on_unknown,
            _ => false,
        };
        let hits = assessment.findings.iter().filter(|f| f.check.severity >= limit && counts(f.verdict)).count();
        if hits == 0 {
            return Ok(Outcome::Done);
        }
        output::note(format_args!("{} at or above --fail-on {}", output::count(hits, "finding"), limit.as_str()));
        Ok(Outcome::Policy)
    }
}

/// A file that its owner alone can read: a report tells where the weak places are.
fn private_file(path: &Path) -> Result<File, CliError> {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true).mode(0o600);
    options.open(path).map_err(|e| CliError::new(format!("cannot write {}: {e}", path.display())))
}

fn kind_matches(kind: &str, wanted: &str) -> bool {
    kind == wanted || kind.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.'))
}

/// An error for an id no check has, with ids that look alike.
pub fn unknown_check(content: &Content, id: &str) -> CliError {
    // Those that share most of their words with what was typed.
    let words: Vec<&str> = id.split('-').filter(|w| w.len() > 2).collect();
    let shared = |known: &str| known.split('-').filter(|w| words.contains(w)).count();
    let mut near: Vec<&str> =
        content.checks().iter().map(|c| c.id.as_str()).filter(|known| shared(known) > 0).collect();
    near.sort_by_key(|known| (std::cmp::Reverse(shared(known)), known.len()));
    near.truncate(3);
    let error = CliError::new(format!("there is no check `{id}`"));
    if near.is_empty() {
        error.help("`phiward checks list` lists them all")
    } else {
        error.help(format!("did you mean {}?", near.join(", ")))
    }
}
