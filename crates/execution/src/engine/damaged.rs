//! An execution whose journal cannot be read to its end. What it was doing is not known, so it is held as `diverged`
//! until somebody stops it; what is readable stays readable.

use moltforge_types::execution::{HoldMode, Reason, State};
use moltforge_types::journal::Entry;

use super::{Command, Context, Execution, Outcome, Refusal};

/// Holds it instead of doing what was asked. `false` for a command that stops it, which goes its usual way.
pub(super) fn holds(
    execution: &mut Execution,
    command: &Command,
    detail: String,
    context: Context,
    out: &mut Outcome,
) -> Result<bool, Refusal> {
    let kill_switch = matches!(command, Command::Hold) && context.hold.is_some_and(|hold| hold.mode == HoldMode::Kill);
    if matches!(command, Command::Stop { .. }) || kill_switch || execution.state.is_terminal() {
        return Ok(false);
    }
    // what is decided about may not be what stands behind the damage
    if matches!(command, Command::Decide(_) | Command::DecideEffect { .. } | Command::Probe { .. }) {
        return Err(Refusal::Damaged);
    }
    if execution.state != State::Paused {
        // it was taken: it stands behind the damage
        if let Command::Signal { name, payload, dedupe_key } = command {
            let (name, payload, dedupe_key) = (name.clone(), payload.clone(), dedupe_key.clone());
            execution.write(Entry::SignalReceived { name, payload, dedupe_key }, context, out);
        }
        execution.write(Entry::paused(Reason::Diverged, detail), context, out);
    }
    // nothing more is taken; whatever else came is answered by the hold
    match command {
        Command::Resume { .. } | Command::Signal { .. } if out.entries.is_empty() => Err(Refusal::Damaged),
        _ => Ok(true),
    }
}
