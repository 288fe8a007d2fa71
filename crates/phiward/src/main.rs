//! phiward: the HIPAA posture of container platforms, from facts, on the record.

mod cli;
mod config;
mod content;
mod demo;
mod error;
mod gather;
mod up;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
