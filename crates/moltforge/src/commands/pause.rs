//! `moltforge pause`

use moltforge_api::executions::PauseExecution;

use super::show;
use crate::cli::Context;
use crate::output::{Attempt as _, Exit, Failure};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// exe_...
    execution: String,
    /// Why, for people
    #[arg(long)]
    note: Option<String>,
}

/// Holds the execution until somebody resumes or cancels it.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let attempted = || format!("pause {}", args.execution);
    let client = context.connection.client().attempt(attempted)?;
    let body = PauseExecution { note: args.note };
    let execution = client.executions().pause(&args.execution, &body).await.attempt(attempted)?;
    context.output.data(&execution, |out| show::execution(out, &execution));
    Ok(Exit::Done)
}
