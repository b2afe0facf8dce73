//! `moltforge executions receipt`

use super::super::receipt;
use crate::cli::Context;
use crate::output::{Attempt as _, Exit, Failure};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// exe_...
    execution: String,
}

/// As the stop itself answered.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let execution = args.execution;
    let attempted = || format!("get the receipt of {execution}");
    let client = context.connection.client().attempt(attempted)?;
    let stopped = client.executions().receipt(&execution).await.attempt(attempted)?;
    context.output.data(&stopped, |out| receipt::print(out, &stopped));
    Ok(Exit::Done)
}
