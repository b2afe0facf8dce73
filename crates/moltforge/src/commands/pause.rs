//! `moltforge pause`

use moltforge_api::executions::PauseExecution;

pub use super::target::Noted as Args;
use super::{show, target};
use crate::cli::Context;
use crate::output::{Attempt as _, Exit, Failure};

/// Holds it until somebody resumes it.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let Some(execution) = &args.target.execution else {
        return target::hold(&args.target, "pause", args.note, context).await;
    };
    let attempted = || format!("pause {execution}");
    let client = context.connection.client().attempt(attempted)?;
    let body = PauseExecution { note: args.note };
    let execution = client.executions().pause(execution, &body).await.attempt(attempted)?;
    context.output.data(&execution, |out| show::execution(out, &execution));
    Ok(Exit::Done)
}
