//! The table `agent_version`, and the question of every start: which version runs?

use moltforge_types::{Actor, AgentId, AgentName, ContentHash, EnvironmentName, ProjectId, Timestamp, VersionId};

use crate::error::Error;
use crate::sql::{At, Row};

/// One version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its identity.
    pub version_id: VersionId,
    /// Its agent.
    pub agent_id: AgentId,
    /// Counts the agent's versions from 1, without gaps.
    pub version: u32,
    /// SHA-256 of the canonical configuration, in hexadecimal digits.
    pub content_hash: String,
    /// The configuration as JSON.
    pub config: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
}

impl Version {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            version_id: row.get("version_id")?,
            agent_id: row.get("agent_id")?,
            version: row.get("version")?,
            content_hash: row.get("content_hash")?,
            config: row.get("config")?,
            created_at: row.get("created_at")?,
            created_by: row.get("created_by")?,
        })
    }
}

/// A version to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewVersion<'a> {
    /// Its agent, locked in the same transaction.
    pub agent_id: AgentId,
    /// The latest number plus one.
    pub version: u32,
    /// The hash of the canonical configuration.
    pub content_hash: ContentHash,
    /// The configuration as JSON.
    pub config: &'a str,
    /// The bundle of its code, used in the same transaction.
    pub bundle: Option<&'a str>,
    /// Who makes it.
    pub created_by: Actor,
}

/// An agent as people and programs name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentRef {
    /// By id: deleted ones too.
    Id(AgentId),
    /// By name: those that are not deleted.
    Name(AgentName),
}

/// Which version of an agent is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionRef {
    /// The one that is live in this environment.
    Environment(EnvironmentName),
    /// The one with this number.
    Number(u32),
}

/// An agent, and the version that was asked for if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The agent.
    pub agent_id: AgentId,
    /// Its name.
    pub agent_name: AgentName,
    /// It is deleted.
    pub deleted: bool,
    /// `None`: nothing is live in the environment, or there is no version of the number.
    pub version: Option<ResolvedVersion>,
}

/// The version of a [`Resolved`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedVersion {
    /// Its identity.
    pub version_id: VersionId,
    /// Its number.
    pub version: u32,
    /// Its configuration as JSON.
    pub config: String,
}

/// The versions of a project's agents.
#[derive(Debug)]
pub struct Versions<'c> {
    at: At<'c>,
    project_id: ProjectId,
}

crate::accessor!(versions -> Versions { project_id: ProjectId });

const RESOLVE_BY_ID: &str = "\
    SELECT a.agent_id, a.name, a.deleted_at, v.version_id, v.version, v.config FROM agent a \
    LEFT JOIN deployment d ON d.project_id = a.project_id AND d.agent_id = a.agent_id AND d.environment = $3 \
      AND d.ended_at IS NULL \
    LEFT JOIN agent_version v ON v.project_id = a.project_id AND v.agent_id = a.agent_id \
      AND v.version = COALESCE($4, d.version) \
    WHERE a.project_id = $1 AND a.agent_id = $2";

const RESOLVE_BY_NAME: &str = "\
    SELECT a.agent_id, a.name, a.deleted_at, v.version_id, v.version, v.config FROM agent a \
    LEFT JOIN deployment d ON d.project_id = a.project_id AND d.agent_id = a.agent_id AND d.environment = $3 \
      AND d.ended_at IS NULL \
    LEFT JOIN agent_version v ON v.project_id = a.project_id AND v.agent_id = a.agent_id \
      AND v.version = COALESCE($4, d.version) \
    WHERE a.project_id = $1 AND a.name = $2 AND a.deleted_at IS NULL";

/// As the list of agents: a page of large configurations ends early.
const LIST: &str = "\
    WITH candidate AS ( \
      SELECT version_id, agent_id, version, content_hash, config, created_at, created_by FROM agent_version \
      WHERE project_id = $1 AND agent_id = $2 AND ($3 IS NULL OR version < $3) ORDER BY version DESC LIMIT $4 \
    ), sized AS ( \
      SELECT c.*, count(*) OVER () AS candidates, length(c.config) AS size, \
        sum(length(c.config)) OVER (ORDER BY c.version DESC) AS total FROM candidate c \
    ) \
    SELECT version_id, agent_id, version, content_hash, config, created_at, created_by, candidates \
    FROM sized WHERE total - size < $5 ORDER BY version DESC";

/// A page ends early when its configurations have more characters than this together; it has always one item.
const PAGE_CHARACTERS: u32 = 4 * 1024 * 1024;

impl Versions<'_> {
    /// Writes a version, which nothing changes ever after.
    ///
    /// # Errors
    /// [`Error::Unique`] when the agent has a version of this number: it was not locked.
    pub async fn insert(&mut self, new: NewVersion<'_>) -> Result<Version, Error> {
        let tx = self.at.tx()?;
        let (now, version_id) = (tx.now(), tx.id::<VersionId>());
        self.at
            .query(
                "INSERT INTO agent_version(project_id, agent_id, version, version_id, content_hash, config, \
                 created_at, created_by, bundle) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .bind(self.project_id)
            .bind(new.agent_id)
            .bind(new.version)
            .bind(version_id)
            .bind(new.content_hash)
            .bind(new.config)
            .bind(now)
            .bind(new.created_by.to_string())
            .bind(new.bundle)
            .execute()
            .await?;
        Ok(Version {
            version_id,
            agent_id: new.agent_id,
            version: new.version,
            content_hash: new.content_hash.to_string(),
            config: new.config.to_owned(),
            created_at: now,
            created_by: new.created_by.to_string(),
        })
    }

    /// A version by its id.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn get(&mut self, version_id: VersionId) -> Result<Option<Version>, Error> {
        self.at
            .query(
                "SELECT version_id, agent_id, version, content_hash, config, created_at, created_by \
                 FROM agent_version WHERE project_id = $1 AND version_id = $2",
            )
            .bind(self.project_id)
            .bind(version_id)
            .optional(|row| Version::from_row(&row))
            .await
    }

    /// A version by its number.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn find(&mut self, agent_id: AgentId, version: u32) -> Result<Option<Version>, Error> {
        self.at
            .query(
                "SELECT version_id, agent_id, version, content_hash, config, created_at, created_by \
                 FROM agent_version WHERE project_id = $1 AND agent_id = $2 AND version = $3",
            )
            .bind(self.project_id)
            .bind(agent_id)
            .bind(version)
            .optional(|row| Version::from_row(&row))
            .await
    }

    /// A page, the newest first, with numbers below `before`: at most `limit` items and about 4 MiB of configurations.
    /// The second part says whether there are more.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(
        &mut self,
        agent_id: AgentId,
        before: Option<u32>,
        limit: u32,
    ) -> Result<(Vec<Version>, bool), Error> {
        let mut candidates = 0_u32;
        let mut items = self
            .at
            .query(LIST)
            .bind(self.project_id)
            .bind(agent_id)
            .bind(before)
            .bind(limit.saturating_add(1))
            .bind(PAGE_CHARACTERS)
            .all(|row| {
                candidates = row.get("candidates")?;
                Version::from_row(&row)
            })
            .await?;
        items.truncate(limit as usize);
        let more = candidates as usize > items.len();
        Ok((items, more))
    }

    /// What a start needs, in one statement: the agent, and the version that is meant. `None`: there is no such agent.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn resolve(&mut self, agent: &AgentRef, version: &VersionRef) -> Result<Option<Resolved>, Error> {
        let (text, agent) = match agent {
            AgentRef::Id(id) => (RESOLVE_BY_ID, id.to_string()),
            AgentRef::Name(name) => (RESOLVE_BY_NAME, name.to_string()),
        };
        let (environment, number) = match version {
            VersionRef::Environment(environment) => (Some(environment), None),
            VersionRef::Number(number) => (None, Some(*number)),
        };
        self.at
            .query(text)
            .bind(self.project_id)
            .bind(agent)
            .bind(environment)
            .bind(number)
            .optional(|row| resolved(&row))
            .await
    }
}

fn resolved(row: &Row<'_>) -> Result<Resolved, Error> {
    let version = match row.get::<Option<VersionId>>("version_id")? {
        None => None,
        Some(version_id) => {
            Some(ResolvedVersion { version_id, version: row.get("version")?, config: row.get("config")? })
        }
    };
    Ok(Resolved {
        agent_id: row.get("agent_id")?,
        agent_name: row.get("name")?,
        deleted: row.get::<Option<Timestamp>>("deleted_at")?.is_some(),
        version,
    })
}

impl std::str::FromStr for AgentRef {
    type Err = moltforge_types::NameError;

    /// An id when it reads as one, else a name. No name reads as an id, since names have no `_`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self::Id).or_else(|_| text.parse().map(Self::Name))
    }
}
