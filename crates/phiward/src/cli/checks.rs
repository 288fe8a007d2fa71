//! `phiward checks`

use std::path::PathBuf;

use clap::Subcommand;
use comfy_table::{ContentArrangement, Table, TableStyle};
use phiward_core::check::Check;
use phiward_core::content::Content;
use phiward_core::judge::Judge;
use phiward_core::words::Verdict;

use super::assess::unknown_check;
use super::output::{clean, line};
use super::{Outcome, output};
use crate::config::{Config, GlobalFlags};
use crate::content;
use crate::error::CliError;

/// List, show, lint and test checks.
#[derive(Subcommand)]
pub enum Checks {
    /// List checks, worst first
    List {
        /// Only this kind
        #[arg(long)]
        kind: Option<String>,
        /// Only those that a person must decide
        #[arg(long)]
        manual: bool,
    },
    /// Show one check: what it asks, why, and the remedy
    Show { id: String },
    /// Look for mistakes in check files
    Lint {
        /// Folder of checks to look at; without it, the built-in ones and those of --checks
        dir: Option<PathBuf>,
    },
    /// Run the examples in check files
    Test {
        /// Folder of checks to test; without it, the built-in ones and those of --checks
        dir: Option<PathBuf>,
        /// Only this check
        #[arg(long, value_name = "ID")]
        check: Option<String>,
    },
}

impl Checks {
    pub fn run(self, flags: &GlobalFlags) -> Result<Outcome, CliError> {
        let (mut config, _) = Config::load(flags)?;
        let own = match &self {
            Checks::Lint { dir } | Checks::Test { dir, .. } => dir.clone(),
            _ => None,
        };
        if let Some(dir) = &own {
            config.checks = Some(dir.clone());
        }
        let content = content::load(&config)?;
        match self {
            Checks::List { kind, manual } => {
                if let Some(kind) = &kind
                    && !content.checks().iter().any(|c| c.kind == *kind)
                {
                    let known: Vec<&str> = content.kinds().collect();
                    return Err(CliError::new(format!("no check looks at the kind `{kind}`"))
                        .help(format!("the kinds are {}", known.join(", "))));
                }
                list(&content, kind.as_deref(), manual);
            }
            Checks::Show { id } => show(content.check(&id).ok_or_else(|| unknown_check(&content, &id))?),
            Checks::Lint { .. } => return lint(&content, own.is_some()),
            Checks::Test { check, .. } => {
                if let Some(id) = &check
                    && content.check(id).is_none()
                {
                    return Err(unknown_check(&content, id));
                }
                return test(&content, own.is_some(), check.as_deref());
            }
        }
        Ok(Outcome::Done)
    }
}

fn list(content: &Content, kind: Option<&str>, manual: bool) {
    let mut checks: Vec<&Check> = content
        .checks()
        .iter()
        .map(AsRef::as_ref)
        .filter(|c| kind.is_none_or(|k| c.kind == k) && (!manual || !c.automatic()))
        .collect();
    checks.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.id.cmp(&b.id)));
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = output::width() {
        table.set_width(width);
    }
    table.set_header(["SEVERITY", "CHECK", "KIND", "TITLE", "CITATIONS"]);
    for check in &checks {
        let mark = if check.user { " (yours)" } else { "" };
        table.add_row([
            check.severity.as_str().to_owned(),
            clean(&format!("{}{mark}", check.id)),
            check.kind.clone(),
            clean(&check.title),
            check.citation_line(),
        ]);
    }
    line(table);
    let automatic = checks.iter().filter(|c| c.automatic()).count();
    line(format_args!(
        "\n{automatic} checks decided by phiward, {} that a person must decide",
        checks.len() - automatic
    ));
    for check in checks.iter().filter(|c| c.overrides_builtin) {
        line(format_args!(
            "{} is yours ({}) and stands in place of the built-in check",
            check.id,
            clean(&check.origin)
        ));
    }
}

fn show(check: &Check) {
    line(format_args!("{}\n{}\n", clean(&check.title), "=".repeat(check.title.chars().count())));
    line(format_args!("id          {}", check.id));
    line(format_args!("severity    {}", check.severity.as_str()));
    line(format_args!("looks at    {} ({})", check.kind, check.category.title()));
    line(format_args!("automation  {}", check.automation.as_str()));
    for (framework, ids) in &check.citations {
        line(format_args!("{framework:11} {}", ids.join(", ")));
    }
    let source = if check.overrides_builtin {
        " (yours, in place of the built-in check)"
    } else if check.user {
        " (yours)"
    } else {
        ""
    };
    line(format_args!("file        {}{source}", clean(&check.origin)));
    line(format_args!("\nWhy\n  {}", clean(&check.rationale).replace('\n', "\n  ")));
    if let Some(applies) = check.applies_source() {
        line(format_args!("\nApplies when\n  {}", clean(applies).replace('\n', "\n  ")));
    }
    match check.pass_source() {
        Some(pass) => line(format_args!("\nPasses when\n  {}", clean(pass).replace('\n', "\n  "))),
        None => line("\nA person must decide this."),
    }
    line(format_args!("\nWhen it fails\n  {}", clean(&check.message)));
    line(format_args!("\nRemedy\n  {}", clean(&check.remedy).replace('\n', "\n  ")));
}

/// What `lint` asks for beyond what loading does.
fn lint(content: &Content, own_only: bool) -> Result<Outcome, CliError> {
    let mut problems = 0;
    let mut seen = 0;
    for check in content.checks().iter().filter(|c| !own_only || c.user) {
        seen += 1;
        let mut say = |what: &str| {
            problems += 1;
            line(format_args!("{}: {what}", clean(&check.origin)));
        };
        if check.automatic() {
            if check.examples.pass.is_empty() {
                say("has no example that passes");
            }
            if check.examples.fail.is_empty() {
                say("has no example that fails");
            }
            if check.applies_source().is_some() && check.examples.not_applicable.is_empty() {
                say("has an `applies` expression and no example it does not apply to");
            }
            if check.pass_source().is_some_and(|e| e.lines().count() > 5) {
                say("has an expression of more than five lines: a derived fact would be clearer");
            }
        }
        for (what, text) in [
            ("title", &check.title),
            ("message", &check.message),
            ("rationale", &check.rationale),
            ("remedy", &check.remedy),
        ] {
            if text.trim().is_empty() {
                say(&format!("has an empty {what}"));
            }
        }
        if check.title.ends_with('.') {
            say("has a title that ends with a full stop");
        }
    }
    if problems > 0 {
        return Err(CliError::new(format!("{problems} problems in {seen} checks"))
            .help("docs/adding/check.md says what each field is for"));
    }
    line(format_args!("{}, no problems", output::count(seen, "check")));
    Ok(Outcome::Done)
}

fn test(content: &Content, own_only: bool, only: Option<&str>) -> Result<Outcome, CliError> {
    let judge = Judge::new(content);
    let only = only.and_then(|id| content.check(id)).map(|c| c.id.as_str());
    let (mut examples, mut wrong, mut checks) = (0, 0, 0);
    for check in content.checks().iter().filter(|c| c.automatic()) {
        if (own_only && !check.user) || only.is_some_and(|id| id != check.id) {
            continue;
        }
        checks += 1;
        examples += check.examples.each().count();
        for (wanted, got, reason, facts) in judge.test(check, &check.examples) {
            wrong += 1;
            let why =
                if got == Verdict::Unknown && !reason.is_empty() { format!(" ({reason})") } else { String::new() };
            line(format_args!(
                "{}: an example should give {}, but gives {}{why}: {}",
                clean(&check.origin),
                wanted.as_str(),
                got.as_str(),
                clean(&facts.to_string())
            ));
        }
    }
    if wrong > 0 {
        return Err(CliError::new(format!("{wrong} of {examples} examples give another verdict than they should")));
    }
    line(format_args!("{checks} checks, {examples} examples: all give the verdict they should"));
    Ok(Outcome::Done)
}
