//! `moltforge resume`

use moltforge_api::executions::ResumeExecution;

use super::show;
use super::target::{self, Target};
use crate::cli::Context;
use crate::output::{Attempt as _, Exit, Failure};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// What to do about calls whose outcome is not known: send them again, or tell the model that they failed
    #[arg(long, value_name = "retry|fail", value_parser = ["retry", "fail"], requires = "execution")]
    unknown_effects: Option<String>,
}

/// Lets what is paused go on.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let Some(execution) = &args.target.execution else {
        return target::lift(&args.target, context).await;
    };
    let attempted = || format!("resume {execution}");
    let client = context.connection.client().attempt(attempted)?;
    let body = ResumeExecution { unknown_effects: args.unknown_effects };
    let execution = client.executions().resume(execution, &body).await.attempt(attempted)?;
    context.output.data(&execution, |out| show::execution(out, &execution));
    Ok(Exit::Done)
}
