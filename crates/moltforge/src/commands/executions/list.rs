//! `moltforge executions list`

use futures::{StreamExt as _, TryStreamExt as _};
use moltforge_api::executions::{Execution, ListExecutions};

use super::super::show;
use crate::cli::Context;
use crate::output::{ACCENT, Attempt as _, DIM, Exit, Failure, PLAIN, Table};

/// Executions that a list holds when it is not told otherwise.
const MANY: usize = 50;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this agent's, by name or id
    #[arg(long, short)]
    agent: Option<String>,
    /// Only those in this state; `live` for all that have not ended
    #[arg(long, short)]
    state: Option<String>,
    /// At most this many
    #[arg(long, default_value_t = MANY)]
    limit: usize,
}

impl Default for Args {
    fn default() -> Self {
        Self { agent: None, state: None, limit: MANY }
    }
}

/// A line for each.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let Args { agent, state, limit } = args;
    let attempted = || "list executions".to_owned();
    let client = context.connection.client().attempt(attempted)?;
    let page = u32::try_from(limit.clamp(1, 200)).ok();
    let filter = ListExecutions { agent, state, cursor: None, limit: page };
    let all = client.executions().list_all(filter).take(limit);
    let executions: Vec<Execution> = all.try_collect().await.attempt(attempted)?;
    context.output.data(&executions, |out| {
        let header = &["EXECUTION", "AGENT", "STATE", "WAITS FOR", "CREATED", "TOKENS"];
        let mut table = Table::new(header, "no executions; `moltforge run AGENT` starts one");
        for execution in &executions {
            let why = execution.reason.as_deref().or(execution.waiting_for.as_deref()).unwrap_or("-");
            table.row([
                (ACCENT, execution.execution_id.as_str()),
                (PLAIN, &format!("{} v{}", execution.agent_name, execution.version)),
                (show::state(&execution.state), &execution.state),
                (PLAIN, why),
                (DIM, &show::time(&execution.created_at)),
                (PLAIN, &execution.tokens.to_string()),
            ]);
        }
        out.table(&table);
    });
    Ok(Exit::Done)
}
