//! `moltforge completion`: a script for a shell.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::output::{self, Exit, Failure};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "moltforge", &mut script);
    output::Output::new(output::Format::Table).raw(String::from_utf8_lossy(&script).trim_end());
    Ok(Exit::Done)
}
