//! The hot state of an execution: the fold of its journal, and what is in flight.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use moltforge_types::conversation::{Message, Usage};
use moltforge_types::execution::{Effect, Reason, State};
use moltforge_types::journal::{Entry, ErrorInfo, GuestCancel, StoppedCall};
use moltforge_types::{ContentHash, ExecutionId, Origin, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::approval::{Ask, Verdict};
use super::{Context, Outcome, Recorded, Refusal, Spec};

/// One execution. Every field is part of the fold, and of snapshots, but those that say otherwise.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Execution {
    /// Its id.
    pub id: ExecutionId,
    /// The version that it is pinned to. Not part of the fold: found by its id.
    #[serde(skip, default = "Spec::none")]
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
    /// What started it.
    pub trigger: String,
    /// The rest of where it comes from.
    pub origin: Origin,
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
    /// Of a code agent: what its guest asked for and heard.
    #[serde(default, skip_serializing_if = "GuestLife::is_empty")]
    pub guest: GuestLife,
    /// Children that it ever asked for.
    pub children: BTreeMap<ExecutionId, Child>,
    /// A stop was asked for: nothing new is dispatched.
    pub stopping: Option<Stopping>,
    /// Tokens that aborted model calls may have used.
    pub booked_tokens: u64,
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
    /// Why its journal cannot be read to its end: it is held, and only a stop changes it. Not part of the fold.
    #[serde(skip)]
    pub damaged: Option<String>,
    /// How many answers the guest had heard when it went to wait. Not part of the fold: a guest is rebuilt after a load.
    #[serde(skip)]
    pub(super) guest_heard: Option<u32>,
    /// The guest was dropped although it may still hear something: it is rebuilt when that comes. Not part of the fold.
    #[serde(skip)]
    pub(super) guest_parked: bool,
    /// Steps whose call is on its way. Not part of the fold: empty after a load.
    #[serde(skip)]
    pub(super) in_flight: BTreeSet<u32>,
    /// Those of them that wait for a slot of their tool: nothing has left yet. Not part of the fold.
    #[serde(skip)]
    pub(super) in_line: BTreeSet<u32>,
    /// The step whose slot has just come. Not part of the fold.
    #[serde(skip)]
    pub(super) has_slot: Option<u32>,
    /// Steps whose call was aborted by a stop and is not known to be gone. Not part of the fold: empty after a load.
    #[serde(skip)]
    pub(super) aborting: BTreeSet<u32>,
}

/// A child.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Child {
    /// The step that asked for it.
    pub step: u32,
    /// Its agent.
    pub agent: String,
    /// Its input, until it is accepted.
    pub input: Value,
    /// It is accepted.
    pub started: bool,
    /// It was refused: there is no such execution.
    pub refused: bool,
    /// How it ended.
    pub end: Option<ChildEnd>,
}

impl Child {
    /// It may be at work.
    pub fn is_open(&self) -> bool {
        self.end.is_none() && !self.refused
    }
}

/// How a child ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChildEnd {
    /// `completed`, `failed` or `cancelled`.
    pub state: State,
    /// Its output.
    pub output: Option<Value>,
    /// Its error.
    pub error: Option<ErrorInfo>,
}

/// The life of a code agent's guest: a rebuilt one is given the answers in this order, and must ask for the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestLife {
    /// Its calls, in program order.
    pub calls: Vec<Made>,
    /// Those that it gave up.
    pub cancelled: Vec<GuestCancel>,
    /// Its answers.
    pub heard: Vec<Heard>,
    /// What it returned, while its last effects end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// How many lines of its log are written down. A rebuilt one writes them again.
    #[serde(default)]
    pub logged: u32,
    /// Of a fork: whose beginning it is, and since when. A guest's chance and time are those of its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<(ExecutionId, Timestamp)>,
}

impl GuestLife {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A call that a guest asked for, as it is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// 1, 2, 3, ...
    pub id: u32,
    /// The capability.
    pub name: String,
    /// SHA-256 of the text of its arguments.
    pub arguments: ContentHash,
    /// How many answers it had heard before.
    pub after: u32,
}

/// An answer for a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// The call.
    pub id: u32,
    /// When it was written down: the guest's time from here.
    pub at: Timestamp,
    /// Whether it is a value; else an error.
    pub ok: bool,
    /// JSON.
    pub content: String,
}

/// A stop on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stopping {
    /// Who asked.
    pub by: String,
    /// What they said.
    pub note: Option<String>,
    /// At once.
    pub kill: bool,
    /// When what is waited for is given up.
    pub until: Option<Timestamp>,
    /// Calls that were on their way.
    pub calls: Vec<StoppedCall>,
    /// When it was asked for.
    pub requested_at: Timestamp,
}

/// One call of the latest reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// A child was asked for and is not accepted yet.
    Child {
        /// Which.
        child_id: ExecutionId,
        /// The step waits for its end.
        wait: bool,
        /// When that wait gives up.
        due: Option<Timestamp>,
    },
    /// Waits for children.
    Children {
        /// Which.
        children: Vec<ExecutionId>,
        /// One is enough.
        any: bool,
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
            trigger: String::new(),
            origin: Origin::default(),
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
            guest: GuestLife::default(),
            guest_heard: None,
            guest_parked: false,
            children: BTreeMap::new(),
            stopping: None,
            booked_tokens: 0,
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
            damaged: None,
            in_flight: BTreeSet::new(),
            in_line: BTreeSet::new(),
            has_slot: None,
            aborting: BTreeSet::new(),
        }
    }

    /// The next time at which it wants a `Wake` by itself, if any. A paused execution holds: it has none.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let timers = || {
            self.pending.iter().filter_map(|call| match &call.state {
                PendingState::Timer { due } => Some(*due),
                PendingState::Signal { due, .. } | PendingState::Children { due, .. } => *due,
                PendingState::AwaitsApproval(ask) => Some(ask.wake_at()),
                _ => None,
            })
        };
        if let (Some(stopping), false) = (&self.stopping, self.state.is_terminal()) {
            return stopping.until;
        }
        match self.state {
            State::Suspended | State::Running => timers().chain(self.deadline).min(),
            State::BackingOff => self.run_at.into_iter().chain(self.deadline).min(),
            State::Scheduled => self.deadline,
            State::Paused | State::Completed | State::Failed | State::Cancelled => None,
        }
    }

    /// What it waits for, in words.
    pub fn waiting_for(&self) -> Option<String> {
        if let (Some(stopping), false) = (&self.stopping, self.state.is_terminal()) {
            let until = stopping.until.map(|until| format!(", until {until}")).unwrap_or_default();
            return Some(format!("its calls to end, to be stopped{until}"));
        }
        match self.state {
            State::Scheduled => Some("a free slot".to_owned()),
            State::BackingOff => Some(format!(
                "the next attempt{}",
                self.error
                    .as_ref()
                    .map(|error| format!(", after {}: {}", error.code, error.message))
                    .unwrap_or_default()
            )),
            State::Paused => Some(self.paused_until().to_owned()),
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
                        PendingState::Child { child_id, .. } => Some(format!("the child {child_id}")),
                        PendingState::Children { children, any, .. } => Some(match children.as_slice() {
                            [child] => format!("the child {child}"),
                            _ if *any => format!("any of {} children", children.len()),
                            _ => format!("{} children", children.len()),
                        }),
                        _ => None,
                    })
                    .collect();
                Some(parts.join(" and "))
            }
            State::Running | State::Completed | State::Failed | State::Cancelled => None,
        }
    }

    /// What ends a pause, in words.
    fn paused_until(&self) -> &'static str {
        match self.reason {
            _ if self.damaged.is_some() => "a kill: its journal cannot be read to its end",
            Some(Reason::Held) => "the end of the hold of its agent or project",
            Some(Reason::EffectUnknown) => "a decision about calls whose outcome is not known",
            Some(Reason::ApprovalExpired) => "a resume, which asks for the approval anew",
            Some(Reason::JournalLimit) => "a fork or a kill: its journal is as long as one may be",
            _ => "a resume",
        }
    }

    /// Whether somebody may still change what becomes of it.
    pub(super) fn open_to_people(&self) -> Result<(), Refusal> {
        match &self.stopping {
            _ if self.state.is_terminal() => Err(Refusal::Ended),
            Some(_) => Err(Refusal::Stopping),
            None => Ok(()),
        }
    }

    /// Whether the answer of `step` is still wanted.
    pub fn is_in_flight(&self, step: u32) -> bool {
        self.in_flight.contains(&step)
    }

    /// Whether the call of `step` was aborted and may not be gone yet.
    pub fn is_aborting(&self, step: u32) -> bool {
        self.aborting.contains(&step)
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

    /// Whether a step has no answer yet.
    pub(super) fn is_unanswered(&self, step: u32) -> bool {
        let open = |call: &Pending| call.step == step && !matches!(call.state, PendingState::Answered { .. });
        self.pending.iter().any(open)
    }

    /// Children that have not ended, as far as it knows.
    pub fn open_children(&self) -> Vec<ExecutionId> {
        self.children.iter().filter(|(_, child)| child.is_open()).map(|(id, _)| *id).collect()
    }

    /// How far below the root of its tree it is: 0 for the root.
    pub fn depth(&self) -> u32 {
        self.origin.parent.as_ref().map_or(0, |parent| parent.depth)
    }

    /// Whether a time has come for the whole execution.
    pub(super) fn is_past_deadline(&self, now: Timestamp) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }
}
