//! The table `trigger`.

mod live;
mod row;

use moltforge_types::{AgentId, EnvironmentName, ProjectId, Timestamp, TriggerId};

use crate::error::Error;
use crate::sql::At;

pub use live::LiveTriggers;
use row::select;
pub use row::{NewTrigger, Ran, Trigger, TriggerCounts};

/// The triggers of a project.
#[derive(Debug)]
pub struct Triggers<'c> {
    at: At<'c>,
    project_id: ProjectId,
}

crate::accessor!(triggers -> Triggers { project_id: ProjectId });

impl Triggers<'_> {
    /// Writes a new trigger, active.
    ///
    /// # Errors
    /// [`Error::Unique`] when the name is taken; [`Error::Reference`] when the agent does not exist.
    pub async fn insert(&mut self, new: NewTrigger<'_>) -> Result<(), Error> {
        let now = self.at.tx()?.now();
        self.at
            .query(
                "INSERT INTO trigger(project_id, trigger_id, agent_id, name, kind, environment, origin, config, paused, \
                 inactive, shard, generation, planned_at, next_at, started, skipped, refused, created_at, updated_at, \
                 created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, $9, 1, $10, $11, 0, 0, 0, $12, $12, $13)",
            )
            .bind(self.project_id)
            .bind(new.trigger_id)
            .bind(new.agent_id)
            .bind(new.name)
            .bind(new.kind)
            .bind(new.environment)
            .bind(new.origin)
            .bind(new.config)
            .bind(new.shard)
            .bind(new.next.map(|next| next.0))
            .bind(new.next.map(|next| next.1))
            .bind(now)
            .bind(new.created_by.to_string())
            .execute()
            .await?;
        Ok(())
    }

    /// One trigger.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn find(&mut self, trigger_id: TriggerId) -> Result<Option<Trigger>, Error> {
        self.at
            .query(select!("FROM trigger WHERE project_id = $1 AND trigger_id = $2"))
            .bind(self.project_id)
            .bind(trigger_id)
            .optional(|row| Trigger::from_row(&row))
            .await
    }

    /// A page in order of age, after `after`, of one agent or of all.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn list(
        &mut self,
        agent_id: Option<AgentId>,
        after: Option<TriggerId>,
        limit: u32,
    ) -> Result<Vec<Trigger>, Error> {
        self.at
            .query(select!(
                "FROM trigger WHERE project_id = $1 AND ($2 IS NULL OR agent_id = $2) AND trigger_id > $3 ORDER BY trigger_id LIMIT $4"
            ))
            .bind(self.project_id)
            .bind(agent_id)
            .bind(after.map(|id| id.to_string()).unwrap_or_default())
            .bind(limit)
            .all(|row| Trigger::from_row(&row))
            .await
    }

    /// How many there are, inactive ones included.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn count(&mut self, agent_id: AgentId) -> Result<TriggerCounts, Error> {
        self.at
            .query(
                "SELECT COALESCE(SUM(CASE WHEN agent_id = $2 THEN 1 ELSE 0 END), 0) AS own, \
                 COALESCE(SUM(CASE WHEN kind = 'event' THEN 1 ELSE 0 END), 0) AS events, COUNT(*) AS total \
                 FROM trigger WHERE project_id = $1",
            )
            .bind(self.project_id)
            .bind(agent_id)
            .one(|row| {
                Ok(TriggerCounts { of_agent: row.get("own")?, events: row.get("events")?, total: row.get("total")? })
            })
            .await
    }

    /// What versions of an agent declared in an environment, inactive ones included.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn declared(&mut self, agent_id: AgentId, environment: &EnvironmentName) -> Result<Vec<Trigger>, Error> {
        self.at
            .query(select!("FROM trigger WHERE project_id = $1 AND agent_id = $2 AND environment = $3 AND origin = 'file' ORDER BY name"))
            .bind(self.project_id)
            .bind(agent_id)
            .bind(environment)
            .all(|row| Trigger::from_row(&row))
            .await
    }

    /// The active triggers that wait for events. Those that this program cannot read are left out.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn listening(&mut self) -> Result<Vec<Trigger>, Error> {
        self.at
            .query(select!(
                "FROM trigger WHERE project_id = $1 AND kind = 'event' AND paused = 0 AND inactive = 0 \
                 ORDER BY trigger_id"
            ))
            .bind(self.project_id)
            .all(|row| Ok(live::readable(&row)))
            .await
            .map(live::some)
    }

    /// Changes what a trigger says, and makes it active again if it was out of its deployment.
    ///
    /// # Errors
    /// [`Error::Unique`] when the name is taken.
    pub async fn update(
        &mut self,
        trigger_id: TriggerId,
        name: &str,
        kind: &str,
        config: &str,
        next: Option<(Timestamp, Timestamp)>,
    ) -> Result<(), Error> {
        let now = self.at.tx()?.now();
        self.at
            .query(
                "UPDATE trigger SET name = $3, kind = $4, config = $5, planned_at = $6, next_at = $7, updated_at = $8, \
                 inactive = 0 WHERE project_id = $1 AND trigger_id = $2",
            )
            .bind(self.project_id)
            .bind(trigger_id)
            .bind(name)
            .bind(kind)
            .bind(config)
            .bind(next.map(|next| next.0))
            .bind(next.map(|next| next.1))
            .bind(now)
            .execute()
            .await?;
        Ok(())
    }

    /// Takes a trigger out of its deployment: nothing fires it.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn deactivate(&mut self, trigger_id: TriggerId) -> Result<(), Error> {
        let now = self.at.tx()?.now();
        self.at
            .query(
                "UPDATE trigger SET inactive = 1, planned_at = NULL, next_at = NULL, updated_at = $3 \
                 WHERE project_id = $1 AND trigger_id = $2",
            )
            .bind(self.project_id)
            .bind(trigger_id)
            .bind(now)
            .execute()
            .await?;
        Ok(())
    }

    /// Holds a trigger, or lets it go on with `next`.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn set_paused(
        &mut self,
        trigger_id: TriggerId,
        paused: bool,
        next: Option<(Timestamp, Timestamp)>,
    ) -> Result<(), Error> {
        let now = self.at.tx()?.now();
        self.at
            .query(
                "UPDATE trigger SET paused = $3, planned_at = $4, next_at = $5, updated_at = $6 \
                 WHERE project_id = $1 AND trigger_id = $2",
            )
            .bind(self.project_id)
            .bind(trigger_id)
            .bind(paused)
            .bind(next.map(|next| next.0))
            .bind(next.map(|next| next.1))
            .bind(now)
            .execute()
            .await?;
        Ok(())
    }

    /// Moves a schedule on from the run that was planned for `from`, and counts what was left out. `false` when somebody
    /// else moved it, or it rests: nothing was written.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn advance(
        &mut self,
        trigger_id: TriggerId,
        from: Timestamp,
        next: Option<(Timestamp, Timestamp)>,
        left_out: u64,
    ) -> Result<bool, Error> {
        let rows = self
            .at
            .query(
                "UPDATE trigger SET planned_at = $4, next_at = $5, skipped = skipped + $6 \
                 WHERE project_id = $1 AND trigger_id = $2 AND planned_at = $3 AND paused = 0 AND inactive = 0",
            )
            .bind(self.project_id)
            .bind(trigger_id)
            .bind(from)
            .bind(next.map(|next| next.0))
            .bind(next.map(|next| next.1))
            .bind(left_out)
            .execute()
            .await?;
        Ok(rows == 1)
    }

    /// Notes what a fire did.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn ran(&mut self, trigger_id: TriggerId, ran: Ran<'_>) -> Result<(), Error> {
        let now = self.at.tx()?.now();
        let (execution_id, error, counts) = match ran {
            Ran::Started(id) => (Some(id), None, [1, 0, 0]),
            Ran::Skipped => (None, None, [0, 1, 0]),
            Ran::Refused(error) => (None, Some(error), [0, 0, 1]),
        };
        self.at
            .query(
                "UPDATE trigger SET last_at = $3, last_execution_id = COALESCE($4, last_execution_id), \
                 last_error = CASE WHEN $7 = 1 THEN last_error ELSE $5 END, started = started + $6, \
                 skipped = skipped + $7, refused = refused + $8 WHERE project_id = $1 AND trigger_id = $2",
            )
            .bind(self.project_id)
            .bind(trigger_id)
            .bind(now)
            .bind(execution_id)
            .bind(error)
            .bind(counts[0])
            .bind(counts[1])
            .bind(counts[2])
            .execute()
            .await?;
        Ok(())
    }

    /// Notes that it was to fire so many times and could not, without a row for each.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn refused(&mut self, trigger_id: TriggerId, times: u64, error: &str) -> Result<(), Error> {
        let now = self.at.tx()?.now();
        self.at
            .query(
                "UPDATE trigger SET last_at = $3, last_error = $4, refused = refused + $5 \
                 WHERE project_id = $1 AND trigger_id = $2",
            )
            .bind(self.project_id)
            .bind(trigger_id)
            .bind(now)
            .bind(error)
            .bind(times)
            .execute()
            .await?;
        Ok(())
    }

    /// The next secret of a webhook; the one before is accepted until `previous_until`. Its number.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn rotate(&mut self, trigger_id: TriggerId, previous_until: Timestamp) -> Result<u32, Error> {
        self.at
            .query(
                "UPDATE trigger SET generation = generation + 1, previous_until = $3 \
                 WHERE project_id = $1 AND trigger_id = $2 RETURNING generation",
            )
            .bind(self.project_id)
            .bind(trigger_id)
            .bind(previous_until)
            .one(|row| row.get("generation"))
            .await
    }

    /// Deletes a trigger with its fires.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn delete(&mut self, trigger_id: TriggerId) -> Result<(), Error> {
        for sql in [
            "DELETE FROM fire WHERE project_id = $1 AND trigger_id = $2",
            "DELETE FROM trigger WHERE project_id = $1 AND trigger_id = $2",
        ] {
            self.at.query(sql).bind(self.project_id).bind(trigger_id).execute().await?;
        }
        Ok(())
    }

    /// Deletes every trigger of an agent, with their fires.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn delete_of_agent(&mut self, agent_id: AgentId) -> Result<(), Error> {
        for sql in [
            "DELETE FROM fire WHERE project_id = $1 AND trigger_id IN \
             (SELECT trigger_id FROM trigger WHERE project_id = $1 AND agent_id = $2)",
            "DELETE FROM trigger WHERE project_id = $1 AND agent_id = $2",
        ] {
            self.at.query(sql).bind(self.project_id).bind(agent_id).execute().await?;
        }
        Ok(())
    }
}
