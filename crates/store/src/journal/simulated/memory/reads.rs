//! Reading from memory: the same answers in the same order as the databases give.

use async_trait::async_trait;
use moltforge_types::execution::State;
use moltforge_types::{ExecutionId, Id as _, MessageId, ProjectId, Timestamp, VersionId};

use super::Memory;
use crate::error::Error;
use crate::executions::{ExecutionRow, LiveExecution};
use crate::holds::Hold;
use crate::journal::{EntryRow, Message, Reads};
use crate::versions::Version;

fn live(row: &ExecutionRow) -> LiveExecution {
    LiveExecution {
        project_id: row.project_id,
        execution_id: row.execution_id,
        shard: row.shard,
        agent_id: row.agent_id,
        version_id: row.version_id,
        version: row.version,
        priority: row.priority,
        concurrency_key: row.concurrency_key.clone(),
        updated_at: row.updated_at,
        last_seq: row.last_seq,
        columns: row.columns.clone(),
    }
}

fn is_runnable(state: State) -> bool {
    matches!(state, State::Scheduled | State::Running | State::BackingOff)
}

#[async_trait]
impl Reads for Memory {
    async fn entries(&self, execution_id: ExecutionId, after_seq: u64, limit: u32) -> Result<Vec<EntryRow>, Error> {
        let data = self.data();
        let all = data.entries.get(&execution_id).map(Vec::as_slice).unwrap_or_default();
        Ok(all.iter().filter(|row| row.seq > after_seq).take(limit as usize).cloned().collect())
    }

    async fn last_entries(&self, execution_id: ExecutionId, limit: u32) -> Result<Vec<EntryRow>, Error> {
        let data = self.data();
        let all = data.entries.get(&execution_id).map(Vec::as_slice).unwrap_or_default();
        Ok(all[all.len().saturating_sub(limit as usize)..].to_vec())
    }

    async fn holds(&self) -> Result<Vec<Hold>, Error> {
        Ok(self.data().holds.values().cloned().collect())
    }

    async fn execution(&self, project_id: ProjectId, id: ExecutionId) -> Result<Option<ExecutionRow>, Error> {
        Ok(self.data().executions.get(&id).filter(|row| row.project_id == project_id).cloned())
    }

    async fn execution_of_key(&self, project_id: ProjectId, key: &str) -> Result<Option<ExecutionRow>, Error> {
        let data = self.data();
        let id = data.keys.get(&(project_id, key.to_owned()));
        Ok(id.and_then(|id| data.executions.get(id)).cloned())
    }

    async fn runnable(&self, shard: u16, after: Option<ExecutionId>, limit: u32) -> Result<Vec<LiveExecution>, Error> {
        let data = self.data();
        let from = (shard, after.unwrap_or(ExecutionId::from_u128(0)));
        let of_shard = data.live.range(from..=(shard, ExecutionId::from_u128(u128::MAX)));
        let wanted =
            |row: &&ExecutionRow| is_runnable(row.columns.state) && after.is_none_or(|after| row.execution_id > after);
        let rows = of_shard.filter_map(|(_, id)| data.executions.get(id)).filter(wanted);
        Ok(rows.take(limit as usize).map(live).collect())
    }

    async fn runnable_shards(&self) -> Result<Vec<u16>, Error> {
        let data = self.data();
        let runnable = |id: &ExecutionId| data.executions.get(id).is_some_and(|row| is_runnable(row.columns.state));
        let mut shards: Vec<u16> = data.live.iter().filter(|(_, id)| runnable(id)).map(|(shard, _)| *shard).collect();
        shards.dedup();
        Ok(shards)
    }

    async fn due(&self, shards: &[u16], until: Timestamp, limit: u32) -> Result<Vec<LiveExecution>, Error> {
        let data = self.data();
        let mut rows: Vec<&ExecutionRow> = data
            .live
            .iter()
            .filter(|(shard, _)| shards.contains(shard))
            .filter_map(|(_, id)| data.executions.get(id))
            .filter(|row| row.columns.wake_at.is_some_and(|at| at <= until))
            .collect();
        rows.sort_by_key(|row| (row.columns.wake_at, row.execution_id));
        Ok(rows.into_iter().take(limit as usize).map(live).collect())
    }

    async fn version(&self, project_id: ProjectId, version_id: VersionId) -> Result<Option<Version>, Error> {
        Ok(self.data().versions.get(&(project_id, version_id)).cloned())
    }

    async fn messages(&self, shards: &[u16], after: Option<MessageId>, limit: u32) -> Result<Vec<Message>, Error> {
        let data = self.data();
        let wanted = |message: &&Message| shards.contains(&message.shard) && Some(message.message_id) > after;
        Ok(data.messages.values().filter(wanted).take(limit as usize).cloned().collect())
    }
}
