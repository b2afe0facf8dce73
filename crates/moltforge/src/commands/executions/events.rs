//! `moltforge executions events`

use moltforge_api::executions::ListEvents;

use super::super::timeline;
use crate::cli::Context;
use crate::output::{Attempt as _, Exit, Failure};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// exe_...
    execution: String,
    /// Go on until it has ended; the exit code is the run's
    #[arg(long, short)]
    follow: bool,
}

/// All so far, or as they come.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let Args { execution, follow } = args;
    let execution = execution.as_str();
    let attempted = || format!("show the events of {execution}");
    let client = context.connection.client().attempt(attempted)?;
    if follow {
        let execution = client.executions().get(execution).await.attempt(attempted)?;
        return crate::commands::run::follow(context.output, &client, &execution).await;
    }
    let mut all = Vec::new();
    loop {
        let after = all.last().and_then(|event: &moltforge_types::event::CloudEvent| event.id.parse().ok());
        let page = client.executions().events_page(execution, &ListEvents { after, limit: Some(1000) }).await;
        let page = page.attempt(attempted)?;
        let more = page.next.is_some() && !page.items.is_empty();
        all.extend(page.items);
        if !more {
            break;
        }
    }
    context.output.data(&all, |out| all.iter().for_each(|event| timeline::print(out, event)));
    Ok(Exit::Done)
}
