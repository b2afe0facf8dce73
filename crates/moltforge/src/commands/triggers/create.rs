//! `moltforge triggers create`

use moltforge_api::config::TriggerConfig;
use moltforge_api::triggers::CreateTrigger;

use super::super::argument;
use super::{line, secret};
use crate::cli::Context;
use crate::output::{Attempt as _, Exit, Failure};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["schedule", "event", "topic", "webhook"]).multiple(true))]
pub(super) struct Args {
    /// The agent, by name or id
    agent: String,
    /// A cron expression, e.g. "0 9 * * MON-FRI", or @hourly, @daily, ...
    #[arg(long, value_name = "CRON", conflicts_with_all = ["event", "topic", "webhook"])]
    schedule: Option<String>,
    /// The schedule's time zone, e.g. Europe/Berlin; UTC when absent
    #[arg(long, value_name = "ZONE", requires = "schedule")]
    timezone: Option<String>,
    /// What becomes of runs that were missed: skip, once or all
    #[arg(long, requires = "schedule")]
    missed: Option<String>,
    /// Each run starts up to this much later, e.g. 30s
    #[arg(long, value_name = "DURATION", requires = "schedule")]
    jitter: Option<String>,
    /// The type of the events that fire it, e.g. execution.completed or "order.*"
    #[arg(long, value_name = "TYPE")]
    event: Option<String>,
    /// The topic of the events that fire it; any when absent
    #[arg(long)]
    topic: Option<String>,
    /// Conditions on the event, JSON: {"/data/total": {"at_least": 100}}
    #[arg(long, value_name = "JSON|@FILE|-", conflicts_with_all = ["schedule", "webhook"])]
    filter: Option<String>,
    /// Fired by signed requests to a URL of its own
    #[arg(long, conflicts_with_all = ["event", "topic"])]
    webhook: bool,
    /// Its name; its kind when absent
    #[arg(long)]
    name: Option<String>,
    /// The environment whose live version it starts; production when absent
    #[arg(long, short)]
    env: Option<String>,
    /// While an execution of it lives: queue, skip, replace or parallel
    #[arg(long)]
    concurrency: Option<String>,
    /// The input, JSON in which {"$pointer": "/body/city"} stands for a part of what fired it
    #[arg(long, short, value_name = "JSON|@FILE|-")]
    input: Option<String>,
}

/// Makes it, and shows the secret of a webhook.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let attempted = || format!("make a trigger of {}", args.agent);
    let config = TriggerConfig {
        name: args.name,
        schedule: args.schedule,
        timezone: args.timezone,
        missed: args.missed,
        jitter: args.jitter,
        event: args.event,
        topic: args.topic,
        filter: argument::json("--filter", args.filter.as_deref()).attempt(attempted)?,
        webhook: args.webhook.then_some(true),
        concurrency: args.concurrency,
        input: argument::json("--input", args.input.as_deref()).attempt(attempted)?,
    };
    let client = context.connection.client().attempt(attempted)?;
    let body = CreateTrigger { agent: args.agent.clone(), environment: args.env, config };
    let made = client.triggers().create(&body).await.attempt(attempted)?;
    context.output.data(&made, |out| {
        line(out, &made.trigger);
        secret(out, &made);
    });
    Ok(Exit::Done)
}
