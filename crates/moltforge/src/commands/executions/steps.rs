//! `moltforge executions steps`

use futures::TryStreamExt as _;
use moltforge_api::executions::Step;
use serde_json::Value;

use super::super::show;
use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, DIM, Exit, Failure, PLAIN, Table};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// exe_...
    execution: String,
}

/// A line for each.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let execution = args.execution.as_str();
    let attempted = || format!("show the steps of {execution}");
    let client = context.connection.client().attempt(attempted)?;
    let steps: Vec<Step> = client.executions().steps_all(execution).try_collect().await.attempt(attempted)?;
    context.output.data(&steps, |out| {
        let mut table = Table::new(&["#", "KIND", "NAME", "STATE", "TOOK", "TOKENS", "IN", "OUT"], "no steps yet");
        for step in &steps {
            let shown = |value: Option<&Value>| value.map_or_else(|| "-".to_owned(), show::value);
            let waits = step.waiting_for.as_ref().map(|what| format!("waits for {what}"));
            let error = step.error.as_ref().map(|error| format!("{}: {}", error.code, error.message));
            table.row([
                (DIM, step.step.to_string().as_str()),
                (PLAIN, &step.kind),
                (ACCENT, &step.name),
                (show::state(&step.state), &step.state),
                (PLAIN, &step.duration_us.map_or_else(|| "-".to_owned(), show::duration)),
                (PLAIN, &step.usage.map_or_else(|| "-".to_owned(), |u| (u.input_tokens + u.output_tokens).to_string())),
                (DIM, &shown(step.input.as_ref())),
                (PLAIN, &error.or(waits).unwrap_or_else(|| shown(step.output.as_ref()))),
            ]);
        }
        out.table(&table);
    });
    Ok(Exit::Done)
}
