//! The pure core: what an execution is, and what each command does to it.
//!
//! A command is applied to an [`Execution`]; it appends journal [`Entry`]s and asks for
//! [`Action`]s as data. State changes by [`Execution::record`] alone, so replaying the entries gives the same state.
//! A file per command; `advance` is the one place that decides what comes next.
//!
//! **Never here:** input or output, `async`, clocks, shards, lanes.

mod advance;
pub(crate) mod approval;
mod children;
mod claim;
pub(crate) mod completion;
mod damaged;
mod decide;
mod decide_effect;
mod effect_keys;
pub mod fork;
mod guest;
mod hold;
mod message;
mod model_answered;
mod pause;
mod policy;
mod probe;
mod record;
pub mod replay;
mod resume;
mod signal;
mod spec;
mod start;
mod state;
mod stop;
pub(crate) mod stream;
mod tool_answered;
mod tool_slot;
mod wake;

#[cfg(test)]
mod tests;

pub use approval::{Ask, Verdict};
pub use children::MAX_DEPTH;
pub use decide::Answer;
pub use effect_keys::EffectKeys;
pub use guest::GuestEvent;
pub(crate) use guest::{MAX_CALLS as MAX_GUEST_CALLS, STEP as GUEST_STEP};
pub use hold::{Hold, HoldOf};
pub use message::{ChildOutcome, Message, Sent};
pub use probe::ProbeReport;
pub use spec::Spec;
pub use start::Start;
pub use state::{Decided, Execution, GuestLife, Heard, Made, Pending, PendingState};
pub use stream::Place;

use moltforge_types::execution::{Effect, EffectDecision};
use moltforge_types::journal::{Entry, ErrorInfo};
use moltforge_types::{ExecutionId, Timestamp, conversation::ToolCall, conversation::Usage};
use serde_json::Value;
use std::time::Duration;

/// What is handed in with every command: the time, and a random number for jitter.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// The time of this command; every entry that it writes carries it.
    pub now: Timestamp,
    /// Uniformly random.
    pub random: u64,
    /// Whether it may be at work: its owner holds a running slot for it. Without one, what could go on becomes
    /// `scheduled` and is claimed when its turn comes.
    pub slot: bool,
    /// What holds its agent or its project.
    pub hold: Option<Hold>,
    /// The owner before stopped in order: whatever ran then did not bring it down.
    pub handed_over: bool,
}

/// What can happen to an execution after its start.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// An owner takes it to work: a free slot, a due retry, or (with `recovered`) the loss of the owner before.
    Claim {
        /// After a crash.
        recovered: bool,
    },
    /// A model call ended.
    ModelAnswered {
        /// Its step.
        step: u32,
        /// When the call began.
        started_at: Timestamp,
        /// The reply or the error.
        result: Result<ModelAnswer, ModelFailure>,
    },
    /// A tool call ended.
    ToolAnswered {
        /// Its step.
        step: u32,
        /// When the call began.
        started_at: Timestamp,
        /// The answer or the error.
        result: Result<Value, ToolFailure>,
    },
    /// The time that it waited for may have come. Harmless when it has not.
    Wake,
    /// A signal arrives.
    Signal {
        /// Its name.
        name: String,
        /// What it carries.
        payload: Value,
        /// The sender's key.
        dedupe_key: Option<String>,
    },
    /// Hold it.
    Pause {
        /// Who asks.
        by: String,
        /// What they say.
        note: Option<String>,
    },
    /// Let it go on.
    Resume {
        /// Who asks.
        by: String,
        /// What to do about calls with an unknown outcome.
        unknown_effects: Option<UnknownEffects>,
    },
    /// A person answers a request for approval.
    Decide(Box<Answer>),
    /// An operator decides about one call of unknown outcome.
    DecideEffect {
        /// Its step.
        step: u32,
        /// What to do.
        decision: EffectDecision,
        /// The call's answer, with `succeed`.
        output: Option<Value>,
        /// What they say.
        note: Option<String>,
        /// Who decides.
        by: String,
    },
    /// An operator wants the other side to be asked about a call.
    Probe {
        /// Its step.
        step: u32,
        /// Who asks.
        by: String,
    },
    /// The other side answered a probe.
    ProbeAnswered {
        /// The step that was asked about.
        step: u32,
        /// What it said.
        report: ProbeReport,
        /// Who wanted to know, when somebody did.
        by: Option<String>,
    },
    /// Stop it for good.
    Stop {
        /// Who asks.
        by: String,
        /// What they say.
        note: Option<String>,
        /// At once: calls with a durable intent are not waited for.
        kill: bool,
    },
    /// Its agent or its project is held now.
    Hold,
    /// A hold of its agent or its project was lifted.
    Release {
        /// Who lifted it.
        by: String,
    },
    /// The guest of a code agent did something.
    Guest(GuestEvent),
    /// A slot of its tool is there for a call that waited in line.
    SlotTaken {
        /// Its step.
        step: u32,
    },
    /// A call that was aborted is gone.
    CallGone {
        /// Its step.
        step: u32,
    },
    /// A child was accepted, or cannot be started.
    ChildStarted {
        /// The step that asked for it.
        step: u32,
        /// Why not.
        result: Result<(), ErrorInfo>,
    },
    /// A child ended.
    ChildEnded(ChildOutcome),
}

/// An operator's decision about calls whose outcome is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownEffects {
    /// Send them again, with the same key.
    Retry,
    /// Tell the model that they failed.
    Fail,
}

/// What a model replied.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelAnswer {
    /// The text.
    pub text: String,
    /// The calls, in order.
    pub tool_calls: Vec<ToolCall>,
    /// Tokens.
    pub usage: Usage,
}

/// Why a model call failed.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFailure {
    /// What went wrong.
    pub error: ErrorInfo,
    /// Worth another attempt.
    pub transient: bool,
    /// Not before this long.
    pub retry_after: Option<Duration>,
}

/// Why a tool call failed.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolFailure {
    /// What went wrong.
    pub error: ErrorInfo,
    /// The request was sent and no answer came.
    pub outcome_unknown: bool,
}

/// What the owner must do once everything before it is durable.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Call the model with the conversation so far.
    CallModel {
        /// The step.
        step: u32,
        /// Which model call of the execution, from 1.
        turn: u32,
        /// Which try of this step, from 1.
        attempt: u32,
    },
    /// Build the guest of a code agent, and give it the answers that it has heard.
    RunGuest,
    /// Get in line for a slot of a tool; the call follows when it is there.
    TakeSlot {
        /// The step.
        step: u32,
        /// The tool.
        tool: String,
    },
    /// Call a tool.
    CallTool {
        /// The step.
        step: u32,
        /// The tool.
        tool: String,
        /// The checked arguments.
        arguments: Value,
        /// Its class.
        effect: Effect,
        /// The key to send along.
        idempotency_key: Option<String>,
    },
    /// Read on in a model's reply, for a program.
    ReadReply {
        /// The step.
        step: u32,
        /// The step of the model call.
        of: u32,
        /// Where the program is in the reply.
        place: Place,
    },
    /// Ask the other side whether a call happened.
    ProbeTool {
        /// The step.
        step: u32,
        /// The tool.
        tool: String,
        /// The arguments of the call.
        arguments: Value,
        /// The key that was sent along.
        idempotency_key: String,
        /// Who wants to know, when somebody does.
        by: Option<String>,
    },
    /// Start a child. Its id is its key: starting it again starts nothing.
    StartChild {
        /// The step.
        step: u32,
        /// The child's id.
        child_id: ExecutionId,
        /// The agent, by name.
        agent: String,
        /// Its input.
        input: Value,
    },
    /// Stop the calls of these steps; their answers are no longer wanted.
    Abort {
        /// The steps.
        steps: Vec<u32>,
    },
}

/// Why a command was refused. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The execution has ended.
    Ended,
    /// It is being stopped.
    Stopping,
    /// Its agent or its project is held.
    Held,
    /// Resume of something that is not paused.
    NotPaused,
    /// Resume of an execution with calls of unknown outcome, without a decision.
    DecisionNeeded,
    /// Too many signals wait already.
    SignalBufferFull,
    /// The approval does not wait: it was decided, or never was this execution's.
    ApprovalClosed,
    /// The approval's time is over.
    ApprovalExpired,
    /// The call that waits is not the one that was decided about.
    ApprovalChanged,
    /// Others were asked.
    ApproverRequired,
    /// What came with a decision does not fit.
    AnswerInvalid {
        /// JSON pointer into the request.
        field: &'static str,
        /// What is wrong.
        message: String,
    },
    /// The outcome of this step is no open question.
    EffectNotUnknown,
    /// This step has nothing to be probed.
    NotProbed,
    /// Its journal cannot be read to its end: nothing but a stop is possible.
    Damaged,
}

/// One entry with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The dense number within the execution, from 1.
    pub seq: u64,
    /// The time of the command that wrote it.
    pub at: Timestamp,
    /// What it says.
    pub entry: Entry,
}

/// What a command did: entries to append, then actions to carry out.
#[derive(Debug, Default, PartialEq)]
pub struct Outcome {
    /// In order.
    pub entries: Vec<Recorded>,
    /// Only after the entries are durable.
    pub actions: Vec<Action>,
    /// Messages to other executions, durable with the entries.
    pub messages: Vec<Sent>,
}

/// Applies one command. The execution's state and the outcome's entries always agree.
pub fn apply(execution: &mut Execution, command: Command, context: Context) -> Result<Outcome, Refusal> {
    let mut outcome = Outcome::default();
    let out = &mut outcome;
    if let Some(detail) = execution.damaged.clone()
        && damaged::holds(execution, &command, detail, context, out)?
    {
        return Ok(outcome);
    }
    match command {
        Command::Claim { recovered } => claim::apply(execution, recovered, context, out),
        Command::ModelAnswered { step, started_at, result } => {
            model_answered::apply(execution, step, started_at, result, context, out);
        }
        Command::ToolAnswered { step, started_at, result } => {
            tool_answered::apply(execution, step, started_at, result, context, out);
        }
        Command::Wake => wake::apply(execution, context, out),
        Command::Signal { name, payload, dedupe_key } => {
            signal::apply(execution, name, payload, dedupe_key, context, out)?;
        }
        Command::Pause { by, note } => pause::apply(execution, by, note, context, out)?,
        Command::Resume { by, unknown_effects } => resume::apply(execution, by, unknown_effects, context, out)?,
        Command::Decide(answer) => decide::apply(execution, *answer, context, out)?,
        Command::DecideEffect { step, decision, output, note, by } => {
            decide_effect::apply(execution, step, decision, output, note, by, context, out)?;
        }
        Command::Probe { step, by } => probe::ask(execution, step, by, out)?,
        Command::ProbeAnswered { step, report, by } => probe::answered(execution, step, report, by, context, out),
        Command::Stop { by, note, kill } => stop::apply(execution, by, note, kill, context, out)?,
        Command::Hold => hold::apply(execution, context, out),
        Command::Release { by } => hold::release(execution, by, context, out),
        Command::Guest(event) => guest::apply(execution, event, context, out),
        Command::SlotTaken { step } => tool_slot::taken(execution, step, context, out),
        Command::CallGone { step } => stop::call_gone(execution, step, context, out),
        Command::ChildStarted { step, result } => children::started(execution, step, result, context, out),
        Command::ChildEnded(outcome) => children::ended(execution, outcome, context, out),
    }
    Ok(outcome)
}
