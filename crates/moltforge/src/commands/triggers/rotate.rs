//! `moltforge triggers rotate`

use super::secret;
use crate::cli::Context;
use crate::output::{Attempt as _, Exit, Failure};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// trg_...
    trigger: String,
}

/// The new secret is shown this once.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let trigger = args.trigger;
    let attempted = || format!("make a new secret for {trigger}");
    let client = context.connection.client().attempt(attempted)?;
    let made = client.triggers().rotate(&trigger).await.attempt(attempted)?;
    context.output.data(&made, |out| secret(out, &made));
    Ok(Exit::Done)
}
