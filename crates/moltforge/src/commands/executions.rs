//! `moltforge executions`

mod events;
mod fork;
mod get;
mod list;
mod receipt;
mod replay;
mod restart;
mod steps;
mod tree;

use crate::cli::Context;
use crate::output::{Exit, Failure};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List executions, newest first
    List(list::Args),
    /// Show an execution
    Get(get::Args),
    /// Show an execution's steps
    Steps(steps::Args),
    /// Start a new execution with a copy of the steps before a step; what they did is not done again
    Fork(fork::Args),
    /// Go on from an earlier step: fork there, and cancel this execution if it has not ended
    Restart(restart::Args),
    /// Run the engine over the journal again, without effects, and show the first difference
    Replay(replay::Args),
    /// Show an execution and everything that it started
    Tree(tree::Args),
    /// Show what a stop did: how long it took, what was aborted
    Receipt(receipt::Args),
    /// Show an execution's events
    Events(events::Args),
}

/// Does what the verb says.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    match args.verb.unwrap_or_else(|| Verb::List(list::Args::default())) {
        Verb::List(args) => list::run(args, context).await,
        Verb::Get(args) => get::run(args, context).await,
        Verb::Steps(args) => steps::run(args, context).await,
        Verb::Fork(args) => fork::run(args, context).await,
        Verb::Restart(args) => restart::run(args, context).await,
        Verb::Replay(args) => replay::run(args, context).await,
        Verb::Tree(args) => tree::run(args, context).await,
        Verb::Receipt(args) => receipt::run(args, context).await,
        Verb::Events(args) => events::run(args, context).await,
    }
}
