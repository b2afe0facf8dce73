//! The fold: what an entry says about the state. The only place that changes it.

mod approvals;
mod calls;
mod children;
mod guest;

use std::sync::Arc;
use std::time::Duration;

use moltforge_types::Timestamp;
use moltforge_types::conversation::Message;
use moltforge_types::execution::{Reason, State};
use moltforge_types::journal::{Entry, ErrorInfo};
use serde_json::Value;

use super::Recorded;
use super::state::{Execution, Stopping};

impl Execution {
    /// Folds one entry. Entries come in order, each once: a gap is a bug of the caller, and is asserted in debug builds.
    pub fn record(&mut self, recorded: &Recorded) {
        debug_assert_eq!(recorded.seq, self.seq + 1, "entries are dense");
        debug_assert!(!self.state.is_terminal() || self.seq == 0, "a terminal execution never changes");
        self.seq = recorded.seq;
        self.updated_at = recorded.at;
        let (at, entry) = (recorded.at, &recorded.entry);
        match entry {
            Entry::Scheduled { .. } => self.scheduled(at, entry),
            Entry::Running { attempt, crashes, recovered } => self.runs(*attempt, *crashes, *recovered),
            Entry::Suspended { .. } => self.state = State::Suspended,
            Entry::Resumed { from, unknown_effects, .. } => self.resumed(at, *from, unknown_effects.as_ref()),
            Entry::Paused { reason, detail, since, .. } => self.paused(since.unwrap_or(at), *reason, detail.as_deref()),
            Entry::RetryScheduled { error, failures, run_at, .. } => self.backs_off(error, *failures, *run_at),
            Entry::Stopping { .. } => self.stops(at, entry),
            Entry::Forked { execution_id, written_by, deadline, .. } => {
                self.guest.began.get_or_insert((written_by.unwrap_or(*execution_id), self.created_at));
                self.forked(at, *deadline);
            }
            Entry::Completed { output } => self.end(State::Completed, Some(output.clone()), None, at),
            Entry::Failed { error, .. } => self.end(State::Failed, None, Some(error.clone()), at),
            Entry::Cancelled { calls, .. } => {
                self.booked_tokens = calls.iter().filter_map(|call| call.booked_tokens).sum();
                self.end(State::Cancelled, None, None, at);
            }
            Entry::ModelCompleted { .. }
            | Entry::ToolInvoked { .. }
            | Entry::ToolSucceeded { .. }
            | Entry::ToolFailed { .. }
            | Entry::TimerSet { .. }
            | Entry::SignalAwaited { .. }
            | Entry::SignalReceived { .. }
            | Entry::EventEmitted { .. }
            | Entry::EffectProbed { .. }
            | Entry::EffectDecided { .. } => self.record_call(at, entry),
            Entry::ApprovalRequested { .. }
            | Entry::ApprovalDecided { .. }
            | Entry::ApprovalEscalated { .. }
            | Entry::ApprovalReopened { .. } => self.record_approval(at, entry),
            Entry::GuestAsked { .. } => self.guest_asked(entry),
            Entry::GuestLogged { logs } => self.guest_logged(logs),
            Entry::GuestEnded { output } => self.guest_ended(output),
            Entry::ChildRequested { .. }
            | Entry::ChildStarted { .. }
            | Entry::ChildEnded { .. }
            | Entry::ChildrenAwaited { .. } => self.record_child(entry),
        }
    }

    fn scheduled(&mut self, at: Timestamp, entry: &Entry) {
        let Entry::Scheduled { input, deadline, trigger, origin, .. } = entry else { return };
        self.created_at = at;
        self.trigger.clone_from(trigger);
        self.origin.clone_from(origin);
        self.input = Arc::new(input.clone());
        self.deadline = *deadline;
        self.messages.push(Arc::new(Message::User { text: user_text(input) }));
        self.state = State::Scheduled;
    }

    fn runs(&mut self, attempt: u32, crashes: u32, recovered: bool) {
        // a decision about unknown outcomes covers one try: the one that begins here, not the one after a crash
        if recovered {
            self.forget_retries();
        }
        self.retries_begin();
        self.attempt = attempt;
        self.crashes = crashes;
        self.state = State::Running;
        self.run_at = None;
    }

    fn resumed(&mut self, at: Timestamp, from: State, unknown_effects: Option<&String>) {
        self.state = State::Scheduled;
        self.reason = None;
        if from != State::Paused {
            return;
        }
        self.progress();
        let held = self.held_since.take().map_or(Duration::ZERO, |since| at.since(since));
        self.deadline = self.deadline.map(|deadline| deadline.plus(held));
        self.unknown_effects = unknown_effects.cloned();
        if unknown_effects.is_some_and(|decision| decision == "retry") {
            self.pending.iter_mut().for_each(|call| calls::sent(call, at));
        }
    }

    fn paused(&mut self, since: Timestamp, reason: Reason, detail: Option<&str>) {
        self.state = State::Paused;
        self.reason = Some(reason);
        self.run_at = None;
        self.held_since.get_or_insert(since);
        self.forget_retries();
        self.error = detail.and_then(|detail| held_for(reason, detail)).or(self.error.take());
    }

    fn backs_off(&mut self, error: &ErrorInfo, failures: u32, run_at: Timestamp) {
        self.state = State::BackingOff;
        self.forget_retries();
        self.failures = failures;
        self.run_at = Some(run_at);
        self.error = Some(error.clone());
    }

    fn stops(&mut self, at: Timestamp, entry: &Entry) {
        let Entry::Stopping { by, note, kill, until, calls } = entry else { return };
        self.stopping = Some(Stopping {
            by: by.clone(),
            note: note.clone(),
            kill: *kill,
            until: *until,
            calls: calls.clone(),
            requested_at: self.stopping.as_ref().map_or(at, |before| before.requested_at),
        });
        // an owner has to see it through, whatever it was doing
        self.state = State::Running;
        self.reason = None;
        self.run_at = None;
    }

    fn forked(&mut self, at: Timestamp, deadline: Option<Timestamp>) {
        self.created_at = at;
        self.state = State::Scheduled;
        self.reason = None;
        self.deadline = deadline;
        self.held_since = None;
        self.run_at = None;
        self.unknown_effects = None;
        self.stopping = None;
        // those that have not ended are the original's, and tell it alone
        self.children.retain(|_, child| child.end.is_some());
        self.progress();
    }

    /// Something new is known: failures and crashes before it no longer count.
    fn progress(&mut self) {
        self.failures = 0;
        self.crashes = 0;
        self.error = None;
    }

    fn end(&mut self, state: State, output: Option<Value>, error: Option<ErrorInfo>, at: Timestamp) {
        self.state = state;
        self.reason = None;
        self.output = output;
        self.error = error;
        self.finished_at = Some(at);
        self.run_at = None;
    }
}

/// Why an execution is held, as an error. What an operator says is a note.
fn held_for(reason: Reason, detail: &str) -> Option<ErrorInfo> {
    match reason {
        Reason::RetriesExhausted => Some(ErrorInfo::new("retries_exhausted", detail)),
        Reason::EffectUnknown => Some(ErrorInfo::new("effect_unknown", detail)),
        Reason::CrashLoop => Some(ErrorInfo::new("crash_loop", detail)),
        Reason::Diverged => Some(ErrorInfo::new("diverged", detail)),
        Reason::JournalLimit => Some(ErrorInfo::new("journal_limit", detail)),
        Reason::VersionMissing => Some(ErrorInfo::new("version_missing", detail)),
        Reason::ApprovalExpired => Some(ErrorInfo::new("approval_expired", detail)),
        Reason::Held => Some(ErrorInfo::new("held", detail)),
        Reason::Operator | Reason::Budget => None,
    }
}

/// The input as the user's message: a text as it is, anything else as JSON.
fn user_text(input: &Value) -> String {
    match input {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
