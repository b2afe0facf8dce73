//! `moltforge approvals`

mod approve;
mod decide;
mod get;
mod list;
mod reject;

use moltforge_api::approvals::Approval;

use crate::cli::Context;
use crate::output::{DIM, Exit, Failure, GOOD, WARN};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List calls that wait for a person, newest first
    List(list::Args),
    /// Show an approval: the exact call, who may decide, until when
    #[command(alias = "show")]
    Get(get::Args),
    /// Let the call begin, exactly as it is shown or with other arguments
    Approve(approve::Args),
    /// Refuse the call for good; the model is told
    Reject(reject::Args),
}

/// Does what the verb says.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    match args.verb.unwrap_or_else(|| Verb::List(list::Args::default())) {
        Verb::List(args) => list::run(args, context).await,
        Verb::Get(args) => get::run(args, context).await,
        Verb::Approve(args) => approve::run(args, context).await,
        Verb::Reject(args) => reject::run(args, context).await,
    }
}

fn who(approval: &Approval) -> String {
    if approval.approvers.is_empty() { "anybody".to_owned() } else { approval.approvers.join(", ") }
}

fn state(state: &str) -> anstyle::Style {
    match state {
        "pending" => WARN,
        "approved" => GOOD,
        _ => DIM,
    }
}
