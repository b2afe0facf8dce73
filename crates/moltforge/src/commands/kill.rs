//! `moltforge kill`

use moltforge_api::executions::CancelExecution;

pub use super::target::Noted as Args;
use super::{receipt, target};
use crate::cli::Context;
use crate::output::{Attempt as _, Exit, Failure};

/// Kills an execution with everything below it, or turns the kill switch of an agent or the project on.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let Some(execution) = &args.target.execution else {
        return target::hold(&args.target, "kill", args.note, context).await;
    };
    let attempted = || format!("kill {execution}");
    let client = context.connection.client().attempt(attempted)?;
    let body = CancelExecution { note: args.note };
    let execution = client.executions().kill(execution, &body).await.attempt(attempted)?;
    context.output.data(&execution, |out| receipt::stopped(out, &execution));
    Ok(Exit::Done)
}
