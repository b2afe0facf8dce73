//! Fork and replay: what reads a whole journal.

use std::sync::Arc;

use moltforge_api::executions::{ForkExecution, ReplayDifference, ReplayExecution, Replayed, StartExecution};
use moltforge_store::ExecutionRow;
use moltforge_types::execution::shard_of;
use moltforge_types::journal::Entry;
use moltforge_types::{ContentHash, ExecutionId, Origin, Principal, ProjectId};
use serde_json::Value;

use super::{COMMIT_TIMEOUT, Executions, MAX_INPUT, Started, check_note};
use crate::engine::fork::{Fork, Refused};
use crate::engine::replay::{Difference, Journaled, Options, replay};
use crate::engine::{Execution, Spec, Start};
use crate::error::Error;
use crate::guests;
use crate::guests::replay::Differs;
use crate::shard::load;
use crate::shard::message::Request;
use crate::shard::shared::Shared;
use crate::shard::specs::VersionRef;
use crate::views;

impl Executions {
    /// Starts a new execution with a copy of another's entries before a step. One batch: all of it is there, or nothing.
    pub async fn fork(
        &self,
        principal: &Principal,
        id: ExecutionId,
        request: ForkExecution,
        idempotency_key: Option<String>,
    ) -> Result<Started, Error> {
        let project_id = principal.project_id;
        check_note(request.note.as_ref())?;
        let input = request.input.as_ref().map(Value::to_string);
        if let Some(size) = input.as_ref().map(String::len).filter(|size| *size > MAX_INPUT) {
            let message = format!("at most {MAX_INPUT} bytes of JSON, got {size}");
            return Err(Error::FieldInvalid { field: "/input", message });
        }
        let key = idempotency_key.map(|key| format!("{}:{key}", principal.actor));
        let request_hash = key.is_some().then(|| {
            let text = format!("fork {id} {}\n{:?}\n{input:?}\n{:?}", request.at_step, request.version, request.note);
            ContentHash::of(text.as_bytes()).to_string()
        });
        if let Some(key) = &key
            && let Some(row) = self.store.executions(project_id).find_by_key(key).await?
        {
            if row.request_hash != request_hash {
                return Err(Error::IdempotencyKeyReused(row.execution_id));
            }
            return Ok(Started { execution: views::of_row(row), created: false });
        }
        let row = self.row(project_id, id).await?;
        // the copy would run; what is there of a deleted agent is only read
        let agent = self.store.agents(project_id).find(row.agent_id).await?;
        if agent.is_some_and(|agent| agent.deleted_at.is_some()) {
            return Err(Error::AgentDeleted(row.agent_name));
        }
        let (spec, other_version) = self.version(&row, request.version).await?;
        let _turn = self.turn().await?;
        // a part that cannot be read is no hindrance behind the step
        let (journal, _) = load::journaled(&self.shared, id).await?;
        let new: ExecutionId = self.shared.ambient.id();
        let ForkExecution { at_step, input, note, .. } = request;
        let by = principal.actor.to_string();
        let fork = Fork { from: id, id: new, spec: spec.clone(), other_version, step: at_step, input, by, note };
        let context = self.shared.context(true, &spec);
        let entries = blocking(move || fork.entries(&journal, context)).await?;
        let copied = entries.map_err(|refused| refusal(id, at_step, refused))?;
        let shard = match &key {
            Some(key) => shard_of(format!("{project_id}:{key}").as_bytes()),
            None => shard_of(new.to_string().as_bytes()),
        };
        let environment = row.environment.as_deref().and_then(|name| name.parse().ok());
        let origin = match copied.first().map(|recorded| &recorded.entry) {
            Some(Entry::Scheduled { origin, .. }) => origin.clone(),
            _ => Origin::default(),
        };
        let (input, trigger) = (Value::Null, "fork");
        let start = Start { id: new, spec, environment, input, trigger, origin, request_hash, copied: Some(copied) };
        let start = Box::new(start);
        let make = |reply| Request::Start { start, idempotency_key: key, shard, wait: false, reply };
        let execution = self.ask(shard, COMMIT_TIMEOUT, make).await?;
        let created = execution.execution_id == new.to_string();
        Ok(Started { execution, created })
    }

    /// Runs the engine over the recorded journal again, and the program of a code agent, without any effect, and compares
    /// what they do.
    pub async fn replay(
        &self,
        project_id: ProjectId,
        id: ExecutionId,
        request: ReplayExecution,
    ) -> Result<Replayed, Error> {
        let row = self.row(project_id, id).await?;
        let (spec, other_version) = self.version(&row, request.version).await?;
        let _turn = self.turn().await?;
        let (journal, damage) = load::journaled(&self.shared, id).await?;
        let version = spec.version;
        let read = journal.len() as u64;
        let folded = blocking(move || {
            let replayed = replay(id, &spec, &journal, Options { other_version, ..Options::default() });
            (replayed, spec, journal)
        });
        let (replayed, spec, journal) = folded.await?;
        let difference = match (replayed, damage) {
            (Ok(execution), None) if spec.is_code() => program(&self.shared, &execution, &journal).await?,
            (Ok(_), None) => None,
            // the engine would have gone on where the readable part ends
            (Ok(_), Some(damage)) => Some(unreadable(&damage)),
            (Err(difference), Some(damage)) if difference.seq > read => Some(unreadable(&damage)),
            (Err(difference), _) => Some(shown((*difference).into())),
        };
        let entries = difference.as_ref().map_or(read, |difference| difference.seq.saturating_sub(1).min(read));
        Ok(Replayed { identical: difference.is_none(), entries, version, difference })
    }

    async fn row(&self, project_id: ProjectId, id: ExecutionId) -> Result<ExecutionRow, Error> {
        let row = self.store.executions(project_id).find(id).await?;
        row.ok_or_else(|| Error::ExecutionNotFound(id.to_string()))
    }

    /// The version that is asked for, or the execution's own; and whether it is another.
    async fn version(&self, row: &ExecutionRow, number: Option<u32>) -> Result<(Arc<Spec>, bool), Error> {
        if let Some(version) = number.filter(|number| *number != row.version) {
            let agent = row.agent_id.to_string();
            let request: StartExecution = StartExecution {
                agent,
                input: Value::Null,
                environment: None,
                version: Some(version),
                priority: None,
                concurrency_key: None,
            };
            let (spec, _) = self.shared.directory.resolve(&self.shared, row.project_id, &request).await?;
            return Ok((spec, true));
        }
        let of = VersionRef {
            project_id: row.project_id,
            agent_id: row.agent_id,
            version_id: row.version_id,
            version: row.version,
        };
        let spec = self.shared.specs.get(self.shared.journal.reads(), of).await?;
        let spec = spec.map_err(|error| Error::VersionInvalid { version: row.version, message: error.message })?;
        Ok((spec, false))
    }

    /// Journals that are in memory whole at the same time are few.
    async fn turn(&self) -> Result<tokio::sync::OwnedSemaphorePermit, Error> {
        let turn = tokio::time::timeout(COMMIT_TIMEOUT, self.whole.clone().acquire_owned()).await;
        turn.ok().and_then(Result::ok).ok_or(Error::QueueFull { retry_after: COMMIT_TIMEOUT })
    }
}

/// Work that keeps a processor busy, off the threads that others wait for.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::ReplayFailed)
}

fn refusal(id: ExecutionId, step: u32, refused: Refused) -> Error {
    match refused {
        Refused::NoPlace(steps) => Error::ForkStepInvalid { execution_id: id, step, steps },
        Refused::TooLong { entries, bytes } => Error::ForkTooLong { execution_id: id, entries, bytes },
        Refused::InputFixed => {
            let message =
                "another input is possible before step 1 alone; what is copied answered the old one".to_owned();
            Error::FieldInvalid { field: "/input", message }
        }
        Refused::InputInvalid(errors) => Error::InputInvalid(errors),
        Refused::Differs(difference) => {
            let Difference { seq, message, .. } = *difference;
            Error::ReplayDiffers { execution_id: id, seq, message }
        }
    }
}

fn unreadable(damage: &load::Damage) -> ReplayDifference {
    ReplayDifference { seq: damage.seq, message: damage.message.clone(), recorded: None, produced: None }
}

fn shown(differs: Differs) -> ReplayDifference {
    let Differs { seq, message, recorded, produced } = differs;
    ReplayDifference { seq, message, recorded, produced }
}

async fn program(
    shared: &Shared,
    execution: &Execution,
    journal: &[Journaled],
) -> Result<Option<ReplayDifference>, Error> {
    match guests::replay::program(shared, execution, journal).await {
        Ok(differs) => Ok(differs.map(shown)),
        Err(error) => Err(Error::ProgramUnavailable(error.message)),
    }
}
