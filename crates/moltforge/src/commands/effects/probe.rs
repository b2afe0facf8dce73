//! `moltforge effects EXECUTION probe`

use super::print;
use crate::cli::Context;
use crate::output::{Attempt as _, Exit, Failure};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The step
    step: u32,
}

/// Asks, and shows the effect as it is then.
pub(super) async fn run(id: &str, args: Args, context: &Context) -> Result<Exit, Failure> {
    let attempted = || format!("probe step {} of {id}", args.step);
    let client = context.connection.client().attempt(attempted)?;
    let effect = client.executions().probe_effect(id, args.step).await.attempt(attempted)?;
    context.output.data(&effect, |out| print(out, std::slice::from_ref(&effect)));
    Ok(Exit::Done)
}
