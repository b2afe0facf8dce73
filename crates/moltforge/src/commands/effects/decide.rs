//! `moltforge effects EXECUTION decide`

use moltforge_api::approvals::DecideEffect;

use super::super::argument;
use super::print;
use crate::cli::Context;
use crate::output::{Attempt as _, Exit, Failure};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The step
    step: u32,
    /// retry sends it again with the same key, fail tells the model that it failed, succeed that it happened
    #[arg(value_parser = ["retry", "fail", "succeed"])]
    decision: String,
    /// With succeed, what the call answered: JSON, @FILE or - for stdin
    #[arg(long, value_name = "JSON|@FILE|-")]
    result: Option<String>,
    /// Why
    #[arg(long, short)]
    note: Option<String>,
}

/// Decides, and shows the effect as it is then.
pub(super) async fn run(id: &str, args: Args, context: &Context) -> Result<Exit, Failure> {
    let Args { step, decision, result, note } = args;
    let attempted = || format!("decide about step {step} of {id}");
    let output = argument::json("--result", result.as_deref()).attempt(attempted)?;
    let client = context.connection.client().attempt(attempted)?;
    let body = DecideEffect { decision, output, note };
    let effect = client.executions().decide_effect(id, step, &body).await.attempt(attempted)?;
    context.output.data(&effect, |out| print(out, std::slice::from_ref(&effect)));
    Ok(Exit::Done)
}
