//! `cargo xtask`: the habits of this repository as commands, in Rust and not in shell.
//!
//! One file per command. Start reading at [`mod@test`] for what CI runs, at [`mod@tidy`] for the rules of the tree.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod bench;
mod check;
mod deny;
mod docs;
mod images;
mod kill;
mod nightly;
mod process;
mod quickstart;
mod sim;
mod stage;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The habits of this repository. `check` and `test` are what CI runs.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything that needs no run: format, lints, rules of the tree, licences and bans, documentation
    Check(check::Args),
    /// The rules of the tree: dependency edges, file sizes, error pages, migrations, words, links
    Tidy,
    /// Install and start what the tests need, then run all of them
    Test(test::Args),
    /// Kill the server with SIGKILL under load, again and again; prove that nothing is lost or done twice
    Kill(kill::Args),
    /// Simulate the engine with faults: many seeds, or one again with all that happens in it
    Sim(sim::Args),
    /// What takes hours: a million seeds, every crash point, real kills, late owners; ends with a summary
    Nightly(nightly::Args),
    /// Type what docs/quickstart.md says, and compare what is seen
    Quickstart(quickstart::Args),
    /// Measure, and keep the figures in docs/benchmarks.md
    Bench(bench::Args),
    /// Regenerate docs/reference from the program
    Docs(docs::Args),
    /// Build the guest images of code agents, or check that building them gives the same bytes
    Images(images::Args),
    /// Holds a throw-away PostgreSQL as long as its standard input is open
    #[command(hide = true)]
    HoldPostgres {
        /// Commits wait for the disk
        #[arg(long)]
        durable: bool,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Check(args) => check::run(&args),
        Command::Tidy => tidy::run(),
        Command::Test(args) => test::run(&args),
        Command::Kill(args) => kill::run(&args),
        Command::Sim(args) => sim::run(&args),
        Command::Nightly(args) => nightly::run(&args),
        Command::Quickstart(args) => quickstart::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Docs(args) => docs::run(&args),
        Command::Images(args) => images::run(&args),
        Command::HoldPostgres { durable } => test::postgres::hold(durable),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
