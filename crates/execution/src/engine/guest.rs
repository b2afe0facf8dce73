//! The guest of a code agent: an untrusted program that asks for calls and hears their answers, one after another.
//!
//! It is a pure function of what it was started with and of the answers in the order of the journal, so it is never stored:
//! it is rebuilt from them wherever it is needed, and dropped when nothing but time, people or others can move it. While it
//! is there it counts as a call on its way, step [`STEP`]: what aborts calls stops it, too.

use std::collections::BTreeSet;

use moltforge_types::execution::{Reason, State};
use moltforge_types::journal::{Entry, ErrorInfo, GuestCall, GuestCancel};
use serde_json::Value;

use super::model_answered::retry;
use super::state::{Execution, PendingState};
use super::{Action, Context, Outcome, advance, approval};
use crate::guests::GuestStart;

/// The guest itself, among the steps in flight. Steps of calls begin at 1.
pub(crate) const STEP: u32 = 0;
/// Calls of one command, at most: it bounds what the command writes. Whoever hears a guest hands over more in parts.
pub(crate) const MAX_CALLS: usize = 128;

/// What a guest does.
#[derive(Debug, Clone, PartialEq)]
pub enum GuestEvent {
    /// It asks for calls or gives some up, and with `heard` waits for the answer after so many.
    Asked {
        /// In program order, at most 128.
        calls: Vec<GuestCall>,
        /// Calls that it no longer waits for.
        cancelled: Vec<GuestCancel>,
        /// How many answers it has heard, when it waits.
        heard: Option<u32>,
    },
    /// It returned.
    Ended(Value),
    /// It failed by itself, or broke a limit.
    Failed(ErrorInfo),
    /// Its process is gone, or it could not be started. It is rebuilt.
    Lost(ErrorInfo),
    /// Rebuilt, it asks for something else: both sides, for people.
    Diverged(String),
}

impl Execution {
    /// What its guest is built from.
    pub(crate) fn guest_start(&self) -> GuestStart {
        let (execution_id, began_at) = self.guest.began.unwrap_or((self.id, self.created_at));
        GuestStart {
            project_id: self.spec.project_id,
            execution_id: self.id,
            config: self.spec.config.clone(),
            input: self.input.clone(),
            seed: self.spec.effect_keys.seed(self.spec.project_id, execution_id, began_at),
            now: began_at,
            life: self.guest.clone(),
        }
    }
}

pub(super) fn apply(execution: &mut Execution, event: GuestEvent, context: Context, out: &mut Outcome) {
    // one that was given up is no longer heard
    if execution.state != State::Running || !execution.in_flight.contains(&STEP) {
        return;
    }
    if let GuestEvent::Asked { calls, cancelled, heard } = event {
        return asked(execution, calls, cancelled, heard, context, out);
    }
    execution.in_flight.remove(&STEP);
    match event {
        GuestEvent::Asked { .. } => {}
        GuestEvent::Ended(output) => {
            execution.guest_output = Some(output);
            advance::apply(execution, context, out);
        }
        GuestEvent::Failed(error) => advance::finish_failed(execution, error, context, out),
        GuestEvent::Lost(error) => retry(execution, STEP, error, None, Reason::RetriesExhausted, context, out),
        GuestEvent::Diverged(detail) => {
            let paused = Entry::Paused { reason: Reason::Diverged, detail: Some(detail), by: None, since: None };
            advance::finish(execution, paused, context, out);
        }
    }
}

fn asked(
    execution: &mut Execution,
    calls: Vec<GuestCall>,
    cancelled: Vec<GuestCancel>,
    heard: Option<u32>,
    context: Context,
    out: &mut Outcome,
) {
    execution.guest_heard = heard;
    if !calls.is_empty() || !cancelled.is_empty() {
        let step = execution.next_step;
        let given_up: BTreeSet<String> = cancelled.iter().map(|call| call.id.to_string()).collect();
        let asks: Vec<_> = approval::waiting(execution)
            .filter(|(call, _)| given_up.contains(&call.call_id))
            .map(|(call, ask)| (call.step, ask.clone()))
            .collect();
        execution.write(Entry::GuestAsked { step, calls, cancelled, heard }, context, out);
        // nobody need decide about these any more
        for (step, ask) in asks {
            approval::give_up(execution, step, &ask, context, out);
        }
        // what it gave up and can be repeated is called back; an effect may end, and nobody listens
        let wanted: BTreeSet<u32> = execution.pending.iter().map(|call| call.step).collect();
        advance::abort(execution, |step| step != STEP && !wanted.contains(&step), out);
    }
    advance::apply(execution, context, out);
}

/// What is next for the guest, once its calls have gone as far as they go.
pub(super) fn go_on(execution: &mut Execution, context: Context, out: &mut Outcome) {
    if let Some(output) = execution.guest_output.clone() {
        // nobody waits for these any more; an effect that has left is seen through
        super::pause::abort_repeatable(execution, out);
        let sent = |call: &super::Pending| matches!(call.state, PendingState::Invoked { .. });
        if !execution.pending.iter().any(sent) {
            match execution.spec.output_value(output) {
                Ok(output) => advance::finish(execution, Entry::Completed { output }, context, out),
                Err(error) => advance::finish_failed(execution, error, context, out),
            }
        }
        return;
    }
    if execution.in_flight.insert(STEP) {
        execution.guest_heard = None;
        out.actions.push(Action::RunGuest);
        return;
    }
    let waits = execution.guest_heard.is_some_and(|heard| heard as usize == execution.guest.heard.len());
    if !waits || execution.in_flight.len() > 1 {
        return;
    }
    if execution.pending.is_empty() {
        let message = "the program waits, and it has asked for nothing that could come";
        advance::finish_failed(execution, ErrorInfo::new("guest_deadlock", message), context, out);
        return;
    }
    advance::suspend(execution, context, out);
    advance::abort(execution, |step| step == STEP, out);
}
