//! `/v1/changes`: the audit log.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One change of a project: who did what to what, and when. Written in the transaction of the change itself.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// Counts the project's changes from 1, without gaps.
    pub n: u64,
    /// When.
    pub at: String,
    /// Who: `key_...`, `ses_...` or `system`.
    pub actor: String,
    /// What, e.g. `agent.created`.
    pub action: String,
    /// The id of what was changed.
    pub subject: String,
    /// More about it, without secrets.
    pub data: serde_json::Value,
}
