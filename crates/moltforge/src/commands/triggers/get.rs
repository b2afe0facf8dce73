//! `moltforge triggers get`

use moltforge_api::PageQuery;

use super::super::show;
use super::{fired_by, fires, line};
use crate::cli::Context;
use crate::output::{Attempt as _, BAD, DIM, Exit, Failure, PLAIN};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// trg_...
    trigger: String,
}

/// All about one, with the latest times that it fired.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let id = &args.trigger;
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
