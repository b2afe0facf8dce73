//! The table `deployment`.

use moltforge_types::{Actor, AgentId, AgentName, DeploymentId, EnvironmentName, ProjectId, Timestamp};

use crate::error::Error;
use crate::sql::{At, Row};

/// One deployment: a version made live in an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Its identity.
    pub deployment_id: DeploymentId,
    /// Its agent.
    pub agent_id: AgentId,
    /// Counts the agent's deployments from 1, without gaps.
    pub n: u64,
    /// Where.
    pub environment: EnvironmentName,
    /// The version's number.
    pub version: u32,
    /// `live`, `superseded` or `undeployed`.
    pub status: String,
    /// `deploy` or `rollback`.
    pub action: String,
    /// Of a rollback: the number of the deployment that it went back to.
    pub restores: Option<u64>,
    /// When it went live.
    pub created_at: Timestamp,
    /// Who did it.
    pub created_by: String,
    /// When it ceased to be live.
    pub ended_at: Option<Timestamp>,
}

impl Deployment {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            deployment_id: row.get("deployment_id")?,
            agent_id: row.get("agent_id")?,
            n: row.get("n")?,
            environment: row.get("environment")?,
            version: row.get("version")?,
            status: row.get("status")?,
            action: row.get("action")?,
            restores: row.get("restores")?,
            created_at: row.get("created_at")?,
            created_by: row.get("created_by")?,
            ended_at: row.get("ended_at")?,
        })
    }
}

/// A deployment to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewDeployment<'a> {
    /// Its agent, locked in the same transaction.
    pub agent_id: AgentId,
    /// Where.
    pub environment: &'a EnvironmentName,
    /// The version's number.
    pub version: u32,
    /// For a rollback the number of the deployment that it goes back to; a deploy has none.
    pub restores: Option<u64>,
    /// Who does it.
    pub created_by: Actor,
}

/// How a deployment ceases to be live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Another one took its place.
    Superseded,
    /// Nothing took its place.
    Undeployed,
}

/// The deployments of a project's agents.
#[derive(Debug)]
pub struct Deployments<'c> {
    at: At<'c>,
    project_id: ProjectId,
}

crate::accessor!(deployments -> Deployments { project_id: ProjectId });

impl Deployments<'_> {
    /// Writes a live deployment.
    ///
    /// # Errors
    /// [`Error::Unique`] when another one is live in the environment; [`Error::Reference`] when the version does not
    /// exist.
    pub async fn insert(&mut self, new: NewDeployment<'_>) -> Result<Deployment, Error> {
        let tx = self.at.tx()?;
        let (now, deployment_id) = (tx.now(), tx.id::<DeploymentId>());
        let action = if new.restores.is_some() { "rollback" } else { "deploy" };
        self.at
            .query(
                "INSERT INTO deployment(project_id, agent_id, n, deployment_id, environment, version, status, action, \
                 restores, created_at, created_by) \
                 SELECT $1, $2, COALESCE(MAX(n), 0) + 1, $3, $4, $5, 'live', $6, $7, $8, $9 FROM deployment \
                 WHERE project_id = $1 AND agent_id = $2 \
                 RETURNING n, deployment_id, agent_id, environment, version, status, action, restores, created_at, \
                 created_by, ended_at",
            )
            .bind(self.project_id)
            .bind(new.agent_id)
            .bind(deployment_id)
            .bind(new.environment)
            .bind(new.version)
            .bind(action)
            .bind(new.restores)
            .bind(now)
            .bind(new.created_by.to_string())
            .one(|row| Deployment::from_row(&row))
            .await
    }

    /// Ends a live deployment at the transaction's time.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end(&mut self, agent_id: AgentId, n: u64, how: Ended) -> Result<(), Error> {
        let now = self.at.tx()?.now();
        let status = match how {
            Ended::Superseded => "superseded",
            Ended::Undeployed => "undeployed",
        };
        self.at
            .query(
                "UPDATE deployment SET status = $4, ended_at = $5 \
                 WHERE project_id = $1 AND agent_id = $2 AND n = $3 AND ended_at IS NULL",
            )
            .bind(self.project_id)
            .bind(agent_id)
            .bind(n)
            .bind(status)
            .bind(now)
            .execute()
            .await?;
        Ok(())
    }

    /// Everything of an agent that is live, in order of environment.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn live(&mut self, agent_id: AgentId) -> Result<Vec<Deployment>, Error> {
        self.at
            .query(
                "SELECT deployment_id, agent_id, n, environment, version, status, action, restores, created_at, \
                 created_by, ended_at FROM deployment \
                 WHERE project_id = $1 AND agent_id = $2 AND ended_at IS NULL ORDER BY environment",
            )
            .bind(self.project_id)
            .bind(agent_id)
            .all(|row| Deployment::from_row(&row))
            .await
    }

    /// Everything that is live of the agents from `first` to `last` in the order of the list of agents, for a page of it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn live_between(
        &mut self,
        first: (&AgentName, AgentId),
        last: (&AgentName, AgentId),
    ) -> Result<Vec<Deployment>, Error> {
        // every environment is above '': saying so leads SQLite to the index of live ones, past the history
        self.at
            .query(
                "SELECT d.deployment_id, d.agent_id, d.n, d.environment, d.version, d.status, d.action, d.restores, \
                 d.created_at, d.created_by, d.ended_at FROM deployment d \
                 JOIN agent a ON a.project_id = d.project_id AND a.agent_id = d.agent_id \
                 WHERE d.project_id = $1 AND d.ended_at IS NULL AND d.environment > '' \
                 AND (a.name, a.agent_id) >= ($2, $3) AND (a.name, a.agent_id) <= ($4, $5) ORDER BY d.environment",
            )
            .bind(self.project_id)
            .bind(first.0)
            .bind(first.1)
            .bind(last.0)
            .bind(last.1)
            .all(|row| Deployment::from_row(&row))
            .await
    }

    /// The newest deployment in an environment, live or not.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn newest(
        &mut self,
        agent_id: AgentId,
        environment: &EnvironmentName,
    ) -> Result<Option<Deployment>, Error> {
        self.newest_where(agent_id, environment, None, None, None).await
    }

    /// The newest deployment in an environment with a number below `before` and another version than `other_than`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn newest_before(
        &mut self,
        agent_id: AgentId,
        environment: &EnvironmentName,
        before: u64,
        other_than: u32,
    ) -> Result<Option<Deployment>, Error> {
        self.newest_where(agent_id, environment, Some(before), Some(other_than), None).await
    }

    /// The newest deployment of a version in an environment.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn newest_of(
        &mut self,
        agent_id: AgentId,
        environment: &EnvironmentName,
        version: u32,
    ) -> Result<Option<Deployment>, Error> {
        self.newest_where(agent_id, environment, None, None, Some(version)).await
    }

    async fn newest_where(
        &mut self,
        agent_id: AgentId,
        environment: &EnvironmentName,
        before: Option<u64>,
        other_than: Option<u32>,
        version: Option<u32>,
    ) -> Result<Option<Deployment>, Error> {
        self.at
            .query(
                "SELECT deployment_id, agent_id, n, environment, version, status, action, restores, created_at, \
                 created_by, ended_at FROM deployment \
                 WHERE project_id = $1 AND agent_id = $2 AND environment = $3 AND ($4 IS NULL OR n < $4) \
                 AND ($5 IS NULL OR version <> $5) AND ($6 IS NULL OR version = $6) ORDER BY n DESC LIMIT 1",
            )
            .bind(self.project_id)
            .bind(agent_id)
            .bind(environment)
            .bind(before)
            .bind(other_than)
            .bind(version)
            .optional(|row| Deployment::from_row(&row))
            .await
    }

    /// A page of an agent's history, the newest first, with numbers below `before`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(
        &mut self,
        agent_id: AgentId,
        environment: Option<&EnvironmentName>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Deployment>, Error> {
        self.at
            .query(
                "SELECT deployment_id, agent_id, n, environment, version, status, action, restores, created_at, \
                 created_by, ended_at FROM deployment \
                 WHERE project_id = $1 AND agent_id = $2 AND ($3 IS NULL OR environment = $3) \
                 AND ($4 IS NULL OR n < $4) ORDER BY n DESC LIMIT $5",
            )
            .bind(self.project_id)
            .bind(agent_id)
            .bind(environment)
            .bind(before)
            .bind(limit)
            .all(|row| Deployment::from_row(&row))
            .await
    }
}
