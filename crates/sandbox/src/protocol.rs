//! What the server and a worker say to each other.
//!
//! A message is a frame: its length in four bytes, then postcard. The server believes nothing of it: see
//! `sandbox/watch.rs`.

pub(crate) mod call;
pub(crate) mod descriptor;
pub(crate) mod frame;
mod list;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::limits::{Limit, Limits};

/// The largest message in either direction.
pub(crate) const FRAME_MAX: usize = 48 << 20;

/// After so many bytes of commands a worker sends them, without waiting for the guest to block.
pub(crate) const PART: usize = 1 << 20;

/// What each of them counts for besides its bytes.
pub(crate) const EACH: usize = 16;

/// The most elements of a list in a message: with one more its worker would have sent a part before.
pub(crate) const LIST_MAX: usize = PART / EACH + 1;

/// The most bytes of what a worker says of its confinement.
pub(crate) const REPORT_MAX: usize = 64 << 10;

/// The least that a guest asks for at a time, if it may have so much.
pub(crate) const GROWTH: u64 = 1 << 20;

/// One guest of one worker. Never used twice.
pub(crate) type GuestId = u64;

/// From the server to a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToWorker {
    /// A compiled image that guests will name by its number. Its file comes with the first byte of the message.
    Load { image: u32, world: World },
    /// Run a guest.
    Start { guest: GuestId, start: Box<Start> },
    /// The next completion of a guest.
    Deliver { guest: GuestId, completion: Completion },
    /// Drop a guest, nothing more is heard of it.
    Stop { guest: GuestId },
    /// A guest may have so many bytes more of what it asked for; of nothing it hears that the node does not have them.
    Granted { guest: GuestId, bytes: u64 },
}

/// What an image is linked with. The server says so: what a component of a stranger looks like decides nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum World {
    /// `moltforge:engine`: the engine of a language.
    Engine,
    /// `moltforge:typescript`: it strips types.
    TypeScript,
    /// `moltforge:agent`: a component of a user.
    Agent,
}

/// What a guest is a function of, but for its completions.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Start {
    pub(crate) image: u32,
    pub(crate) files: Vec<File>,
    pub(crate) entry: String,
    pub(crate) input: String,
    pub(crate) seed: [u8; 32],
    pub(crate) now: u64,
    pub(crate) limits: Limits,
    /// Bytes that it may have before it asks for more.
    pub(crate) granted: u64,
    /// So many completions are on their way already: until they are consumed nobody waits for a word.
    pub(crate) replay: u32,
}

/// A file of an agent's bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its name as imports say it: `agent.js`, `lib/text.js`.
    pub name: Arc<str>,
    /// Its text. All guests of a program share it until they are sent to their worker.
    pub text: Arc<str>,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// The call's id.
    pub id: u32,
    /// The virtual time at which the guest hears of it: microseconds since the epoch.
    pub at: u64,
    /// JSON: its value, or an error `{"code": "...", "message": "..."}`.
    pub value: Result<String, String>,
}

/// From a worker to the server.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromWorker {
    /// The first message.
    Ready {
        /// [`crate::config::fingerprint`] of the worker.
        fingerprint: [u8; 32],
        /// What confines it: a `moltforge_jail::Report` as JSON. A worker can say this at any time, and only the first
        /// one is read.
        report: String,
    },
    /// A guest asks for something, or waits.
    Asked { guest: GuestId, asked: Asked, usage: Usage },
    /// A guest returned.
    Ended { guest: GuestId, end: End, usage: Usage },
    /// A guest failed.
    Failed { guest: GuestId, failure: Failure, last: Asked, usage: Usage },
    /// What a guest that computes for long has used so far.
    Used { guest: GuestId, usage: Usage },
    /// A guest needs so many bytes more, and waits until they are granted.
    Grow { guest: GuestId, bytes: u64, usage: Usage },
}

/// A guest's last words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// What `run` returned: JSON.
    pub output: String,
    /// What it asked for and logged since it was last heard of. Nobody waits for these calls any more.
    pub last: Asked,
}

/// What a guest asked for since it was last heard of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Calls, in program order.
    #[serde(deserialize_with = "list::read")]
    pub calls: Vec<Call>,
    /// Calls whose completion it no longer wants.
    #[serde(deserialize_with = "list::read")]
    pub cancelled: Vec<Cancelled>,
    /// Texts that it logged.
    #[serde(deserialize_with = "list::read")]
    pub logs: Vec<Log>,
    /// How many completions it has consumed.
    pub consumed: u32,
    /// Whether it waits for the next completion. If not, it is still computing and this is a part.
    pub blocked: bool,
}

/// A call of a capability.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// 1, 2, 3, ...
    pub id: u32,
    /// The capability.
    pub name: String,
    /// Its arguments: JSON.
    pub args: String,
    /// How many completions the guest had consumed when it asked.
    pub after: u32,
}

/// A call that the guest no longer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    /// The call's id.
    pub id: u32,
    /// How many completions the guest had consumed when it cancelled.
    pub after: u32,
}

/// A text that a guest logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// 0 debug, 1 info, 2 warn, 3 error.
    pub level: u8,
    /// The text.
    pub message: String,
    /// How many completions the guest had consumed when it logged. A guest that is rebuilt logs again.
    pub after: u32,
}

/// What a guest uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Bytes of linear memory.
    pub memory: u64,
    /// Time on a processor since it was started or rebuilt.
    pub cpu: Duration,
}

/// Why a guest has no output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// For the author of the agent.
    pub message: String,
    /// Where in the author's files, if that is known.
    pub stack: String,
}

/// The kinds of failures of a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FailureKind {
    /// A file cannot be parsed, or imports what is not there.
    Syntax,
    /// An exception that nobody caught.
    Exception,
    /// It waits for something that nobody will bring.
    Deadlock,
    /// The entry has no `run`.
    NoRun,
    /// The engine image, or the component itself, broke: a trap.
    Engine,
    /// It called a capability in a way that is no call: a name or arguments that cannot be.
    Misuse,
    /// Its completions do not fit its calls: it is not the guest that was recorded.
    Diverged,
    /// A limit.
    Limit(Limit),
    /// A component wants something of its imports that they do not have.
    Imports,
    /// A component's `run` is missing, or another one.
    Exports,
    /// A component declares more memory, tables or instances than any guest can have.
    Size,
}

impl FailureKind {
    /// The name in messages and in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Exception => "exception",
            Self::Deadlock => "deadlock",
            Self::NoRun => "no-run",
            Self::Engine => "engine",
            Self::Misuse => "misuse",
            Self::Diverged => "diverged",
            Self::Limit(_) => "limit",
            Self::Imports => "imports",
            Self::Exports => "exports",
            Self::Size => "size",
        }
    }
}
