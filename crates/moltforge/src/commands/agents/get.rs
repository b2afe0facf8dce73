//! `moltforge agents get`

use moltforge_api::agents::Agent;

use super::super::show;
use super::live;
use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, DIM, Exit, Failure, Output, PLAIN};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The agent's name or id
    agent: String,
}

/// All about one.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let agent = args.agent;
    let attempted = || format!("get agent {agent}");
    let client = context.connection.client().attempt(attempted)?;
    let agent = client.agents().get(&agent).await.attempt(attempted)?;
    let files = match &agent.config.bundle {
        // those of a deleted agent may be gone
        Some(sha256) => client.bundles().get(sha256, None).await.ok(),
        None => None,
    };
    context.output.data(&agent, |out| {
        print(out, &agent);
        for file in files.iter().flat_map(|bundle| &bundle.files) {
            out.pieces(&[(DIM, &format!("{:>9} bytes  ", file.bytes)), (PLAIN, &file.name)]);
        }
    });
    Ok(Exit::Done)
}

fn print(out: Output, agent: &Agent) {
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
