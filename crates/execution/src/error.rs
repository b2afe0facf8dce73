//! What can go wrong in the execution service.

use std::time::Duration;

use moltforge_types::{ExecutionId, Fault, Kind};

use crate::engine::Refusal;
use crate::fairness::Pressure;

/// A refused or failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such execution in this project.
    #[error("there is no execution {0} in this project")]
    ExecutionNotFound(String),
    /// No such agent in this project.
    #[error("there is no agent {0:?} in this project")]
    AgentNotFound(String),
    /// The agent is deleted: nothing of it starts.
    #[error("the agent {0:?} is deleted")]
    AgentDeleted(String),
    /// The agent has no such version.
    #[error("the agent {agent:?} has no version {version}")]
    VersionNotFound {
        /// As asked.
        agent: String,
        /// As asked.
        version: u32,
    },
    /// Nothing is live there.
    #[error("the agent {agent:?} has no live deployment in {environment:?}: deploy it, or name a version")]
    AgentNotDeployed {
        /// As asked.
        agent: String,
        /// As asked.
        environment: String,
    },
    /// The pinned version means nothing to this server.
    #[error("version {version} of the agent cannot run on this server: {message}")]
    VersionInvalid {
        /// Its number.
        version: u32,
        /// Why.
        message: String,
    },
    /// The input does not fit the version's schema; the items say where.
    #[error("the input does not fit the input schema of the agent")]
    InputInvalid(Vec<(String, String)>),
    /// A field of a request does not fit.
    #[error("{field}: {message}")]
    FieldInvalid {
        /// JSON pointer or parameter name.
        field: &'static str,
        /// What is allowed.
        message: String,
    },
    /// No page ends there.
    #[error("the cursor was not given out for this list")]
    CursorInvalid,
    /// The key was used for another request.
    #[error("the idempotency key was used for another request, which started {0}")]
    IdempotencyKeyReused(ExecutionId),
    /// It has ended.
    #[error("the execution {0} has ended; its state never changes again")]
    ExecutionEnded(ExecutionId),
    /// Its agent or its project is held.
    #[error("the agent or the project of {0} is held: lift that first")]
    ExecutionHeld(ExecutionId),
    /// There is no such hold.
    #[error("nothing is held there")]
    NotHeld,
    /// Its kill switch is on.
    #[error("{0} was stopped by its kill switch and takes no executions until that is lifted")]
    Killed(&'static str),
    /// A kill switch is lifted before it has reached everything.
    #[error("the kill switch has not reached every execution yet: it stands until it has; try again")]
    KillUnfinished,
    /// It is being stopped.
    #[error("the execution {0} is being stopped: nothing but a kill changes that")]
    ExecutionStopping(ExecutionId),
    /// Resume of something that is not paused.
    #[error("the execution {0} is not paused")]
    ExecutionNotPaused(ExecutionId),
    /// Calls of unknown outcome need a decision.
    #[error(
        "the execution {0} waits for a decision about calls whose outcome is not known: resume it with unknown_effects \
         set to retry or fail"
    )]
    UnknownEffects(ExecutionId),
    /// Too many signals wait.
    #[error("the execution {0} holds as many signals as it may; it takes more once it has read some")]
    SignalBufferFull(ExecutionId),
    /// As many executions of the project wait, in number or bytes, as may.
    #[error("as many executions wait as this node takes; try again in {} seconds", .retry_after.as_secs())]
    QueueFull {
        /// When there is likely to be room.
        retry_after: Duration,
    },
    /// The project's executions wait longer for this node than they should.
    #[error(
        "the executions of this project have waited for {} seconds; try again in {} seconds",
        .waited.as_secs(), .retry_after.as_secs()
    )]
    QueueTooOld {
        /// How long the oldest has waited.
        waited: Duration,
        /// When the queue is likely to be short enough again.
        retry_after: Duration,
    },
    /// No such approval in this project.
    #[error("there is no approval {0} in this project")]
    ApprovalNotFound(String),
    /// It no longer waits. The service answers with what was decided.
    #[error("the approval no longer waits for a decision")]
    ApprovalClosed,
    /// It was decided otherwise, or by somebody else.
    #[error("the approval was {state}{}: a decision counts once", .by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default())]
    ApprovalDecided {
        /// Where it stands.
        state: String,
        /// Who decided.
        by: Option<String>,
    },
    /// Its time is over.
    #[error("the approval's time is over: nobody can decide about it any more")]
    ApprovalExpired,
    /// The decision is about another call than the one that waits.
    #[error("the call that waits is not the one with this call_sha256: look at it again")]
    ApprovalChanged,
    /// Others were asked.
    #[error("this approval asks others: its approvers name the keys that may decide")]
    ApproverRequired,
    /// The token of a callback does not fit.
    #[error("the token of this callback is not valid, or no longer")]
    CallbackInvalid,
    /// No such step, or it is no effect.
    #[error("step {step} of {execution_id} made no call with an effect")]
    EffectNotFound {
        /// Whose.
        execution_id: ExecutionId,
        /// Which.
        step: u32,
    },
    /// There is nothing to decide about this step.
    #[error("the outcome of this call of {0} is known, or it is still on its way: there is nothing to decide")]
    EffectNotUnknown(ExecutionId),
    /// There is nothing to probe.
    #[error("this call of {0} cannot be probed: its tool declares no probe, or its outcome is known")]
    EffectNotProbed(ExecutionId),
    /// No such trigger in this project.
    #[error("there is no trigger {0} in this project")]
    TriggerNotFound(String),
    /// Another trigger of the agent has the name.
    #[error("the agent has a trigger named {0:?} in this environment already")]
    TriggerNameTaken(String),
    /// Its definition does not hold together; the items say where.
    #[error("the trigger is not valid")]
    TriggerInvalid(Vec<(String, String)>),
    /// It is declared by an agent file.
    #[error("the trigger {0} is declared by its agent's file: change it there and deploy")]
    TriggerDeclared(String),
    /// The version that declared it is not deployed.
    #[error("the trigger {0} was declared by a version that is no longer deployed")]
    TriggerInactive(String),
    /// Somebody holds it.
    #[error("the trigger is paused")]
    TriggerPaused,
    /// More of them than there may be.
    #[error("{0}")]
    TriggerLimit(String),
    /// Only webhooks have a secret.
    #[error("the trigger {0} is no webhook: it has no secret")]
    TriggerNotWebhook(String),
    /// As many fires wait as may.
    #[error("as many fires of this trigger or its project wait as may")]
    TriggerQueueFull,
    /// A chain of executions that start each other.
    #[error("this would be number {0} in a chain of executions that start each other; {max} are allowed", max = crate::triggers::MAX_CHAIN)]
    ChainTooDeep(u32),
    /// An input mapping found nothing.
    #[error("the trigger's input mapping does not fit: {0}")]
    MappingFailed(String),
    /// No such webhook, or its signature, time or id is wrong: which of them is not told.
    #[error("there is no such webhook, or the request is not signed for it, or too old")]
    WebhookRefused,
    /// This server has no key to derive the secrets of webhooks from.
    #[error("this server has no webhook key: its operator sets `webhook_key`")]
    WebhookKeyMissing,
    /// The server is shutting down.
    #[error("the server is shutting down; try again on the next one")]
    Draining,
    /// No node owns the execution's shard right now.
    #[error("no node owns this execution at the moment; try again")]
    ShardUnowned,
    /// The journal could not be written in time; the request may still take effect.
    #[error(
        "the journal did not take the request in time; repeat it with the same idempotency key to learn its outcome"
    )]
    CommitTimeout,
    /// Commits fail at the moment, for this reason (a code of the store).
    #[error(
        "the journal cannot be written at the moment ({0}); a request that was under way may still take effect: repeat it with the same idempotency key"
    )]
    JournalFailing(&'static str),
    /// An entry of the journal cannot be read.
    #[error("the journal of {execution_id} cannot be read at entry {seq}: {message}")]
    JournalUnreadable {
        /// Whose.
        execution_id: ExecutionId,
        /// Which entry.
        seq: u64,
        /// Why.
        message: String,
    },
    /// Its journal is damaged, and it is held for good.
    #[error("the journal of {0} cannot be read to its end; it can be cancelled, and nothing else")]
    ExecutionDamaged(ExecutionId),
    /// The step is no place where an execution can be cut.
    #[error(
        "the execution {execution_id} cannot be forked at step {step}: a fork begins at a model call whose turn before is \
         answered; possible are {}", places(.steps)
    )]
    ForkStepInvalid {
        /// Whose.
        execution_id: ExecutionId,
        /// As asked.
        step: u32,
        /// Possible ones, the nearest first.
        steps: Vec<u32>,
    },
    /// More would be copied than one batch takes.
    #[error(
        "a fork of {execution_id} there copies {entries} entries with {bytes} bytes; at most {} and {} can be copied",
        crate::engine::fork::MAX_ENTRIES,
        crate::engine::fork::MAX_BYTES
    )]
    ForkTooLong {
        /// Whose.
        execution_id: ExecutionId,
        /// Entries.
        entries: u64,
        /// Bytes.
        bytes: u64,
    },
    /// The version would have done something else before the step.
    #[error("the version does not agree with what {execution_id} did: entry {seq}: {message}")]
    ReplayDiffers {
        /// Whose.
        execution_id: ExecutionId,
        /// Where.
        seq: u64,
        /// How.
        message: String,
    },
    /// The program of a code agent cannot be run at the moment.
    #[error("the program cannot be run again at the moment: {0}")]
    ProgramUnavailable(String),
    /// A bug: the replay ended without an answer.
    #[error("the replay failed on our side")]
    ReplayFailed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] moltforge_store::Error),
}

impl From<Pressure> for Error {
    fn from(pressure: Pressure) -> Self {
        match pressure {
            Pressure::Full { retry_after } => Self::QueueFull { retry_after },
            Pressure::Old { waited, retry_after } => Self::QueueTooOld { waited, retry_after },
        }
    }
}

impl Error {
    /// How long to wait before the same request may succeed, when that is known.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::QueueFull { retry_after } | Self::QueueTooOld { retry_after, .. } => Some(*retry_after),
            Self::SignalBufferFull(_)
            | Self::Draining
            | Self::ShardUnowned
            | Self::CommitTimeout
            | Self::JournalFailing(_) => Some(Duration::from_secs(1)),
            Self::KillUnfinished => Some(Duration::from_secs(5)),
            // what waits goes on as executions end: no moment is known
            Self::TriggerQueueFull => Some(Duration::from_secs(10)),
            _ => None,
        }
    }

    /// A refusal of the engine about one execution.
    pub(crate) fn refused(id: ExecutionId, refusal: Refusal) -> Self {
        match refusal {
            Refusal::Ended => Self::ExecutionEnded(id),
            Refusal::Held => Self::ExecutionHeld(id),
            Refusal::Stopping => Self::ExecutionStopping(id),
            Refusal::NotPaused => Self::ExecutionNotPaused(id),
            Refusal::DecisionNeeded => Self::UnknownEffects(id),
            Refusal::SignalBufferFull => Self::SignalBufferFull(id),
            Refusal::ApprovalClosed => Self::ApprovalClosed,
            Refusal::ApprovalExpired => Self::ApprovalExpired,
            Refusal::ApprovalChanged => Self::ApprovalChanged,
            Refusal::ApproverRequired => Self::ApproverRequired,
            Refusal::AnswerInvalid { field, message } => Self::FieldInvalid { field, message },
            Refusal::EffectNotUnknown => Self::EffectNotUnknown(id),
            Refusal::NotProbed => Self::EffectNotProbed(id),
            Refusal::Damaged => Self::ExecutionDamaged(id),
        }
    }
}

fn places(steps: &[u32]) -> String {
    let steps: Vec<_> = steps.iter().map(ToString::to_string).collect();
    if steps.is_empty() { "none".to_owned() } else { steps.join(", ") }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::ExecutionNotFound(_)
            | Self::NotHeld
            | Self::AgentNotFound(_)
            | Self::VersionNotFound { .. }
            | Self::ApprovalNotFound(_)
            | Self::EffectNotFound { .. }
            | Self::TriggerNotFound(_) => Kind::NotFound,
            Self::AgentDeleted(_) => Kind::Gone,
            Self::CursorInvalid => Kind::Malformed,
            Self::ApproverRequired | Self::CallbackInvalid => Kind::Forbidden,
            Self::AgentNotDeployed { .. }
            | Self::ExecutionEnded(_)
            | Self::ExecutionStopping(_)
            | Self::ExecutionHeld(_)
            | Self::Killed(_)
            | Self::ExecutionNotPaused(_)
            | Self::ExecutionDamaged(_)
            | Self::ForkTooLong { .. }
            | Self::ReplayDiffers { .. }
            | Self::UnknownEffects(_)
            | Self::ApprovalClosed
            | Self::ApprovalDecided { .. }
            | Self::ApprovalExpired
            | Self::ApprovalChanged
            | Self::EffectNotUnknown(_)
            | Self::EffectNotProbed(_)
            | Self::TriggerNameTaken(_)
            | Self::TriggerDeclared(_)
            | Self::TriggerInactive(_)
            | Self::TriggerPaused
            | Self::TriggerLimit(_)
            | Self::TriggerNotWebhook(_)
            | Self::ChainTooDeep(_) => Kind::Conflict,
            Self::WebhookRefused => Kind::Unauthenticated,
            Self::VersionInvalid { .. }
            | Self::InputInvalid(_)
            | Self::FieldInvalid { .. }
            | Self::TriggerInvalid(_)
            | Self::MappingFailed(_)
            | Self::ForkStepInvalid { .. }
            | Self::IdempotencyKeyReused(_) => Kind::Invalid,
            Self::SignalBufferFull(_) | Self::QueueFull { .. } | Self::QueueTooOld { .. } | Self::TriggerQueueFull => {
                Kind::RateLimited
            }
            Self::Draining
            | Self::ShardUnowned
            | Self::CommitTimeout
            | Self::JournalFailing(_)
            | Self::KillUnfinished
            | Self::ProgramUnavailable(_)
            | Self::WebhookKeyMissing => Kind::Unavailable,
            Self::JournalUnreadable { .. } | Self::ReplayFailed => Kind::Internal,
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::ExecutionNotFound(_) => "execution_not_found",
            Self::AgentNotFound(_) => "agent_not_found",
            Self::AgentDeleted(_) => "agent_deleted",
            Self::VersionNotFound { .. } => "version_not_found",
            Self::AgentNotDeployed { .. } => "agent_not_deployed",
            Self::VersionInvalid { .. } => "version_invalid",
            Self::InputInvalid(_) => "input_invalid",
            Self::FieldInvalid { .. } => "field_invalid",
            Self::CursorInvalid => "cursor_invalid",
            Self::IdempotencyKeyReused(_) => "idempotency_key_reused",
            Self::ExecutionEnded(_) => "execution_ended",
            Self::ExecutionStopping(_) => "execution_stopping",
            Self::ExecutionHeld(_) => "execution_held",
            Self::NotHeld => "not_held",
            Self::Killed(_) => "kill_switch_on",
            Self::KillUnfinished => "kill_unfinished",
            Self::ExecutionNotPaused(_) => "execution_not_paused",
            Self::UnknownEffects(_) => "unknown_effects",
            Self::SignalBufferFull(_) => "signal_buffer_full",
            Self::QueueFull { .. } => "queue_full",
            Self::QueueTooOld { .. } => "queue_too_old",
            Self::ApprovalNotFound(_) => "approval_not_found",
            Self::ApprovalClosed | Self::ApprovalDecided { .. } => "approval_decided",
            Self::ApprovalExpired => "approval_expired",
            Self::ApprovalChanged => "approval_changed",
            Self::ApproverRequired => "approver_required",
            Self::CallbackInvalid => "callback_invalid",
            Self::EffectNotFound { .. } => "effect_not_found",
            Self::EffectNotUnknown(_) => "effect_not_unknown",
            Self::EffectNotProbed(_) => "effect_not_probed",
            Self::TriggerNotFound(_) => "trigger_not_found",
            Self::TriggerNameTaken(_) => "trigger_name_taken",
            Self::TriggerInvalid(_) => "trigger_invalid",
            Self::TriggerDeclared(_) => "trigger_declared",
            Self::TriggerInactive(_) => "trigger_inactive",
            Self::TriggerPaused => "trigger_paused",
            Self::TriggerLimit(_) => "trigger_limit",
            Self::TriggerNotWebhook(_) => "trigger_not_webhook",
            Self::TriggerQueueFull => "trigger_queue_full",
            Self::ChainTooDeep(_) => "chain_too_deep",
            Self::MappingFailed(_) => "mapping_failed",
            Self::WebhookRefused => "webhook_refused",
            Self::WebhookKeyMissing => "webhook_key_missing",
            Self::Draining => "draining",
            Self::ShardUnowned => "shard_unowned",
            Self::CommitTimeout => "commit_timeout",
            Self::JournalFailing(code) => code,
            Self::JournalUnreadable { .. } => "journal_unreadable",
            Self::ExecutionDamaged(_) => "execution_damaged",
            Self::ForkStepInvalid { .. } => "fork_step_invalid",
            Self::ForkTooLong { .. } => "fork_too_long",
            Self::ReplayDiffers { .. } => "replay_differs",
            Self::ProgramUnavailable(_) => "sandbox_unavailable",
            Self::ReplayFailed => "internal",
            Self::Store(error) => error.code(),
        }
    }
}
