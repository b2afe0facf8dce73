//! The table `fire`: the times that triggers fired, first as an inbox, then as their history.

mod live;

use moltforge_types::{ExecutionId, ProjectId, Timestamp, TriggerId};

use crate::error::Error;
use crate::sql::{At, Row};

pub use live::{LiveFires, PendingFire};

/// One fire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fire {
    /// Its project.
    pub project_id: ProjectId,
    /// The trigger.
    pub trigger_id: TriggerId,
    /// Unique in the trigger: a second fire with it changes nothing.
    pub fire_key: String,
    /// `pending`, `started`, `skipped` or `refused`.
    pub state: String,
    /// The time that it is about: what a schedule says, when an event happened, when a request came.
    pub planned_at: Timestamp,
    /// The chain depth of the execution that it starts.
    pub chain_depth: u32,
    /// What it carries, JSON, until it is settled.
    pub context: Option<String>,
    /// What it started.
    pub execution_id: Option<ExecutionId>,
    /// Why it started nothing, JSON.
    pub error: Option<String>,
    /// When it came.
    pub created_at: Timestamp,
    /// When it was decided.
    pub settled_at: Option<Timestamp>,
}

impl Fire {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            project_id: row.get("project_id")?,
            trigger_id: row.get("trigger_id")?,
            fire_key: row.get("fire_key")?,
            state: row.get("state")?,
            planned_at: row.get("planned_at")?,
            chain_depth: row.get("chain_depth")?,
            context: row.get("context")?,
            execution_id: row.get("execution_id")?,
            error: row.get("error")?,
            created_at: row.get("created_at")?,
            settled_at: row.get("settled_at")?,
        })
    }
}

macro_rules! select {
    ($rest:expr) => {
        concat!(
            "SELECT project_id, trigger_id, fire_key, state, planned_at, chain_depth, context, execution_id, error, \
             created_at, settled_at ",
            $rest
        )
    };
}

/// Writes a pending fire, unless there is one with its key.
pub(crate) const INSERT: &str = "INSERT INTO fire(project_id, trigger_id, fire_key, shard, state, planned_at, \
    chain_depth, context, created_at) VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7, $8) \
    ON CONFLICT (project_id, trigger_id, fire_key) DO NOTHING";

/// A fire to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFire {
    /// The project.
    pub project_id: ProjectId,
    /// The trigger.
    pub trigger_id: TriggerId,
    /// Unique in the trigger.
    pub fire_key: String,
    /// The trigger's shard.
    pub shard: u16,
    /// The time that it is about.
    pub planned_at: Timestamp,
    /// The chain depth of the execution that it starts.
    pub chain_depth: u32,
    /// What it carries, JSON.
    pub context: String,
    /// When it came.
    pub created_at: Timestamp,
}

/// How a fire ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled<'a> {
    /// `started`, `skipped` or `refused`.
    pub state: &'a str,
    /// What it started.
    pub execution_id: Option<ExecutionId>,
    /// Why it started nothing, JSON.
    pub error: Option<&'a str>,
}

/// The fires of a project's triggers.
#[derive(Debug)]
pub struct Fires<'c> {
    at: At<'c>,
    project_id: ProjectId,
}

crate::accessor!(fires -> Fires { project_id: ProjectId });

impl Fires<'_> {
    /// Writes a pending fire. `false` when there is one with its key: nothing was written.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn insert(&mut self, new: &NewFire) -> Result<bool, Error> {
        let rows = self
            .at
            .query(INSERT)
            .bind(self.project_id)
            .bind(new.trigger_id)
            .bind(new.fire_key.as_str())
            .bind(new.shard)
            .bind(new.planned_at)
            .bind(new.chain_depth)
            .bind(new.context.as_str())
            .bind(new.created_at)
            .execute()
            .await?;
        Ok(rows == 1)
    }

    /// One fire.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn find(&mut self, trigger_id: TriggerId, fire_key: &str) -> Result<Option<Fire>, Error> {
        self.at
            .query(select!("FROM fire WHERE project_id = $1 AND trigger_id = $2 AND fire_key = $3"))
            .bind(self.project_id)
            .bind(trigger_id)
            .bind(fire_key)
            .optional(|row| Fire::from_row(&row))
            .await
    }

    /// Decides a pending fire and lets go of what it carried. `false` when it was decided before.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn settle(&mut self, trigger_id: TriggerId, fire_key: &str, how: Settled<'_>) -> Result<bool, Error> {
        let now = self.at.tx()?.now();
        let rows = self
            .at
            .query(
                "UPDATE fire SET state = $4, execution_id = $5, error = $6, settled_at = $7, context = NULL \
                 WHERE project_id = $1 AND trigger_id = $2 AND fire_key = $3 AND state = 'pending'",
            )
            .bind(self.project_id)
            .bind(trigger_id)
            .bind(fire_key)
            .bind(how.state)
            .bind(how.execution_id)
            .bind(how.error)
            .bind(now)
            .execute()
            .await?;
        Ok(rows == 1)
    }

    /// The latest fires of a trigger, newest first, before `before` (creation and key).
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn list(
        &mut self,
        trigger_id: TriggerId,
        before: Option<(Timestamp, &str)>,
        limit: u32,
    ) -> Result<Vec<Fire>, Error> {
        let before = before.unwrap_or((Timestamp::from_micros(i64::MAX), ""));
        self.at
            .query(select!(
                "FROM fire WHERE project_id = $1 AND trigger_id = $2 AND (created_at, fire_key) < ($3, $4) \
                 ORDER BY created_at DESC, fire_key DESC LIMIT $5"
            ))
            .bind(self.project_id)
            .bind(trigger_id)
            .bind(before.0)
            .bind(before.1)
            .bind(limit)
            .all(|row| Fire::from_row(&row))
            .await
    }

    /// How many fires of a trigger wait, counted up to `most`.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn count_pending(&mut self, trigger_id: TriggerId, most: u32) -> Result<u64, Error> {
        self.at
            .query(
                "SELECT COUNT(*) AS n FROM (SELECT 1 FROM fire \
                 WHERE project_id = $1 AND trigger_id = $2 AND state = 'pending' LIMIT $3) counted",
            )
            .bind(self.project_id)
            .bind(trigger_id)
            .bind(most)
            .one(|row| row.get("n"))
            .await
    }

    /// How many fires of the project wait, counted up to `most`.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn count_waiting(&mut self, most: u32) -> Result<u64, Error> {
        self.at
            .query(
                "SELECT COUNT(*) AS n FROM (SELECT 1 FROM fire WHERE project_id = $1 AND state = 'pending' LIMIT $2) \
                 counted",
            )
            .bind(self.project_id)
            .bind(most)
            .one(|row| row.get("n"))
            .await
    }

    /// The keys of those fires of a trigger that wait behind `skip` others that do, the oldest first.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn pending_behind(&mut self, trigger_id: TriggerId, skip: u32, limit: u32) -> Result<Vec<String>, Error> {
        self.at
            .query(
                "SELECT fire_key FROM fire WHERE project_id = $1 AND trigger_id = $2 AND state = 'pending' \
                 ORDER BY created_at, fire_key LIMIT $4 OFFSET $3",
            )
            .bind(self.project_id)
            .bind(trigger_id)
            .bind(skip)
            .bind(limit)
            .all(|row| row.get("fire_key"))
            .await
    }

    /// The executions of a trigger that have not ended.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn running(&mut self, trigger_id: TriggerId, limit: u32) -> Result<Vec<ExecutionId>, Error> {
        self.at
            .query(
                "SELECT f.execution_id FROM fire f \
                 JOIN execution e ON e.project_id = f.project_id AND e.execution_id = f.execution_id \
                 WHERE f.project_id = $1 AND f.trigger_id = $2 AND f.state = 'started' \
                 AND e.state NOT IN ('completed', 'failed', 'cancelled') ORDER BY f.execution_id LIMIT $3",
            )
            .bind(self.project_id)
            .bind(trigger_id)
            .bind(limit)
            .all(|row| row.get("execution_id"))
            .await
    }

    /// Deletes history of a trigger: settled before `before`, not among the newest `keep`, not with an execution that
    /// lives. How many.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn prune(&mut self, trigger_id: TriggerId, before: Timestamp, keep: u32) -> Result<u64, Error> {
        self.at
            .query(
                "DELETE FROM fire WHERE project_id = $1 AND trigger_id = $2 AND state <> 'pending' AND settled_at < $3 \
                 AND created_at < COALESCE((SELECT created_at FROM fire WHERE project_id = $1 AND trigger_id = $2 \
                 ORDER BY created_at DESC, fire_key DESC LIMIT 1 OFFSET $4), 0) \
                 AND NOT EXISTS (SELECT 1 FROM execution e WHERE e.project_id = $1 \
                 AND e.execution_id = fire.execution_id AND e.state NOT IN ('completed', 'failed', 'cancelled'))",
            )
            .bind(self.project_id)
            .bind(trigger_id)
            .bind(before)
            .bind(keep)
            .execute()
            .await
    }
}
