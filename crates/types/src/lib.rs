//! The vocabulary of MoltForge: identifiers, time, faults, principals, states, events and journal entries.
//!
//! Every other crate speaks in these nouns. Start reading at [`execution`] and [`journal`].
//!
//! **Never here:** input or output of any kind, SQL, HTTP.

pub mod ambient;
pub mod approval;
pub mod conversation;
pub mod event;
pub mod execution;
pub mod fault;
pub mod hash;
pub mod id;
pub mod journal;
pub mod name;
pub mod origin;
pub mod principal;
pub mod secret;
pub mod time;

pub use ambient::{Ambient, Random, SeededRandom, SystemRandom};
pub use fault::{Fault, Kind};
pub use hash::ContentHash;
pub use id::{
    AgentId, ApprovalId, DeploymentId, ExecutionId, Id, KeyId, MessageId, NodeId, OrganisationId, ProjectId, RequestId,
    SessionId, TriggerId, VersionId,
};
pub use name::{AgentName, EnvironmentName, NameError};
pub use origin::{Fork, Origin, Parent};
pub use principal::{Actor, Principal, Scope};
pub use secret::Secret;
pub use time::{Clock, SystemClock, TestClock, Timestamp};
