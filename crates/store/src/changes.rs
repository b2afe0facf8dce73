//! The tables `change` and `project_counter`: what was changed in a project, by whom, in which order.
//!
//! A change is written in the transaction of what it tells of, so it is the audit log and the outbox in one.

use moltforge_types::{Actor, ProjectId, Timestamp};
use serde_json::Value;

use crate::error::Error;
use crate::sql::{At, Row};

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Counts the project's changes from 1, without gaps, in the order of their commits.
    pub n: u64,
    /// When.
    pub at: Timestamp,
    /// Who: `key_...`, `ses_...` or `system`.
    pub actor: String,
    /// What, e.g. `agent.created`.
    pub action: String,
    /// The id of what was changed.
    pub subject: String,
    /// More about it: a JSON object without secrets.
    pub data: Value,
}

impl Change {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            n: row.get("n")?,
            at: row.get("at")?,
            actor: row.get("actor")?,
            action: row.get("action")?,
            subject: row.get("subject")?,
            data: row.json("data")?,
        })
    }
}

/// The changes of a project.
#[derive(Debug)]
pub struct Changes<'c> {
    at: At<'c>,
    project_id: ProjectId,
}

crate::accessor!(changes -> Changes { project_id: ProjectId });

impl Changes<'_> {
    /// Writes a change with the transaction's time and gives its number. The project's counter stays locked until the
    /// transaction ends: make this the last statement before the commit.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn insert(
        &mut self,
        actor: Actor,
        action: &'static str,
        subject: impl std::fmt::Display,
        data: &Value,
    ) -> Result<u64, Error> {
        let now = self.at.tx()?.now();
        let n = self
            .at
            .query(
                "INSERT INTO project_counter(project_id, changes) VALUES ($1, 1) \
                 ON CONFLICT (project_id) DO UPDATE SET changes = project_counter.changes + 1 RETURNING changes",
            )
            .bind(self.project_id)
            .one(|row| row.get::<u64>("changes"))
            .await?;
        self.at
            .query(
                "INSERT INTO change(project_id, n, at, actor, action, subject, data) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(self.project_id)
            .bind(n)
            .bind(now)
            .bind(actor.to_string())
            .bind(action)
            .bind(subject.to_string())
            .bind(data.to_string())
            .execute()
            .await?;
        Ok(n)
    }

    /// The changes after number `after`, oldest first: what a reader of the outbox asks for.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(&mut self, after: u64, limit: u32) -> Result<Vec<Change>, Error> {
        self.at
            .query(
                "SELECT n, at, actor, action, subject, data FROM change \
                 WHERE project_id = $1 AND n > $2 ORDER BY n LIMIT $3",
            )
            .bind(self.project_id)
            .bind(after)
            .bind(limit)
            .all(|row| Change::from_row(&row))
            .await
    }

    /// The changes before number `before` (all when `None`), newest first: what a reader of the audit log asks for.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list_newest(&mut self, before: Option<u64>, limit: u32) -> Result<Vec<Change>, Error> {
        self.at
            .query(
                "SELECT n, at, actor, action, subject, data FROM change \
                 WHERE project_id = $1 AND ($2 IS NULL OR n < $2) ORDER BY n DESC LIMIT $3",
            )
            .bind(self.project_id)
            .bind(before)
            .bind(limit)
            .all(|row| Change::from_row(&row))
            .await
    }
}
