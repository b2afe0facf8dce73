//! A signal arrives. It is kept until a step takes it, whatever the execution is doing.

use moltforge_types::execution::State;
use moltforge_types::journal::Entry;
use serde_json::Value;

use super::{Context, Execution, Outcome, Refusal, advance, wake};
use crate::mutation::{Mutation, mutated};

/// Signals that may wait in one execution (engine.md 1.6).
pub(crate) const MAX_BUFFERED: usize = 1_000;
pub(crate) const MAX_BUFFERED_BYTES: usize = 1024 * 1024;

pub(super) fn apply(
    execution: &mut Execution,
    name: String,
    payload: Value,
    dedupe_key: Option<String>,
    context: Context,
    out: &mut Outcome,
) -> Result<(), Refusal> {
    if dedupe_key.as_ref().is_some_and(|key| execution.seen.contains(key)) && !mutated(Mutation::NoSignalDedupe) {
        return Ok(());
    }
    if execution.state.is_terminal() {
        return Err(Refusal::Ended);
    }
    if execution.signals.len() >= MAX_BUFFERED || execution.signal_bytes >= MAX_BUFFERED_BYTES {
        return Err(Refusal::SignalBufferFull);
    }
    execution.write(Entry::SignalReceived { name, payload, dedupe_key }, context, out);
    match execution.state {
        State::Suspended if wake::a_wait_is_over(execution, context) => {
            wake::go_on(execution, State::Suspended, context, out);
        }
        State::Running => advance::apply(execution, context, out),
        _ => {}
    }
    Ok(())
}
