//! `moltforge agents delete`

use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, Exit, Failure, PLAIN};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The agent's name or id
    agent: String,
    /// Delete it although executions of it are live, then cancel those; without this they prevent the deletion
    #[arg(long)]
    cancel: bool,
}

/// What it did stays readable.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let Args { agent, cancel } = args;
    let attempted = || format!("delete agent {agent}");
    let client = context.connection.client().attempt(attempted)?;
    client.agents().delete(&agent, cancel).await.attempt(attempted)?;
    context.output.data(&serde_json::json!({ "agent": agent, "deleted": true }), |out| {
        out.pieces(&[(ACCENT, &agent), (PLAIN, ": deleted")]);
    });
    Ok(Exit::Done)
}
