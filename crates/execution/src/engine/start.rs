//! Start: the first entries of an execution.

use std::sync::Arc;

use moltforge_types::journal::Entry;
use moltforge_types::{EnvironmentName, ExecutionId, Origin};
use serde_json::Value;

use super::{Context, Execution, Outcome, Recorded, Spec};

/// What a start says, checked already: the version is resolved and the input fits its schema.
#[derive(Debug, Clone)]
pub struct Start {
    /// The id, made by the caller.
    pub id: ExecutionId,
    /// The version.
    pub spec: Arc<Spec>,
    /// The environment whose deployment was called.
    pub environment: Option<EnvironmentName>,
    /// The input.
    pub input: Value,
    /// What started it.
    pub trigger: &'static str,
    /// The rest of where it comes from.
    pub origin: Origin,
    /// Hash of the request, when it came with an idempotency key.
    pub request_hash: Option<String>,
    /// A fork's entries; what this says else is not written then.
    pub copied: Option<Vec<Recorded>>,
}

impl Start {
    /// A new execution in state `scheduled` with its first entry. A `Claim` in the same batch sets it to work.
    pub fn accept(self, context: Context) -> (Execution, Outcome) {
        if let Some(entries) = self.copied {
            let execution = super::fork::folded(self.id, self.spec, &entries);
            return (execution, Outcome { entries, ..Outcome::default() });
        }
        let mut execution = Execution::empty(self.id, self.spec.clone());
        let mut outcome = Outcome::default();
        // written down: it stays when the agent's changes
        let priority = self.origin.priority.or(self.spec.config.priority);
        let entry = Entry::Scheduled {
            agent_id: self.spec.agent_id,
            agent_name: self.spec.agent_name.clone(),
            version_id: self.spec.version_id,
            version: self.spec.version,
            environment: self.environment,
            input: self.input,
            trigger: self.trigger.to_owned(),
            origin: Origin { priority, ..self.origin },
            deadline: Some(context.now.plus(self.spec.wall)),
            request_hash: self.request_hash,
        };
        execution.write(entry, context, &mut outcome);
        (execution, outcome)
    }
}
