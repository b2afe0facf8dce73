//! `moltforge triggers pause`

use super::line;
use crate::cli::Context;
use crate::output::{Attempt as _, Exit, Failure};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// trg_...
    trigger: String,
}

/// Nothing but `fire` fires it from now on.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let trigger = args.trigger;
    let attempted = || format!("pause {trigger}");
    let client = context.connection.client().attempt(attempted)?;
    let after = client.triggers().pause(&trigger).await.attempt(attempted)?;
    context.output.data(&after, |out| line(out, &after));
    Ok(Exit::Done)
}
