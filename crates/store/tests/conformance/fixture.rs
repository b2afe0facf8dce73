//! An owner of all shards that writes executions, for the behaviours of the journal and its tables.

use std::sync::Arc;
use std::time::Duration;

use moltforge_store::journal::{Batch, Columns, Fold, LaneToken, NewEntry, NewExecution, StateRow};
use moltforge_store::{CommitError, Journal};
use moltforge_testing::World;
use moltforge_types::execution::State;
use moltforge_types::{AgentId, ExecutionId, NodeId, ProjectId, Timestamp};

pub(crate) const TTL: Duration = Duration::from_secs(15);

/// One node with its lanes, and its journal.
pub(crate) struct Owner {
    pub(crate) tokens: Vec<LaneToken>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) project_id: ProjectId,
    pub(crate) agent_id: AgentId,
}

/// Where an execution stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Execution {
    pub(crate) execution_id: ExecutionId,
    pub(crate) last_seq: u64,
}

pub(crate) fn columns(state: State) -> Columns {
    Columns {
        state,
        reason: None,
        attempt: 1,
        wake_at: None,
        waiting_for: None,
        finished_at: state.is_terminal().then(|| Timestamp::from_micros(7)),
        output: None,
        error: None,
        tokens: 0,
    }
}

impl Owner {
    /// A new node with two lanes that takes every shard, by force.
    pub(crate) async fn new(world: &World) -> Self {
        let ambient = world.ambient();
        let node_id: NodeId = ambient.id();
        let mut tx = world.begin().await.unwrap();
        let tokens = tx.nodes().register(node_id, 2, TTL).await.unwrap();
        let shards = tx.nodes().take_over(node_id, 2, true).await.unwrap();
        let organisation = tx.organisations().insert(&node_id.to_string()).await.unwrap();
        let project_id = tx.projects(organisation.organisation_id).insert("owned").await.unwrap().project_id;
        tx.commit().await.unwrap();
        assert_eq!(shards.len(), 256);
        Self { tokens, journal: world.journal().unwrap(), project_id, agent_id: ambient.id() }
    }

    pub(crate) fn batch(&self) -> Batch {
        Batch::new(self.tokens[0], Timestamp::from_micros(5))
    }

    /// Adds a new execution with `entries` entries.
    pub(crate) fn start(&self, world: &World, batch: &mut Batch, entries: u64, columns: Columns) -> Execution {
        let execution_id: ExecutionId = world.ambient().id();
        batch.starts.push(NewExecution {
            project_id: self.project_id,
            execution_id,
            shard: shard_of(batch),
            agent_id: self.agent_id,
            agent_name: "hello".to_owned(),
            version_id: world.ambient().id(),
            version: 1,
            environment: Some("production".to_owned()),
            idempotency_key: None,
            request_hash: None,
            input: "{\"a\":1}".to_owned(),
            deadline: None,
            created_at: Timestamp::from_micros(4),
            trigger: "api".to_owned(),
            origin: moltforge_types::Origin::default(),
            last_seq: entries,
            columns,
        });
        push_entries(batch, execution_id, 0, entries);
        Execution { execution_id, last_seq: entries }
    }

    /// Adds `entries` entries to an execution.
    pub(crate) fn step(&self, batch: &mut Batch, execution: Execution, entries: u64, columns: Columns) -> Execution {
        let last_seq = execution.last_seq + entries;
        batch.folds.push(Fold {
            project_id: self.project_id,
            execution_id: execution.execution_id,
            prev_seq: execution.last_seq,
            last_seq,
            columns,
        });
        push_entries(batch, execution.execution_id, execution.last_seq, entries);
        Execution { last_seq, ..execution }
    }

    pub(crate) fn write(&self, batch: &mut Batch, execution: Execution, key: &str, value: Option<&str>) {
        batch.writes.push(StateRow {
            project_id: self.project_id,
            agent_id: self.agent_id,
            key: key.to_owned(),
            value: value.map(str::to_owned),
            execution_id: execution.execution_id,
            at: Timestamp::from_micros(6),
        });
    }

    pub(crate) async fn commit(&self, batch: Batch) -> Result<(), CommitError> {
        self.journal.commit(Arc::new(batch)).await
    }

    /// Starts an execution in a commit of its own.
    pub(crate) async fn started(&self, world: &World, columns: Columns) -> Execution {
        let mut batch = self.batch();
        let execution = self.start(world, &mut batch, 1, columns);
        self.commit(batch).await.unwrap();
        execution
    }

    /// One more entry, in a commit of its own.
    pub(crate) async fn stepped(&self, execution: Execution, columns: Columns) -> Execution {
        let mut batch = self.batch();
        let execution = self.step(&mut batch, execution, 1, columns);
        self.commit(batch).await.unwrap();
        execution
    }
}

/// A shard belongs to one lane: 7 to the first, 8 to the second, and so on.
fn shard_of(batch: &Batch) -> u16 {
    7 + batch.token.lane
}

fn push_entries(batch: &mut Batch, execution_id: ExecutionId, after: u64, count: u64) {
    for seq in after + 1..=after + count {
        batch.entries.push(NewEntry {
            shard: shard_of(batch),
            execution_id,
            seq,
            kind: 2,
            at: Timestamp::from_micros(3),
            payload: format!("{{\"seq\":{seq}}}").into_bytes(),
        });
    }
}

/// The numbers of an execution's entries.
pub(crate) async fn seqs(world: &World, execution: Execution) -> Vec<u64> {
    let rows = world.entries(execution.execution_id, 0, 1000).await.unwrap();
    rows.iter().map(|row| row.seq).collect()
}
