//! From rows to what the API shows.

use moltforge_api::agents::Agent;
use moltforge_api::deployments::Deployment;
use moltforge_api::versions::Version;

use crate::error::Error;
use crate::versions::parse;

/// An agent with its latest configuration (JSON) and what of it is live.
pub(crate) fn agent<'d>(
    row: &moltforge_store::Agent,
    config: &str,
    live: impl Iterator<Item = &'d moltforge_store::Deployment>,
) -> Result<Agent, Error> {
    let config: moltforge_api::AgentConfig = serde_json::from_str(config).map_err(|source| Error::Unreadable {
        agent_id: row.agent_id.to_string(),
        version: row.latest_version,
        source,
    })?;
    Ok(Agent {
        agent_id: row.agent_id.to_string(),
        name: row.name.to_string(),
        description: config.description.clone(),
        latest_version: row.latest_version,
        config,
        deployments: live.map(|live| deployment(live, row.name.as_str())).collect(),
        created_at: row.created_at.to_string(),
        updated_at: row.updated_at.to_string(),
        deleted_at: row.deleted_at.map(|at| at.to_string()),
    })
}

/// A version.
pub(crate) fn version(row: moltforge_store::Version) -> Result<Version, Error> {
    Ok(Version {
        config: parse(&row)?,
        version_id: row.version_id.to_string(),
        agent_id: row.agent_id.to_string(),
        version: row.version,
        content_hash: row.content_hash,
        created_at: row.created_at.to_string(),
        created_by: row.created_by,
    })
}

/// A deployment of the agent of this name.
pub(crate) fn deployment(row: &moltforge_store::Deployment, agent_name: &str) -> Deployment {
    Deployment {
        deployment_id: row.deployment_id.to_string(),
        agent_id: row.agent_id.to_string(),
        agent_name: agent_name.to_owned(),
        environment: row.environment.to_string(),
        version: row.version,
        status: row.status.clone(),
        action: row.action.clone(),
        created_at: row.created_at.to_string(),
        created_by: row.created_by.clone(),
        ended_at: row.ended_at.map(|at| at.to_string()),
    }
}
