//! `moltforge triggers`

mod create;
mod delete;
mod fire;
mod get;
mod list;
mod pause;
mod resume;
mod rotate;

use anstyle::Style;
use moltforge_api::triggers::{Fire, Trigger, TriggerSecret};

use super::show;
use crate::cli::Context;
use crate::output::{ACCENT, BAD, DIM, Exit, Failure, GOOD, Output, PLAIN, Table, WARN};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List triggers with their next and last runs
    List(list::Args),
    /// Show a trigger, its next runs and the times that it fired
    Get(get::Args),
    /// Make a trigger; a webhook's secret is shown this once
    Create(Box<create::Args>),
    /// Hold a trigger: nothing but `fire` fires it
    Pause(pause::Args),
    /// Let a paused trigger go on
    Resume(resume::Args),
    /// Fire a trigger now
    Fire(fire::Args),
    /// Make a new secret for a webhook; the one before is accepted for another day
    Rotate(rotate::Args),
    /// Delete a trigger with its history
    Delete(delete::Args),
}

/// Does what the verb says.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    match args.verb.unwrap_or_else(|| Verb::List(list::Args::default())) {
        Verb::List(args) => list::run(args, context).await,
        Verb::Get(args) => get::run(args, context).await,
        Verb::Create(args) => create::run(*args, context).await,
        Verb::Pause(args) => pause::run(args, context).await,
        Verb::Resume(args) => resume::run(args, context).await,
        Verb::Fire(args) => fire::run(args, context).await,
        Verb::Rotate(args) => rotate::run(args, context).await,
        Verb::Delete(args) => delete::run(args, context).await,
    }
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
