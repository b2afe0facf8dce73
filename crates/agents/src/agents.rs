//! The service, and reading agents.

mod create;
mod delete;
mod update;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use moltforge_api::Page;
use moltforge_api::agents::Agent;
use moltforge_api::bundles::Bundle;
use moltforge_http::Turns;
use moltforge_store::{AgentFilter, AgentRef, Store, Tx};
use moltforge_types::{AgentId, AgentName, Principal, ProjectId};

use crate::bundles::AT_ONCE;
use crate::error::Error;
use crate::views;

pub use update::Put;

/// Whether a model can be used, asked at deployment: `Err` says which model is missing and which there are.
pub type ModelCheck = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// What [`CancelExecutions`] returns.
pub type Cancelling = Pin<Box<dyn Future<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>> + Send>>;

/// Cancels every live execution of an agent and returns once that is durable.
pub type CancelExecutions = Arc<dyn Fn(Principal, AgentId) -> Cancelling + Send + Sync>;

/// Told after each deployment, when it is durable: triggers that it declares may be new.
pub type Deployed = Arc<dyn Fn() + Send + Sync>;

/// A program of which a version is about to be made.
#[derive(Debug)]
pub struct ProgramToCheck {
    /// Whose it is.
    pub project_id: ProjectId,
    /// The file with its `run`.
    pub code: String,
    /// All files.
    pub files: Bundle,
}

/// What is wrong with a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramFault {
    /// `program_invalid`, or what is wrong with a component.
    pub code: &'static str,
    /// For its author: with the file and the line where they are known.
    pub message: String,
}

impl ProgramFault {
    /// Its files cannot be read.
    pub fn unreadable(message: String) -> Self {
        Self { code: "program_invalid", message }
    }
}

impl fmt::Display for ProgramFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What [`ProgramCheck`] returns.
pub type Checking = Pin<Box<dyn Future<Output = Result<(), ProgramFault>> + Send>>;

/// Whether a program can be run: `Err` says what is wrong.
pub type ProgramCheck = Arc<dyn Fn(ProgramToCheck) -> Checking + Send + Sync>;

/// Where a list of agents goes on: after this name and id.
pub type AgentPosition = (AgentName, AgentId);

/// The filters of a list of agents.
pub type ListedBy = AgentFilter;

/// The agent service. What it must ask others is handed in by the program.
#[derive(Clone)]
pub struct Agents {
    pub(crate) store: Store,
    pub(crate) models: ModelCheck,
    pub(crate) cancel: CancelExecutions,
    pub(crate) deployed: Deployed,
    pub(crate) programs: ProgramCheck,
    pub(crate) bundles: Arc<Turns>,
}

impl fmt::Debug for Agents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agents").finish_non_exhaustive()
    }
}

impl Agents {
    /// The service over `store`; `models` answers whether a model is configured, `cancel` stops executions.
    pub fn new(store: Store, models: ModelCheck, cancel: CancelExecutions) -> Self {
        let programs: ProgramCheck = Arc::new(|_| Box::pin(async { Ok(()) }));
        Self { store, models, cancel, deployed: Arc::new(|| {}), programs, bundles: Arc::new(Turns::new(AT_ONCE)) }
    }

    /// The same service, which has programs checked before versions are made of them.
    #[must_use]
    pub fn with_program_check(self, programs: ProgramCheck) -> Self {
        Self { programs, ..self }
    }

    /// The same service, which tells somebody of deployments.
    #[must_use]
    pub fn with_deployed(self, deployed: Deployed) -> Self {
        Self { deployed, ..self }
    }

    /// An agent by name, or by id even when it is deleted.
    ///
    /// # Errors
    /// `agent_not_found`.
    pub async fn get(&self, principal: &Principal, agent: &str) -> Result<Agent, Error> {
        let found = self.find(principal, agent).await?;
        self.view(principal, found).await
    }

    /// A page of agents in order of name, and where the next begins.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list(
        &self,
        principal: &Principal,
        filter: &ListedBy,
        limit: u32,
    ) -> Result<(Page<Agent>, Option<AgentPosition>), Error> {
        let project_id = principal.project_id;
        let page = self.store.agents(project_id).list(filter, limit).await?;
        let (Some(first), Some(last)) = (page.items.first(), page.items.last()) else {
            return Ok((Page { items: Vec::new(), next: None }, None));
        };
        let (first, last) = (&first.agent, &last.agent);
        let between = ((&first.name, first.agent_id), (&last.name, last.agent_id));
        let live = self.store.deployments(project_id).live_between(between.0, between.1).await?;
        let next = page.more.then(|| (last.name.clone(), last.agent_id));
        let mut items = Vec::with_capacity(page.items.len());
        for listed in &page.items {
            let deployments = live.iter().filter(|deployment| deployment.agent_id == listed.agent.agent_id);
            items.push(views::agent(&listed.agent, &listed.config, deployments)?);
        }
        Ok((Page { items, next: None }, next))
    }

    /// The row of an agent in the caller's project.
    pub(crate) async fn find(&self, principal: &Principal, agent: &str) -> Result<moltforge_store::Agent, Error> {
        let mut agents = self.store.agents(principal.project_id);
        let found = match agent.parse() {
            Ok(AgentRef::Id(agent_id)) => agents.find(agent_id).await?,
            Ok(AgentRef::Name(name)) => agents.find_by_name(&name).await?,
            Err(_) => None,
        };
        found.ok_or_else(|| not_found(agent))
    }

    /// An agent as the API shows it.
    pub(crate) async fn view(&self, principal: &Principal, agent: moltforge_store::Agent) -> Result<Agent, Error> {
        let version = self.version_row(principal, &agent, agent.latest_version).await?;
        let live = self.store.deployments(principal.project_id).live(agent.agent_id).await?;
        views::agent(&agent, &version.config, live.iter())
    }
}

/// The row of an agent, locked until the transaction ends. Deleted ones are found by id.
pub(crate) async fn lock(tx: &mut Tx, principal: &Principal, agent: &str) -> Result<moltforge_store::Agent, Error> {
    let mut agents = tx.agents(principal.project_id);
    let found = match agent.parse() {
        Ok(AgentRef::Id(agent_id)) => agents.lock(agent_id).await?,
        Ok(AgentRef::Name(name)) => agents.lock_by_name(&name).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| not_found(agent))
}

/// As [`lock`], refusing deleted ones.
pub(crate) async fn lock_alive(
    tx: &mut Tx,
    principal: &Principal,
    agent: &str,
) -> Result<moltforge_store::Agent, Error> {
    let found = lock(tx, principal, agent).await?;
    if found.deleted_at.is_some() { Err(Error::AgentDeleted(found.name.to_string())) } else { Ok(found) }
}

pub(crate) fn not_found(agent: &str) -> Error {
    Error::AgentNotFound(agent.chars().take(100).collect())
}
