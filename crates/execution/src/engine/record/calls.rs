//! What becomes of calls: asked for, sent, answered, and of the signals that some wait for.

use std::sync::Arc;

use moltforge_types::Timestamp;
use moltforge_types::conversation::Message;
use moltforge_types::execution::{EffectDecision, ProbeOutcome};
use moltforge_types::journal::Entry;
use serde_json::{Value, json};

use crate::engine::completion;
use crate::engine::state::{Decided, Execution, Pending, PendingState};

impl Execution {
    pub(super) fn record_call(&mut self, at: Timestamp, entry: &Entry) {
        match entry {
            Entry::ModelCompleted { step, model, text, usage, started_at, .. } if self.is_of_guest() => {
                self.progress();
                self.turns += 1;
                self.usage.add(*usage);
                self.guest_hears(at, *step, true, completion::heard(model, text, *usage, *started_at));
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
                    sent_at: at,
                    decision: None,
                },
            ),
            Entry::ToolSucceeded { step, output, .. } => {
                self.progress();
                self.take_signal_for(*step);
                self.answer(at, *step, true, output.to_string());
            }
            Entry::ToolFailed { step, error, rejected, .. } => {
                self.progress();
                self.refuse_child_of(*step);
                self.turn_rejected |= rejected;
                let content = if self.is_of_guest() { json!(error) } else { json!({ "error": error }) };
                self.answer(at, *step, false, content.to_string());
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
            Entry::EffectProbed { step, outcome: ProbeOutcome::NotDone, .. } => {
                self.failures = self.failures.saturating_add(1);
                self.pending.iter_mut().filter(|call| call.step == *step).for_each(|call| sent(call, at));
            }
            Entry::EffectDecided { step, decision, output, .. } => {
                self.progress();
                if let Some(PendingState::Invoked { decision: decided, sent_at, .. }) = self.pending_state(*step) {
                    *sent_at = at;
                    *decided = Some(match decision {
                        EffectDecision::Retry => Decided::Retry { begun: false },
                        EffectDecision::Fail => Decided::Fail,
                        EffectDecision::Succeed => Decided::Succeed(output.clone().unwrap_or_default()),
                    });
                }
            }
            // an event's answer follows in the same commit; other probes decide nothing by themselves
            _ => {}
        }
    }

    pub(super) fn pending_state(&mut self, step: u32) -> Option<&mut PendingState> {
        self.pending.iter_mut().find(|call| call.step == step).map(|call| &mut call.state)
    }

    pub(super) fn set_pending(&mut self, step: u32, state: PendingState) {
        if let Some(call) = self.pending.iter_mut().find(|call| call.step == step) {
            call.state = state;
        }
    }

    /// Decisions to send again are carried out in the attempt that begins here.
    pub(super) fn retries_begin(&mut self) {
        for call in &mut self.pending {
            if let PendingState::Invoked { decision: Some(Decided::Retry { begun }), .. } = &mut call.state {
                *begun = true;
            }
        }
    }

    /// A decision to send again covers one try. Whether that one went out is not known: it is used up.
    pub(super) fn forget_retries(&mut self) {
        self.unknown_effects = None;
        for call in &mut self.pending {
            if let PendingState::Invoked { decision, .. } = &mut call.state
                && *decision == Some(Decided::Retry { begun: true })
            {
                *decision = None;
            }
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
    fn answer(&mut self, at: Timestamp, step: u32, ok: bool, content: String) {
        if self.is_of_guest() {
            return self.guest_hears(at, step, ok, content);
        }
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
pub(super) fn sent(call: &mut Pending, at: Timestamp) {
    if let PendingState::Invoked { sent_at, .. } = &mut call.state {
        *sent_at = at;
    }
}
