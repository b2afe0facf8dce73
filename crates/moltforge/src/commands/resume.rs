//! `moltforge resume`

use moltforge_api::executions::ResumeExecution;

use super::show;
use crate::cli::Context;
use crate::output::{Attempt as _, Exit, Failure};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// exe_...
    execution: String,
    /// What to do about calls whose outcome is not known: send them again, or tell the model that they failed
    #[arg(long, value_name = "retry|fail", value_parser = ["retry", "fail"])]
    unknown_effects: Option<String>,
}

/// Lets a paused execution go on.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let attempted = || format!("resume {}", args.execution);
    let client = context.connection.client().attempt(attempted)?;
    let body = ResumeExecution { unknown_effects: args.unknown_effects };
    let execution = client.executions().resume(&args.execution, &body).await.attempt(attempted)?;
    context.output.data(&execution, |out| show::execution(out, &execution));
    Ok(Exit::Done)
}
