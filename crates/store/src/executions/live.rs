//! What an owner reads of the executions of its shards, across projects.

use moltforge_types::{AgentId, ExecutionId, ProjectId, Timestamp, VersionId};

use super::columns;
use crate::error::Error;
use crate::journal::Columns;
use crate::sql::{At, Row, Sql};

/// What an owner needs to know before it reads the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveExecution {
    /// Its project.
    pub project_id: ProjectId,
    /// Its id.
    pub execution_id: ExecutionId,
    /// Its shard.
    pub shard: u16,
    /// The agent.
    pub agent_id: AgentId,
    /// The pinned version.
    pub version_id: VersionId,
    /// Its number.
    pub version: u32,
    /// 0 to 9.
    pub priority: u8,
    /// Executions of its agent with this key run one at a time.
    pub concurrency_key: Option<String>,
    /// When its latest entry was written.
    pub updated_at: Timestamp,
    /// The number of its latest entry.
    pub last_seq: u64,
    /// What its entries made of it.
    pub columns: Columns,
}

impl LiveExecution {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            project_id: row.get("project_id")?,
            execution_id: row.get("execution_id")?,
            shard: row.get("shard")?,
            agent_id: row.get("agent_id")?,
            version_id: row.get("version_id")?,
            version: row.get("version")?,
            priority: row.get("priority")?,
            concurrency_key: row.get("concurrency_key")?,
            updated_at: row.get("updated_at")?,
            last_seq: row.get("last_seq")?,
            columns: columns(row)?,
        })
    }
}

/// The executions of some shards, of all projects: for their owner alone.
#[derive(Debug)]
pub struct LiveExecutions<'c> {
    at: At<'c>,
}

crate::accessor!(live_executions -> LiveExecutions);

macro_rules! select {
    ($where:expr) => {
        concat!(
            "SELECT project_id, execution_id, shard, agent_id, version_id, version, priority, concurrency_key, updated_at, last_seq, state, reason, attempt, wake_at, waiting_for, \
             finished_at, output, error, tokens FROM execution WHERE ",
            $where
        )
    };
}

/// Each database reads a list of numbers from JSON in its own way.
const DUE: Sql = Sql::pair(
    select!(
        "wake_at IS NOT NULL AND wake_at <= $1 AND shard IN (SELECT value FROM json_each($2)) \
         ORDER BY wake_at, execution_id LIMIT $3"
    ),
    select!(
        "wake_at IS NOT NULL AND wake_at <= $1 \
         AND shard = ANY (ARRAY(SELECT value::int8 FROM jsonb_array_elements_text($2::jsonb))) \
         ORDER BY wake_at, execution_id LIMIT $3"
    ),
);

impl LiveExecutions<'_> {
    /// The executions of one shard that need an owner's attention now: scheduled, running or backing off. In order
    /// of their ids, after `after`. Suspended ones are not among them: see [`LiveExecutions::due`].
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn runnable(
        &mut self,
        shard: u16,
        after: Option<ExecutionId>,
        limit: u32,
    ) -> Result<Vec<LiveExecution>, Error> {
        self.at
            .query(select!(
                "state IN ('scheduled', 'running', 'backing_off') AND shard = $1 AND execution_id > $2 \
                 ORDER BY execution_id LIMIT $3"
            ))
            .bind(shard)
            .bind(after.map(|id| id.to_string()).unwrap_or_default())
            .bind(limit)
            .all(|row| LiveExecution::from_row(&row))
            .await
    }

    /// The shards that have executions which [`runnable`](Self::runnable) would give, in order.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn runnable_shards(&mut self) -> Result<Vec<u16>, Error> {
        self.at
            .query(
                "SELECT DISTINCT shard FROM execution WHERE state IN ('scheduled', 'running', 'backing_off') \
                 ORDER BY shard",
            )
            .all(|row| row.get("shard"))
            .await
    }

    /// The executions of these shards that wake at `until` or before, the earliest first.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn due(&mut self, shards: &[u16], until: Timestamp, limit: u32) -> Result<Vec<LiveExecution>, Error> {
        let shards = serde_json::Value::from(shards.to_vec()).to_string();
        self.at.query(DUE).bind(until).bind(shards).bind(limit).all(|row| LiveExecution::from_row(&row)).await
    }
}
