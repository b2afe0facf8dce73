//! `moltforge triggers fire`

use moltforge_api::triggers::FireTrigger;

use super::super::argument;
use super::fires;
use crate::cli::Context;
use crate::output::{Attempt as _, Exit, Failure};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// trg_...
    trigger: String,
    /// Stands for the body of a webhook or for the event: JSON, @FILE or - for stdin
    #[arg(long, short, value_name = "JSON|@FILE|-")]
    body: Option<String>,
    /// A second fire with the same key changes nothing
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

/// Whatever its state.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let Args { trigger, body, idempotency_key } = args;
    let attempted = || format!("fire {trigger}");
    let body = argument::json("--body", body.as_deref()).attempt(attempted)?;
    let client = context.connection.client().attempt(attempted)?;
    let request = FireTrigger { body };
    let fire = client.triggers().fire(&trigger, &request, idempotency_key.as_deref()).await;
    let fire = fire.attempt(attempted)?;
    context.output.data(&fire, |out| fires(out, std::slice::from_ref(&fire)));
    Ok(Exit::Done)
}
