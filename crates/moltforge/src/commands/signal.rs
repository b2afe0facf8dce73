//! `moltforge signal`

use moltforge_api::executions::SignalExecution;

use super::{argument, show};
use crate::cli::Context;
use crate::output::{Attempt as _, Exit, Failure};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// exe_...
    execution: String,
    /// The signal's name
    name: String,
    /// What it carries: JSON, @FILE or - for stdin; a text that is not JSON is passed as a text
    #[arg(long, short, value_name = "JSON|@FILE|-")]
    payload: Option<String>,
    /// A second signal with the same key changes nothing
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

/// Durable when this returns.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let attempted = || format!("send the signal {} to {}", args.name, args.execution);
    let payload = argument::json("--payload", args.payload.as_deref()).attempt(attempted)?.unwrap_or_default();
    let client = context.connection.client().attempt(attempted)?;
    let body = SignalExecution { name: args.name.clone(), payload };
    let key = args.idempotency_key.as_deref();
    let execution = client.executions().signal(&args.execution, &body, key).await.attempt(attempted)?;
    context.output.data(&execution, |out| show::execution(out, &execution));
    Ok(Exit::Done)
}
