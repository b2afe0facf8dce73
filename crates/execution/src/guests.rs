//! The guests of code agents, as executions need them: where their programs come from, and who runs them.
//!
//! A guest is a pure function of its [`GuestStart`] and of the answers in the order of the journal. Whoever implements
//! [`Guests`] rebuilds it from these, and says [`GuestEvent::Diverged`] when it then asks for something else than it did.

pub(crate) mod replay;

use std::sync::Arc;

use async_trait::async_trait;
use moltforge_api::AgentConfig;
use moltforge_types::{ExecutionId, ProjectId, Timestamp};
use serde_json::Value;

pub use crate::engine::{GuestEvent, GuestLife, Heard, Made};

/// The program of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// What runs it.
    pub image: Image,
    /// Its files; of a component none.
    pub files: Vec<SourceFile>,
    /// The name of the file that has `run`; of a component empty.
    pub entry: String,
}

/// What runs a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    /// The JavaScript engine that comes with the server.
    JavaScript,
    /// The Python engine that comes with the server.
    Python,
    /// The program is a component itself.
    Component {
        /// Its bytes.
        bytes: Arc<[u8]>,
        /// Their SHA-256, made once: it names what is compiled of them, at each start.
        sha256: [u8; 32],
    },
}

/// A file of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name as imports say it: `agent.js`, `lib/text.js`.
    pub name: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
}

/// Where the programs of code agents are kept.
#[async_trait]
pub trait Bundles: Send + Sync + 'static {
    /// The program that a version's configuration names. An error is the guest's end: what another attempt may change is
    /// [`GuestEvent::Lost`], a program that is gone or damaged [`GuestEvent::Missing`].
    async fn bundle(&self, project_id: ProjectId, config: &AgentConfig) -> Result<Arc<Bundle>, GuestEvent>;
}

/// What a guest is built from.
#[derive(Debug, Clone)]
pub struct GuestStart {
    /// Whose it is.
    pub project_id: ProjectId,
    /// Its execution.
    pub execution_id: ExecutionId,
    /// The version.
    pub config: Arc<AgentConfig>,
    /// What it is asked.
    pub input: Arc<Value>,
    /// Where all its randomness comes from. A fork has that of the execution that it was copied from.
    pub seed: [u8; 32],
    /// Its time at its start.
    pub now: Timestamp,
    /// What it asked for and heard before.
    pub life: GuestLife,
}

/// A guest that is there. Dropped, it is gone.
#[async_trait]
pub trait Guest: Send {
    /// What it does next. Cancel-safe.
    async fn next(&mut self) -> GuestEvent;

    /// Hands over its next answer.
    fn hear(&mut self, heard: Heard);
}

/// Who runs guests.
#[async_trait]
pub trait Guests: Send + Sync + 'static {
    /// Builds a guest. An error is its end: one that could not be started is [`GuestEvent::Lost`], one that never can be
    /// has [`GuestEvent::Failed`].
    async fn guest(&self, start: GuestStart) -> Result<Box<dyn Guest>, GuestEvent>;

    /// What the guest of an execution waits for, when it is not there yet or cannot go on: its engine, room.
    fn waits_for(&self, _: ExecutionId) -> Option<String> {
        None
    }
}
