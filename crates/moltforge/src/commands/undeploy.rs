//! `moltforge undeploy`

use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, Exit, Failure, PLAIN};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The agent's name or id
    agent: String,
    /// The environment
    #[arg(long, short, default_value = "production")]
    env: String,
}

/// Ends the deployment. Running executions go on.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let attempted = || format!("undeploy {} from {}", args.agent, args.env);
    let client = context.connection.client().attempt(attempted)?;
    client.agents().undeploy(&args.agent, &args.env).await.attempt(attempted)?;
    let done = serde_json::json!({ "agent": args.agent, "environment": args.env, "version": null });
    context.output.data(&done, |out| {
        out.pieces(&[(ACCENT, &args.agent), (PLAIN, ": nothing is live any more in "), (PLAIN, &args.env)]);
    });
    Ok(Exit::Done)
}
