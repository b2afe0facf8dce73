//! How long a quiet project waits beside a noisy one: `cargo run --release -p moltforge-execution --example fairness`.
//!
//! One project queues 10,000 executions (or as many as the first argument says) on a node with 16 slots; another starts one
//! every 25 ms. Shown is the time from each of its starts to its end, alone and beside the noise. Nothing is asserted:
//! times belong to the machine.

use std::time::{Duration, Instant};

use moltforge_api::executions::StartExecution;
use moltforge_bus::Bus;
use moltforge_capabilities::llm::{Models, ModelsConfig};
use moltforge_capabilities::tools::Tools;
use moltforge_egress::{Egress, EgressConfig};
use moltforge_execution::{Config, Executions};
use moltforge_store::{NewVersion, Store};
use moltforge_types::{Actor, Ambient, ContentHash, Principal, ProjectId, Scope};
use serde_json::{Value, json};

type Failed = Box<dyn std::error::Error>;

const SLOTS: usize = 16;
/// Starts of the quiet project in each part.
const QUIET: usize = 200;
/// Starts of the noisy project at a time.
const TOGETHER: usize = 64;
const BETWEEN: Duration = Duration::from_millis(25);
const PATIENCE: Duration = Duration::from_mins(5);

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let noise: usize = std::env::args().nth(1).map_or(Ok(10_000), |text| text.parse())?;
    // an error means that it is installed already
    let _ = rustls::crypto::ring::default_provider().install_default();
    for test in moltforge_testing::stores().await {
        let node = Node::start(test.store()).await?;
        let (noisy, quiet) = (node.project("noisy").await?, node.project("quiet").await?);
        let alone = node.quiet(&quiet).await?;
        let began = Instant::now();
        for _ in 0..noise.div_ceil(TOGETHER) {
            let starts = (0..TOGETHER).map(|_| async {
                node.executions.accept(&noisy, start()?, None, None).await?;
                Ok::<_, Failed>(())
            });
            futures::future::try_join_all(starts).await?;
        }
        let queued = node.executions.gauges().ready;
        let took = began.elapsed();
        let beside = node.quiet(&quiet).await?;
        let left = node.executions.gauges().ready;
        println!("{}: {noise} starts of the noisy project in {took:.1?}", test.backend);
        println!("  waiting when the quiet one began: {queued}, when it had ended: {left}");
        println!("  quiet project alone:          {}", figures(alone));
        println!("  quiet project beside the noise: {}", figures(beside));
        node.executions.abandon().await;
    }
    Ok(())
}

struct Node {
    store: Store,
    executions: Executions,
    ambient: Ambient,
}

impl Node {
    async fn start(store: Store) -> Result<Self, Failed> {
        let ambient = Ambient::system();
        let egress = Egress::new(EgressConfig::default());
        let models = Models::new(ModelsConfig::default(), egress.clone())?;
        let tools = Tools::new(egress, store.clone());
        let config = Config { max_running: SLOTS, queue_age_seconds: 3_600, ..Config::default() };
        let journal = store.journal()?;
        let executions = Executions::start(config, store.clone(), journal, Bus::new(), models, tools, ambient.clone());
        executions.ready().await;
        Ok(Self { store, executions, ambient })
    }

    /// A project with an agent whose model takes 100 ms.
    async fn project(&self, name: &str) -> Result<Principal, Failed> {
        let mut tx = self.store.begin().await?;
        let organisation = tx.organisations().insert(name).await?;
        let project_id: ProjectId = tx.projects(organisation.organisation_id).insert(name).await?.project_id;
        let config: Value = json!({ "name": "agent", "kind": "prompt", "model": "scripted",
                                    "script": [{ "text": "done", "delay": "100ms" }] });
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

    /// Starts one after the other, whether those before have ended or not, and says how long each took.
    async fn quiet(&self, principal: &Principal) -> Result<Vec<Duration>, Failed> {
        let mut tasks = Vec::new();
        for _ in 0..QUIET {
            let (executions, principal, start) = (self.executions.clone(), principal.clone(), start()?);
            tasks.push(tokio::spawn(async move {
                let began = Instant::now();
                let ended = executions.accept(&principal, start, None, Some(PATIENCE)).await;
                ended.map(|_| began.elapsed())
            }));
            tokio::time::sleep(BETWEEN).await;
        }
        let mut times = Vec::new();
        for task in tasks {
            times.push(task.await??);
        }
        Ok(times)
    }
}

fn start() -> Result<StartExecution, Failed> {
    Ok(serde_json::from_value(json!({ "agent": "agent", "version": 1 }))?)
}

fn figures(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: f64| times.get(((times.len() - 1) as f64 * share) as usize).copied().unwrap_or_default();
    format!("p50 {:.1?}, p99 {:.1?}, longest {:.1?}", at(0.5), at(0.99), at(1.0))
}
