//! `phiward controls`

use clap::Subcommand;
use comfy_table::{ContentArrangement, Table, TableStyle};
use phiward_core::content::Content;
use phiward_core::control::{Control, Framework};

use super::output::{clean, line};
use super::{Outcome, output};
use crate::config::{Config, GlobalFlags};
use crate::content;
use crate::error::CliError;

/// List and show controls, with the checks that serve them.
#[derive(Subcommand)]
pub enum Controls {
    /// List the controls of a framework
    List {
        /// Catalogue: hipaa (the Security Rule) or paper (the thirty rows)
        #[arg(long, default_value = "hipaa")]
        framework: String,
    },
    /// Show one control: what it asks, who must act, which checks serve it
    Show {
        /// Citation: `164.312(e)(1)`
        id: String,
    },
}

impl Controls {
    pub fn run(self, flags: &GlobalFlags) -> Result<Outcome, CliError> {
        let (config, _) = Config::load(flags)?;
        let content = content::load(&config)?;
        match self {
            Controls::List { framework } => list(&content, &framework)?,
            Controls::Show { id } => {
                let (framework, control) = content.control(id.trim_start_matches('§').trim()).ok_or_else(|| {
                    CliError::new(format!("there is no control `{id}`")).help(
                        "`phiward controls list` lists them all; quote the brackets for your shell: '164.312(e)(1)'",
                    )
                })?;
                show(&content, framework, control);
            }
        }
        Ok(Outcome::Done)
    }
}

fn list(content: &Content, wanted: &str) -> Result<(), CliError> {
    let framework = content.frameworks().iter().find(|f| f.framework == wanted).ok_or_else(|| {
        let known: Vec<&str> = content.frameworks().iter().map(|f| f.framework.as_str()).collect();
        CliError::new(format!("there is no framework `{wanted}`"))
            .help(format!("the frameworks are {}", known.join(", ")))
    })?;
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = output::width() {
        table.set_width(width);
    }
    table.set_header(["CONTROL", "NAME", "REQUIREMENT", "AUTOMATION", "CHECKS"]);
    for control in &framework.controls {
        let checks = content.checks_for_control(control, true);
        let automatic = checks.iter().filter(|c| c.automatic()).count();
        table.add_row([
            control.id.clone(),
            control.name.clone(),
            control.requirement.clone(),
            control.automation.as_str().to_owned(),
            if automatic == 0 { "needs a person".to_owned() } else { automatic.to_string() },
        ]);
    }
    line(format_args!("{} ({})\n", framework.title, framework.source));
    line(table);
    Ok(())
}

fn show(content: &Content, framework: &Framework, control: &Control) {
    line(format_args!("{} {}\n", control.id, control.name));
    line(format_args!("{}\n", clean(&control.text)));
    line(format_args!("In plain words: {}\n", clean(&control.plain)));
    line(format_args!("framework    {}", framework.title));
    line(format_args!("kind         {}, {}", control.kind.replace('-', " "), control.requirement));
    line(format_args!("automation   {}", control.automation.as_str()));
    line(format_args!("duty         {}", clean(&control.duty)));
    for item in &control.evidence {
        line(format_args!("evidence     {}", clean(item)));
    }
    for item in &control.mechanisms {
        line(format_args!("mechanism    {}", clean(item)));
    }
    for id in &control.maps_to {
        line(format_args!("stands for   {id}"));
    }
    for below in [false, true] {
        let direct = content.checks_for_control(control, false);
        let mut checks = content.checks_for_control(control, below);
        if below {
            checks.retain(|c| !direct.iter().any(|d| d.id == c.id));
            if checks.is_empty() {
                continue;
            }
            line("\nChecks that serve its implementation specifications");
        } else if checks.is_empty() {
            line("\nNo check cites it: a person must state how it is met.");
            continue;
        } else {
            line("\nChecks that serve it");
        }
        for check in checks {
            let manual = if check.automatic() { "" } else { " (a person decides)" };
            line(format_args!("  {:8} {}: {}{manual}", check.severity.as_str(), check.id, clean(&check.title)));
        }
    }
}
