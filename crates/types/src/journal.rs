//! What the journal of an execution says. State is the fold of these entries; nothing else is truth.
//!
//! Stored as JSON with a numeric kind beside it. The codec is append-only: a kind's number and a field's meaning never
//! change; new fields have a default.

mod guest;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::approval::{Decision, OnExpiry};
use crate::conversation::{ToolCall, Usage};
use crate::execution::{Effect, EffectDecision, ProbeOutcome, Reason, State};
use crate::id::{AgentId, ApprovalId, ExecutionId, VersionId};
use crate::name::{AgentName, EnvironmentName};
use crate::origin::Origin;
use crate::time::Timestamp;

pub use guest::{GuestCall, GuestCancel, GuestLog, GuestLogLevel};

/// An error as it is stored, shown and handed to the model: text only, no types that could be revived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorInfo {
    /// A stable code with a page in `docs/errors/`.
    pub code: String,
    /// What happened, for people.
    pub message: String,
}

impl ErrorInfo {
    /// From its two parts.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

/// A change of an agent's durable state (`state.set`, `state.delete`), applied in the commit of its entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateWrite {
    /// The key.
    pub key: String,
    /// The new value; `None` deletes.
    pub value: Option<Value>,
}

/// One entry. `step` is the dense number of the step within its execution, from 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// Accepted. Always the first entry.
    Scheduled {
        /// The agent.
        agent_id: AgentId,
        /// Its name at that time.
        agent_name: AgentName,
        /// The pinned version.
        version_id: VersionId,
        /// Its number.
        version: u32,
        /// The environment of the deployment that was called, if one was.
        #[serde(default)]
        environment: Option<EnvironmentName>,
        /// The input, as validated.
        input: Value,
        /// What started it: `api`, `agent`, `schedule`, `event`, `webhook` or `fork`.
        trigger: String,
        /// The rest of where it comes from.
        #[serde(default, skip_serializing_if = "Origin::is_plain")]
        origin: Origin,
        /// When it fails if it has not ended, from the version's `limits.wall`.
        #[serde(default)]
        deadline: Option<Timestamp>,
        /// SHA-256 of the start request, to tell a repeat from another request with the same key.
        #[serde(default)]
        request_hash: Option<String>,
    },
    /// An owner claimed it. The attempt counts from here, whatever happens next.
    Running {
        /// From 1; grows at every claim.
        attempt: u32,
        /// Owners lost (crashes) since the latest progress.
        #[serde(default)]
        crashes: u32,
        /// Whether the claim follows the loss of an owner.
        #[serde(default)]
        recovered: bool,
    },
    /// A model replied; its reply is durable before any call that it asks for.
    ModelCompleted {
        /// The step.
        step: u32,
        /// The model, as configured.
        model: String,
        /// The reply's text.
        text: String,
        /// The calls that it asks for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<ToolCall>,
        /// Tokens.
        usage: Usage,
        /// When the call began.
        started_at: Timestamp,
        /// How long it took, microseconds.
        duration_us: u64,
    },
    /// The intent of a `keyed` or `at_most_once` call: durable before the call is sent.
    ToolInvoked {
        /// The step.
        step: u32,
        /// The model's id of the call.
        call_id: String,
        /// The tool.
        tool: String,
        /// Its effect class.
        effect: Effect,
        /// The key that is sent along.
        idempotency_key: String,
        /// The approval that let it happen. A call with one has an intent whatever its class is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approval_id: Option<ApprovalId>,
    },
    /// A tool answered.
    ToolSucceeded {
        /// The step.
        step: u32,
        /// The model's id of the call.
        call_id: String,
        /// The tool.
        tool: String,
        /// Its answer.
        output: Value,
        /// Changes of the agent's state that commit with this entry.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        writes: Vec<StateWrite>,
        /// When the call began.
        started_at: Timestamp,
        /// How long it took, microseconds.
        duration_us: u64,
    },
    /// A tool answered with an error, which the model will see.
    ToolFailed {
        /// The step.
        step: u32,
        /// The model's id of the call.
        call_id: String,
        /// The tool.
        tool: String,
        /// What went wrong.
        error: ErrorInfo,
        /// Refused before it was made: the tool is unknown or the arguments do not fit.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        rejected: bool,
        /// When the call began.
        started_at: Timestamp,
        /// How long it took, microseconds.
        duration_us: u64,
    },
    /// A step waits for a time (`time.sleep`).
    TimerSet {
        /// The step.
        step: u32,
        /// The model's id of the call.
        call_id: String,
        /// When it fires.
        due: Timestamp,
    },
    /// A step waits for a signal (`signals.wait`).
    SignalAwaited {
        /// The step.
        step: u32,
        /// The model's id of the call.
        call_id: String,
        /// The signal's name.
        name: String,
        /// When it gives up.
        #[serde(default)]
        due: Option<Timestamp>,
    },
    /// A signal arrived. Buffered until a step takes it.
    SignalReceived {
        /// Its name.
        name: String,
        /// What it carries.
        payload: Value,
        /// The sender's key: a second signal with it changes nothing.
        #[serde(default)]
        dedupe_key: Option<String>,
    },
    /// Nothing to do until a timer or a signal: no compute is held from here.
    Suspended {
        /// The next time at which it wakes by itself.
        #[serde(default)]
        wake_at: Option<Timestamp>,
        /// The names of the signals that wake it.
        #[serde(default)]
        signals: Vec<String>,
    },
    /// It goes on.
    Resumed {
        /// From `suspended` or `paused`.
        from: State,
        /// Who asked, when somebody did.
        #[serde(default)]
        by: Option<String>,
        /// For calls with an unknown outcome: `retry` sends them again, `fail` tells the model that they failed.
        #[serde(default)]
        unknown_effects: Option<String>,
    },
    /// Held.
    Paused {
        /// Why.
        reason: Reason,
        /// More about it, for people.
        #[serde(default)]
        detail: Option<String>,
        /// Who asked, when somebody did.
        #[serde(default)]
        by: Option<String>,
        /// Since when its agent or project is held: it may have waited for something else until now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
    },
    /// A transient error; the step is tried again.
    RetryScheduled {
        /// The step that failed.
        step: u32,
        /// What went wrong.
        error: ErrorInfo,
        /// Failures of this step so far.
        failures: u32,
        /// When it is tried again.
        run_at: Timestamp,
    },
    /// The intent to start a child: durable before the child is. Its id is chosen here, so that it is started once.
    ChildRequested {
        /// The step.
        step: u32,
        /// The model's id of the call.
        call_id: String,
        /// The tool: `agents.start` or `agents.call`.
        tool: String,
        /// The child.
        child_id: ExecutionId,
        /// Its agent, by name.
        agent: String,
        /// Its input.
        input: Value,
        /// The step waits for its end.
        wait: bool,
        /// When that wait gives up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Timestamp>,
    },
    /// The child is accepted: durable on its own.
    ChildStarted {
        /// The step that asked for it.
        step: u32,
        /// The child.
        child_id: ExecutionId,
    },
    /// A child ended.
    ChildEnded {
        /// The child.
        child_id: ExecutionId,
        /// `completed`, `failed` or `cancelled`.
        state: State,
        /// Its output.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<Value>,
        /// Its error.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<ErrorInfo>,
    },
    /// A step waits for children (`agents.wait`).
    ChildrenAwaited {
        /// The step.
        step: u32,
        /// The model's id of the call.
        call_id: String,
        /// Which.
        children: Vec<ExecutionId>,
        /// Any one of them is enough; else all.
        any: bool,
        /// When it gives up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Timestamp>,
    },
    /// A stop was asked for. From here nothing new is dispatched; it ends as soon as its calls have.
    Stopping {
        /// Who asked.
        by: String,
        /// What they said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// At once, without waiting for calls that may still end.
        kill: bool,
        /// When calls that are waited for are given up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        /// Calls that were on their way.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        calls: Vec<StoppedCall>,
    },
    /// An event for whoever waits for it (`events.emit`); the call's answer follows.
    EventEmitted {
        /// The step.
        step: u32,
        /// Its type, as the agent says it.
        event_type: String,
        /// Its topic.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        topic: Option<String>,
        /// What happened.
        data: Value,
    },
    /// Terminal: ended with an output.
    Completed {
        /// The output.
        output: Value,
    },
    /// Terminal: ended with an error.
    Failed {
        /// What went wrong.
        error: ErrorInfo,
        /// Steps whose calls were in flight: aborted, outcome unknown.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unknown_steps: Vec<u32>,
    },
    /// Terminal: stopped by somebody.
    Cancelled {
        /// Who asked.
        by: String,
        /// What they said.
        #[serde(default)]
        note: Option<String>,
        /// Steps whose calls were in flight: aborted, outcome unknown.
        #[serde(default)]
        unknown_steps: Vec<u32>,
        /// By a kill.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        kill: bool,
        /// When the stop was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        requested_at: Option<Timestamp>,
        /// Calls that were aborted: their outcome is unknown, and they are booked at their worst case.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        calls: Vec<StoppedCall>,
        /// Children that had not ended: they are stopped as well.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        children: Vec<ExecutionId>,
    },
    /// A call waits for a person's decision instead of being begun.
    ApprovalRequested {
        /// The request.
        approval_id: ApprovalId,
        /// The step.
        step: u32,
        /// The model's id of the call.
        call_id: String,
        /// The tool.
        tool: String,
        /// The parsed arguments, keys sorted.
        arguments: Value,
        /// SHA-256 of the canonical JSON of execution, step, tool and arguments: what a decision is bound to.
        call_sha256: String,
        /// Who may decide: ids and names of keys; anybody with the scope when empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        approvers: Vec<String>,
        /// When it expires.
        due: Timestamp,
        /// What an expiry does.
        on_expiry: OnExpiry,
        /// When it goes to `escalate_to` as well.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        escalate_at: Option<Timestamp>,
        /// Who may decide from then on, too.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        escalate_to: Vec<String>,
    },
    /// An approval was answered, or its time was over. The only entry that lets its call begin.
    ApprovalDecided {
        /// The request.
        approval_id: ApprovalId,
        /// The step.
        step: u32,
        /// What was decided.
        decision: Decision,
        /// Who decided; `system` at an expiry.
        by: String,
        /// What they said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// The arguments in place of those that were asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arguments: Option<Value>,
        /// The answer to the form of `approvals.request`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<Value>,
        /// The hash of the call that was decided about, as it may now begin.
        call_sha256: String,
    },
    /// An approval waited too long: others may decide as well.
    ApprovalEscalated {
        /// The request.
        approval_id: ApprovalId,
        /// The step.
        step: u32,
        /// Who may decide from here, too.
        to: Vec<String>,
    },
    /// What a decision was bound to is not what would begin: the decision counts no longer, and the call is asked for anew.
    ApprovalReopened {
        /// The request.
        approval_id: ApprovalId,
        /// The step.
        step: u32,
        /// Why.
        why: String,
    },
    /// The other side was asked how an effect stands.
    EffectProbed {
        /// The step.
        step: u32,
        /// What it said.
        outcome: ProbeOutcome,
        /// More about it, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
        /// Who asked for it, when somebody did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// An operator decided about a call of unknown outcome.
    EffectDecided {
        /// The step.
        step: u32,
        /// What was decided.
        decision: EffectDecision,
        /// The call's answer, with `succeed`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<Value>,
        /// What they said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// Who decided.
        by: String,
    },
    /// A code agent's guest asked for calls, each of which is a step, or gave some up. What it asks for follows from what it
    /// has heard: a guest that is rebuilt must ask for the same.
    GuestAsked {
        /// The step of the first call; the others follow.
        step: u32,
        /// The calls, in program order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        calls: Vec<GuestCall>,
        /// Calls whose answers it no longer wants.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        cancelled: Vec<GuestCancel>,
        /// How many answers it had heard when it went to wait for the next one; absent while it goes on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        heard: Option<u32>,
    },
    /// A code agent's guest wrote to its log.
    GuestLogged {
        /// What it wrote, in order.
        logs: Vec<GuestLog>,
    },
    /// A code agent's guest returned while effects of it were on their way: they are seen through, nothing else is.
    GuestEnded {
        /// What it returned.
        output: Value,
    },
    /// The entries before this one are a copy of another execution's, with their times; from here it goes its own way.
    Forked {
        /// The execution that they were copied from.
        execution_id: ExecutionId,
        /// The execution that wrote the last of them, when that is another: a fork of a fork.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        written_by: Option<ExecutionId>,
        /// The number of the last copied entry: the same in both.
        seq: u64,
        /// The step that comes next.
        step: u32,
        /// Who asked.
        by: String,
        /// What they said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// When it fails if it has not ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
    },
}

/// A call that was on its way when its execution was stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedCall {
    /// The step.
    pub step: u32,
    /// The model or the tool.
    pub name: String,
    /// A model call.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub model: bool,
    /// The key that went with it, for an effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// Tokens that it may have used at worst.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booked_tokens: Option<u64>,
}

impl Entry {
    /// Held by the engine itself, with more about it for people.
    #[must_use]
    pub const fn paused(reason: Reason, detail: String) -> Self {
        Self::Paused { reason, detail: Some(detail), by: None, since: None }
    }

    /// The number in the journal's `kind` column. Never reused.
    pub const fn code(&self) -> i16 {
        match self {
            Self::Scheduled { .. } => 1,
            Self::Running { .. } => 2,
            Self::ModelCompleted { .. } => 3,
            Self::ToolInvoked { .. } => 4,
            Self::ToolSucceeded { .. } => 5,
            Self::ToolFailed { .. } => 6,
            Self::TimerSet { .. } => 7,
            Self::SignalAwaited { .. } => 8,
            Self::SignalReceived { .. } => 9,
            Self::Suspended { .. } => 10,
            Self::Resumed { .. } => 11,
            Self::Paused { .. } => 12,
            Self::RetryScheduled { .. } => 13,
            Self::Completed { .. } => 14,
            Self::Failed { .. } => 15,
            Self::Cancelled { .. } => 16,
            Self::ChildRequested { .. } => 17,
            Self::ChildStarted { .. } => 18,
            Self::ChildEnded { .. } => 19,
            Self::ChildrenAwaited { .. } => 20,
            Self::Stopping { .. } => 21,
            Self::ApprovalRequested { .. } => 22,
            Self::ApprovalDecided { .. } => 23,
            Self::ApprovalEscalated { .. } => 24,
            Self::ApprovalReopened { .. } => 25,
            Self::EffectProbed { .. } => 26,
            Self::EffectDecided { .. } => 27,
            Self::EventEmitted { .. } => 28,
            Self::Forked { .. } => 29,
            Self::GuestAsked { .. } => 30,
            Self::GuestLogged { .. } => 31,
            Self::GuestEnded { .. } => 32,
        }
    }

    /// The CloudEvents type without the `io.moltforge.` prefix, e.g. `execution.running`.
    pub const fn event_type(&self) -> &'static str {
        match self {
            Self::Scheduled { .. } => "execution.scheduled",
            Self::Running { .. } => "execution.running",
            Self::ModelCompleted { .. } => "model.completed",
            Self::ToolInvoked { .. } => "tool.invoked",
            Self::ToolSucceeded { .. } => "tool.succeeded",
            Self::ToolFailed { .. } => "tool.failed",
            Self::TimerSet { .. } => "timer.set",
            Self::SignalAwaited { .. } => "signal.awaited",
            Self::SignalReceived { .. } => "signal.received",
            Self::Suspended { .. } => "execution.suspended",
            Self::Resumed { .. } => "execution.resumed",
            Self::Paused { .. } => "execution.paused",
            Self::RetryScheduled { .. } => "execution.retry_scheduled",
            Self::Completed { .. } => "execution.completed",
            Self::Failed { .. } => "execution.failed",
            Self::Cancelled { .. } => "execution.cancelled",
            Self::ChildRequested { .. } => "child.requested",
            Self::ChildStarted { .. } => "child.started",
            Self::ChildEnded { .. } => "child.ended",
            Self::ChildrenAwaited { .. } => "children.awaited",
            Self::Stopping { .. } => "execution.stopping",
            Self::ApprovalRequested { .. } => "approval.requested",
            Self::ApprovalDecided { .. } => "approval.decided",
            Self::ApprovalEscalated { .. } => "approval.escalated",
            Self::ApprovalReopened { .. } => "approval.reopened",
            Self::EffectProbed { .. } => "effect.probed",
            Self::EffectDecided { .. } => "effect.decided",
            Self::EventEmitted { .. } => "event.emitted",
            Self::Forked { .. } => "execution.forked",
            Self::GuestAsked { .. } => "guest.asked",
            Self::GuestLogged { .. } => "guest.logged",
            Self::GuestEnded { .. } => "guest.ended",
        }
    }
}
