//! The states of an execution and the reasons why one waits. Transitions: `execution/src/engine/`.

use serde::{Deserialize, Serialize};

macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant,)* }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in rows, on the wire and on pages.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }

        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|v| v.as_str() == text).ok_or_else(|| {
                    let all: Vec<_> = Self::ALL.iter().map(|v| v.as_str()).collect();
                    format!("expected one of {}, got {text:?}", all.join(", "))
                })
            }
        }
    };
}

pub(crate) use text_enum;

text_enum! {
    /// Where an execution stands.
    State {
        /// Accepted; waits for an owner, a quota or a slot.
        Scheduled = "scheduled",
        /// Attempt N is at work on it.
        Running = "running",
        /// Holds no compute; waits for a timer, a signal or both.
        Suspended = "suspended",
        /// A transient error; the next attempt comes at its time.
        BackingOff = "backing_off",
        /// Held, with a [`Reason`]; only a resume or a cancel moves it.
        Paused = "paused",
        /// Terminal: ended with an output.
        Completed = "completed",
        /// Terminal: ended with an error.
        Failed = "failed",
        /// Terminal: stopped by somebody.
        Cancelled = "cancelled",
    }
}

impl State {
    /// Completed, failed or cancelled: it never changes again.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

text_enum! {
    /// Why an execution is paused.
    Reason {
        /// Somebody asked for it.
        Operator = "operator",
        /// Its agent or its project is held.
        Held = "held",
        /// Every allowed attempt failed without progress.
        RetriesExhausted = "retries_exhausted",
        /// The server died too often while this ran, without progress in between.
        CrashLoop = "crash_loop",
        /// The journal does not fit the version's behaviour.
        Diverged = "diverged",
        /// A call that must not run twice was sent, and its outcome is not known.
        EffectUnknown = "effect_unknown",
        /// The journal reached its hard limit.
        JournalLimit = "journal_limit",
        /// A money or token budget is used up.
        Budget = "budget",
        /// The pinned version cannot be loaded.
        VersionMissing = "version_missing",
        /// An approval expired that holds its execution when it does.
        ApprovalExpired = "approval_expired",
    }
}

text_enum! {
    /// What a hold of an agent or a project does.
    HoldMode {
        /// Its executions are paused and go on when it is lifted; new ones are accepted and wait.
        Pause = "pause",
        /// Its executions are killed, and new ones are refused until it is lifted.
        Kill = "kill",
        /// Lifted: what it paused is being set to go on. It holds nothing any more.
        Release = "release",
    }
}

text_enum! {
    /// What a tool's call does to the world, which decides what happens when its outcome is unknown.
    Effect {
        /// Computes from its arguments alone; rides along with the next commit.
        Pure = "pure",
        /// Reads; may be repeated.
        Read = "read",
        /// Takes an idempotency key; may be repeated with the same key.
        Keyed = "keyed",
        /// May have happened or not: a probe says so, and what did not happen is sent again with the same key.
        Reconcile = "reconcile",
        /// Must not be repeated; an unknown outcome pauses the execution.
        AtMostOnce = "at_most_once",
    }
}

impl Effect {
    /// It changes something outside: its intent is durable before it is sent.
    pub const fn changes(self) -> bool {
        matches!(self, Self::Keyed | Self::Reconcile | Self::AtMostOnce)
    }
}

text_enum! {
    /// What the other side says about an effect of unknown outcome.
    ProbeOutcome {
        /// It happened; the probe has its answer.
        Done = "done",
        /// It did not happen and will not: it may be sent again.
        NotDone = "not_done",
        /// Nobody can say yet.
        Unknown = "unknown",
    }
}

text_enum! {
    /// What an operator decides about a call whose outcome is not known.
    EffectDecision {
        /// Send it again, with the same key.
        Retry = "retry",
        /// Tell the model that it failed.
        Fail = "fail",
        /// It happened: hand the model the answer that the operator gives.
        Succeed = "succeed",
    }
}

text_enum! {
    /// The kind of a step.
    StepKind {
        /// A model call.
        Model = "model",
        /// A tool call.
        Tool = "tool",
    }
}

text_enum! {
    /// Where a step stands.
    StepState {
        /// At work, or waiting for its next attempt.
        Running = "running",
        /// Waits for a timer or a signal.
        Waiting = "waiting",
        /// Has its result.
        Succeeded = "succeeded",
        /// Ended with an error.
        Failed = "failed",
        /// Sent, and nobody knows whether it happened.
        Unknown = "unknown",
        /// Given up because the execution was cancelled.
        Cancelled = "cancelled",
    }
}

/// The number of fixed shards. A shard says who owns an execution (DESIGN: 256).
pub const SHARDS: u16 = 256;

/// The shard of a routing key (an execution id, or the idempotency key that it was started with): FNV-1a, which is
/// stable across versions and machines.
pub fn shard_of(key: &[u8]) -> u16 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in key {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    // the high bits mix best
    u16::try_from((hash >> 32) % u64::from(SHARDS)).unwrap_or(0)
}
