//! The command line: one file a command.

mod assess;
mod checks;
mod completions;
mod config_show;
mod controls;
mod demo;
mod man;
mod output;
mod up;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::config::GlobalFlags;
use crate::error::CliError;

/// Version shown by `--version`, in reports and by the server.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Finds what is wrong with the container platform on this machine, judged against the HIPAA Security Rule.
#[derive(Parser)]
#[command(name = "phiward", version, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: GlobalFlags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Watch this host and its Docker engine, and serve the dashboard on loopback
    Up(up::Up),
    /// Judge this host and its Docker engine once; keep nothing
    Assess(assess::Assess),
    /// List, show, lint and test checks
    #[command(subcommand)]
    Checks(checks::Checks),
    /// List and show controls, with the checks that serve them
    #[command(subcommand)]
    Controls(controls::Controls),
    /// A small made-up hospital as real containers, to look at and to test with
    #[command(subcommand)]
    Demo(demo::Demo),
    /// Show the configuration in force
    #[command(subcommand)]
    Config(config_show::ConfigCommand),
    /// Print a completion script for your shell
    Completions(completions::Completions),
    /// Print the manual page
    Man(man::Man),
}

/// How a command ended, when it could do its work.
pub enum Outcome {
    /// Exit code 0.
    Done,
    /// Exit code 1: the work was done, and a policy given by the user is not met.
    Policy,
}

/// Parses the command line, runs the command, prints errors, gives the exit code: 0 done, 1 policy, 2 usage or failure.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let global = cli.global;
    let result = match cli.command {
        Command::Up(command) => command.run(&global),
        Command::Assess(command) => command.run(&global),
        Command::Checks(command) => command.run(&global),
        Command::Controls(command) => command.run(&global),
        Command::Demo(command) => command.run(&global),
        Command::Config(command) => command.run(&global),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(),
    };
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Policy) => ExitCode::from(1),
        Err(error) => {
            output::error(&error);
            ExitCode::from(2)
        }
    }
}

/// The command tree, for completions and the manual page.
fn command() -> clap::Command {
    Cli::command()
}

/// A runtime for commands that wait for engines and databases.
fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| CliError::new(format!("cannot start the runtime: {e}")))
}
