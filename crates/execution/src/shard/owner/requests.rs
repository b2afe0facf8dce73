//! Requests from the API.

use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use moltforge_store::{ExecutionRow, NewExecution};
use moltforge_types::execution::State;
use moltforge_types::{ExecutionId, Fault as _, ProjectId};
use tokio::time::Instant;

use super::{Drain, Owner};
use crate::engine::{Command, Outcome, Start};
use crate::error::Error;
use crate::mutation::{Mutation, mutated};
use crate::shard::health::Health;
use crate::shard::hot::{Hot, claimant_of_start};
use crate::shard::load;
use crate::shard::message::{Asker, Event, Loaded, Reply, Request};
use crate::shard::snapshot::Covered;
use crate::views;

/// What an execution that ran when its owner was lost is told first.
pub(super) const LOST: Command = Command::Claim { recovered: true };

/// Whether a command is [`LOST`].
pub(super) fn is_lost(command: &Command) -> bool {
    matches!(command, Command::Claim { recovered: true })
}

/// A command that waits for room in the batch.
pub(super) type Deferred = (ProjectId, ExecutionId, Command, Asker);

fn not_found(id: ExecutionId) -> Error {
    Error::ExecutionNotFound(id.to_string())
}

impl Owner {
    pub(super) fn request(&mut self, request: Request) {
        let failing = match *self.health.borrow() {
            Health::Failing(code) => Some(code),
            _ => None,
        };
        match (request, failing) {
            // what is staged is kept; more would only wait longer than its asker
            (Request::Start { reply, .. } | Request::Apply { reply, .. }, Some(code)) => {
                let _ = reply.send(Err(Error::JournalFailing(code)));
            }
            (request, _) => self.take(request),
        }
    }

    fn take(&mut self, request: Request) {
        match request {
            Request::Drain { done } => {
                let deadline = Instant::now() + Duration::from_secs(self.shared.config.drain_seconds);
                self.draining = Some(Drain { done, deadline });
                self.drop_waiting_calls();
            }
            Request::Barrier { done } => self.barrier(done),
            Request::Start { reply, .. } | Request::Apply { reply, .. } if self.draining.is_some() => {
                let _ = reply.send(Err(Error::Draining));
            }
            Request::Start { start, idempotency_key, shard, wait, reply } => {
                self.start(*start, idempotency_key, shard, wait, reply);
            }
            Request::Apply { project_id, execution_id, command, known, reply } => {
                self.apply_or_load_known(project_id, execution_id, command, known, Asker::Api(reply));
            }
            Request::Message(message) => self.deliver(&message),
        }
    }

    fn start(&mut self, start: Start, key: Option<String>, shard: u16, wait: bool, reply: Reply) {
        // a child is part of work that has begun: its parent may hold a slot until it is accepted
        let is_child = start.origin.parent.is_some();
        // nobody waits for it any more: its parent was stopped, or asks again with the same id
        if is_child && reply.is_closed() {
            return;
        }
        let key = key.map(|key| (start.spec.project_id, key));
        if !mutated(Mutation::NoStartDedupe)
            && let Some((id, hash)) = key.as_ref().and_then(|key| self.recent_keys.find(key)).cloned()
        {
            self.repeat(id, hash.as_deref(), &start, wait, reply);
            return;
        }
        if let Err(error) = self.shared.holds.takes_starts(start.spec.project_id, start.spec.agent_id) {
            let _ = reply.send(Err(error));
            return;
        }
        let claimant = Arc::new(claimant_of_start(&start));
        let permit = self.shared.fairness.try_run(&claimant);
        let has_slot = permit.is_some();
        if !has_slot
            && !is_child
            && let Err(pressure) = self.shared.fairness.pressure(claimant.project_id)
        {
            let _ = reply.send(Err(pressure.into()));
            return;
        }
        let context = self.shared.context(has_slot, &start.spec);
        if let Some(key) = &key {
            self.recent_keys.insert(key.clone(), (start.id, start.request_hash.clone()), self.forming.number);
        }
        let (project_id, id, request_hash) = (start.spec.project_id, start.id, start.request_hash.clone());
        let environment = start.environment.as_ref().map(ToString::to_string);
        let (execution, outcome) = start.accept(context);
        let new = NewExecution {
            project_id,
            execution_id: id,
            shard,
            agent_id: execution.spec.agent_id,
            agent_name: execution.spec.agent_name.to_string(),
            version_id: execution.spec.version_id,
            version: execution.spec.version,
            environment: environment.clone(),
            idempotency_key: key.map(|(_, key)| key),
            request_hash,
            input: execution.input.to_string(),
            deadline: execution.deadline,
            created_at: context.now,
            trigger: execution.trigger.clone(),
            origin: execution.origin.clone(),
            last_seq: execution.seq,
            columns: views::columns(&execution),
        };
        self.forming.start(new);
        let mut hot = Hot::new(Loaded { execution, shard, environment, snapshot: Covered::default() });
        self.admitted.extend(permit.map(|permit| (id, permit)));
        let asker = if wait {
            hot.watchers.push(reply);
            Asker::Nobody
        } else {
            Asker::Api(reply)
        };
        self.hot.insert(id, hot);
        if has_slot {
            // one commit for both: its acceptance and its first attempt
            self.stage(id, State::Scheduled, outcome, Asker::Nobody);
            self.apply(id, Command::Claim { recovered: false }, asker);
        } else {
            self.stage(id, State::Scheduled, outcome, asker);
        }
    }

    /// A start whose key was seen a moment ago: the answer is the execution that the first one made.
    fn repeat(&mut self, id: ExecutionId, hash: Option<&str>, start: &Start, wait: bool, reply: Reply) {
        if hash != start.request_hash.as_deref() {
            // the execution that it names may be on its way to the disk
            self.gate(id, Outcome::default(), vec![(reply, Err(Error::IdempotencyKeyReused(id)))]);
            return;
        }
        let project_id = start.spec.project_id;
        match self.hot.get_mut(&id) {
            Some(hot) if wait && !hot.rests() => hot.watchers.push(reply),
            Some(hot) => {
                let view = views::of_hot(&hot.execution, hot.environment.as_deref());
                self.gate(id, Outcome::default(), vec![(reply, Ok(view))]);
            }
            None => self.read_row(project_id, id, reply),
        }
    }

    fn read_row(&self, project_id: ProjectId, id: ExecutionId, reply: Reply) {
        let shared = self.shared.clone();
        tokio::spawn(async move {
            let row = shared.journal.reads().execution(project_id, id).await.map_err(Error::from);
            let row = row.and_then(|row| row.ok_or_else(|| Error::ExecutionNotFound(id.to_string())));
            let _ = reply.send(row.map(views::of_row));
        });
    }

    /// Applies a command at once when the execution is in memory, else after reading it.
    pub(super) fn apply_or_load(&mut self, project_id: ProjectId, id: ExecutionId, command: Command, asker: Asker) {
        self.apply_or_load_known(project_id, id, command, None, asker);
    }

    /// The same for one whose row somebody has read a moment ago.
    fn apply_or_load_known(
        &mut self,
        project_id: ProjectId,
        id: ExecutionId,
        command: Command,
        known: Option<Box<ExecutionRow>>,
        asker: Asker,
    ) {
        if let Some(hot) = self.hot.get(&id) {
            if hot.execution.spec.project_id == project_id {
                self.apply(id, command, asker);
            } else {
                asker.refuse(Error::ExecutionNotFound(id.to_string()));
            }
            return;
        }
        // by project as well: nobody joins in the reading of another project's execution
        let waiting = self.waiting.entry((project_id, id)).or_default();
        waiting.push((command, asker));
        if waiting.len() > 1 {
            return;
        }
        let (shared, events) = (self.shared.clone(), self.events_in.clone());
        tokio::spawn(async move {
            let result = load::load(&shared, project_id, id, known).await.map(Box::new);
            let _ = events.send(Event::Loaded { project_id, execution_id: id, result });
        });
    }

    /// An execution was read: what waited for it is applied.
    pub(super) fn loaded(&mut self, project_id: ProjectId, id: ExecutionId, result: Result<Box<Loaded>, Error>) {
        let waiting = self.waiting.remove(&(project_id, id)).unwrap_or_default();
        self.waking.remove(&id);
        match result {
            Ok(loaded) => {
                let was_lost = self.keep(id, *loaded) && self.draining.is_none();
                if was_lost {
                    // whoever asked for it first: its calls went with the owner before
                    self.apply(id, LOST, Asker::Nobody);
                }
                let waiting = waiting.into_iter().filter(|(command, _)| !(was_lost && is_lost(command)));
                self.deferred.extend(waiting.map(|(command, asker)| (project_id, id, command, asker)));
                self.take_deferred();
                self.evict(id);
            }
            Err(error) => {
                self.admitted.remove(&id);
                if error.kind() == moltforge_types::Kind::Internal {
                    tracing::error!(execution_id = %id, %error, "cannot load an execution");
                }
                let is_absent = matches!(&error, Error::ExecutionNotFound(_));
                let mut error = Some(error);
                for (command, asker) in waiting {
                    match asker {
                        Asker::Api(reply) => {
                            let other = || if is_absent { not_found(id) } else { Error::ShardUnowned };
                            let error = error.take().unwrap_or_else(other);
                            let _ = reply.send(Err(error));
                        }
                        Asker::Message { shard, message_id, sent_at } if is_absent => {
                            self.undeliverable(shard, message_id, sent_at);
                        }
                        // the sweep finds it
                        Asker::Message { message_id, .. } => {
                            self.delivering.remove(&message_id);
                        }
                        Asker::Nobody if is_absent => drop(command),
                        // nobody asks again for these
                        Asker::Nobody => self.again(project_id, id, command),
                    }
                }
            }
        }
    }

    /// Applies what waits for room in the batch, in order. One that came to rest with a command is gone from memory before
    /// the next one.
    pub(super) fn take_deferred(&mut self) {
        while !self.forming.is_full()
            && let Some((project_id, id, command, asker)) = self.deferred.pop_front()
        {
            self.apply_or_load(project_id, id, command, asker);
        }
    }

    /// Takes an execution that was read into memory. Returns whether it ran: then nobody has claimed it since its owner was
    /// lost, because what runs never leaves the memory of its owner.
    fn keep(&mut self, id: ExecutionId, loaded: Loaded) -> bool {
        let Entry::Vacant(place) = self.hot.entry(id) else { return false };
        let mut hot = Hot::new(loaded);
        let runs = hot.is_running();
        if runs {
            let permit = self.admitted.remove(&id);
            hot.permit = Some(permit.unwrap_or_else(|| self.shared.fairness.run(&hot.claimant)));
        }
        place.insert(hot);
        runs
    }

    /// Reads an execution again a moment later.
    pub(super) fn again(&self, project_id: ProjectId, execution_id: ExecutionId, command: Command) {
        let events = self.events_in.clone();
        tokio::spawn(async move {
            tokio::time::sleep(super::MAX_SLEEP).await;
            // an owner that has ended needs no reminder
            let _ = events.send(Event::Again { project_id, execution_id, command });
        });
    }
}
