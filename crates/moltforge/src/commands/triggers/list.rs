//! `moltforge triggers list`

use futures::{StreamExt as _, TryStreamExt as _};
use moltforge_api::triggers::{ListTriggers, Trigger};

use super::super::show;
use super::{fired_by, state};
use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, BAD, DIM, Exit, Failure, PLAIN, Table};

/// Triggers that a list holds when it is not told otherwise.
const MANY: usize = 200;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this agent's, by name or id
    #[arg(long, short)]
    agent: Option<String>,
    /// At most this many
    #[arg(long, default_value_t = MANY)]
    limit: usize,
}

impl Default for Args {
    fn default() -> Self {
        Self { agent: None, limit: MANY }
    }
}

/// A line for each.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let Args { agent, limit } = args;
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
