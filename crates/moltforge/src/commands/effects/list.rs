//! `moltforge effects`, with no more than an execution

use super::print;
use crate::cli::Context;
use crate::output::{Attempt as _, Exit, Failure};

/// A line for each.
pub(super) async fn run(id: &str, context: &Context) -> Result<Exit, Failure> {
    let attempted = || format!("list the effects of {id}");
    let client = context.connection.client().attempt(attempted)?;
    let effects = client.executions().effects(id).await.attempt(attempted)?;
    context.output.data(&effects, |out| print(out, &effects.items));
    Ok(Exit::Done)
}
