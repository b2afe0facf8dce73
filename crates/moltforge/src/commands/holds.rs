//! `moltforge holds`

use super::show;
use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, BAD, Exit, Failure, PLAIN, Table, WARN};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Lists agents that are paused or killed, and the project if it is.
pub async fn run(_args: Args, context: &Context) -> Result<Exit, Failure> {
    let attempted = || "list holds".to_owned();
    let client = context.connection.client().attempt(attempted)?;
    let holds = client.holds().list().await.attempt(attempted)?.items;
    context.output.data(&holds, |out| {
        let mut table = Table::new(&["HELD", "MODE", "SINCE", "BY", "NOTE"], "nothing is held");
        for hold in &holds {
            let what = hold.agent.as_deref().or(hold.agent_id.as_deref()).unwrap_or("the project");
            table.row([
                (ACCENT, what),
                (if hold.mode == "kill" { BAD } else { WARN }, hold.mode.as_str()),
                (PLAIN, &show::time(&hold.created_at)),
                (PLAIN, &hold.actor),
                (PLAIN, hold.note.as_deref().unwrap_or("-")),
            ]);
        }
        out.table(&table);
    });
    Ok(Exit::Done)
}
