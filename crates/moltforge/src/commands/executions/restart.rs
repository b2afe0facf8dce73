//! `moltforge executions restart`

use moltforge_api::executions::{CancelExecution, Execution, ForkExecution, PauseExecution, ResumeExecution};
use moltforge_client::Client;
use moltforge_types::Fault as _;

use super::super::show;
use crate::cli::Context;
use crate::output::{Attempt as _, Exit, Failure};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// exe_...
    execution: String,
    /// The first step that is done anew: 1, or a model step after a finished turn
    #[arg(long, value_name = "STEP")]
    from: u32,
    /// Go on with this version of the agent; it must agree with the copied steps
    #[arg(long, value_name = "N")]
    version: Option<u32>,
    /// Why, for people
    #[arg(long, short)]
    note: Option<String>,
    /// Another key makes another restart from the same step; without one, a repeat answers with the first one
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

/// A fork in place of the execution. The two never run at the same time, and a repeat goes on where this one stopped.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let attempted = || format!("restart {}", args.execution);
    let client = context.connection.client().attempt(attempted)?;
    let paused = pause(&client, &args).await.attempt(attempted)?;
    let key = args.idempotency_key.unwrap_or_else(|| {
        let version = args.version.map_or_else(|| "own".to_owned(), |version| version.to_string());
        format!("restart-{}-{}-{version}", args.execution, args.from)
    });
    let body = ForkExecution { at_step: args.from, input: None, version: args.version, note: args.note };
    let forked = client.executions().fork(&args.execution, &body, Some(&key)).await;
    if paused && forked.as_ref().is_err_and(is_refusal) {
        let resumed = client.executions().resume(&args.execution, &ResumeExecution::default()).await;
        resumed.attempt(|| format!("resume {} (it could not be restarted)", args.execution))?;
    }
    let forked = forked.attempt(attempted)?;
    let original = client.executions().get(&args.execution).await.attempt(attempted)?;
    if original.finished_at.is_none() {
        let note = Some(format!("restarted from step {} as {}", args.from, forked.execution_id));
        let cancelled = client.executions().cancel(&args.execution, &CancelExecution { note }).await;
        cancelled.attempt(|| format!("cancel {} (its restart is {})", args.execution, forked.execution_id))?;
    }
    context.output.data(&forked, |out| show::execution(out, &forked));
    Ok(Exit::Done)
}

/// Keeps the original from going on beside its copy. `false` when it did not go on anyway.
async fn pause(client: &Client, args: &Args) -> Result<bool, moltforge_client::Error> {
    let goes_on = |view: &Execution| view.finished_at.is_none() && view.state != "paused";
    if !goes_on(&client.executions().get(&args.execution).await?) {
        return Ok(false);
    }
    let note = Some(format!("it is restarted from step {}", args.from));
    match client.executions().pause(&args.execution, &PauseExecution { note }).await {
        Ok(_) => Ok(true),
        // it ended, or was paused, just before
        Err(error) if goes_on(&client.executions().get(&args.execution).await?) => Err(error),
        Err(_) => Ok(false),
    }
}

/// There is no copy for certain, so what ran may go on.
fn is_refusal(error: &moltforge_client::Error) -> bool {
    error.status().is_some_and(|status| (400..500).contains(&status)) && error.code() != "idempotency_key_reused"
}
