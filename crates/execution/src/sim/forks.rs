//! Forks: new executions from a step of another one, as `Executions::fork` makes them.

use moltforge_types::execution::shard_of;
use moltforge_types::journal::Entry;
use moltforge_types::{ExecutionId, Origin};
use serde_json::{Value, json};

use super::agents::{canary, spec_of};
use super::client::{Client, TRIES};
use super::node::Node;
use super::state::Promise;
use crate::engine::Start;
use crate::engine::fork::{Fork, Refused, places};
use crate::error::Error;
use crate::shard::load;
use crate::shard::message::Request;
use crate::shard::router::Router;
use crate::views;

impl Client {
    /// Forks an execution, until it is known what became of it.
    pub(super) async fn fork(self, from: ExecutionId, key: String) {
        let Some(row) = self.state.row(from) else { return };
        for attempt in 0..TRIES {
            if let Some(node) = self.node() {
                match self.fork_once(&node, from, &key).await {
                    Ok(Some(id)) => {
                        let key = Some(key);
                        return self.state.promise(Promise::Started { project_id: row.project_id, key, id });
                    }
                    Ok(None) => return,
                    Err(error) => self.state.trace(|| format!("fork {key} of {from}: {error}")),
                }
            }
            self.pause_between(attempt).await;
        }
    }

    async fn fork_once(&self, node: &Node, from: ExecutionId, key: &str) -> Result<Option<ExecutionId>, Error> {
        let shared = &node.shared;
        let Some(row) = self.state.row(from) else { return Ok(None) };
        let project_id = row.project_id;
        if let Some(row) = shared.journal.reads().execution_of_key(project_id, key).await? {
            self.heard(row.execution_id, &views::of_row(row.clone()));
            return Ok(Some(row.execution_id));
        }
        let Some(spec) = spec_of(row.version_id) else { return Ok(None) };
        let (journal, _) = load::journaled(shared, from).await?;
        let Some(place) = self.dice.pick(&places(from, &spec, &journal)).copied() else { return Ok(None) };
        let id: ExecutionId = shared.ambient.id();
        let input = (place.step == 1 && self.dice.chance(500)).then(|| json!(canary(project_id)));
        let fork = Fork {
            from,
            id,
            spec: spec.clone(),
            other_version: false,
            step: place.step,
            input,
            by: "client".to_owned(),
            note: None,
        };
        let copied = match fork.entries(&journal, shared.context(true, &spec)) {
            Ok(copied) => copied,
            Err(Refused::Differs(difference)) => {
                self.state.violated("replay", format!("{from} cannot be forked: {difference:?}"));
                return Ok(None);
            }
            Err(_) => return Ok(None),
        };
        let origin = match copied.first().map(|recorded| &recorded.entry) {
            Some(Entry::Scheduled { origin, .. }) => origin.clone(),
            _ => Origin::default(),
        };
        let shard = shard_of(format!("{project_id}:{key}").as_bytes());
        let start = Start {
            id,
            spec,
            environment: None,
            input: Value::Null,
            trigger: "fork",
            origin,
            request_hash: Some("the same".to_owned()),
            copied: Some(copied),
        };
        let idempotency_key = Some(key.to_owned());
        let make = |reply| Request::Start { start: Box::new(start), idempotency_key, shard, wait: false, reply };
        let view = Router::new(node.supervisor.clone()).ask(shard, make).await?;
        let id = view.execution_id.parse().expect("an id");
        self.heard(id, &view);
        Ok(Some(id))
    }
}
