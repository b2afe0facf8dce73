//! `moltforge agents`

mod delete;
mod get;
mod list;

use moltforge_api::agents::Agent;

use crate::cli::Context;
use crate::output::{Exit, Failure};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List the agents
    List(list::Args),
    /// Show an agent and its file
    Get(get::Args),
    /// Delete an agent; its history stays readable
    Delete(delete::Args),
}

/// Does what the verb says.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    match args.verb.unwrap_or_else(|| Verb::List(list::Args::default())) {
        Verb::List(args) => list::run(args, context).await,
        Verb::Get(args) => get::run(args, context).await,
        Verb::Delete(args) => delete::run(args, context).await,
    }
}

/// Where it is deployed, and which version.
fn live(agent: &Agent) -> String {
    let live = agent.deployments.iter().filter(|d| d.status == "live");
    let texts: Vec<String> = live.map(|d| format!("{} v{}", d.environment, d.version)).collect();
    if texts.is_empty() { "-".to_owned() } else { texts.join(", ") }
}
