//! Clients: they ask with keys, ask again when they hear nothing, and remember what they were told.

use std::sync::Arc;
use std::time::Duration;

use moltforge_api::executions::Execution as View;
use moltforge_types::execution::shard_of;
use moltforge_types::{ExecutionId, Fault as _, Kind as Sort, Origin};
use serde_json::json;

use super::agents::{canary, specs};
use super::dice::Dice;
use super::node::{Node, Nodes};
use super::state::{Promise, State};
use crate::engine::{Command, Spec, Start, UnknownEffects};
use crate::error::Error;
use crate::mutation::{Mutation, mutated};
use crate::shard::message::Request;
use crate::shard::router::Router;
use crate::views;

/// Tries of one request before its client gives up.
pub(super) const TRIES: u32 = 8;

#[derive(Clone)]
pub(super) struct Client {
    pub(super) state: Arc<State>,
    pub(super) nodes: Nodes,
    pub(super) dice: Dice,
}

impl Client {
    /// Any living node.
    pub(super) fn node(&self) -> Option<Node> {
        let alive = self.nodes.alive();
        self.dice.pick(&alive).cloned()
    }

    /// What a client hears must be durable when it hears it.
    pub(super) fn heard(&self, id: ExecutionId, view: &View) {
        let durable = self.state.row(id).map_or(0, |row| row.last_seq);
        if view.seq > durable {
            self.state
                .violated("gate", format!("an answer about {id} tells entry {} while {durable} are durable", view.seq));
        }
    }

    pub(super) async fn pause_between(&self, attempt: u32) {
        tokio::time::sleep(self.dice.millis(10, 300 << attempt.min(4))).await;
    }

    /// Starts an execution; with a key until it is known which one.
    pub(super) async fn start(
        self,
        key: Option<String>,
        which: usize,
        wait: bool,
        origin: Origin,
    ) -> Option<ExecutionId> {
        let specs = specs();
        let spec = specs.get(which % specs.len())?.clone();
        let project_id = spec.project_id;
        for attempt in 0..TRIES {
            let Some(node) = self.node() else {
                self.pause_between(attempt).await;
                continue;
            };
            match self.start_once(&node, key.clone(), spec.clone(), wait, origin.clone()).await {
                Ok((id, view)) => {
                    self.heard(id, &view);
                    self.state.promise(Promise::Started { project_id, key, id });
                    return Some(id);
                }
                Err(error) => self.state.trace(|| format!("start {key:?} on node {}: {error}", node.process.slot)),
            }
            // without a key nobody knows whether it began: asking again could begin two
            key.as_ref()?;
            self.pause_between(attempt).await;
        }
        None
    }

    /// As `Executions::accept` does it after the version is resolved.
    async fn start_once(
        &self,
        node: &Node,
        key: Option<String>,
        spec: Arc<Spec>,
        wait: bool,
        origin: Origin,
    ) -> Result<(ExecutionId, View), Error> {
        let (shared, project_id) = (&node.shared, spec.project_id);
        if let Some(key) = &key
            && !mutated(Mutation::NoStartDedupe)
            && let Some(row) = shared.journal.reads().execution_of_key(project_id, key).await?
        {
            return Ok((row.execution_id, views::of_row(row)));
        }
        let id: ExecutionId = shared.ambient.id();
        let shard = match (&key, &origin.concurrency_key) {
            (Some(key), _) => shard_of(format!("{project_id}:{key}").as_bytes()),
            (None, Some(key)) => shard_of(format!("{}:{key}", spec.agent_id).as_bytes()),
            (None, None) => shard_of(id.to_string().as_bytes()),
        };
        let input = json!(canary(project_id));
        let request_hash = key.is_some().then(|| "the same".to_owned());
        let start = Start { id, spec, environment: None, input, trigger: "api", origin, request_hash, copied: None };
        let make = |reply| Request::Start { start: Box::new(start), idempotency_key: key, shard, wait, reply };
        let view = Router::new(node.supervisor.clone()).ask(shard, make).await?;
        let id = view.execution_id.parse().expect("an id");
        Ok((id, view))
    }

    /// Applies a command, again and again while nobody says whether it was taken.
    pub(super) async fn apply(&self, id: ExecutionId, command: Command) -> Result<View, Error> {
        let row = self.state.row(id).ok_or(Error::ShardUnowned)?;
        let (project_id, shard) = (row.project_id, row.shard);
        for attempt in 0..TRIES {
            if let Some(node) = self.node() {
                let command = command.clone();
                // at a later try the row is an old one
                let known = Some(Box::new(row.clone()));
                let make = |reply| Request::Apply { project_id, execution_id: id, command, known, reply };
                match Router::new(node.supervisor.clone()).ask(shard, make).await {
                    Ok(view) => {
                        self.heard(id, &view);
                        return Ok(view);
                    }
                    Err(error) if matches!(error.kind(), Sort::Unavailable | Sort::Timeout) => {}
                    Err(error) => return Err(error),
                }
            }
            self.pause_between(attempt).await;
        }
        Err(Error::CommitTimeout)
    }

    pub(super) async fn signal(self, id: ExecutionId, name: String, key: String) {
        let payload = json!({ "from": key });
        let command = Command::Signal { name, payload, dedupe_key: Some(key.clone()) };
        if self.apply(id, command).await.is_ok() {
            self.state.promise(Promise::Signalled { id, key });
        }
    }

    pub(super) async fn pause(self, id: ExecutionId) {
        if let Ok(view) = self.apply(id, Command::Pause { by: "client".to_owned(), note: None }).await {
            self.state.promise(Promise::Paused { id, seq: view.seq });
        }
    }

    pub(super) async fn resume(self, id: ExecutionId, decision: Option<UnknownEffects>) {
        let command = Command::Resume { by: "client".to_owned(), unknown_effects: decision };
        if let Ok(view) = self.apply(id, command).await {
            self.state.promise(Promise::Resumed { id, seq: view.seq });
        }
    }

    pub(super) async fn stop(self, id: ExecutionId, kill: bool) {
        if self.apply(id, Command::Stop { by: "client".to_owned(), note: None, kill }).await.is_ok() {
            self.state.promise(Promise::Stopped { id });
        }
    }

    /// Asks about an execution of another project: it must not be there.
    pub(super) async fn trespass(self, id: ExecutionId) {
        let Some(row) = self.state.row(id) else { return };
        let Some(stranger) = super::agents::projects().into_iter().find(|project| *project != row.project_id) else {
            return;
        };
        let Some(node) = self.node() else { return };
        let command = Command::Stop { by: "stranger".to_owned(), note: None, kill: true };
        let (shard, known) = (row.shard, Some(Box::new(row)));
        let make = |reply| Request::Apply { project_id: stranger, execution_id: id, command, known, reply };
        if let Ok(view) = Router::new(node.supervisor.clone()).ask(shard, make).await {
            self.state.violated("I10", format!("a stranger was told about {id}: {view:?}"));
        }
    }
}

/// How long a client's request can take with all its tries.
pub(super) const LONGEST: Duration = Duration::from_mins(3);
