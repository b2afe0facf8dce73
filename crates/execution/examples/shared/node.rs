//! A node on a temporary store, for measuring.

use std::time::Duration;

use moltforge_api::executions::StartExecution;
use moltforge_bus::Bus;
use moltforge_capabilities::llm::{Models, ModelsConfig};
use moltforge_capabilities::tools::Tools;
use moltforge_egress::{Egress, EgressConfig};
use moltforge_execution::{Config, Executions};
use moltforge_store::{NewVersion, Store};
use moltforge_types::{Actor, Ambient, ContentHash, Principal, ProjectId, Scope};
use serde_json::{Value, json};

pub(crate) type Failed = Box<dyn std::error::Error>;

pub(crate) struct Node {
    pub(crate) store: Store,
    pub(crate) executions: Executions,
    ambient: Ambient,
}

impl Node {
    pub(crate) async fn start(store: Store, config: Config) -> Result<Self, Failed> {
        // an error means that it is installed already
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ambient = Ambient::system();
        let egress = Egress::new(EgressConfig::default());
        let models = Models::new(ModelsConfig::default(), egress.clone())?;
        let tools = Tools::new(egress, store.clone());
        let journal = store.journal()?;
        let executions = Executions::start(config, store.clone(), journal, Bus::new(), models, tools, ambient.clone());
        executions.ready().await;
        Ok(Self { store, executions, ambient })
    }

    /// A project with an agent `agent` that follows a script.
    pub(crate) async fn project(&self, name: &str, script: Value) -> Result<Principal, Failed> {
        let mut tx = self.store.begin().await?;
        let organisation = tx.organisations().insert(name).await?;
        let project_id: ProjectId = tx.projects(organisation.organisation_id).insert(name).await?.project_id;
        let config = json!({ "name": "agent", "kind": "prompt", "model": "scripted", "tools": ["signals.wait"],
                             "script": script });
        let config: moltforge_api::AgentConfig = serde_json::from_value(config)?;
        let text = serde_json::to_string(&config)?;
        let agent_id = self.ambient.id();
        tx.agents(project_id).insert(agent_id, &"agent".parse()?).await?;
        let content_hash = ContentHash::of(text.as_bytes());
        let new = NewVersion { agent_id, version: 1, content_hash, config: &text, created_by: Actor::System };
        tx.versions(project_id).insert(new).await?;
        tx.agents(project_id).set_latest_version(agent_id, 1).await?;
        tx.commit().await?;
        Ok(Principal { project_id, actor: Actor::System, scopes: Scope::ALL.to_vec() })
    }
}

pub(crate) fn start() -> Result<StartExecution, Failed> {
    Ok(serde_json::from_value(json!({ "agent": "agent", "version": 1 }))?)
}

pub(crate) fn figures(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default();
    format!("p50 {:.1?}, p99 {:.1?}, longest {:.1?}", at(50), at(99), at(100))
}
