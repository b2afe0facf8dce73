//! The table `agent`.

use moltforge_types::{AgentId, AgentName, EnvironmentName, ProjectId, Timestamp};

use crate::error::Error;
use crate::sql::{At, Row, Sql};

/// One agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its identity.
    pub agent_id: AgentId,
    /// Its name: unique among those of the project that are not deleted.
    pub name: AgentName,
    /// The number of its latest version.
    pub latest_version: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its latest version was made.
    pub updated_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}

impl Agent {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            agent_id: row.get("agent_id")?,
            name: row.get("name")?,
            latest_version: row.get("latest_version")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            deleted_at: row.get("deleted_at")?,
        })
    }
}

/// One agent of a list, with its latest version's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedAgent {
    /// The agent.
    pub agent: Agent,
    /// The latest version's configuration as JSON.
    pub config: String,
}

/// Which agents a list has.
#[derive(Debug, Clone, Default)]
pub struct AgentFilter {
    /// Only names that start with this. Characters that no name has match nothing.
    pub name_prefix: Option<String>,
    /// Only those that are live in this environment.
    pub environment: Option<EnvironmentName>,
    /// Deleted ones too.
    pub deleted: bool,
    /// Only those after this name and id, the last of the page before.
    pub after: Option<(AgentName, AgentId)>,
}

/// One page of agents.
#[derive(Debug, Clone, Default)]
pub struct AgentPage {
    /// In order of name, then of creation.
    pub items: Vec<ListedAgent>,
    /// There are more.
    pub more: bool,
}

/// The agents of a project.
#[derive(Debug)]
pub struct Agents<'c> {
    at: At<'c>,
    project_id: ProjectId,
}

crate::accessor!(agents -> Agents { project_id: ProjectId });

/// A page ends early when its configurations have more characters than this together; it has always one item.
const PAGE_CHARACTERS: u32 = 4 * 1024 * 1024;

/// `FOR UPDATE` is PostgreSQL's; SQLite has one writer, whose transaction locks everything.
const LOCK_BY_ID: Sql = Sql::pair(
    "SELECT agent_id, name, latest_version, created_at, updated_at, deleted_at FROM agent \
     WHERE project_id = $1 AND agent_id = $2",
    "SELECT agent_id, name, latest_version, created_at, updated_at, deleted_at FROM agent \
     WHERE project_id = $1 AND agent_id = $2 FOR UPDATE",
);

/// As [`LOCK_BY_ID`].
const LOCK_BY_NAME: Sql = Sql::pair(
    "SELECT agent_id, name, latest_version, created_at, updated_at, deleted_at FROM agent \
     WHERE project_id = $1 AND name = $2 AND deleted_at IS NULL",
    "SELECT agent_id, name, latest_version, created_at, updated_at, deleted_at FROM agent \
     WHERE project_id = $1 AND name = $2 AND deleted_at IS NULL FOR UPDATE",
);

/// The window adds up sizes in the order of the list, so that a page of large configurations ends early.
const LIST: &str = "\
    WITH candidate AS ( \
      SELECT c.agent_id, c.name, c.latest_version, c.created_at, c.updated_at, c.deleted_at FROM agent c \
      WHERE c.project_id = $1 AND ($2 = 1 OR c.deleted_at IS NULL) \
        AND ($3 IS NULL OR (c.name >= $3 AND c.name < $4)) \
        AND ($5 IS NULL OR EXISTS (SELECT 1 FROM deployment d WHERE d.project_id = c.project_id \
             AND d.agent_id = c.agent_id AND d.environment = $5 AND d.ended_at IS NULL)) \
        AND ($6 IS NULL OR (c.name, c.agent_id) > ($6, $7)) \
      ORDER BY c.name, c.agent_id LIMIT $8 \
    ), sized AS ( \
      SELECT c.*, v.config, count(*) OVER () AS candidates, length(v.config) AS size, \
        sum(length(v.config)) OVER (ORDER BY c.name, c.agent_id) AS total \
      FROM candidate c \
      JOIN agent_version v ON v.project_id = $1 AND v.agent_id = c.agent_id AND v.version = c.latest_version \
    ) \
    SELECT agent_id, name, latest_version, created_at, updated_at, deleted_at, config, candidates \
    FROM sized WHERE total - size < $9 ORDER BY name, agent_id";

impl Agents<'_> {
    /// Writes a new agent whose latest version is 1.
    ///
    /// # Errors
    /// [`Error::Unique`] when another agent of the project that is not deleted has the name.
    pub async fn insert(&mut self, agent_id: AgentId, name: &AgentName) -> Result<Agent, Error> {
        let now = self.at.tx()?.now();
        self.at
            .query(
                "INSERT INTO agent(project_id, agent_id, name, latest_version, created_at, updated_at) \
                 VALUES ($1, $2, $3, 1, $4, $4)",
            )
            .bind(self.project_id)
            .bind(agent_id)
            .bind(name)
            .bind(now)
            .execute()
            .await?;
        let name = name.clone();
        Ok(Agent { agent_id, name, latest_version: 1, created_at: now, updated_at: now, deleted_at: None })
    }

    /// An agent by id, deleted or not.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn find(&mut self, agent_id: AgentId) -> Result<Option<Agent>, Error> {
        self.at
            .query(
                "SELECT agent_id, name, latest_version, created_at, updated_at, deleted_at FROM agent \
                 WHERE project_id = $1 AND agent_id = $2",
            )
            .bind(self.project_id)
            .bind(agent_id)
            .optional(|row| Agent::from_row(&row))
            .await
    }

    /// An agent by name, if it is not deleted.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn find_by_name(&mut self, name: &AgentName) -> Result<Option<Agent>, Error> {
        self.at
            .query(
                "SELECT agent_id, name, latest_version, created_at, updated_at, deleted_at FROM agent \
                 WHERE project_id = $1 AND name = $2 AND deleted_at IS NULL",
            )
            .bind(self.project_id)
            .bind(name)
            .optional(|row| Agent::from_row(&row))
            .await
    }

    /// An agent by id, deleted or not, locked until the transaction ends: its versions and deployments change only
    /// under this lock.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lock(&mut self, agent_id: AgentId) -> Result<Option<Agent>, Error> {
        self.at.query(LOCK_BY_ID).bind(self.project_id).bind(agent_id).optional(|row| Agent::from_row(&row)).await
    }

    /// As [`Agents::lock`], by name, if it is not deleted.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lock_by_name(&mut self, name: &AgentName) -> Result<Option<Agent>, Error> {
        self.at.query(LOCK_BY_NAME).bind(self.project_id).bind(name).optional(|row| Agent::from_row(&row)).await
    }

    /// Names `version` as the latest, at the transaction's time.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn set_latest_version(&mut self, agent_id: AgentId, version: u32) -> Result<(), Error> {
        let now = self.at.tx()?.now();
        self.at
            .query("UPDATE agent SET latest_version = $3, updated_at = $4 WHERE project_id = $1 AND agent_id = $2")
            .bind(self.project_id)
            .bind(agent_id)
            .bind(version)
            .bind(now)
            .execute()
            .await?;
        Ok(())
    }

    /// Marks it as deleted at the transaction's time: its name is free, its rows stay.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn set_deleted(&mut self, agent_id: AgentId) -> Result<(), Error> {
        let now = self.at.tx()?.now();
        self.at
            .query("UPDATE agent SET deleted_at = $3 WHERE project_id = $1 AND agent_id = $2 AND deleted_at IS NULL")
            .bind(self.project_id)
            .bind(agent_id)
            .bind(now)
            .execute()
            .await?;
        Ok(())
    }

    /// A page in order of name, with at most `limit` items and about 4 MiB of configurations.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(&mut self, filter: &AgentFilter, limit: u32) -> Result<AgentPage, Error> {
        let prefix = filter.name_prefix.as_deref();
        let (after_name, after_id) = filter.after.clone().unzip();
        let mut candidates = 0_u32;
        let mut items = self
            .at
            .query(LIST)
            .bind(self.project_id)
            .bind(filter.deleted)
            .bind(prefix)
            // the first character after all that a name may have
            .bind(prefix.map(|prefix| format!("{prefix}{{")))
            .bind(filter.environment.clone())
            .bind(after_name)
            .bind(after_id)
            .bind(limit.saturating_add(1))
            .bind(PAGE_CHARACTERS)
            .all(|row| {
                candidates = row.get("candidates")?;
                Ok(ListedAgent { agent: Agent::from_row(&row)?, config: row.get("config")? })
            })
            .await?;
        items.truncate(limit as usize);
        let more = candidates as usize > items.len();
        Ok(AgentPage { items, more })
    }
}
