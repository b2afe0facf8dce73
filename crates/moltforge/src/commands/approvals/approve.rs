//! `moltforge approvals approve`

use super::super::argument;
use super::decide::{Said, decide};
use crate::cli::Context;
use crate::output::{Attempt as _, Exit, Failure};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// apr_...
    approval: String,
    /// Other arguments for the call: JSON, @FILE or - for stdin
    #[arg(long, value_name = "JSON|@FILE|-", conflicts_with = "answer")]
    edit: Option<String>,
    /// The answer to the form of the request: JSON, @FILE or -
    #[arg(long, value_name = "JSON|@FILE|-")]
    answer: Option<String>,
    /// The hash of the call that you looked at, or its beginning; the one that waits now when absent
    #[arg(long, value_name = "HASH")]
    call: Option<String>,
    /// Why
    #[arg(long, short)]
    note: Option<String>,
}

/// The call begins when its execution goes on.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let attempted = || format!("approve {}", args.approval);
    let arguments = argument::json("--edit", args.edit.as_deref()).attempt(attempted)?;
    let answer = argument::json("--answer", args.answer.as_deref()).attempt(attempted)?;
    let said = Said { decision: "approve", call: args.call, arguments, answer, note: args.note };
    decide(context, &args.approval, said).await
}
