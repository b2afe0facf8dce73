//! Load and faults from outside: a load client, a stand-in model, a counting tool server, and the harness that kills the
//! server again and again. `cargo xtask bench` and `cargo xtask kill` start it.
//!
//! **Never here:** a crate of MoltForge. Start reading at [`kill`].
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod chance;
mod counting;
mod figures;
mod fsync;
mod http;
mod kill;
mod load;
mod model;
mod plan;
mod server;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Load and faults from outside. Every result is one line of JSON.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a stand-in model: OpenAI's chat completions, streamed or not
    Model(model::Args),
    /// Time whole runs one after another
    Latency(load::LatencyArgs),
    /// Keep a number of runs in flight and count them
    Throughput(load::ThroughputArgs),
    /// Start a number of runs and do not wait for their end
    Start(load::StartArgs),
    /// What an append and a sync of this disk cost
    Fsync(fsync::Args),
    /// Kill the server with SIGKILL under load; check that nothing is lost or done twice
    Kill(kill::Args),
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether what was to be shown was shown.
fn run(command: Command) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match command {
        Command::Model(args) => runtime.block_on(model::run(&args)).map(|()| true),
        Command::Latency(args) => runtime.block_on(load::latency(&args)).map(|()| true),
        Command::Throughput(args) => runtime.block_on(load::throughput(&args)).map(|()| true),
        Command::Start(args) => runtime.block_on(load::start(&args)).map(|()| true),
        Command::Fsync(args) => fsync::run(&args).map(|()| true),
        Command::Kill(args) => runtime.block_on(kill::run(args)),
    }
}
