//! `moltforge keys`

mod create;
mod list;
mod revoke;

use crate::cli::Context;
use crate::output::{Exit, Failure};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Make a key; its secret is shown this once
    Create(create::Args),
    /// List the keys
    List,
    /// Refuse a key from now on
    Revoke(revoke::Args),
}

/// Does what the verb says.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    match args.verb {
        Verb::Create(args) => create::run(args, context).await,
        Verb::List => list::run(context).await,
        Verb::Revoke(args) => revoke::run(args, context).await,
    }
}
