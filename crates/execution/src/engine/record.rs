//! The fold: what an entry says about the state. The only place that changes it.

use std::sync::Arc;
use std::time::Duration;

use moltforge_types::Timestamp;
use moltforge_types::approval::{Decision, OnExpiry};
use moltforge_types::conversation::Message;
use moltforge_types::execution::{EffectDecision, ProbeOutcome, Reason, State};
use moltforge_types::journal::{Entry, ErrorInfo};
use serde_json::{Value, json};

use super::Recorded;
use super::approval::{Ask, Verdict};
use super::state::{Child, ChildEnd, Decided, Execution, Pending, PendingState, Stopping};

impl Execution {
    /// Folds one entry. Entries come in order, each once: a gap is a bug of the caller, and is asserted in debug builds.
    #[expect(clippy::too_many_lines, reason = "an arm for each kind of entry, most of them a line")]
    pub fn record(&mut self, recorded: &Recorded) {
        debug_assert_eq!(recorded.seq, self.seq + 1, "entries are dense");
        debug_assert!(!self.state.is_terminal() || self.seq == 0, "a terminal execution never changes");
        self.seq = recorded.seq;
        self.updated_at = recorded.at;
        match &recorded.entry {
            Entry::Scheduled { input, deadline, trigger, origin, .. } => {
                self.created_at = recorded.at;
                self.trigger.clone_from(trigger);
                self.origin.clone_from(origin);
                self.input = Arc::new(input.clone());
                self.deadline = *deadline;
                self.messages.push(Arc::new(Message::User { text: user_text(input) }));
                self.state = State::Scheduled;
            }
            // its answer follows in the same commit
            Entry::EventEmitted { .. } => {}
            Entry::Running { attempt, crashes, recovered } => {
                // a decision about unknown outcomes covers one try: the one that begins here, not the one after a crash
                if *recovered {
                    self.forget_retries();
                }
                self.retries_begin();
                self.attempt = *attempt;
                self.crashes = *crashes;
                self.state = State::Running;
                self.run_at = None;
            }
            Entry::ModelCompleted { step, text, tool_calls, usage, .. } => {
                self.progress();
                self.turns += 1;
                self.usage.add(*usage);
                self.tool_calls = self.tool_calls.saturating_add(u32::try_from(tool_calls.len()).unwrap_or(u32::MAX));
                self.messages.push(Arc::new(Message::Assistant { text: text.clone(), tool_calls: tool_calls.clone() }));
                self.pending = tool_calls
                    .iter()
                    .zip(step + 1..)
                    .map(|(call, step)| Pending {
                        step,
                        call_id: call.call_id.clone(),
                        tool: call.tool.clone(),
                        arguments: call.arguments.clone(),
                        edited: false,
                        state: PendingState::Open,
                    })
                    .collect();
                self.next_step = step + 1 + u32::try_from(tool_calls.len()).unwrap_or(0);
            }
            Entry::ToolInvoked { step, effect, idempotency_key, .. } => self.set_pending(
                *step,
                PendingState::Invoked {
                    effect: *effect,
                    idempotency_key: idempotency_key.clone(),
                    sent_at: recorded.at,
                    decision: None,
                },
            ),
            Entry::ToolSucceeded { step, output, .. } => {
                self.progress();
                self.take_signal_for(*step);
                self.answer(*step, output.to_string());
            }
            Entry::ToolFailed { step, error, rejected, .. } => {
                self.progress();
                self.refuse_child_of(*step);
                self.turn_rejected |= rejected;
                self.answer(*step, json!({ "error": error }).to_string());
            }
            Entry::TimerSet { step, due, .. } => self.set_pending(*step, PendingState::Timer { due: *due }),
            Entry::SignalAwaited { step, name, due, .. } => {
                self.set_pending(*step, PendingState::Signal { name: name.clone(), due: *due });
            }
            Entry::SignalReceived { name, payload, dedupe_key } => {
                self.signal_bytes += name.len() + payload.to_string().len();
                self.signals.push_back((name.clone(), payload.clone()));
                self.seen.extend(dedupe_key.clone());
            }
            Entry::Suspended { .. } => self.state = State::Suspended,
            Entry::Resumed { from, unknown_effects, .. } => {
                self.state = State::Scheduled;
                self.reason = None;
                if *from == State::Paused {
                    self.progress();
                    let held = self.held_since.take().map_or(Duration::ZERO, |since| recorded.at.since(since));
                    self.deadline = self.deadline.map(|deadline| deadline.plus(held));
                    self.unknown_effects.clone_from(unknown_effects);
                    if unknown_effects.as_deref() == Some("retry") {
                        self.pending.iter_mut().for_each(|call| sent(call, recorded.at));
                    }
                }
            }
            Entry::Paused { reason, detail, .. } => {
                self.state = State::Paused;
                self.reason = Some(*reason);
                self.run_at = None;
                self.held_since.get_or_insert(recorded.at);
                self.forget_retries();
                self.error = detail.as_ref().and_then(|detail| held_for(*reason, detail)).or(self.error.take());
            }
            Entry::RetryScheduled { error, failures, run_at, .. } => {
                self.state = State::BackingOff;
                self.forget_retries();
                self.failures = *failures;
                self.run_at = Some(*run_at);
                self.error = Some(error.clone());
            }
            Entry::ApprovalRequested {
                approval_id,
                step,
                call_sha256,
                approvers,
                due,
                on_expiry,
                escalate_at,
                escalate_to,
                ..
            } => {
                let ask = Ask {
                    approval_id: *approval_id,
                    call_sha256: call_sha256.clone(),
                    approvers: approvers.clone(),
                    due: *due,
                    on_expiry: *on_expiry,
                    escalate_at: *escalate_at,
                    escalate_to: escalate_to.clone(),
                };
                self.set_pending(*step, PendingState::AwaitsApproval(Box::new(ask)));
            }
            Entry::ApprovalDecided { step, .. } => self.decided(*step, &recorded.entry),
            Entry::ApprovalEscalated { step, to, .. } => {
                if let Some(PendingState::AwaitsApproval(ask)) = self.pending_state(*step) {
                    ask.escalate_at = None;
                    if !ask.approvers.is_empty() {
                        ask.approvers.extend(to.iter().cloned());
                    }
                }
            }
            Entry::ApprovalReopened { step, .. } => self.set_pending(*step, PendingState::Open),
            Entry::EffectProbed { step, outcome, .. } => {
                if *outcome == ProbeOutcome::NotDone {
                    self.failures = self.failures.saturating_add(1);
                    self.pending.iter_mut().filter(|call| call.step == *step).for_each(|call| sent(call, recorded.at));
                }
            }
            Entry::EffectDecided { step, decision, output, .. } => {
                self.progress();
                if let Some(PendingState::Invoked { decision: decided, sent_at, .. }) = self.pending_state(*step) {
                    *sent_at = recorded.at;
                    *decided = Some(match decision {
                        EffectDecision::Retry => Decided::Retry { begun: false },
                        EffectDecision::Fail => Decided::Fail,
                        EffectDecision::Succeed => Decided::Succeed(output.clone().unwrap_or_default()),
                    });
                }
            }
            Entry::ChildRequested { step, child_id, agent, input, wait, due, .. } => {
                let child = Child {
                    step: *step,
                    agent: agent.clone(),
                    input: input.clone(),
                    started: false,
                    refused: false,
                    end: None,
                };
                self.children.insert(*child_id, child);
                self.set_pending(*step, PendingState::Child { child_id: *child_id, wait: *wait, due: *due });
            }
            Entry::ChildStarted { step, child_id } => {
                self.progress();
                if let Some(child) = self.children.get_mut(child_id) {
                    child.started = true;
                    child.input = Value::Null;
                }
                let wait = self.pending.iter().find(|call| call.step == *step).and_then(|call| match call.state {
                    PendingState::Child { wait: true, due, .. } => Some(due),
                    _ => None,
                });
                if let Some(due) = wait {
                    self.set_pending(*step, PendingState::Children { children: vec![*child_id], any: false, due });
                }
            }
            Entry::ChildEnded { child_id, state, output, error } => {
                self.progress();
                if let Some(child) = self.children.get_mut(child_id) {
                    child.end = Some(ChildEnd { state: *state, output: output.clone(), error: error.clone() });
                }
            }
            Entry::ChildrenAwaited { step, children, any, due, .. } => {
                self.set_pending(*step, PendingState::Children { children: children.clone(), any: *any, due: *due });
            }
            Entry::Stopping { by, note, kill, until, calls } => {
                self.stopping = Some(Stopping {
                    by: by.clone(),
                    note: note.clone(),
                    kill: *kill,
                    until: *until,
                    calls: calls.clone(),
                    requested_at: self.stopping.as_ref().map_or(recorded.at, |before| before.requested_at),
                });
                // an owner has to see it through, whatever it was doing
                self.state = State::Running;
                self.reason = None;
                self.run_at = None;
            }
            Entry::Forked { deadline, .. } => {
                self.created_at = recorded.at;
                self.state = State::Scheduled;
                self.reason = None;
                self.deadline = *deadline;
                self.held_since = None;
                self.run_at = None;
                self.unknown_effects = None;
                self.stopping = None;
                // those that have not ended are the original's, and tell it alone
                self.children.retain(|_, child| child.end.is_some());
                self.progress();
            }
            Entry::Completed { output } => self.end(State::Completed, Some(output.clone()), None, recorded),
            Entry::Failed { error, .. } => self.end(State::Failed, None, Some(error.clone()), recorded),
            Entry::Cancelled { calls, .. } => {
                self.booked_tokens = calls.iter().filter_map(|call| call.booked_tokens).sum();
                self.end(State::Cancelled, None, None, recorded);
            }
        }
    }

    /// Something new is known: failures and crashes before it no longer count.
    fn progress(&mut self) {
        self.failures = 0;
        self.crashes = 0;
        self.error = None;
    }

    fn end(&mut self, state: State, output: Option<Value>, error: Option<ErrorInfo>, recorded: &Recorded) {
        self.state = state;
        self.reason = None;
        self.output = output;
        self.error = error;
        self.finished_at = Some(recorded.at);
        self.run_at = None;
    }

    fn pending_state(&mut self, step: u32) -> Option<&mut PendingState> {
        self.pending.iter_mut().find(|call| call.step == step).map(|call| &mut call.state)
    }

    /// A person decided, or nobody did in time.
    fn decided(&mut self, step: u32, entry: &Entry) {
        let Entry::ApprovalDecided { approval_id, decision, by, note, arguments, answer, call_sha256, .. } = entry
        else {
            return;
        };
        let Some(call) = self.pending.iter_mut().find(|call| call.step == step) else { return };
        if let Some(arguments) = arguments {
            call.arguments = arguments.to_string();
            call.edited = true;
        }
        let pauses = matches!(&call.state, PendingState::AwaitsApproval(ask) if ask.on_expiry == OnExpiry::Pause);
        if *decision == Decision::Expired && pauses {
            // the hold that follows is lifted by a resume, which asks anew
            call.state = PendingState::Open;
            return;
        }
        call.state = PendingState::Decided(Box::new(Verdict {
            approval_id: *approval_id,
            decision: *decision,
            by: by.clone(),
            note: note.clone(),
            answer: answer.clone(),
            call_sha256: call_sha256.clone(),
        }));
    }

    /// Decisions to send again are carried out in the attempt that begins here.
    fn retries_begin(&mut self) {
        for call in &mut self.pending {
            if let PendingState::Invoked { decision: Some(Decided::Retry { begun }), .. } = &mut call.state {
                *begun = true;
            }
        }
    }

    /// A decision to send again covers one try. Whether that one went out is not known: it is used up.
    fn forget_retries(&mut self) {
        self.unknown_effects = None;
        for call in &mut self.pending {
            if let PendingState::Invoked { decision, .. } = &mut call.state
                && *decision == Some(Decided::Retry { begun: true })
            {
                *decision = None;
            }
        }
    }

    fn set_pending(&mut self, step: u32, state: PendingState) {
        if let Some(call) = self.pending.iter_mut().find(|call| call.step == step) {
            call.state = state;
        }
    }

    /// A step that failed while its child was asked for has none.
    fn refuse_child_of(&mut self, step: u32) {
        let Some(call) = self.pending.iter().find(|call| call.step == step) else { return };
        if let PendingState::Child { child_id, .. } = call.state
            && let Some(child) = self.children.get_mut(&child_id)
        {
            child.refused = true;
        }
    }

    /// A signal step that succeeded has taken the oldest signal of its name.
    fn take_signal_for(&mut self, step: u32) {
        let Some(call) = self.pending.iter().find(|call| call.step == step) else { return };
        let PendingState::Signal { name, .. } = &call.state else { return };
        if let Some(at) = self.signals.iter().position(|(waiting, _)| waiting == name)
            && let Some((name, payload)) = self.signals.remove(at)
        {
            self.signal_bytes = self.signal_bytes.saturating_sub(name.len() + payload.to_string().len());
        }
    }

    /// Keeps an answer; once all calls are answered, they join the conversation in the order of the calls.
    fn answer(&mut self, step: u32, content: String) {
        let content = match self.pending.iter().find(|call| call.step == step) {
            Some(call) if call.edited => edited(&call.arguments, &content),
            _ => content,
        };
        self.set_pending(step, PendingState::Answered { content });
        if self.pending.iter().all(|call| matches!(call.state, PendingState::Answered { .. })) {
            self.rejected_turns = if std::mem::take(&mut self.turn_rejected) { self.rejected_turns + 1 } else { 0 };
            for call in std::mem::take(&mut self.pending) {
                let PendingState::Answered { content } = call.state else { continue };
                self.messages.push(Arc::new(Message::Tool { call_id: call.call_id, tool: call.tool, content }));
            }
        }
    }
}

/// What the model reads of a call whose arguments an approver changed: what was done is not what it asked for.
fn edited(arguments: &str, content: &str) -> String {
    let json = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    let note = "an approver changed the arguments of this call";
    json!({ "note": note, "arguments": json(arguments), "result": json(content) }).to_string()
}

/// A call may be on its way again from here.
fn sent(call: &mut Pending, at: Timestamp) {
    if let PendingState::Invoked { sent_at, .. } = &mut call.state {
        *sent_at = at;
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
