//! The table `state`: the durable data of agents. It is written through the journal alone.

use moltforge_types::{AgentId, ExecutionId, ProjectId, Timestamp};

use crate::error::Error;
use crate::sql::{At, Row};

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateValue {
    /// The key.
    pub key: String,
    /// The value, JSON.
    pub value: String,
    /// The execution that wrote it.
    pub execution_id: ExecutionId,
    /// When.
    pub updated_at: Timestamp,
}

impl StateValue {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            key: row.get("key")?,
            value: row.get("value")?,
            execution_id: row.get("execution_id")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// The state of an agent.
#[derive(Debug)]
pub struct AgentState<'c> {
    at: At<'c>,
    project_id: ProjectId,
    agent_id: AgentId,
}

crate::accessor!(state -> AgentState { project_id: ProjectId, agent_id: AgentId });

impl AgentState<'_> {
    /// The value of a key.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn find(&mut self, key: &str) -> Result<Option<StateValue>, Error> {
        self.at
            .query(
                "SELECT key, value, execution_id, updated_at FROM state \
                 WHERE project_id = $1 AND agent_id = $2 AND key = $3",
            )
            .bind(self.project_id)
            .bind(self.agent_id)
            .bind(key)
            .optional(|row| StateValue::from_row(&row))
            .await
    }

    /// A page in order of the keys, after `after`.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn list(&mut self, after: Option<&str>, limit: u32) -> Result<Vec<StateValue>, Error> {
        self.at
            .query(
                "SELECT key, value, execution_id, updated_at FROM state \
                 WHERE project_id = $1 AND agent_id = $2 AND ($3 IS NULL OR key > $3) ORDER BY key LIMIT $4",
            )
            .bind(self.project_id)
            .bind(self.agent_id)
            .bind(after)
            .bind(limit)
            .all(|row| StateValue::from_row(&row))
            .await
    }
}
