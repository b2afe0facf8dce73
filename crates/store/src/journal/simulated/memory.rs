//! A journal in memory that keeps the same promises: the fence, the dense numbers, all or nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use moltforge_types::{AgentId, ExecutionId, ProjectId};

use crate::error::Error;
use crate::journal::batch::{Batch, Columns, LaneToken};
use crate::journal::{CommitError, EntryRow, Journal};

/// What is stored. Cheap to clone: every clone is another handle on the same data, as another process would have.
#[derive(Clone, Default)]
pub struct Memory {
    data: Arc<Mutex<Data>>,
}

#[derive(Default)]
struct Data {
    lanes: HashSet<LaneToken>,
    executions: BTreeMap<ExecutionId, (ProjectId, u64, Columns)>,
    keys: HashMap<(ProjectId, String), ExecutionId>,
    entries: HashMap<ExecutionId, Vec<EntryRow>>,
    state: BTreeMap<(ProjectId, AgentId, String), String>,
}

impl Memory {
    /// Nothing stored, no lanes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets this token commit.
    pub fn register(&self, token: LaneToken) {
        self.data().lanes.insert(token);
    }

    /// Shuts out this token and gives its next incarnation, which may commit.
    pub fn take_over(&self, token: LaneToken) -> LaneToken {
        let next = LaneToken { incarnation: token.incarnation + 1, ..token };
        let mut data = self.data();
        data.lanes.remove(&token);
        data.lanes.insert(next);
        next
    }

    /// Every execution: its last sequence number and its columns.
    pub fn executions(&self) -> Vec<(ExecutionId, u64, Columns)> {
        self.data().executions.iter().map(|(id, (_, seq, columns))| (*id, *seq, columns.clone())).collect()
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
        if !self.lanes.contains(&batch.token) {
            return Err(CommitError::Fenced);
        }
        for fold in &batch.folds {
            let stored = self.executions.get(&fold.execution_id);
            if !stored.is_some_and(|(project, seq, _)| *project == fold.project_id && *seq == fold.prev_seq) {
                return Err(CommitError::Mismatch(format!(
                    "{} does not stand at {}",
                    fold.execution_id, fold.prev_seq
                )));
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
            let row = (fold.project_id, fold.last_seq, fold.columns.clone());
            self.executions.insert(fold.execution_id, row);
        }
        for start in &batch.starts {
            let row = (start.project_id, start.last_seq, start.columns.clone());
            self.executions.insert(start.execution_id, row);
            if let Some(key) = &start.idempotency_key {
                self.keys.insert((start.project_id, key.clone()), start.execution_id);
            }
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

    async fn entries(&self, execution_id: ExecutionId, after_seq: u64, limit: u32) -> Result<Vec<EntryRow>, Error> {
        let data = self.data();
        let all = data.entries.get(&execution_id).map(Vec::as_slice).unwrap_or_default();
        Ok(all.iter().filter(|row| row.seq > after_seq).take(limit as usize).cloned().collect())
    }
}
