//! A new agent.

use moltforge_api::AgentConfig;
use moltforge_api::agents::Agent;
use moltforge_manifest::content_hash;
use moltforge_store::{NewVersion, OnUnique as _};
use moltforge_types::{AgentId, AgentName, Principal};
use serde_json::json;

use super::Agents;
use crate::error::Error;
use crate::{versions, views};

impl Agents {
    /// Creates an agent with version 1.
    ///
    /// # Errors
    /// `agent_invalid`, `program_invalid`, `agent_name_taken`.
    pub async fn create(&self, principal: &Principal, config: &AgentConfig) -> Result<Agent, Error> {
        let name: AgentName = checked(config)?;
        self.check_program(principal, config).await?;
        self.insert(principal, name, config).await
    }

    /// Writes a new agent of a checked configuration, whose program was looked at.
    pub(super) async fn insert(
        &self,
        principal: &Principal,
        name: AgentName,
        config: &AgentConfig,
    ) -> Result<Agent, Error> {
        let text = versions::text(config)?;
        let taken = || Error::AgentNameTaken(config.name.clone());
        let hash = content_hash(config);
        let mut tx = self.store.begin().await?;
        Self::use_bundle(&mut tx, principal, config).await?;
        let agent_id: AgentId = tx.id();
        let agent = tx.agents(principal.project_id).insert(agent_id, &name).await.unique(taken)?;
        let (bundle, created_by) = (config.bundle.as_deref(), principal.actor);
        let version = NewVersion { agent_id, version: 1, content_hash: hash, config: &text, bundle, created_by };
        tx.versions(principal.project_id).insert(version).await?;
        let data = json!({ "name": config.name, "version": 1, "content_hash": hash.to_string() });
        tx.changes(principal.project_id).insert(principal.actor, "agent.created", agent_id, &data).await?;
        tx.commit().await?;
        views::agent(&agent, &text, [].iter())
    }
}

/// The name of a configuration that obeys all rules.
pub(super) fn checked(config: &AgentConfig) -> Result<AgentName, Error> {
    let faults = moltforge_manifest::check(config);
    match config.name.parse() {
        Ok(name) if faults.is_empty() => Ok(name),
        _ => Err(Error::invalid(faults, "")),
    }
}
