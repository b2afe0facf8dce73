//! `moltforge executions replay`

use moltforge_api::executions::{ReplayExecution, Replayed};
use serde_json::Value;

use super::super::difference;
use crate::cli::Context;
use crate::output::{Attempt as _, BAD, DIM, Exit, Failure, GOOD, Output, PLAIN};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// exe_...
    execution: String,
    /// With this version of the agent instead of the execution's own
    #[arg(long, value_name = "N")]
    version: Option<u32>,
}

/// Compares. The exit code says whether it is identical.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let attempted = || format!("replay {}", args.execution);
    let client = context.connection.client().attempt(attempted)?;
    let body = ReplayExecution { version: args.version };
    let replayed = client.executions().replay(&args.execution, &body).await.attempt(attempted)?;
    context.output.data(&replayed, |out| print(out, &replayed));
    Ok(if replayed.identical { Exit::Done } else { Exit::Failed })
}

fn print(out: Output, replayed: &Replayed) {
    let version = format!("  with version {}", replayed.version);
    let Some(found) = &replayed.difference else {
        let entries = format!("{} entries", replayed.entries);
        out.pieces(&[(GOOD, "identical"), (PLAIN, ", "), (PLAIN, &entries), (DIM, &version)]);
        return;
    };
    out.pieces(&[(BAD, "differs"), (PLAIN, " at entry "), (PLAIN, &found.seq.to_string()), (DIM, &version)]);
    out.pieces(&[(PLAIN, &found.message)]);
    let null = Value::Null;
    let (was, is) = (found.recorded.as_ref().unwrap_or(&null), found.produced.as_ref().unwrap_or(&null));
    out.pieces(&[(DIM, "  - as recorded, + as the engine writes it now")]);
    difference::print(out, &difference::values(was, is));
}
