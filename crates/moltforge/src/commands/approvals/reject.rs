//! `moltforge approvals reject`

use super::decide::{Said, decide};
use crate::cli::Context;
use crate::output::{Exit, Failure};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// apr_...
    approval: String,
    /// The hash of the call that you looked at, or its beginning; the one that waits now when absent
    #[arg(long, value_name = "HASH")]
    call: Option<String>,
    /// Why; the model reads it
    #[arg(long, short)]
    note: Option<String>,
}

/// The call never begins.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let said = Said { decision: "reject", call: args.call, arguments: None, answer: None, note: args.note };
    decide(context, &args.approval, said).await
}
