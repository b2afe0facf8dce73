//! What the engine costs, measured inside one process: `cargo run --release -p moltforge-execution --example bench -- WHAT`.
//!
//! `cargo xtask bench WHAT` starts it, with every setting named; `cargo xtask bench --help` lists them. The output is
//! Markdown for docs/benchmarks.md. Nothing is asserted: times belong to the machine.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod agents;
mod arguments;
mod database;
mod fairness;
mod figures;
mod growth;
mod machine;
mod node;
mod signals;
mod statements;
mod stops;
mod suspended;
mod timed;
mod wakes;

use arguments::Arguments;

/// Whatever went wrong: the program ends with it.
pub(crate) type Failed = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failed> {
    statements::count();
    let arguments = Arguments::read(std::env::args().skip(1))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.what.as_str() {
            "suspended" => suspended::run(&arguments).await,
            "suspended-again" => suspended::again::run(&arguments).await,
            "signals" => signals::run(&arguments).await,
            "growth" => growth::run(&arguments).await,
            "fairness" => fairness::run(&arguments).await,
            "stops" => stops::run(&arguments).await,
            other => Err(format!("nothing is called {other:?}; see `cargo xtask bench --help`").into()),
        }
    })
}
