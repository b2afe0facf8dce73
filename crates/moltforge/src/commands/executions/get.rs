//! `moltforge executions get`

use moltforge_api::executions::Execution;

use super::super::show;
use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, BAD, DIM, Exit, Failure, Output, PLAIN};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// exe_...
    execution: String,
}

/// All about one.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let execution = args.execution;
    let attempted = || format!("get execution {execution}");
    let client = context.connection.client().attempt(attempted)?;
    let execution = client.executions().get(&execution).await.attempt(attempted)?;
    context.output.data(&execution, |out| print(out, &execution));
    Ok(Exit::Done)
}

fn print(out: Output, execution: &Execution) {
    let field = |name: &str, value: &str| out.pieces(&[(DIM, &format!("{name:<12}")), (PLAIN, value)]);
    out.pieces(&[
        (ACCENT, &execution.execution_id),
        (PLAIN, "  "),
        (show::state(&execution.state), &execution.state),
        (PLAIN, "  "),
        (PLAIN, execution.reason.as_deref().unwrap_or_default()),
    ]);
    field("agent", &format!("{} v{}", execution.agent_name, execution.version));
    field("environment", execution.environment.as_deref().unwrap_or("-"));
    field("attempt", &execution.attempt.to_string());
    field("created", &show::time(&execution.created_at));
    field("updated", &show::time(&execution.updated_at));
    field("finished", &show::maybe_time(execution.finished_at.as_deref()));
    if let Some(waiting) = &execution.waiting_for {
        field("waits for", waiting);
    }
    if let Some(at) = &execution.wake_at {
        field("wakes at", &show::time(at));
    }
    if execution.trigger != "api" {
        let by = execution.trigger_id.as_ref().or(execution.parent_id.as_ref()).or(execution.forked_from.as_ref());
        field("started by", &by.map_or_else(|| execution.trigger.clone(), |id| format!("{} {id}", execution.trigger)));
    }
    if let Some(root) = execution.root_id.as_ref().filter(|root| execution.parent_id.as_ref() != Some(*root)) {
        field("root", root);
    }
    if let Some(at) = &execution.archived_at {
        field("archived", &show::time(at));
    }
    if execution.priority != moltforge_types::origin::DEFAULT_PRIORITY {
        field("priority", &execution.priority.to_string());
    }
    if let Some(key) = &execution.concurrency_key {
        field("key", key);
    }
    field("tokens", &execution.tokens.to_string());
    field("input", &execution.input.to_string());
    if let Some(output) = &execution.output {
        field("output", &show::value(output));
    }
    if let Some(error) = &execution.error {
        out.pieces(&[(DIM, "error       "), (BAD, &error.code), (PLAIN, ": "), (PLAIN, &error.message)]);
    }
}
