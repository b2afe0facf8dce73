//! The wire contract of `/v1`: bodies and problems, as the OpenAPI document shows them.
//!
//! Conventions: `snake_case`, unknown fields refused, times RFC 3339 in UTC, ids TypeIDs with a prefix, lists as
//! [`Page`]s with an opaque cursor.
//!
//! **Never here:** behaviour.

pub mod agents;
pub mod approvals;
pub mod bundles;
pub mod changes;
pub mod config;
pub mod deployments;
pub mod executions;
pub mod holds;
pub mod keys;
pub mod problem;
pub mod sessions;
pub mod state;
pub mod triggers;
pub mod versions;

pub use config::AgentConfig;
pub use problem::{Problem, ProblemItem};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One page of a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items, newest first unless the operation says otherwise.
    pub items: Vec<T>,
    /// Hand this back as `cursor` for the next page; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The same page with other items.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next: self.next }
    }
}

/// Query parameters of every list.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Where to go on: `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Items per page, 1 to 200; 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}
