//! Versions: immutable, numbered from 1 without gaps, named by their content.

use moltforge_api::Page;
use moltforge_api::config::AgentConfig;
use moltforge_api::versions::{Version, VersionDiff};
use moltforge_store::{Agent, Tx};
use moltforge_types::Principal;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::{Agents, diff, views};

impl Agents {
    /// A page of an agent's versions, the newest first, and below which number the next begins.
    ///
    /// # Errors
    /// `agent_not_found`.
    pub async fn versions(
        &self,
        principal: &Principal,
        agent: &str,
        before: Option<u32>,
        limit: u32,
    ) -> Result<(Page<Version>, Option<u32>), Error> {
        let agent = self.find(principal, agent).await?;
        let (rows, more) = self.store.versions(principal.project_id).list(agent.agent_id, before, limit).await?;
        let next = rows.last().filter(|_| more).map(|row| row.version);
        let items = rows.into_iter().map(views::version).collect::<Result<_, _>>()?;
        Ok((Page { items, next: None }, next))
    }

    /// One version.
    ///
    /// # Errors
    /// `agent_not_found`, `version_not_found`.
    pub async fn version(&self, principal: &Principal, agent: &str, version: u32) -> Result<Version, Error> {
        let agent = self.find(principal, agent).await?;
        views::version(self.version_row(principal, &agent, version).await?)
    }

    /// What differs between two versions, told from the older to the newer. `against` is the one before when absent; the
    /// first version is compared with nothing.
    ///
    /// # Errors
    /// `agent_not_found`, `version_not_found`.
    pub async fn diff(
        &self,
        principal: &Principal,
        agent: &str,
        version: u32,
        against: Option<u32>,
    ) -> Result<VersionDiff, Error> {
        let agent = self.find(principal, agent).await?;
        let other = against.unwrap_or_else(|| version.saturating_sub(1));
        let (from, to) = (version.min(other), version.max(other));
        let newer = parse::<AgentConfig>(&self.version_row(principal, &agent, to).await?)?;
        let older = match against {
            None if from == 0 => None,
            _ => Some(parse::<AgentConfig>(&self.version_row(principal, &agent, from).await?)?),
        };
        // two large files can keep a processor busy for a while
        let compared = tokio::task::spawn_blocking(move || diff::compare((from, older.as_ref()), (to, &newer)));
        compared.await.map_err(Error::Lost)
    }

    /// The row of a version.
    pub(crate) async fn version_row(
        &self,
        principal: &Principal,
        agent: &Agent,
        version: u32,
    ) -> Result<moltforge_store::Version, Error> {
        let found = self.store.versions(principal.project_id).find(agent.agent_id, version).await?;
        found.ok_or_else(|| missing(agent, version))
    }
}

pub(crate) fn missing(agent: &Agent, version: u32) -> Error {
    Error::VersionNotFound { name: agent.name.to_string(), version }
}

/// The row of a locked agent's latest version.
pub(crate) async fn stored(
    tx: &mut Tx,
    principal: &Principal,
    agent: &Agent,
) -> Result<moltforge_store::Version, Error> {
    let found = tx.versions(principal.project_id).find(agent.agent_id, agent.latest_version).await?;
    found.ok_or_else(|| missing(agent, agent.latest_version))
}

/// A version's configuration.
pub(crate) fn parse<T: DeserializeOwned>(row: &moltforge_store::Version) -> Result<T, Error> {
    serde_json::from_str(&row.config).map_err(|source| unreadable(row, source))
}

fn unreadable(row: &moltforge_store::Version, source: serde_json::Error) -> Error {
    Error::Unreadable { agent_id: row.agent_id.to_string(), version: row.version, source }
}

/// A configuration as it is stored: in the author's order of fields, which matters to readers and not to the hash.
pub(crate) fn text(config: &AgentConfig) -> Result<String, Error> {
    let written = serde_json::to_string(config);
    written.map_err(|source| Error::Unreadable { agent_id: config.name.clone(), version: 0, source })
}
