//! `moltforge cancel`

use moltforge_api::executions::CancelExecution;

use super::receipt;
use crate::cli::Context;
use crate::output::{Attempt as _, Exit, Failure};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// exe_...
    execution: String,
    /// Why, for people
    #[arg(long, short)]
    note: Option<String>,
}

/// Stops the execution for good.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let attempted = || format!("cancel {}", args.execution);
    let client = context.connection.client().attempt(attempted)?;
    let body = CancelExecution { note: args.note };
    let execution = client.executions().cancel(&args.execution, &body).await.attempt(attempted)?;
    context.output.data(&execution, |out| receipt::stopped(out, &execution));
    Ok(Exit::Done)
}
