//! What is committed together, and what every implementation checks before it is sent.

use std::collections::HashMap;

use moltforge_types::execution::{Reason, SHARDS, State};
use moltforge_types::{AgentId, ExecutionId, NodeId, Origin, ProjectId, Timestamp, VersionId};

use super::side::Side;

/// Where an owner ends a batch, in entries. What one command writes is never torn apart, so a batch may hold more.
pub const MAX_BATCH_ENTRIES: usize = 256;

/// Entries in one batch, at most: a full batch and the most that one command writes.
const HARD_MAX_ENTRIES: usize = 1_024;

/// Rows beside the journal in one batch, at most: an event of each entry of the largest command, for every trigger of a
/// project that may wait for events.
const HARD_MAX_ROWS: usize = 32 * 1_024;

/// Entries that a new execution may begin with, as a copy of another's.
const MAX_COPIED: u64 = 20_001;

/// Where an owner ends a batch, in bytes of payload. One entry may be larger than this, alone.
pub const MAX_BATCH_BYTES: usize = 1 << 20;

/// What a commit is fenced by: one lane of a node, as it was registered or taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LaneToken {
    /// The node: one process start.
    pub node_id: NodeId,
    /// The lane's number in the node, from 0.
    pub lane: u16,
    /// A takeover raises it.
    pub incarnation: i64,
}

/// The columns of an execution that change with its entries: the fold of its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// Where it stands.
    pub state: State,
    /// Why, when it is paused.
    pub reason: Option<Reason>,
    /// Claims so far.
    pub attempt: u32,
    /// When it wakes or is tried again by itself.
    pub wake_at: Option<Timestamp>,
    /// What it waits for, in words.
    pub waiting_for: Option<String>,
    /// When it ended. Set exactly when `state` is terminal.
    pub finished_at: Option<Timestamp>,
    /// Its output, JSON.
    pub output: Option<String>,
    /// Its error, JSON.
    pub error: Option<String>,
    /// Tokens so far.
    pub tokens: u64,
}

/// A new execution.
#[derive(Debug, Clone)]
pub struct NewExecution {
    /// Its project.
    pub project_id: ProjectId,
    /// Its id.
    pub execution_id: ExecutionId,
    /// Its shard, below 256.
    pub shard: u16,
    /// The agent.
    pub agent_id: AgentId,
    /// The agent's name at that time.
    pub agent_name: String,
    /// The pinned version.
    pub version_id: VersionId,
    /// Its number.
    pub version: u32,
    /// The environment of the deployment that was called.
    pub environment: Option<String>,
    /// Unique in the project for as long as the execution exists.
    pub idempotency_key: Option<String>,
    /// Tells a repeat from another request with the same key.
    pub request_hash: Option<String>,
    /// The input, JSON.
    pub input: String,
    /// When it fails if it has not ended.
    pub deadline: Option<Timestamp>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// What started it.
    pub trigger: String,
    /// The rest of where it comes from.
    pub origin: Origin,
    /// The number of its last entry in this batch.
    pub last_seq: u64,
    /// Its state after this batch.
    pub columns: Columns,
}

/// What becomes of an execution that exists.
#[derive(Debug, Clone)]
pub struct Fold {
    /// Its project.
    pub project_id: ProjectId,
    /// Its id.
    pub execution_id: ExecutionId,
    /// The number of its last entry before this batch. Checked.
    pub prev_seq: u64,
    /// The number of its last entry in this batch.
    pub last_seq: u64,
    /// Its state after this batch.
    pub columns: Columns,
}

/// A new entry.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// The execution's shard.
    pub shard: u16,
    /// The execution.
    pub execution_id: ExecutionId,
    /// Its number: dense, from 1.
    pub seq: u64,
    /// The kind's number.
    pub kind: i16,
    /// When it happened.
    pub at: Timestamp,
    /// The entry, as JSON.
    pub payload: Vec<u8>,
}

/// A write to an agent's durable state. The last one of a key in a batch wins.
#[derive(Debug, Clone)]
pub struct StateRow {
    /// The project.
    pub project_id: ProjectId,
    /// The agent.
    pub agent_id: AgentId,
    /// The key.
    pub key: String,
    /// The value, JSON; `None` deletes.
    pub value: Option<String>,
    /// Who writes.
    pub execution_id: ExecutionId,
    /// When.
    pub at: Timestamp,
}

/// One transaction. An execution is in `starts` or in `folds`, once, and has at least one entry. Without any entry there
/// is at least one row beside the journal.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The fence.
    pub token: LaneToken,
    /// The time of the rows' `updated_at`.
    pub at: Timestamp,
    /// New executions.
    pub starts: Vec<NewExecution>,
    /// Executions that go on.
    pub folds: Vec<Fold>,
    /// The entries of both, in order for each execution.
    pub entries: Vec<NewEntry>,
    /// Writes of agents' state, in order.
    pub writes: Vec<StateRow>,
    /// Rows beside the journal, written after it in this order.
    pub rows: Vec<Side>,
}

impl Batch {
    /// An empty batch.
    pub fn new(token: LaneToken, at: Timestamp) -> Self {
        Self {
            token,
            at,
            starts: Vec::new(),
            folds: Vec::new(),
            entries: Vec::new(),
            writes: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// What every implementation demands: entries that are dense and belong to the executions named, each execution
    /// once, no NUL (PostgreSQL cannot store one).
    pub(super) fn check(&self) -> Result<(), String> {
        if self.entries.is_empty() && self.rows.is_empty() {
            return Err("nothing to write".to_owned());
        }
        let copied = self.starts.iter().map(|start| start.last_seq).max().unwrap_or(0).min(MAX_COPIED);
        let most = HARD_MAX_ENTRIES + usize::try_from(copied).unwrap_or(0);
        if self.entries.len() > most || self.rows.len() > HARD_MAX_ROWS {
            let (entries, rows) = (self.entries.len(), self.rows.len());
            return Err(format!("{entries} entries and {rows} rows, expected {most} and {HARD_MAX_ROWS} at most"));
        }
        // execution -> (next sequence number, last one)
        let mut expected = HashMap::with_capacity(self.starts.len() + self.folds.len());
        let starts = self.starts.iter().map(|start| (start.execution_id, 0, start.last_seq, &start.columns));
        let folds = self.folds.iter().map(|fold| (fold.execution_id, fold.prev_seq, fold.last_seq, &fold.columns));
        for (id, prev, last, columns) in starts.chain(folds) {
            if expected.insert(id, (prev + 1, last)).is_some() {
                return Err(format!("{id} is there twice"));
            }
            if last <= prev {
                return Err(format!("{id} has no new entry"));
            }
            if columns.state.is_terminal() != columns.finished_at.is_some() {
                return Err(format!("{id} is {} and its finished_at does not say so", columns.state));
            }
            for text in [&columns.waiting_for, &columns.output, &columns.error].into_iter().flatten() {
                no_nul(text)?;
            }
        }
        for start in &self.starts {
            for text in [&start.environment, &start.idempotency_key, &start.request_hash].into_iter().flatten() {
                no_nul(text)?;
            }
            no_nul(&start.agent_name)?;
            no_nul(&start.trigger)?;
            no_nul(start.origin.concurrency_key.as_deref().unwrap_or_default())?;
            no_nul(&start.input)?;
        }
        for write in &self.writes {
            no_nul(&write.key)?;
            no_nul(write.value.as_deref().unwrap_or_default())?;
        }
        for row in &self.rows {
            row.check()?;
        }
        for entry in &self.entries {
            if entry.shard >= SHARDS {
                return Err(format!("shard {} of {}", entry.shard, entry.execution_id));
            }
            match expected.get_mut(&entry.execution_id) {
                Some((next, last)) if *next == entry.seq && entry.seq <= *last => *next += 1,
                _ => return Err(format!("entry {} of {} is out of order", entry.seq, entry.execution_id)),
            }
        }
        match expected.iter().find(|(_, (next, last))| *next != last + 1) {
            Some((id, (next, _))) => Err(format!("entry {next} of {id} is missing")),
            None => Ok(()),
        }
    }

    /// The last write of each key, in order of the keys, so that two lanes lock rows in the same order.
    pub(super) fn last_writes(&self) -> Vec<&StateRow> {
        let mut rows: Vec<&StateRow> = self.writes.iter().collect();
        // stable: of equal keys the last stays last
        rows.sort_by(|a, b| (a.project_id, a.agent_id, &a.key).cmp(&(b.project_id, b.agent_id, &b.key)));
        rows.reverse();
        rows.dedup_by(|a, b| (a.project_id, a.agent_id, &a.key) == (b.project_id, b.agent_id, &b.key));
        rows.reverse();
        rows
    }
}

pub(super) fn no_nul(text: &str) -> Result<(), String> {
    if text.as_bytes().contains(&0) { Err("a text holds a NUL character".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
