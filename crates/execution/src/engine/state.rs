//! The hot state of an execution: the fold of its journal, and what is in flight.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use moltforge_types::conversation::{Message, Usage};
use moltforge_types::execution::{Effect, Reason, State};
use moltforge_types::journal::{Entry, ErrorInfo};
use moltforge_types::{ExecutionId, Timestamp};
use serde_json::Value;

use super::approval::{Ask, Verdict};
use super::{Context, Outcome, Recorded, Spec};

/// One execution.
#[derive(Debug)]
pub struct Execution {
    /// Its id.
    pub id: ExecutionId,
    /// The version that it is pinned to.
    pub spec: Arc<Spec>,
    /// The number of its latest entry.
    pub seq: u64,
    /// Where it stands.
    pub state: State,
    /// Why, when it is paused.
    pub reason: Option<Reason>,
    /// Claims so far.
    pub attempt: u32,
    /// Owners lost since the latest progress.
    pub crashes: u32,
    /// Failures of the step at work.
    pub failures: u32,
    /// The input.
    pub input: Arc<Value>,
    /// When it fails if it has not ended. Time for which it is held does not count.
    pub deadline: Option<Timestamp>,
    /// Since when it is held.
    pub(super) held_since: Option<Timestamp>,
    /// When the next attempt comes, while backing off.
    pub run_at: Option<Timestamp>,
    /// The conversation so far.
    pub messages: Vec<Arc<Message>>,
    /// Model calls completed.
    pub turns: u32,
    /// Tool calls asked for.
    pub tool_calls: u32,
    /// Consecutive turns in which a call was refused before it was made.
    pub rejected_turns: u32,
    /// Whether one was refused in the turn at hand.
    pub(super) turn_rejected: bool,
    /// Tokens so far.
    pub usage: Usage,
    /// The number of the next step.
    pub next_step: u32,
    /// The calls of the latest reply, in order, until all are answered.
    pub pending: Vec<Pending>,
    /// Signals that no step has taken yet.
    pub signals: VecDeque<(String, Value)>,
    /// Their bytes.
    pub signal_bytes: usize,
    /// Dedupe keys of the signals that ever arrived.
    pub seen: BTreeSet<String>,
    /// Bytes of its journal.
    pub bytes: u64,
    /// The output, once completed.
    pub output: Option<Value>,
    /// The error, once failed.
    pub error: Option<ErrorInfo>,
    /// When it was accepted, when its latest entry was written, when it ended.
    pub created_at: Timestamp,
    /// When its latest entry was written.
    pub updated_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What an operator decided about calls of unknown outcome; used up by the next `advance`.
    pub(super) unknown_effects: Option<String>,
    /// Steps whose call is on its way. Not part of the fold: empty after a load.
    pub(super) in_flight: BTreeSet<u32>,
}

/// One call of the latest reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// Its step.
    pub step: u32,
    /// The model's id of the call.
    pub call_id: String,
    /// The tool.
    pub tool: String,
    /// The arguments as the model wrote them.
    pub arguments: String,
    /// An approver changed the arguments.
    pub edited: bool,
    /// Where it stands.
    pub state: PendingState,
}

/// An operator's decision about an effect.
#[derive(Debug, Clone, PartialEq)]
pub enum Decided {
    /// Send it again, once.
    Retry {
        /// The attempt that sends it has begun.
        begun: bool,
    },
    /// Tell the model that it failed.
    Fail,
    /// This is its answer.
    Succeed(Value),
}

/// Where a call stands.
#[derive(Debug, Clone, PartialEq)]
pub enum PendingState {
    /// Nothing is written about it yet.
    Open,
    /// Its intent is durable (`keyed` and `at_most_once`).
    Invoked {
        /// Its class.
        effect: Effect,
        /// The key that goes with it.
        idempotency_key: String,
        /// When it was last sent, as far as the journal says.
        sent_at: Timestamp,
        /// What an operator decided about it and has not been carried out.
        decision: Option<Decided>,
    },
    /// Waits for a person.
    AwaitsApproval(Box<Ask>),
    /// A person decided, and what follows has not begun.
    Decided(Box<Verdict>),
    /// Waits for a time.
    Timer {
        /// Which.
        due: Timestamp,
    },
    /// Waits for a signal.
    Signal {
        /// Which.
        name: String,
        /// Until when.
        due: Option<Timestamp>,
    },
    /// Answered: the content for the model.
    Answered {
        /// JSON text.
        content: String,
    },
}

impl Execution {
    /// An execution without entries: [`record`](Self::record) the journal into it.
    pub fn empty(id: ExecutionId, spec: Arc<Spec>) -> Self {
        Self {
            id,
            spec,
            seq: 0,
            state: State::Scheduled,
            reason: None,
            attempt: 0,
            crashes: 0,
            failures: 0,
            input: Arc::new(Value::Null),
            deadline: None,
            held_since: None,
            run_at: None,
            messages: Vec::new(),
            turns: 0,
            tool_calls: 0,
            rejected_turns: 0,
            turn_rejected: false,
            usage: Usage::default(),
            next_step: 1,
            pending: Vec::new(),
            signals: VecDeque::new(),
            signal_bytes: 0,
            seen: BTreeSet::new(),
            bytes: 0,
            output: None,
            error: None,
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
            finished_at: None,
            unknown_effects: None,
            in_flight: BTreeSet::new(),
        }
    }

    /// The next time at which it wants a `Wake` by itself, if any. A paused execution holds: it has none.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let timers = || {
            self.pending.iter().filter_map(|call| match &call.state {
                PendingState::Timer { due } => Some(*due),
                PendingState::Signal { due, .. } => *due,
                PendingState::AwaitsApproval(ask) => Some(ask.wake_at()),
                _ => None,
            })
        };
        match self.state {
            State::Suspended | State::Running => timers().chain(self.deadline).min(),
            State::BackingOff => self.run_at.into_iter().chain(self.deadline).min(),
            State::Scheduled => self.deadline,
            State::Paused | State::Completed | State::Failed | State::Cancelled => None,
        }
    }

    /// What it waits for, in words.
    pub fn waiting_for(&self) -> Option<String> {
        match self.state {
            State::Scheduled => Some("a free slot".to_owned()),
            State::BackingOff => Some(format!(
                "the next attempt{}",
                self.error
                    .as_ref()
                    .map(|error| format!(", after {}: {}", error.code, error.message))
                    .unwrap_or_default()
            )),
            State::Paused => Some(match self.reason {
                Some(Reason::EffectUnknown) => "a decision about calls whose outcome is not known".to_owned(),
                Some(Reason::ApprovalExpired) => "a resume, which asks for the approval anew".to_owned(),
                _ => "a resume".to_owned(),
            }),
            State::Suspended => {
                let parts: Vec<_> = self
                    .pending
                    .iter()
                    .filter_map(|call| match &call.state {
                        PendingState::Timer { due } => Some(format!("the time {due}")),
                        PendingState::Signal { name, due: None } => Some(format!("the signal {name:?}")),
                        PendingState::Signal { name, due: Some(due) } => {
                            Some(format!("the signal {name:?} until {due}"))
                        }
                        PendingState::AwaitsApproval(ask) => {
                            Some(format!("the approval {} of {} until {}", ask.approval_id, call.tool, ask.due))
                        }
                        _ => None,
                    })
                    .collect();
                Some(parts.join(" and "))
            }
            State::Running | State::Completed | State::Failed | State::Cancelled => None,
        }
    }

    /// Whether the answer of `step` is still wanted.
    pub fn is_in_flight(&self, step: u32) -> bool {
        self.in_flight.contains(&step)
    }

    /// Whether any call is on its way.
    pub fn has_calls_in_flight(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// Writes an entry: records it and hands it to the outcome.
    pub(super) fn write(&mut self, entry: Entry, context: Context, out: &mut Outcome) {
        let recorded = Recorded { seq: self.seq + 1, at: context.now, entry };
        self.record(&recorded);
        out.entries.push(recorded);
    }

    /// The key of a step's effect: the same for every attempt, and nobody outside can make one up.
    pub(super) fn idempotency_key(&self, step: u32) -> String {
        self.spec.effect_keys.key(self.spec.project_id, self.id, step)
    }

    /// Steps whose effect was let out and whose answer is not known.
    pub(super) fn unknown_steps(&self) -> Vec<u32> {
        let sent = |call: &&Pending| matches!(&call.state, PendingState::Invoked { effect, .. } if effect.changes());
        self.pending.iter().filter(sent).map(|call| call.step).collect()
    }

    /// Whether a time has come for the whole execution.
    pub(super) fn is_past_deadline(&self, now: Timestamp) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }
}
