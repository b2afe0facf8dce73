//! `moltforge triggers delete`

use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, Exit, Failure, PLAIN};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// trg_...
    trigger: String,
}

/// With its history.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let trigger = args.trigger;
    let attempted = || format!("delete {trigger}");
    let client = context.connection.client().attempt(attempted)?;
    client.triggers().delete(&trigger).await.attempt(attempted)?;
    context.output.data(&serde_json::json!({ "trigger_id": trigger, "deleted": true }), |out| {
        out.pieces(&[(ACCENT, &trigger), (PLAIN, ": deleted")]);
    });
    Ok(Exit::Done)
}
