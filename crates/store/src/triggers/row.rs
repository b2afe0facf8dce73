//! The rows of the table `trigger`, and what is written to it.

use moltforge_types::{Actor, AgentId, EnvironmentName, ExecutionId, ProjectId, Timestamp, TriggerId};

use crate::error::Error;
use crate::sql::Row;

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
    pub(super) fn from_row(row: &Row<'_>) -> Result<Self, Error> {
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
pub(super) use select;

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
