//! Who is asking, and what they may do.

use serde::{Deserialize, Serialize};

use crate::id::{KeyId, ProjectId, SessionId};

/// One permission. A key holds a set of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// See agents, versions and deployments.
    #[serde(rename = "agents:read")]
    AgentsRead,
    /// Create, change, deploy and delete agents.
    #[serde(rename = "agents:write")]
    AgentsWrite,
    /// See executions, their steps and events.
    #[serde(rename = "executions:read")]
    ExecutionsRead,
    /// Start, signal, pause, resume and cancel executions.
    #[serde(rename = "executions:write")]
    ExecutionsWrite,
    /// Decide about calls that wait for an approval, as far as their policy names the key.
    #[serde(rename = "approvals:decide")]
    ApprovalsDecide,
    /// See API keys (never their secret).
    #[serde(rename = "keys:read")]
    KeysRead,
    /// Create and revoke API keys.
    #[serde(rename = "keys:write")]
    KeysWrite,
    /// See metrics and the audit log.
    #[serde(rename = "monitoring:read")]
    MonitoringRead,
}

impl Scope {
    /// Every scope there is.
    pub const ALL: [Self; 8] = [
        Self::AgentsRead,
        Self::AgentsWrite,
        Self::ExecutionsRead,
        Self::ExecutionsWrite,
        Self::ApprovalsDecide,
        Self::KeysRead,
        Self::KeysWrite,
        Self::MonitoringRead,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AgentsRead => "agents:read",
            Self::AgentsWrite => "agents:write",
            Self::ExecutionsRead => "executions:read",
            Self::ExecutionsWrite => "executions:write",
            Self::ApprovalsDecide => "approvals:decide",
            Self::KeysRead => "keys:read",
            Self::KeysWrite => "keys:write",
            Self::MonitoringRead => "monitoring:read",
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or_else(|| {
            let all: Vec<_> = Self::ALL.iter().map(|s| s.as_str()).collect();
            format!("unknown scope {text:?}, expected one of {}", all.join(", "))
        })
    }
}

/// What authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Actor {
    /// An API key.
    Key(KeyId),
    /// A dashboard session, opened with the named key.
    Session(SessionId, KeyId),
    /// MoltForge itself (`dev` deploying the sample agents).
    System,
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(id) => id.fmt(f),
            Self::Session(id, _) => id.fmt(f),
            Self::System => f.write_str("system"),
        }
    }
}

/// The authenticated asker: the first argument of every service operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The one project that it acts in.
    pub project_id: ProjectId,
    /// What authenticated.
    pub actor: Actor,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

impl Principal {
    /// Whether it holds `scope`.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}
