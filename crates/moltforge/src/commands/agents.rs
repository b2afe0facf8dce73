//! `moltforge agents`

use futures::TryStreamExt as _;
use moltforge_api::agents::{Agent, ListAgents};

use super::show;
use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, DIM, Exit, Failure, Output, PLAIN, Table};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List the agents
    List {
        /// Only names that begin with this
        #[arg(long, value_name = "PREFIX")]
        name: Option<String>,
        /// Only those that are live in this environment
        #[arg(long, short)]
        env: Option<String>,
        /// Deleted ones too, with their ids
        #[arg(long)]
        deleted: bool,
    },
    /// Show an agent and its file
    Get {
        /// The agent's name or id
        agent: String,
    },
    /// Delete an agent; its history stays readable
    Delete {
        /// The agent's name or id
        agent: String,
        /// Delete it although executions of it are live, then cancel those; without this they prevent the deletion
        #[arg(long)]
        cancel: bool,
    },
}

/// Does what the verb says.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let out = context.output;
    match args.verb.unwrap_or(Verb::List { name: None, env: None, deleted: false }) {
        Verb::List { name, env, deleted } => {
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
            out.data(&agents, |out| list(out, &agents, deleted));
        }
        Verb::Get { agent } => {
            let attempted = || format!("get agent {agent}");
            let client = context.connection.client().attempt(attempted)?;
            let agent = client.agents().get(&agent).await.attempt(attempted)?;
            out.data(&agent, |out| get(out, &agent));
        }
        Verb::Delete { agent, cancel } => {
            let attempted = || format!("delete agent {agent}");
            let client = context.connection.client().attempt(attempted)?;
            client.agents().delete(&agent, cancel).await.attempt(attempted)?;
            out.data(&serde_json::json!({ "agent": agent, "deleted": true }), |out| {
                out.pieces(&[(ACCENT, &agent), (PLAIN, ": deleted")]);
            });
        }
    }
    Ok(Exit::Done)
}

fn live(agent: &Agent) -> String {
    let live = agent.deployments.iter().filter(|d| d.status == "live");
    let texts: Vec<String> = live.map(|d| format!("{} v{}", d.environment, d.version)).collect();
    if texts.is_empty() { "-".to_owned() } else { texts.join(", ") }
}

/// With `deleted` the ids are shown too: a deleted agent has no other name that it can be called by.
fn list(out: Output, agents: &[Agent], deleted: bool) {
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

fn get(out: Output, agent: &Agent) {
    out.pieces(&[(ACCENT, &agent.name), (DIM, "  "), (DIM, &agent.agent_id)]);
    for (name, value) in [
        ("latest version", agent.latest_version.to_string()),
        ("live", live(agent)),
        ("created", show::time(&agent.created_at)),
        ("updated", show::time(&agent.updated_at)),
        ("deleted", show::maybe_time(agent.deleted_at.as_deref())),
    ] {
        out.pieces(&[(DIM, &format!("{name:<16}")), (PLAIN, &value)]);
    }
    out.line("");
    out.line(moltforge_manifest::to_toml(&agent.config).trim_end());
}
