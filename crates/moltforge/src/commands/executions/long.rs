//! `moltforge executions fork`, `restart` and `replay`

use moltforge_api::executions::{
    CancelExecution, Execution, ForkExecution, PauseExecution, ReplayExecution, Replayed, ResumeExecution,
};
use moltforge_client::Client;
use moltforge_types::Fault as _;
use serde_json::Value;

use super::super::{argument, difference, show};
use crate::cli::Context;
use crate::output::{Attempt as _, BAD, DIM, Exit, Failure, GOOD, Output, PLAIN};

/// Arguments of `fork`.
#[derive(Debug, clap::Args)]
pub(super) struct Fork {
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

/// Arguments of `restart`.
#[derive(Debug, clap::Args)]
pub(super) struct Restart {
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

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
pub(super) struct Replay {
    /// exe_...
    execution: String,
    /// With this version of the agent instead of the execution's own
    #[arg(long, value_name = "N")]
    version: Option<u32>,
}

/// Copies and goes on.
pub(super) async fn fork(args: Fork, context: &Context) -> Result<Exit, Failure> {
    let attempted = || format!("fork {}", args.execution);
    let input = argument::json("--input", args.input.as_deref()).attempt(attempted)?;
    let client = context.connection.client().attempt(attempted)?;
    let body = ForkExecution { at_step: args.at, input, version: args.version, note: args.note };
    let forked = client.executions().fork(&args.execution, &body, args.idempotency_key.as_deref()).await;
    let forked = forked.attempt(attempted)?;
    context.output.data(&forked, |out| show::execution(out, &forked));
    Ok(Exit::Done)
}

/// A fork in place of the execution. The two never run at the same time, and a repeat goes on where this one stopped.
pub(super) async fn restart(args: Restart, context: &Context) -> Result<Exit, Failure> {
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
async fn pause(client: &Client, args: &Restart) -> Result<bool, moltforge_client::Error> {
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

/// Compares. The exit code says whether it is identical.
pub(super) async fn replay(args: Replay, context: &Context) -> Result<Exit, Failure> {
    let attempted = || format!("replay {}", args.execution);
    let client = context.connection.client().attempt(attempted)?;
    let body = ReplayExecution { version: args.version };
    let replayed = client.executions().replay(&args.execution, &body).await.attempt(attempted)?;
    context.output.data(&replayed, |out| print(out, &replayed));
    Ok(if replayed.identical { Exit::Done } else { Exit::Failed })
}

fn print(out: Output, replayed: &Replayed) {
    let version = format!("  with version {}", replayed.version);
    let Some(found) = &replayed.difference else {
        let entries = format!("{} entries", replayed.entries);
        out.pieces(&[(GOOD, "identical"), (PLAIN, ", "), (PLAIN, &entries), (DIM, &version)]);
        return;
    };
    out.pieces(&[(BAD, "differs"), (PLAIN, " at entry "), (PLAIN, &found.seq.to_string()), (DIM, &version)]);
    out.pieces(&[(PLAIN, &found.message)]);
    let null = Value::Null;
    let (was, is) = (found.recorded.as_ref().unwrap_or(&null), found.produced.as_ref().unwrap_or(&null));
    out.pieces(&[(DIM, "  - as recorded, + as the engine writes it now")]);
    difference::print(out, &difference::values(was, is));
}
