//! The agent service: create, configure, version, deploy, undeploy.
//!
//! An agent is a name with versions; a version is an immutable snapshot of a configuration, named by the hash of its
//! content; a deployment makes a version live in an environment. Whatever changes takes the agent's row lock first and
//! writes its change (`agent.created`, `agent.deployed`, ...) in the same transaction, so that numbers have no gaps and
//! the audit log no holes. Start reading at [`Agents`].
//!
//! **Never here:** agent code being run, a look into an execution beyond whether it lives, a version being changed.

mod agents;
mod bundles;
mod deployments;
mod diff;
mod error;
mod http;
mod merge;
mod state;
mod triggers;
mod versions;
mod views;

pub use agents::{
    AgentPosition, Agents, CancelExecutions, Cancelling, Checking, Deployed, ListedBy, ModelCheck, ProgramCheck,
    ProgramFault, ProgramToCheck, Put,
};
pub use error::Error;
pub use http::router;

/// The name that callers are signed for.
pub const AUDIENCE: &str = "agents";
