//! `moltforge rollback`

use moltforge_api::deployments::Rollback;

use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, Exit, Failure, GOOD, PLAIN};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The agent's name or id
    agent: String,
    /// The environment
    #[arg(long, short, default_value = "production")]
    env: String,
    /// The version to go back to; the one that was live before when absent
    #[arg(long, value_name = "VERSION")]
    to: Option<u32>,
}

/// Makes an earlier version live again.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let attempted = || format!("roll back {} in {}", args.agent, args.env);
    let client = context.connection.client().attempt(attempted)?;
    let body = Rollback { environment: Some(args.env.clone()), version: args.to };
    let deployment = client.agents().rollback(&args.agent, &body, None).await.attempt(attempted)?;
    let version = format!("version {}", deployment.version);
    context.output.data(&deployment, |out| {
        out.pieces(&[
            (ACCENT, &deployment.agent_name),
            (PLAIN, ": "),
            (GOOD, &version),
            (PLAIN, " is live again in "),
            (PLAIN, &deployment.environment),
        ]);
    });
    Ok(Exit::Done)
}
