//! `moltforge executions fork`

use moltforge_api::executions::ForkExecution;

use super::super::{argument, show};
use crate::cli::Context;
use crate::output::{Attempt as _, Exit, Failure};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// exe_...
    execution: String,
    /// The first step that is done anew: 1, or a model step after a finished turn
    #[arg(long, value_name = "STEP")]
    at: u32,
    /// Go on with this version of the agent; it must agree with the copied steps
    #[arg(long, value_name = "N")]
    version: Option<u32>,
    /// Another input: JSON, @FILE or - for stdin; only with `--at 1`
    #[arg(long, short, value_name = "JSON|@FILE|-")]
    input: Option<String>,
    /// Why, for people
    #[arg(long, short)]
    note: Option<String>,
    /// Makes a second fork with the same key answer with the first one
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

/// Copies and goes on.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let attempted = || format!("fork {}", args.execution);
    let input = argument::json("--input", args.input.as_deref()).attempt(attempted)?;
    let client = context.connection.client().attempt(attempted)?;
    let body = ForkExecution { at_step: args.at, input, version: args.version, note: args.note };
    let forked = client.executions().fork(&args.execution, &body, args.idempotency_key.as_deref()).await;
    let forked = forked.attempt(attempted)?;
    context.output.data(&forked, |out| show::execution(out, &forked));
    Ok(Exit::Done)
}
