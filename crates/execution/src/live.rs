//! Which version a start means: asked of the store, and remembered for as long as it is surely still so.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use moltforge_api::executions::StartExecution;
use moltforge_store::{AgentRef, Store, VersionRef as Wanted};
use moltforge_types::{EnvironmentName, NameError, ProjectId, Timestamp};

use crate::engine::Spec;
use crate::error::Error;
use crate::shard::kept::Kept;
use crate::shard::shared::Shared;
use crate::shard::specs::VersionRef;

/// Answers kept in memory, and the bytes of their versions; beyond that those go that were used longest ago.
const MAX_KEPT: usize = 1_024;
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// The store's revision makes an answer old. This bounds what a transaction does that lands after its task gave up.
const LONGEST: Duration = Duration::from_secs(1);

/// Which version a start means: the seam between an owner and the deployments.
#[async_trait]
pub(crate) trait Directory: Send + Sync {
    /// The version that a start means, compiled, and the environment that it was found in.
    async fn resolve(
        &self,
        shared: &Shared,
        project_id: ProjectId,
        request: &StartExecution,
    ) -> Result<(Arc<Spec>, Option<EnvironmentName>), Error>;

    /// Learns who waits for events: before an owner writes any, or they would be lost to them.
    async fn listen(&self, _shared: &Shared) -> Result<(), Error> {
        Ok(())
    }
}

/// What is live, as far as it is known.
pub(crate) struct Live {
    store: Store,
    kept: Mutex<Kept<Question, Answer>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Question {
    project_id: ProjectId,
    agent: String,
    environment: Option<EnvironmentName>,
    version: Option<u32>,
}

struct Answer {
    revision: u64,
    at: Timestamp,
    spec: Arc<Spec>,
}

#[async_trait]
impl Directory for Live {
    async fn resolve(
        &self,
        shared: &Shared,
        project_id: ProjectId,
        request: &StartExecution,
    ) -> Result<(Arc<Spec>, Option<EnvironmentName>), Error> {
        let environment = match (&request.environment, request.version) {
            (None, Some(_)) => None,
            (None, None) => Some(EnvironmentName::production()),
            (Some(name), _) => Some(name.parse().map_err(|error: NameError| Error::FieldInvalid {
                field: "/environment",
                message: error.to_string(),
            })?),
        };
        let question = Question { project_id, agent: request.agent.clone(), environment, version: request.version };
        let (now, revision) = (shared.ambient.now(), self.store.revision());
        if let Some(spec) = revision.and_then(|revision| self.find(&question, revision, now)) {
            return Ok((spec, question.environment));
        }
        let spec = ask(shared, &self.store, &question).await?;
        let environment = question.environment.clone();
        if let Some(revision) = revision {
            self.keep(question, Answer { revision, at: now, spec: spec.clone() });
        }
        Ok((spec, environment))
    }

    async fn listen(&self, shared: &Shared) -> Result<(), Error> {
        shared.listeners.refresh(&self.store).await
    }
}

impl Live {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, kept: Mutex::new(Kept::new(MAX_KEPT, MAX_BYTES)) }
    }

    fn find(&self, question: &Question, revision: u64, now: Timestamp) -> Option<Arc<Spec>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = kept.get(question)?;
        (answer.revision == revision && now.since(answer.at) < LONGEST).then(|| answer.spec.clone())
    }

    fn keep(&self, question: Question, answer: Answer) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let weight = answer.spec.weight;
        kept.insert(question, answer, weight);
    }
}

async fn ask(shared: &Shared, store: &Store, question: &Question) -> Result<Arc<Spec>, Error> {
    let Question { project_id, agent, environment, version } = question;
    let wanted = match version {
        Some(number) => Wanted::Number(*number),
        None => Wanted::Environment(environment.clone().unwrap_or_else(EnvironmentName::production)),
    };
    let resolved = store.versions(*project_id).resolve(&agent_ref(agent)?, &wanted).await?;
    let resolved = resolved.filter(|found| !found.deleted).ok_or_else(|| Error::AgentNotFound(agent.clone()))?;
    let Some(found) = resolved.version else {
        return Err(match version {
            Some(version) => Error::VersionNotFound { agent: agent.clone(), version: *version },
            None => Error::AgentNotDeployed {
                agent: agent.clone(),
                environment: environment.as_ref().map(ToString::to_string).unwrap_or_default(),
            },
        });
    };
    let of = VersionRef {
        project_id: *project_id,
        agent_id: resolved.agent_id,
        version_id: found.version_id,
        version: found.version,
    };
    let compiled = shared.specs.compile(of, &found.config);
    compiled.map_err(|error| Error::VersionInvalid { version: found.version, message: error.message })
}

/// An agent by its id or name. What is neither names no agent.
pub(crate) fn agent_ref(text: &str) -> Result<AgentRef, Error> {
    text.parse().map_err(|_| Error::AgentNotFound(text.chars().take(80).collect()))
}
