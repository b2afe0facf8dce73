//! Deployments: which version is live where, and what was.

use moltforge_api::deployments::{Deploy, Deployment, Rollback};
use moltforge_api::{AgentConfig, Page};
use moltforge_store::{Agent, Ended, NewDeployment, Tx};
use moltforge_types::{EnvironmentName, Principal};
use serde_json::json;

use crate::agents::lock_alive;
use crate::error::Error;
use crate::{Agents, triggers, versions, views};

/// The most environments in which one agent is live.
const MAX_ENVIRONMENTS: usize = 32;

impl Agents {
    /// Makes a version live, in place of the one that is. The second part says whether anything changed: deploying what
    /// is live does nothing.
    ///
    /// # Errors
    /// `agent_not_found`, `agent_deleted`, `version_not_found`, `model_unknown`, `environment_invalid`,
    /// `environment_limit`.
    pub async fn deploy(
        &self,
        principal: &Principal,
        agent: &str,
        wanted: &Deploy,
    ) -> Result<(Deployment, bool), Error> {
        let environment = environment(wanted.environment.as_deref())?;
        let mut tx = self.store.begin().await?;
        let agent = lock_alive(&mut tx, principal, agent).await?;
        let version = wanted.version.unwrap_or(agent.latest_version);
        self.replace(tx, principal, &agent, &environment, version, None).await
    }

    /// Makes an earlier version live again: the one that was live before the live one, or the named one if it was ever
    /// live there. After a rollback, a second one goes back further. The second part says whether anything changed.
    ///
    /// # Errors
    /// `agent_not_found`, `agent_deleted`, `no_earlier_deployment`, `model_unknown`, `environment_invalid`.
    pub async fn rollback(
        &self,
        principal: &Principal,
        agent: &str,
        wanted: &Rollback,
    ) -> Result<(Deployment, bool), Error> {
        let environment = environment(wanted.environment.as_deref())?;
        let mut tx = self.store.begin().await?;
        let agent = lock_alive(&mut tx, principal, agent).await?;
        let target = earlier(&mut tx, principal, &agent, &environment, wanted.version).await?;
        self.replace(tx, principal, &agent, &environment, target.version, Some(target.n)).await
    }

    /// Takes the agent out of an environment. Its running executions go on.
    ///
    /// # Errors
    /// `agent_not_found`, `agent_deleted`, `deployment_not_found`.
    pub async fn undeploy(&self, principal: &Principal, agent: &str, environment: &str) -> Result<(), Error> {
        let mut tx = self.store.begin().await?;
        let agent = lock_alive(&mut tx, principal, agent).await?;
        let live = tx.deployments(principal.project_id).live(agent.agent_id).await?;
        let Some(live) = live.into_iter().find(|live| live.environment.as_str() == environment) else {
            let environment = environment.chars().take(100).collect();
            return Err(Error::DeploymentNotFound { name: agent.name.to_string(), environment });
        };
        self.end(&mut tx, principal, &agent, &live, Ended::Undeployed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// A page of an agent's deployments, the newest first, and below which number the next begins.
    ///
    /// # Errors
    /// `agent_not_found`, `environment_invalid`.
    pub async fn deployments(
        &self,
        principal: &Principal,
        agent: &str,
        environment: Option<&str>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<(Page<Deployment>, Option<u64>), Error> {
        let only = environment.map(str::parse).transpose().map_err(Error::EnvironmentInvalid)?;
        let agent = self.find(principal, agent).await?;
        let mut deployments = self.store.deployments(principal.project_id);
        let mut rows = deployments.list(agent.agent_id, only.as_ref(), before, limit.saturating_add(1)).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(|row| row.n);
        let items = rows.iter().map(|row| views::deployment(row, agent.name.as_str())).collect();
        Ok((Page { items, next: None }, next))
    }

    /// Puts `version` in the place of what is live, of a locked agent. `restores` makes it a rollback.
    async fn replace(
        &self,
        mut tx: Tx,
        principal: &Principal,
        agent: &Agent,
        environment: &EnvironmentName,
        version: u32,
        restores: Option<u64>,
    ) -> Result<(Deployment, bool), Error> {
        let (project_id, agent_id, name) = (principal.project_id, agent.agent_id, agent.name.as_str());
        let live = tx.deployments(project_id).live(agent_id).await?;
        let there = live.iter().find(|live| live.environment == *environment);
        if let Some(same) = there.filter(|live| live.version == version) {
            return Ok((views::deployment(same, name), false));
        }
        let config = self.check_model(&mut tx, principal, agent, version).await?;
        match there {
            Some(there) => tx.deployments(project_id).end(agent_id, there.n, Ended::Superseded).await?,
            None if live.len() >= MAX_ENVIRONMENTS => {
                let (name, environment) = (name.to_owned(), environment.clone());
                return Err(Error::EnvironmentLimit { name, environment, limit: MAX_ENVIRONMENTS });
            }
            None => {}
        }
        let new = NewDeployment { agent_id, environment, version, restores, created_by: principal.actor };
        let made = tx.deployments(project_id).insert(new).await?;
        triggers::reconcile(&mut tx, principal, agent, environment, Some(&config)).await?;
        let action = if restores.is_some() { "agent.rolled_back" } else { "agent.deployed" };
        let data = json!({
            "name": name, "environment": environment, "version": version, "before": there.map(|there| there.version),
            "deployment_id": made.deployment_id,
        });
        tx.changes(project_id).insert(principal.actor, action, agent_id, &data).await?;
        tx.commit().await?;
        (self.deployed)();
        Ok((views::deployment(&made, name), true))
    }

    /// The configuration of a version. Refuses one that does not exist or whose model nobody could call.
    async fn check_model(
        &self,
        tx: &mut Tx,
        principal: &Principal,
        agent: &Agent,
        version: u32,
    ) -> Result<AgentConfig, Error> {
        let found = tx.versions(principal.project_id).find(agent.agent_id, version).await?;
        let found = found.ok_or_else(|| versions::missing(agent, version))?;
        let config: AgentConfig = versions::parse(&found)?;
        let name = agent.name.to_string();
        // a program may do without
        if !config.model.is_empty() {
            (self.models)(&config.model).map_err(|reason| Error::ModelUnknown { name, version, reason })?;
        }
        Ok(config)
    }

    /// Ends a live deployment and writes that down.
    pub(crate) async fn end(
        &self,
        tx: &mut Tx,
        principal: &Principal,
        agent: &Agent,
        live: &moltforge_store::Deployment,
        how: Ended,
    ) -> Result<(), Error> {
        tx.deployments(principal.project_id).end(agent.agent_id, live.n, how).await?;
        triggers::reconcile(tx, principal, agent, &live.environment, None).await?;
        let data = json!({
            "name": agent.name, "environment": live.environment, "version": live.version,
            "deployment_id": live.deployment_id,
        });
        tx.changes(principal.project_id).insert(principal.actor, "agent.undeployed", agent.agent_id, &data).await?;
        Ok(())
    }
}

/// Which deployment a rollback goes back to.
async fn earlier(
    tx: &mut Tx,
    principal: &Principal,
    agent: &Agent,
    environment: &EnvironmentName,
    version: Option<u32>,
) -> Result<moltforge_store::Deployment, Error> {
    let none = |reason: String| Error::NoEarlierDeployment {
        name: agent.name.to_string(),
        environment: environment.clone(),
        reason,
    };
    let mut deployments = tx.deployments(principal.project_id);
    let newest = deployments.newest(agent.agent_id, environment).await?;
    let newest = newest.ok_or_else(|| none("nothing was ever live there".to_owned()))?;
    if let Some(version) = version {
        let found = deployments.newest_of(agent.agent_id, environment, version).await?;
        return found.ok_or_else(|| none(format!("version {version} was never live there; deploy it instead")));
    }
    if newest.ended_at.is_some() {
        // nothing is live: the one that was live last comes back
        return Ok(newest);
    }
    // what a rollback restored stands for the rollback, so that repeating it goes further back and not forth again
    let before = newest.restores.unwrap_or(newest.n);
    let found = deployments.newest_before(agent.agent_id, environment, before, newest.version).await?;
    found.ok_or_else(|| none(format!("no other version was live there before version {}", newest.version)))
}

fn environment(named: Option<&str>) -> Result<EnvironmentName, Error> {
    named.map_or(Ok(EnvironmentName::production()), |text| text.parse().map_err(Error::EnvironmentInvalid))
}
