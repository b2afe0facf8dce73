//! A node on a store, as the program puts it together, without its HTTP.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moltforge_api::executions::{Execution as View, StartExecution};
use moltforge_bus::Bus;
use moltforge_capabilities::llm::{Models, ModelsConfig};
use moltforge_capabilities::tools::Tools;
use moltforge_egress::{Egress, EgressConfig};
use moltforge_execution::{Config, Executions, Outside};
use moltforge_store::{NewDeployment, NewVersion, Store};
use moltforge_types::{Actor, Ambient, ContentHash, EnvironmentName, ExecutionId, Principal, ProjectId, Scope};
use serde_json::{Value, json};

use crate::Failed;
use crate::timed::Timed;

/// How long a start may take until its execution rests.
const PATIENCE: Duration = Duration::from_mins(5);

/// One node.
pub(crate) struct Node {
    pub(crate) store: Store,
    pub(crate) executions: Executions,
    pub(crate) bus: Bus,
    pub(crate) journal: Arc<Timed>,
    pub(crate) ambient: Ambient,
    /// From its start until it took requests.
    pub(crate) ready: Duration,
}

impl Node {
    pub(crate) async fn start(store: Store, config: Config) -> Result<Self, Failed> {
        // an error means that it is installed already
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ambient = Ambient::system();
        let egress = Egress::new(EgressConfig::default());
        let models = Models::new(ModelsConfig::default(), egress.clone())?;
        let tools = Tools::new(egress, store.clone());
        let (bus, journal) = (Bus::new(), Arc::new(Timed::new(store.journal()?)));
        let begun = Instant::now();
        let executions = Executions::start(
            config,
            store.clone(),
            journal.clone(),
            bus.clone(),
            Outside::new(models, tools),
            ambient.clone(),
        );
        executions.ready().await;
        let ready = begun.elapsed();
        Ok(Self { store, executions, bus, journal, ambient, ready })
    }

    /// A new project.
    pub(crate) async fn project(&self, name: &str) -> Result<Principal, Failed> {
        let mut tx = self.store.begin().await?;
        let organisation = tx.organisations().insert(name).await?;
        let project = tx.projects(organisation.organisation_id).insert(name).await?;
        tx.commit().await?;
        Ok(principal(project.project_id))
    }

    /// An agent with this configuration: its first version, deployed.
    pub(crate) async fn agent(&self, principal: &Principal, name: &str, mut config: Value) -> Result<(), Failed> {
        config["name"] = json!(name);
        config["kind"] = json!("prompt");
        config["model"] = json!("scripted");
        let config: moltforge_api::AgentConfig = serde_json::from_value(config)?;
        let text = serde_json::to_string(&config)?;
        let mut tx = self.store.begin().await?;
        let (project_id, agent_id) = (principal.project_id, self.ambient.id());
        tx.agents(project_id).insert(agent_id, &name.parse()?).await?;
        let content_hash = ContentHash::of(text.as_bytes());
        let new =
            NewVersion { agent_id, version: 1, content_hash, config: &text, bundle: None, created_by: Actor::System };
        tx.versions(project_id).insert(new).await?;
        tx.agents(project_id).set_latest_version(agent_id, 1).await?;
        let environment = EnvironmentName::production();
        let (version, restores, created_by) = (1, None, Actor::System);
        let new = NewDeployment { agent_id, environment: &environment, version, restores, created_by };
        tx.deployments(project_id).insert(new).await?;
        Ok(tx.commit().await?)
    }

    /// Starts one, and waits until it rests if that is asked for.
    pub(crate) async fn run(&self, principal: &Principal, agent: &str, rest: bool) -> Result<View, Failed> {
        let wait = rest.then_some(PATIENCE);
        Ok(self.executions.accept(principal, start(agent)?, None, wait).await?.execution)
    }

    /// Starts so many, `together` at a time, each until it rests. Gives their ids in order.
    pub(crate) async fn run_many(
        &self,
        principal: &Principal,
        agent: &str,
        count: usize,
        together: usize,
    ) -> Result<Vec<ExecutionId>, Failed> {
        use futures::{StreamExt as _, TryStreamExt as _};
        let starts = (0..count).map(|_| async {
            let view = self.run(principal, agent, true).await?;
            Ok::<ExecutionId, Failed>(view.execution_id.parse()?)
        });
        futures::stream::iter(starts).buffered(together.max(1)).try_collect().await
    }
}

/// Everything is allowed.
pub(crate) fn principal(project_id: ProjectId) -> Principal {
    Principal { project_id, actor: Actor::System, scopes: Scope::ALL.to_vec() }
}

pub(crate) fn start(agent: &str) -> Result<StartExecution, Failed> {
    Ok(serde_json::from_value(json!({ "agent": agent, "version": 1 }))?)
}
