//! `moltforge triggers`

use anstyle::Style;
use futures::{StreamExt as _, TryStreamExt as _};
use moltforge_api::PageQuery;
use moltforge_api::config::TriggerConfig;
use moltforge_api::triggers::{CreateTrigger, Fire, FireTrigger, ListTriggers, Trigger, TriggerSecret};

use super::{argument, show};
use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, BAD, DIM, Exit, Failure, GOOD, Output, PLAIN, Table, WARN};

/// Triggers that a list holds when it is not told otherwise.
const MANY: usize = 200;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List triggers with their next and last runs
    List {
        /// Only this agent's, by name or id
        #[arg(long, short)]
        agent: Option<String>,
        /// At most this many
        #[arg(long, default_value_t = MANY)]
        limit: usize,
    },
    /// Show a trigger, its next runs and the times that it fired
    Get {
        /// trg_...
        trigger: String,
    },
    /// Make a trigger; a webhook's secret is shown this once
    Create(Box<Create>),
    /// Hold a trigger: nothing but `fire` fires it
    Pause {
        /// trg_...
        trigger: String,
    },
    /// Let a paused trigger go on
    Resume {
        /// trg_...
        trigger: String,
    },
    /// Fire a trigger now
    Fire {
        /// trg_...
        trigger: String,
        /// Stands for the body of a webhook or for the event: JSON, @FILE or - for stdin
        #[arg(long, short, value_name = "JSON|@FILE|-")]
        body: Option<String>,
        /// A second fire with the same key changes nothing
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
    },
    /// Make a new secret for a webhook; the one before is accepted for another day
    Rotate {
        /// trg_...
        trigger: String,
    },
    /// Delete a trigger with its history
    Delete {
        /// trg_...
        trigger: String,
    },
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["schedule", "event", "topic", "webhook"]).multiple(true))]
struct Create {
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

/// Does what the verb says.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    match args.verb.unwrap_or(Verb::List { agent: None, limit: MANY }) {
        Verb::List { agent, limit } => list(context, agent, limit).await,
        Verb::Get { trigger } => get(context, &trigger).await,
        Verb::Create(create) => self::create(context, *create).await,
        Verb::Pause { trigger } => {
            let attempted = || format!("pause {trigger}");
            let client = context.connection.client().attempt(attempted)?;
            let after = client.triggers().pause(&trigger).await.attempt(attempted)?;
            context.output.data(&after, |out| line(out, &after));
            Ok(Exit::Done)
        }
        Verb::Resume { trigger } => {
            let attempted = || format!("resume {trigger}");
            let client = context.connection.client().attempt(attempted)?;
            let after = client.triggers().resume(&trigger).await.attempt(attempted)?;
            context.output.data(&after, |out| line(out, &after));
            Ok(Exit::Done)
        }
        Verb::Fire { trigger, body, idempotency_key } => {
            let attempted = || format!("fire {trigger}");
            let body = argument::json("--body", body.as_deref()).attempt(attempted)?;
            let client = context.connection.client().attempt(attempted)?;
            let request = FireTrigger { body };
            let fire = client.triggers().fire(&trigger, &request, idempotency_key.as_deref()).await;
            let fire = fire.attempt(attempted)?;
            context.output.data(&fire, |out| fires(out, std::slice::from_ref(&fire)));
            Ok(Exit::Done)
        }
        Verb::Rotate { trigger } => {
            let attempted = || format!("make a new secret for {trigger}");
            let client = context.connection.client().attempt(attempted)?;
            let made = client.triggers().rotate(&trigger).await.attempt(attempted)?;
            context.output.data(&made, |out| secret(out, &made));
            Ok(Exit::Done)
        }
        Verb::Delete { trigger } => {
            let attempted = || format!("delete {trigger}");
            let client = context.connection.client().attempt(attempted)?;
            client.triggers().delete(&trigger).await.attempt(attempted)?;
            context.output.data(&serde_json::json!({ "trigger_id": trigger, "deleted": true }), |out| {
                out.pieces(&[(ACCENT, &trigger), (PLAIN, ": deleted")]);
            });
            Ok(Exit::Done)
        }
    }
}

async fn create(context: &Context, args: Create) -> Result<Exit, Failure> {
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

async fn list(context: &Context, agent: Option<String>, limit: usize) -> Result<Exit, Failure> {
    let attempted = || "list triggers".to_owned();
    let client = context.connection.client().attempt(attempted)?;
    let filter = ListTriggers { agent, cursor: None, limit: u32::try_from(limit.clamp(1, 200)).ok() };
    let all: Vec<Trigger> = client.triggers().list_all(filter).take(limit).try_collect().await.attempt(attempted)?;
    context.output.data(&all, |out| {
        let header = &["TRIGGER", "AGENT", "NAME", "FIRED BY", "STATE", "NEXT", "LAST", "STARTED", "LAST ERROR"];
        let mut table = Table::new(header, "no triggers; `moltforge triggers create` makes one");
        for trigger in &all {
            let error = trigger.last_error.as_ref().map_or("-", |error| error.code.as_str());
            table.row([
                (ACCENT, trigger.trigger_id.as_str()),
                (PLAIN, &trigger.agent_name),
                (PLAIN, &trigger.name),
                (PLAIN, &fired_by(trigger)),
                (state(&trigger.state), &trigger.state),
                (PLAIN, &show::maybe_time(trigger.next_at.as_deref())),
                (DIM, &show::maybe_time(trigger.last_at.as_deref())),
                (PLAIN, &trigger.started.to_string()),
                (if error == "-" { DIM } else { BAD }, error),
            ]);
        }
        out.table(&table);
    });
    Ok(Exit::Done)
}

async fn get(context: &Context, id: &str) -> Result<Exit, Failure> {
    let attempted = || format!("get {id}");
    let client = context.connection.client().attempt(attempted)?;
    let trigger = client.triggers().get(id).await.attempt(attempted)?;
    let page = PageQuery { cursor: None, limit: Some(20) };
    let latest = client.triggers().fires(id, &page).await.attempt(attempted)?.items;
    let mut shown = serde_json::to_value(&trigger).unwrap_or_default();
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("fires".to_owned(), serde_json::to_value(&latest).unwrap_or_default());
    }
    context.output.data(&shown, |out| {
        line(out, &trigger);
        let field = |name: &str, value: &str| out.pieces(&[(DIM, &format!("{name:<12}")), (PLAIN, value)]);
        field("agent", &format!("{} in {}", trigger.agent_name, trigger.environment));
        field("fired by", &fired_by(&trigger));
        field("concurrency", &trigger.concurrency);
        for (name, value) in [("missed", &trigger.config.missed), ("jitter", &trigger.config.jitter)] {
            if let Some(value) = value {
                field(name, value);
            }
        }
        for (name, value) in [("filter", &trigger.config.filter), ("input", &trigger.config.input)] {
            if let Some(value) = value {
                field(name, &value.to_string());
            }
        }
        field("from", if trigger.origin == "file" { "the agent file" } else { "the API" });
        if let Some(url) = &trigger.url {
            field("url", url);
        }
        for (at, time) in trigger.upcoming.iter().enumerate() {
            field(if at == 0 { "next" } else { "" }, &show::time(time));
        }
        field("started", &trigger.started.to_string());
        field("skipped", &trigger.skipped.to_string());
        field("refused", &trigger.refused.to_string());
        if let Some(error) = &trigger.last_error {
            out.pieces(&[(DIM, "last error  "), (BAD, &error.code), (PLAIN, ": "), (PLAIN, &error.message)]);
        }
        out.line("");
        fires(out, &latest);
    });
    Ok(Exit::Done)
}

fn fires(out: Output, all: &[Fire]) {
    let mut table = Table::new(&["FIRED", "FOR", "STATE", "EXECUTION", "WHY"], "it has not fired yet");
    for fire in all {
        let why =
            fire.error.as_ref().map_or_else(|| "-".to_owned(), |error| format!("{}: {}", error.code, error.message));
        table.row([
            (DIM, show::time(&fire.created_at).as_str()),
            (PLAIN, &show::time(&fire.planned_at)),
            (state(&fire.state), &fire.state),
            (ACCENT, fire.execution_id.as_deref().unwrap_or("-")),
            (PLAIN, &why),
        ]);
    }
    out.table(&table);
}

fn line(out: Output, trigger: &Trigger) {
    out.pieces(&[
        (ACCENT, &trigger.trigger_id),
        (PLAIN, "  "),
        (PLAIN, &trigger.name),
        (PLAIN, "  "),
        (state(&trigger.state), &trigger.state),
    ]);
}

fn secret(out: Output, made: &TriggerSecret) {
    let Some(secret) = &made.secret else { return };
    if let Some(url) = &made.trigger.url {
        out.pieces(&[(DIM, "url     "), (PLAIN, url)]);
    }
    out.pieces(&[(DIM, "secret  "), (PLAIN, secret)]);
    out.notes(&[(WARN, "this is the only time that the secret is shown")]);
    if let Some(until) = &made.previous_until {
        out.notes(&[(PLAIN, "the one before is accepted until "), (PLAIN, &show::time(until))]);
    }
}

/// What fires it, in a few words.
fn fired_by(trigger: &Trigger) -> String {
    let config = &trigger.config;
    match (&config.schedule, &config.event, &config.topic) {
        (Some(cron), ..) => format!("{cron} {}", config.timezone.as_deref().unwrap_or("UTC")),
        (None, Some(event), Some(topic)) => format!("event {event} of {topic}"),
        (None, Some(event), None) => format!("event {event}"),
        (None, None, Some(topic)) => format!("topic {topic}"),
        (None, None, None) => "webhook".to_owned(),
    }
}

fn state(state: &str) -> Style {
    match state {
        "active" | "started" => GOOD,
        "refused" => BAD,
        "paused" | "skipped" | "pending" => WARN,
        _ => DIM,
    }
}
