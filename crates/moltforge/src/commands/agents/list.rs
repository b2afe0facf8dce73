//! `moltforge agents list`

use futures::TryStreamExt as _;
use moltforge_api::agents::{Agent, ListAgents};

use super::super::show;
use super::live;
use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, DIM, Exit, Failure, Output, PLAIN, Table};

/// Arguments.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Args {
    /// Only names that begin with this
    #[arg(long, value_name = "PREFIX")]
    name: Option<String>,
    /// Only those that are live in this environment
    #[arg(long, short)]
    env: Option<String>,
    /// Deleted ones too, with their ids
    #[arg(long)]
    deleted: bool,
}

/// A line for each.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let Args { name, env, deleted } = args;
    let attempted = || "list agents".to_owned();
    let client = context.connection.client().attempt(attempted)?;
    let filter = ListAgents {
        name_prefix: name,
        environment: env,
        deleted: deleted.then_some(true),
        cursor: None,
        limit: Some(200),
    };
    let agents: Vec<Agent> = client.agents().list_all(filter).try_collect().await.attempt(attempted)?;
    context.output.data(&agents, |out| print(out, &agents, deleted));
    Ok(Exit::Done)
}

/// With `deleted` the ids are shown too: a deleted agent has no other name that it can be called by.
fn print(out: Output, agents: &[Agent], deleted: bool) {
    let header: &'static [&'static str] = if deleted {
        &["NAME", "ID", "DELETED", "LATEST", "LIVE", "MODEL", "UPDATED", "DESCRIPTION"]
    } else {
        &["NAME", "LATEST", "LIVE", "MODEL", "UPDATED", "DESCRIPTION"]
    };
    let mut table = Table::new(header, "no agents; `moltforge init` makes one");
    for agent in agents {
        let name_style = if agent.deleted_at.is_some() { DIM } else { ACCENT };
        let gone = show::maybe_time(agent.deleted_at.as_deref());
        let (latest, live, updated) = (agent.latest_version.to_string(), live(agent), show::time(&agent.updated_at));
        let mut row = vec![(name_style, agent.name.as_str())];
        if deleted {
            row.extend([(DIM, agent.agent_id.as_str()), (DIM, &gone)]);
        }
        row.extend([
            (PLAIN, latest.as_str()),
            (PLAIN, &live),
            (PLAIN, &agent.config.model),
            (DIM, &updated),
            (PLAIN, &agent.description),
        ]);
        table.row(row);
    }
    out.table(&table);
}
