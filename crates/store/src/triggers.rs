//! The table `trigger`.

mod live;

use moltforge_types::{Actor, AgentId, EnvironmentName, ExecutionId, ProjectId, Timestamp, TriggerId};

use crate::error::Error;
use crate::sql::{At, Row};

pub use live::LiveTriggers;

/// One trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// Its project.
    pub project_id: ProjectId,
    /// Its identity.
    pub trigger_id: TriggerId,
    /// The agent that it starts.
    pub agent_id: AgentId,
    /// Its name among the agent's triggers of the environment.
    pub name: String,
    /// `schedule`, `event` or `webhook`.
    pub kind: String,
    /// The environment whose live version it starts.
    pub environment: EnvironmentName,
    /// `file`: declared by the deployed version; `api`: made by a request.
    pub origin: String,
    /// What its author wrote, JSON.
    pub config: String,
    /// Somebody holds it.
    pub paused: bool,
    /// Declared by a version that is no longer deployed there.
    pub inactive: bool,
    /// The shard whose owner fires it.
    pub shard: u16,
    /// Counts the secrets of a webhook, from 1.
    pub generation: u32,
    /// Until when the secret before the current one is accepted.
    pub previous_until: Option<Timestamp>,
    /// What the schedule says for the next run.
    pub planned_at: Option<Timestamp>,
    /// When that run starts.
    pub next_at: Option<Timestamp>,
    /// When it fired last.
    pub last_at: Option<Timestamp>,
    /// The latest execution that it started.
    pub last_execution_id: Option<ExecutionId>,
    /// Why the latest fire started nothing, JSON; none when it did.
    pub last_error: Option<String>,
    /// Executions that it started.
    pub started: u64,
    /// Fires that its rules left out.
    pub skipped: u64,
    /// Fires that could start nothing.
    pub refused: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When what it says changed last.
    pub updated_at: Timestamp,
    /// Who made it.
    pub created_by: String,
}

impl Trigger {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            project_id: row.get("project_id")?,
            trigger_id: row.get("trigger_id")?,
            agent_id: row.get("agent_id")?,
            name: row.get("name")?,
            kind: row.get("kind")?,
            environment: row.get("environment")?,
            origin: row.get("origin")?,
            config: row.get("config")?,
            paused: row.get("paused")?,
            inactive: row.get("inactive")?,
            shard: row.get("shard")?,
            generation: row.get("generation")?,
            previous_until: row.get("previous_until")?,
            planned_at: row.get("planned_at")?,
            next_at: row.get("next_at")?,
            last_at: row.get("last_at")?,
            last_execution_id: row.get("last_execution_id")?,
            last_error: row.get("last_error")?,
            started: row.get("started")?,
            skipped: row.get("skipped")?,
            refused: row.get("refused")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            created_by: row.get("created_by")?,
        })
    }

    /// Neither held nor out of its deployment.
    pub fn is_active(&self) -> bool {
        !self.paused && !self.inactive
    }
}

macro_rules! select {
    ($rest:expr) => {
        concat!(
            "SELECT project_id, trigger_id, agent_id, name, kind, environment, origin, config, paused, inactive, \
             shard, generation, previous_until, planned_at, next_at, last_at, last_execution_id, last_error, started, \
             skipped, refused, created_at, updated_at, created_by ",
            $rest
        )
    };
}
use select;

/// A trigger to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewTrigger<'a> {
    /// Its identity, made before it: the jitter of its first run hangs on it.
    pub trigger_id: TriggerId,
    /// The agent that it starts.
    pub agent_id: AgentId,
    /// Its name.
    pub name: &'a str,
    /// `schedule`, `event` or `webhook`.
    pub kind: &'a str,
    /// Where.
    pub environment: &'a EnvironmentName,
    /// `file` or `api`.
    pub origin: &'a str,
    /// JSON.
    pub config: &'a str,
    /// The shard whose owner fires it.
    pub shard: u16,
    /// Planned and starting time of the first run.
    pub next: Option<(Timestamp, Timestamp)>,
    /// Who makes it.
    pub created_by: Actor,
}

/// How many triggers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TriggerCounts {
    /// Of the agent.
    pub of_agent: u64,
    /// Of the project, that wait for events.
    pub events: u64,
    /// Of the project.
    pub total: u64,
}

/// What one fire did to its trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran<'a> {
    /// It started an execution.
    Started(ExecutionId),
    /// Its rule left it out.
    Skipped,
    /// It could start nothing; why, JSON.
    Refused(&'a str),
}

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
