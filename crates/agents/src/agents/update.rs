//! A new version of an agent.

use moltforge_api::AgentConfig;
use moltforge_api::agents::Agent;
use moltforge_manifest::content_hash;
use moltforge_store::{AgentRef, NewVersion, Tx};
use moltforge_types::Principal;
use serde_json::{Value, json};

use super::{Agents, create, lock_alive};
use crate::error::Error;
use crate::{merge, versions};

/// What [`Agents::put`] did.
#[derive(Debug)]
pub struct Put {
    /// The agent after it.
    pub agent: Agent,
    /// Whether it made the agent, or a new version of it; `false`: the latest version has this content already.
    pub changed: bool,
}

impl Agents {
    /// Gives an agent this configuration: a new version if it differs from the latest, a new agent if there is none of
    /// the name. Safe to repeat.
    ///
    /// # Errors
    /// `agent_invalid`, `agent_not_found` (by id), `agent_deleted`, `agent_name_immutable`.
    pub async fn put(&self, principal: &Principal, agent: &str, config: &AgentConfig) -> Result<Put, Error> {
        let name = create::checked(config)?;
        let by_name = matches!(agent.parse(), Ok(AgentRef::Name(_)));
        if by_name && agent != config.name {
            return Err(renaming(agent, config));
        }
        self.check_program(principal, config).await?;
        match self.put_existing(principal, agent, config).await {
            Err(Error::AgentNotFound(_)) if by_name => {}
            other => return other,
        }
        match self.insert(principal, name, config).await {
            Ok(agent) => Ok(Put { agent, changed: true }),
            // somebody else created it just now
            Err(Error::AgentNameTaken(_)) => self.put_existing(principal, agent, config).await,
            Err(error) => Err(error),
        }
    }

    async fn put_existing(&self, principal: &Principal, agent: &str, config: &AgentConfig) -> Result<Put, Error> {
        let mut tx = self.store.begin().await?;
        let row = lock_alive(&mut tx, principal, agent).await?;
        self.renew(tx, principal, row, config).await
    }

    /// Changes the latest configuration by a JSON Merge Patch (RFC 7396), if it is still version `based_on`. A patch
    /// that changes nothing makes no version.
    ///
    /// # Errors
    /// `agent_not_found`, `agent_deleted`, `version_changed`, `agent_invalid`, `agent_name_immutable`.
    pub async fn patch(&self, principal: &Principal, agent: &str, based_on: u32, patch: &Value) -> Result<Put, Error> {
        let mut tx = self.store.begin().await?;
        let row = lock_version(&mut tx, principal, agent, based_on).await?;
        let latest = versions::stored(&mut tx, principal, &row).await?;
        // a look at a program may take seconds, and a transaction keeps others from writing
        tx.rollback().await?;
        let mut value = versions::parse::<Value>(&latest)?;
        merge::apply(&mut value, patch);
        let config = moltforge_manifest::parse_json(&value).map_err(|faults| Error::invalid(faults, ""))?;
        self.check_program(principal, &config).await?;
        let mut tx = self.store.begin().await?;
        let row = lock_version(&mut tx, principal, agent, based_on).await?;
        self.renew(tx, principal, row, &config).await
    }

    /// Writes `config` as the next version of a locked agent, unless the latest has the same content.
    async fn renew(
        &self,
        mut tx: Tx,
        principal: &Principal,
        mut agent: moltforge_store::Agent,
        config: &AgentConfig,
    ) -> Result<Put, Error> {
        if agent.name.as_str() != config.name {
            return Err(renaming(agent.name.as_str(), config));
        }
        let hash = content_hash(config);
        let latest = versions::stored(&mut tx, principal, &agent).await?;
        if latest.content_hash == hash.to_string() {
            tx.rollback().await?;
            return Ok(Put { agent: self.view(principal, agent).await?, changed: false });
        }
        Self::use_bundle(&mut tx, principal, config).await?;
        let text = versions::text(config)?;
        let (agent_id, version) = (agent.agent_id, agent.latest_version + 1);
        let (bundle, created_by) = (config.bundle.as_deref(), principal.actor);
        let new = NewVersion { agent_id, version, content_hash: hash, config: &text, bundle, created_by };
        let made = tx.versions(principal.project_id).insert(new).await?;
        tx.agents(principal.project_id).set_latest_version(agent_id, version).await?;
        let data = json!({ "name": config.name, "version": version, "content_hash": hash.to_string() });
        tx.changes(principal.project_id).insert(principal.actor, "agent.updated", agent_id, &data).await?;
        tx.commit().await?;
        (agent.latest_version, agent.updated_at) = (version, made.created_at);
        Ok(Put { agent: self.view(principal, agent).await?, changed: true })
    }
}

/// The agent, if `based_on` is still its latest version.
async fn lock_version(
    tx: &mut Tx,
    principal: &Principal,
    agent: &str,
    based_on: u32,
) -> Result<moltforge_store::Agent, Error> {
    let row = lock_alive(tx, principal, agent).await?;
    if row.latest_version == based_on {
        return Ok(row);
    }
    let (name, latest) = (row.name.to_string(), row.latest_version);
    Err(Error::VersionChanged { name, based_on, latest })
}

fn renaming(from: &str, config: &AgentConfig) -> Error {
    Error::AgentNameImmutable { from: from.to_owned(), to: config.name.clone() }
}
