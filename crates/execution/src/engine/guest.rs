//! The guest of a code agent: an untrusted program that asks for calls and hears their answers, one after another.
//!
//! It is a pure function of what it was started with and of the answers in the order of the journal, so it is never stored:
//! it is rebuilt from them wherever it is needed, and dropped when nothing but time, people or others can move it. While it
//! is there it counts as a call on its way, step [`STEP`]: what aborts calls stops it, too.

use std::collections::BTreeSet;
use std::time::Duration;

use moltforge_types::execution::{Reason, State};
use moltforge_types::journal::{Entry, ErrorInfo, GuestCall, GuestCancel, GuestLog};
use serde_json::Value;

use super::model_answered::{back_off, retry};
use super::state::{Execution, GuestLife, PendingState};
use super::{Action, Context, Outcome, advance, approval};
use crate::guests::GuestStart;
use crate::mutation::{Mutation, mutated};

/// The guest itself, among the steps in flight. Steps of calls begin at 1.
pub(crate) const STEP: u32 = 0;
/// Calls of one command, at most: it bounds what the command writes. Whoever hears a guest hands over more in parts.
pub(crate) const MAX_CALLS: usize = 128;

/// The code of a server that cannot run guests now.
const UNAVAILABLE: &str = "sandbox_unavailable";

/// A guest that waits for a time which comes this soon stays where it is.
const SOON: Duration = Duration::from_secs(1);

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
    /// It wrote to its log. What was written down before is left out.
    Logged(Vec<GuestLog>),
    /// It has waited for long, and was dropped to make room. It is rebuilt when an answer comes.
    Parked,
    /// It returned.
    Ended(Value),
    /// It failed by itself, or broke a limit.
    Failed(ErrorInfo),
    /// Its process is gone, or it could not be started. It is rebuilt.
    Lost(ErrorInfo),
    /// Rebuilt, it asks for something else: both sides, for people.
    Diverged(String),
    /// Its program is not there, or cannot be read: nothing that another attempt would change.
    Missing(ErrorInfo),
}

impl Execution {
    fn guest_life(&self) -> GuestLife {
        let mut life = self.guest.clone();
        if mutated(Mutation::GuestHearsByCall) {
            life.heard.sort_by_key(|heard| heard.id);
        }
        life
    }

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
            life: self.guest_life(),
        }
    }
}

pub(super) fn apply(execution: &mut Execution, event: GuestEvent, context: Context, out: &mut Outcome) {
    // one that was given up is no longer heard
    if execution.state != State::Running || !execution.in_flight.contains(&STEP) {
        return;
    }
    match event {
        GuestEvent::Asked { calls, cancelled, heard } => {
            return asked(execution, calls, cancelled, heard, context, out);
        }
        GuestEvent::Logged(logs) => return execution.write(Entry::GuestLogged { logs }, context, out),
        _ => {}
    }
    execution.in_flight.remove(&STEP);
    match event {
        GuestEvent::Asked { .. } | GuestEvent::Logged(_) => {}
        GuestEvent::Parked => {
            execution.guest_parked = true;
            advance::apply(execution, context, out);
        }
        GuestEvent::Ended(output) => returned(execution, output, context, out),
        GuestEvent::Failed(error) => advance::finish_failed(execution, error, context, out),
        GuestEvent::Lost(error) => lost(execution, error, context, out),
        GuestEvent::Diverged(detail) => {
            let paused = Entry::paused(Reason::Diverged, detail);
            advance::finish(execution, paused, context, out);
        }
        GuestEvent::Missing(error) => {
            let detail = format!("{}: {}", error.code, error.message);
            advance::finish(execution, Entry::paused(Reason::VersionMissing, detail), context, out);
        }
    }
}

/// What the server lacks is no fault of the program: it waits for that as long as it takes.
fn lost(execution: &mut Execution, error: ErrorInfo, context: Context, out: &mut Outcome) {
    if error.code == UNAVAILABLE {
        let most = execution.spec.config.limits.attempts.saturating_sub(1);
        let failures = execution.failures.saturating_add(1).min(most);
        return back_off(execution, STEP, error, failures, None, context, out);
    }
    retry(execution, STEP, error, None, Reason::RetriesExhausted, context, out);
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
        write(execution, Entry::GuestAsked { step, calls, cancelled, heard }, context, out);
    }
    advance::apply(execution, context, out);
}

/// Writes an entry that may give up calls: what can be repeated is called back, nobody need decide about those that wait
/// for a person, and an effect that has left may end, though nobody listens.
fn write(execution: &mut Execution, entry: Entry, context: Context, out: &mut Outcome) {
    let asks: Vec<_> = approval::waiting(execution).map(|(call, ask)| (call.step, ask.clone())).collect();
    execution.write(entry, context, out);
    let wanted: BTreeSet<u32> = execution.pending.iter().map(|call| call.step).collect();
    for (step, ask) in asks.into_iter().filter(|(step, _)| !wanted.contains(step)) {
        approval::give_up(execution, step, &ask, context, out);
    }
    advance::abort(execution, |step| step != STEP && !wanted.contains(&step), out);
}

fn returned(execution: &mut Execution, output: Value, context: Context, out: &mut Outcome) {
    let is_sent = |call: &super::Pending| matches!(call.state, PendingState::Invoked { .. });
    if execution.pending.iter().any(is_sent) {
        write(execution, Entry::GuestEnded { output }, context, out);
        advance::apply(execution, context, out);
    } else {
        complete(execution, output, context, out);
    }
}

fn complete(execution: &mut Execution, output: Value, context: Context, out: &mut Outcome) {
    match execution.spec.output_value(output) {
        Ok(output) => advance::finish(execution, Entry::Completed { output }, context, out),
        Err(error) => advance::finish_failed(execution, error, context, out),
    }
}

/// What is next for the guest, once its calls have gone as far as they go.
pub(super) fn go_on(execution: &mut Execution, context: Context, out: &mut Outcome) {
    if let Some(output) = execution.guest.output.clone() {
        if execution.pending.is_empty() {
            complete(execution, output, context, out);
        }
        return;
    }
    let waits = execution.guest_heard.is_some_and(|heard| heard as usize == execution.guest.heard.len());
    let is_parked = execution.guest_parked && waits;
    if !is_parked && execution.in_flight.insert(STEP) {
        (execution.guest_heard, execution.guest_parked) = (None, false);
        out.actions.push(Action::RunGuest);
        return;
    }
    let soon = context.now.plus(SOON);
    let is_due_soon = |call: &super::Pending| matches!(call.state, PendingState::Timer { due } if due <= soon);
    let others = execution.in_flight.iter().any(|step| *step != STEP);
    let stays = execution.in_flight.contains(&STEP) && execution.pending.iter().any(is_due_soon);
    if !waits || others || stays {
        return;
    }
    if execution.pending.is_empty() {
        let message = "the program waits, and it has asked for nothing that could come";
        advance::finish_failed(execution, ErrorInfo::new("guest_deadlock", message), context, out);
        return;
    }
    advance::suspend(execution, context, out);
    // it is rebuilt for the next answer, and not for a call that a decision lets begin
    execution.guest_parked = true;
    advance::abort(execution, |step| step == STEP, out);
}
