//! What one agent asks for. What it gets is the part of it that the operator grants.

use std::fmt::Write as _;
use std::sync::Arc;

use moltforge_types::ProjectId;
use url::Host;

use crate::host::HostRule;

/// The hosts that one agent requests, in one project. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Grant {
    project: ProjectId,
    requested: Arc<[HostRule]>,
    /// Names the pool of connections: agents of different projects or with different requests share none.
    key: Arc<str>,
}

impl Grant {
    /// A grant for what an agent of `project` requests.
    pub fn new(project: ProjectId, requested: impl IntoIterator<Item = HostRule>) -> Self {
        let requested: Arc<[HostRule]> = requested.into_iter().collect();
        let mut key = project.to_string();
        for rule in requested.iter() {
            // writing to a string cannot fail
            let _ = write!(key, " {rule}");
        }
        Self { project, requested, key: key.into() }
    }

    /// Whether the agent asks for this host and port.
    pub fn requests(&self, host: &Host<String>, port: u16) -> bool {
        self.requested.iter().any(|rule| rule.covers(host, port))
    }

    pub(crate) fn project(&self) -> ProjectId {
        self.project
    }

    pub(crate) fn key(&self) -> &Arc<str> {
        &self.key
    }
}
