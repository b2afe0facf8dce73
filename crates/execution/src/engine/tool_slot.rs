//! Tools that take few calls at a time: a call that changes something gets its slot before its intent is written, so that
//! an intent in the journal is a call that leaves, and what waits in line can be given up without a trace.

use super::state::{Execution, Pending};
use super::{Action, Context, Outcome, advance};

/// Whether a call waits for a slot of its tool first.
pub(super) fn waits(execution: &mut Execution, call: &Pending, out: &mut Outcome) -> bool {
    let step = call.step;
    let is_limited = execution.spec.tools.get(&call.tool).is_some_and(|tool| tool.concurrency.is_some());
    if !is_limited || execution.has_slot == Some(step) {
        return false;
    }
    execution.in_flight.insert(step);
    execution.in_line.insert(step);
    out.actions.push(Action::TakeSlot { step, tool: call.tool.clone() });
    true
}

/// A slot is there for `step`. When the call does not begin all the same, it is no longer in flight, and the slot goes back.
pub(super) fn taken(execution: &mut Execution, step: u32, context: Context, out: &mut Outcome) {
    if !execution.in_line.remove(&step) || !execution.in_flight.remove(&step) {
        return;
    }
    execution.has_slot = Some(step);
    advance::apply(execution, context, out);
    execution.has_slot = None;
}
