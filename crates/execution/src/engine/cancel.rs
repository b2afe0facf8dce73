//! Cancel: the end, from any state. Once it is durable nothing new is dispatched.

use moltforge_types::execution::State;
use moltforge_types::journal::Entry;

use super::{Context, Execution, Outcome, Refusal, advance};

pub(super) fn apply(
    execution: &mut Execution,
    by: String,
    note: Option<String>,
    context: Context,
    out: &mut Outcome,
) -> Result<(), Refusal> {
    match execution.state {
        State::Cancelled => return Ok(()),
        state if state.is_terminal() => return Err(Refusal::Ended),
        _ => {}
    }
    let unknown_steps = execution.unknown_steps();
    advance::finish(execution, Entry::Cancelled { by, note, unknown_steps }, context, out);
    Ok(())
}
