//! `moltforge kill`

use moltforge_api::executions::CancelExecution;

use super::target::{self, Target};
use super::{receipt, show};
use crate::cli::Context;
use crate::output::{Attempt as _, Exit, Failure};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// Why, for people
    #[arg(long)]
    note: Option<String>,
}

/// Kills an execution with everything below it, or turns the kill switch of an agent or the project on.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let Some(execution) = &args.target.execution else {
        return target::hold(&args.target, "kill", args.note, context).await;
    };
    let attempted = || format!("kill {execution}");
    let client = context.connection.client().attempt(attempted)?;
    let body = CancelExecution { note: args.note };
    let execution = client.executions().kill(execution, &body).await.attempt(attempted)?;
    context.output.data(&execution, |out| {
        show::execution(out, &execution);
        if let Some(stopped) = &execution.receipt {
            receipt::print(out, stopped);
        }
    });
    Ok(Exit::Done)
}
