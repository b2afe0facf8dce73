//! Stop: the end, from any state. Once it is durable nothing new is dispatched.
//!
//! A cancel lets calls with a durable intent end, for a while; a kill does not. Whatever is aborted is named, with its
//! outcome unknown, and booked at its worst case. The end is written when every call is gone, so that its time is that of
//! the stop, measured.

use std::time::Duration;

use moltforge_api::AgentConfig;
use moltforge_types::execution::State;
use moltforge_types::journal::{Entry, StoppedCall};

use super::state::{Execution, PendingState, Stopping};
use super::{Context, Outcome, Refusal, advance, completion};

/// How long a cancelled execution's calls with a durable intent may still take (engine.md 1.3).
pub(crate) const CLEANUP: Duration = Duration::from_secs(30);
/// How long calls may take to go away once they are aborted. Tasks of this process go at once.
pub(crate) const REAP: Duration = Duration::from_secs(5);

pub(super) fn apply(
    execution: &mut Execution,
    by: String,
    note: Option<String>,
    kill: bool,
    context: Context,
    out: &mut Outcome,
) -> Result<(), Refusal> {
    match (&execution.stopping, execution.state) {
        (_, State::Cancelled) => return Ok(()),
        (_, state) if state.is_terminal() => return Err(Refusal::Ended),
        // asked for already; only a kill adds to a cancel
        (Some(stopping), _) if stopping.kill || !kill => return Ok(()),
        _ => {}
    }
    let mut calls = on_their_way(execution);
    // a kill adds to a cancel: what that one aborted stays named
    if let Some(before) = &execution.stopping {
        calls.extend(
            before
                .calls
                .iter()
                .filter(|call| calls.iter().all(|now| now.step != call.step))
                .cloned()
                .collect::<Vec<_>>(),
        );
        calls.sort_by_key(|call| call.step);
    }
    if execution.in_flight.is_empty() && execution.aborting.is_empty() {
        let stopping = Stopping { by, note, kill, until: None, calls, requested_at: context.now };
        finish(execution, stopping, context, out);
        return Ok(());
    }
    let until = Some(context.now.plus(if kill { REAP } else { CLEANUP }));
    let whose = by.clone();
    execution.write(Entry::Stopping { by, note, kill, until, calls }, context, out);
    advance::stop_children(execution, &whose, kill, "is being stopped", out);
    advance_stop(execution, context, out);
    Ok(())
}

/// Aborts what need not end, and ends the execution once nothing is on its way or its time is over.
pub(super) fn advance_stop(execution: &mut Execution, context: Context, out: &mut Outcome) {
    let Some(stopping) = execution.stopping.clone() else { return };
    let is_over = stopping.until.is_some_and(|until| until <= context.now);
    if stopping.kill || is_over {
        let steps: Vec<u32> = execution.in_flight.iter().copied().collect();
        execution.aborting.extend(steps);
        advance::abort(execution, |_| true, out);
    } else {
        let before: Vec<u32> = execution.in_flight.iter().copied().collect();
        super::pause::abort_repeatable(execution, out);
        let gone = before.into_iter().filter(|step| !execution.in_flight.contains(step));
        let gone: Vec<u32> = gone.collect();
        execution.aborting.extend(gone);
    }
    // a kill waits for its calls to go away no longer than it said
    if (execution.in_flight.is_empty() && execution.aborting.is_empty()) || (is_over && stopping.kill) {
        finish(execution, stopping, context, out);
    }
}

/// The shell reports that an aborted call is gone.
pub(super) fn call_gone(execution: &mut Execution, step: u32, context: Context, out: &mut Outcome) {
    let expected = execution.aborting.remove(&step);
    if expected && execution.stopping.is_some() && !execution.state.is_terminal() {
        advance_stop(execution, context, out);
    }
}

fn finish(execution: &mut Execution, stopping: Stopping, context: Context, out: &mut Outcome) {
    let unknown_steps = execution.unknown_steps();
    // what was answered since the stop was asked for is not unknown
    let calls = stopping.calls.into_iter().filter(|call| call.model || execution.is_unanswered(call.step)).collect();
    let entry = Entry::Cancelled {
        by: stopping.by,
        note: stopping.note,
        unknown_steps,
        kill: stopping.kill,
        requested_at: Some(stopping.requested_at),
        calls,
        children: execution.open_children(),
    };
    execution.aborting.clear();
    advance::finish(execution, entry, context, out);
}

/// Calls that were let out and have no answer: those in flight, and intents that an owner before left behind.
fn on_their_way(execution: &Execution) -> Vec<StoppedCall> {
    let mut calls = Vec::new();
    if execution.pending.is_empty() && execution.in_flight.contains(&execution.next_step) {
        calls.push(StoppedCall {
            step: execution.next_step,
            name: execution.spec.config.model.clone(),
            model: true,
            idempotency_key: None,
            booked_tokens: Some(worst_case_tokens(execution)),
        });
    }
    for call in &execution.pending {
        let key = match &call.state {
            PendingState::Invoked { idempotency_key, .. } => Some(idempotency_key.clone()),
            PendingState::Open
                if execution.in_flight.contains(&call.step) && !execution.in_line.contains(&call.step) =>
            {
                None
            }
            _ => continue,
        };
        let model = completion::is_one(execution, call);
        let completion = execution.completion(call.step);
        calls.push(StoppedCall {
            step: call.step,
            name: if model { execution.spec.config.model.clone() } else { call.tool.clone() },
            model,
            idempotency_key: key,
            booked_tokens: completion.map(|own| call.arguments.len() as u64 + longest_reply(&own.config)),
        });
    }
    calls
}

/// What a model call may cost at worst: every byte of the conversation a token, and the longest reply.
fn worst_case_tokens(execution: &Execution) -> u64 {
    let config = &execution.spec.config;
    let prompt: usize = execution.messages.iter().map(|message| message.bytes()).sum();
    (config.instructions.len() + prompt) as u64 + longest_reply(config)
}

/// The most tokens of a reply.
fn longest_reply(config: &AgentConfig) -> u64 {
    /// Of a model that was given no limit.
    const LONGEST_REPLY: u64 = 32_768;
    config.parameters.max_output_tokens.map_or(LONGEST_REPLY, u64::from)
}
