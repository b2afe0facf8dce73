//! The table `hold`: agents and projects that are paused, or stopped by their kill switch.

use moltforge_types::execution::HoldMode;
use moltforge_types::{Actor, AgentId, ProjectId, Timestamp};

use crate::error::Error;
use crate::sql::{At, Row};

/// One hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The project.
    pub project_id: ProjectId,
    /// The agent; `None` for the whole project.
    pub agent_id: Option<AgentId>,
    /// What it does.
    pub mode: HoldMode,
    /// Why, for people.
    pub note: Option<String>,
    /// Who set it.
    pub actor: String,
    /// When.
    pub created_at: Timestamp,
}

impl Hold {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        let agent: String = row.get("agent_id")?;
        let agent_id = if agent.is_empty() { None } else { Some(row.parse("agent_id")?) };
        Ok(Self {
            project_id: row.get("project_id")?,
            agent_id,
            mode: row.parse("mode")?,
            note: row.get("note")?,
            actor: row.get("actor")?,
            created_at: row.get("created_at")?,
        })
    }
}

/// The holds of a project.
#[derive(Debug)]
pub struct Holds<'c> {
    at: At<'c>,
    project_id: ProjectId,
}

crate::accessor!(holds -> Holds { project_id: ProjectId });

/// The holds of every project: for the owners of executions alone.
#[derive(Debug)]
pub struct AllHolds<'c> {
    at: At<'c>,
}

crate::accessor!(all_holds -> AllHolds);

impl AllHolds<'_> {
    /// Every hold.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn all(&mut self) -> Result<Vec<Hold>, Error> {
        self.at
            .query("SELECT project_id, agent_id, mode, note, actor, created_at FROM hold ORDER BY project_id, agent_id")
            .all(|row| Hold::from_row(&row))
            .await
    }
}

impl Holds<'_> {
    /// Every hold of the project, that of the project itself first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(&mut self) -> Result<Vec<Hold>, Error> {
        self.at
            .query(
                "SELECT project_id, agent_id, mode, note, actor, created_at FROM hold WHERE project_id = $1 \
                 ORDER BY agent_id",
            )
            .bind(self.project_id)
            .all(|row| Hold::from_row(&row))
            .await
    }

    /// Sets a hold, in place of one that is there. `None` is the whole project.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn set(
        &mut self,
        agent_id: Option<AgentId>,
        mode: HoldMode,
        note: Option<&str>,
        actor: Actor,
    ) -> Result<(), Error> {
        let now = self.at.tx()?.now();
        self.at
            .query(
                "INSERT INTO hold(project_id, agent_id, mode, note, actor, created_at) VALUES ($1, $2, $3, $4, $5, $6) \
                 ON CONFLICT (project_id, agent_id) DO UPDATE SET mode = excluded.mode, note = excluded.note, \
                 actor = excluded.actor, created_at = excluded.created_at",
            )
            .bind(self.project_id)
            .bind(agent_id.map(|id| id.to_string()).unwrap_or_default())
            .bind(mode.as_str())
            .bind(note)
            .bind(actor.to_string())
            .bind(now)
            .execute()
            .await
            .map(|_| ())
    }

    /// Lifts a hold. Gives whether there was one.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lift(&mut self, agent_id: Option<AgentId>) -> Result<bool, Error> {
        self.at
            .query("DELETE FROM hold WHERE project_id = $1 AND agent_id = $2")
            .bind(self.project_id)
            .bind(agent_id.map(|id| id.to_string()).unwrap_or_default())
            .execute()
            .await
            .map(|rows| rows > 0)
    }
}
