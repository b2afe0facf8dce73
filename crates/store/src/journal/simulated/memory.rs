//! A journal in memory that keeps the same promises: the fence, the dense numbers, all or nothing.

mod beside;
mod membership;
mod reads;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use moltforge_types::{AgentId, Ambient, ApprovalId, ExecutionId, MessageId, NodeId, ProjectId, Timestamp, VersionId};

use crate::approvals::ApprovalRow;
use crate::executions::ExecutionRow;
use crate::holds::Hold;
use crate::journal::batch::{Batch, Columns, LaneToken, NewExecution};
use crate::journal::{CommitError, EntryRow, Journal, Membership, Message, Reads};
use crate::versions::Version;

/// What is stored. Cheap to clone: every clone is another handle on the same data, as another process would have.
#[derive(Clone)]
pub struct Memory {
    data: Arc<Mutex<Data>>,
    /// The database's clock: it decides leases.
    ambient: Ambient,
}

#[derive(Default)]
struct Data {
    nodes: BTreeMap<NodeId, Node>,
    lanes: BTreeMap<(NodeId, u16), i64>,
    /// Owner and lane of the shards that have one.
    shards: BTreeMap<u16, (NodeId, u16)>,
    executions: BTreeMap<ExecutionId, ExecutionRow>,
    /// The live executions of each shard: what an index is for.
    live: BTreeSet<(u16, ExecutionId)>,
    keys: HashMap<(ProjectId, String), ExecutionId>,
    entries: HashMap<ExecutionId, Vec<EntryRow>>,
    state: BTreeMap<(ProjectId, AgentId, String), String>,
    messages: BTreeMap<MessageId, Message>,
    approvals: BTreeMap<(ProjectId, ApprovalId), ApprovalRow>,
    holds: BTreeMap<(ProjectId, Option<AgentId>), Hold>,
    versions: BTreeMap<(ProjectId, VersionId), Version>,
}

#[derive(Clone, Copy)]
struct Node {
    incarnation: i64,
    expires_at: Timestamp,
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Memory {
    /// Nothing stored, no lanes, the system's clock.
    pub fn new() -> Self {
        Self::with(Ambient::system())
    }

    /// Nothing stored, no lanes; leases go by this clock.
    pub fn with(ambient: Ambient) -> Self {
        Self { data: Arc::default(), ambient }
    }

    /// Lets this token commit.
    pub fn register(&self, token: LaneToken) {
        self.data().lanes.insert((token.node_id, token.lane), token.incarnation);
    }

    /// Shuts out this token and gives its next incarnation, which may commit.
    pub fn take_over(&self, token: LaneToken) -> LaneToken {
        let next = LaneToken { incarnation: token.incarnation + 1, ..token };
        self.register(next);
        next
    }

    /// Adds a version of an agent.
    pub fn add_version(&self, project_id: ProjectId, version: Version) {
        self.data().versions.insert((project_id, version.version_id), version);
    }

    /// Every execution: its last sequence number and its columns.
    pub fn executions(&self) -> Vec<(ExecutionId, u64, Columns)> {
        self.data().executions.values().map(|row| (row.execution_id, row.last_seq, row.columns.clone())).collect()
    }

    /// Every execution's row.
    pub fn rows(&self) -> Vec<ExecutionRow> {
        self.data().executions.values().cloned().collect()
    }

    /// The rows of the executions that have not ended.
    pub fn live(&self) -> Vec<ExecutionRow> {
        let data = self.data();
        data.live.iter().filter_map(|(_, id)| data.executions.get(id)).cloned().collect()
    }

    /// One execution's row.
    pub fn row(&self, id: ExecutionId) -> Option<ExecutionRow> {
        self.data().executions.get(&id).cloned()
    }

    /// This lane with the incarnation that may commit now.
    pub fn current(&self, token: LaneToken) -> LaneToken {
        let incarnation = self.data().lanes.get(&(token.node_id, token.lane)).copied().unwrap_or(token.incarnation);
        LaneToken { incarnation, ..token }
    }

    /// A value of an agent's state.
    pub fn state(&self, project_id: ProjectId, agent_id: AgentId, key: &str) -> Option<String> {
        self.data().state.get(&(project_id, agent_id, key.to_owned())).cloned()
    }

    fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Data {
    fn check(&self, batch: &Batch) -> Result<(), CommitError> {
        batch.check().map_err(CommitError::Mismatch)?;
        let token = batch.token;
        if self.lanes.get(&(token.node_id, token.lane)) != Some(&token.incarnation) {
            return Err(CommitError::Fenced);
        }
        for fold in &batch.folds {
            let stored = self.executions.get(&fold.execution_id);
            if !stored.is_some_and(|row| row.project_id == fold.project_id && row.last_seq == fold.prev_seq) {
                let message = format!("{} does not stand at {}", fold.execution_id, fold.prev_seq);
                return Err(CommitError::Mismatch(message));
            }
        }
        let mut new_keys = HashSet::new();
        for start in &batch.starts {
            if self.executions.contains_key(&start.execution_id) {
                return Err(CommitError::Mismatch(format!("{} exists", start.execution_id)));
            }
            if let Some(key) = &start.idempotency_key {
                let key = (start.project_id, key.clone());
                if self.keys.contains_key(&key) || !new_keys.insert(key) {
                    return Err(CommitError::Duplicate);
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, batch: &Batch) {
        for fold in &batch.folds {
            if let Some(row) = self.executions.get_mut(&fold.execution_id) {
                row.last_seq = fold.last_seq;
                row.updated_at = batch.at;
                row.columns = fold.columns.clone();
                let place = (row.shard, fold.execution_id);
                if row.columns.state.is_terminal() {
                    self.live.remove(&place)
                } else {
                    self.live.insert(place)
                };
            }
        }
        for start in &batch.starts {
            if let Some(key) = &start.idempotency_key {
                self.keys.insert((start.project_id, key.clone()), start.execution_id);
            }
            if !start.columns.state.is_terminal() {
                self.live.insert((start.shard, start.execution_id));
            }
            self.executions.insert(start.execution_id, row(start, batch.at));
        }
        for entry in &batch.entries {
            self.entries.entry(entry.execution_id).or_default().push(EntryRow {
                seq: entry.seq,
                kind: entry.kind,
                at: entry.at,
                payload: entry.payload.clone(),
            });
        }
        for row in batch.last_writes() {
            let key = (row.project_id, row.agent_id, row.key.clone());
            match &row.value {
                Some(value) => self.state.insert(key, value.clone()),
                None => self.state.remove(&key),
            };
        }
        for row in &batch.rows {
            self.write_beside(row);
        }
    }
}

fn row(start: &NewExecution, at: Timestamp) -> ExecutionRow {
    ExecutionRow {
        project_id: start.project_id,
        execution_id: start.execution_id,
        shard: start.shard,
        agent_id: start.agent_id,
        agent_name: start.agent_name.clone(),
        version_id: start.version_id,
        version: start.version,
        environment: start.environment.clone(),
        idempotency_key: start.idempotency_key.clone(),
        request_hash: start.request_hash.clone(),
        input: start.input.clone(),
        deadline: start.deadline,
        created_at: start.created_at,
        updated_at: at,
        trigger: start.trigger.clone(),
        trigger_id: start.origin.trigger_id,
        chain_depth: start.origin.chain_depth,
        priority: start.origin.effective_priority(),
        concurrency_key: start.origin.concurrency_key.clone(),
        parent_id: start.origin.parent.as_ref().map(|parent| parent.execution_id),
        root_id: start.origin.parent.as_ref().map(|parent| parent.root_id),
        forked_from: start.origin.forked_from.as_ref().map(|fork| fork.execution_id),
        archived_at: None,
        last_seq: start.last_seq,
        columns: start.columns.clone(),
    }
}

#[async_trait]
impl Journal for Memory {
    async fn commit(&self, batch: Arc<Batch>) -> Result<(), CommitError> {
        let mut data = self.data();
        data.check(&batch)?;
        data.write(&batch);
        Ok(())
    }

    fn reads(&self) -> &dyn Reads {
        self
    }

    fn membership(&self) -> &dyn Membership {
        self
    }
}
