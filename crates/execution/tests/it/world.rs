//! A store with agents in it, and nodes that run on it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use moltforge_api::AgentConfig;
use moltforge_api::executions::{Execution as View, StartExecution};
use moltforge_bus::Bus;
use moltforge_capabilities::llm::{Models, ModelsConfig, Provider};
use moltforge_capabilities::tools::Tools;
use moltforge_egress::{Egress, EgressConfig};
use moltforge_execution::triggers::WebhookKey;
use moltforge_execution::{Config, Error, Executions, Outside};
use moltforge_store::{Journal, NewDeployment, NewVersion, Store};
use moltforge_testing::TestStore;
use moltforge_types::journal::Entry;
use moltforge_types::{Actor, Ambient, ContentHash, EnvironmentName, ExecutionId, NodeId, Principal, ProjectId, Scope};
use serde_json::{Value, json};

use super::guests::Programs;
use super::server::Server;

pub(crate) struct World {
    pub(crate) backend: &'static str,
    pub(crate) store: Store,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) server: Server,
    pub(crate) principal: Principal,
    pub(crate) ambient: Ambient,
    _test: TestStore,
}

impl World {
    pub(crate) async fn all() -> Vec<Self> {
        // every test installs it; the first one wins
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut worlds = Vec::new();
        for test in moltforge_testing::stores().await {
            worlds.push(Self::on(test).await);
        }
        worlds
    }

    async fn on(test: TestStore) -> Self {
        let store = test.store();
        let project_id = project(&store).await;
        let principal = Principal { project_id, actor: Actor::System, scopes: Scope::ALL.to_vec() };
        let journal = store.journal().expect("the journal opens");
        let server = Server::start().await;
        let ambient = Ambient::system();
        Self { backend: test.backend, store, journal, server, principal, ambient, _test: test }
    }

    /// Adds an agent with one version.
    pub(crate) async fn agent(&self, config: &AgentConfig) {
        let text = serde_json::to_string(config).expect("json");
        let name = config.name.parse().expect("a name");
        let agent_id = self.ambient.id();
        let mut tx = self.store.begin().await.expect("a transaction");
        tx.agents(self.principal.project_id).insert(agent_id, &name).await.expect("inserted");
        let new = NewVersion {
            agent_id,
            version: 1,
            content_hash: ContentHash::of(text.as_bytes()),
            config: &text,
            bundle: config.bundle.as_deref(),
            created_by: Actor::System,
        };
        tx.versions(self.principal.project_id).insert(new).await.expect("inserted");
        tx.agents(self.principal.project_id).set_latest_version(agent_id, 1).await.expect("updated");
        let environment = EnvironmentName::production();
        let new = NewDeployment {
            agent_id,
            environment: &environment,
            version: 1,
            restores: None,
            created_by: Actor::System,
        };
        tx.deployments(self.principal.project_id).insert(new).await.expect("deployed");
        tx.commit().await.expect("committed");
    }

    /// A node that owns every shard, whoever owned them before.
    pub(crate) async fn node(&self, journal: Arc<dyn Journal>) -> Executions {
        self.node_with(journal, Config::default()).await
    }

    pub(crate) async fn node_with(&self, journal: Arc<dyn Journal>, config: Config) -> Executions {
        self.end_leases().await;
        let executions = self.begin_node(journal, config);
        tokio::time::timeout(Duration::from_secs(20), executions.ready()).await.expect("the node owns its shards");
        executions
    }

    /// A node that takes what nobody owns, when it can.
    pub(crate) fn begin_node(&self, journal: Arc<dyn Journal>, mut config: Config) -> Executions {
        config.webhook_key.get_or_insert(WebhookKey::new([7; 32]));
        let local = format!("{}", self.server.address()).parse().expect("a rule");
        let egress = Egress::new(EgressConfig { allow_local: vec![local], ..EgressConfig::default() });
        // a provider that takes two calls at a time
        let address = format!("http://{}/v1/", self.server.address());
        let provider = Provider { max_in_flight: Some(2), ..Provider::new("stub", &address) };
        let models = Models::new(ModelsConfig { providers: vec![provider] }, egress.clone()).expect("models");
        let tools = Tools::new(egress, self.store.clone());
        Executions::start(
            config,
            self.store.clone(),
            journal,
            Bus::new(),
            Outside::new(models, tools).with_guests(Arc::new(Programs)),
            self.ambient.clone(),
        )
    }

    /// As if every lease had run out: on PostgreSQL a test does not wait for that.
    async fn end_leases(&self) {
        let node_id: NodeId = self.ambient.id();
        let mut tx = self.store.begin().await.expect("a transaction");
        tx.nodes().register(node_id, 1, Duration::from_mins(1)).await.expect("registered");
        tx.nodes().take_over(node_id, 1, true).await.expect("taken over");
        tx.nodes().release(node_id).await.expect("released");
        tx.commit().await.expect("committed");
    }

    pub(crate) async fn accept(&self, node: &Executions, agent: &str, input: Value, key: &str) -> Result<View, Error> {
        let request = StartExecution { agent: agent.to_owned(), input, version: Some(1), ..StartExecution::default() };
        node.accept(&self.principal, request, Some(key.to_owned()), None).await.map(|started| started.execution)
    }

    pub(crate) async fn journal_of(&self, id: ExecutionId) -> Vec<Entry> {
        let rows = self.journal.entries(id, 0, 10_000).await.expect("readable");
        for (index, row) in rows.iter().enumerate() {
            assert_eq!(row.seq, index as u64 + 1, "numbers are dense");
        }
        rows.iter().map(|row| serde_json::from_slice(&row.payload).expect("an entry")).collect()
    }
}

async fn project(store: &Store) -> ProjectId {
    let mut tx = store.begin().await.expect("a transaction");
    let organisation = tx.organisations().insert("test").await.expect("inserted");
    let project = tx.projects(organisation.organisation_id).insert("test").await.expect("inserted");
    tx.commit().await.expect("committed");
    project.project_id
}

/// Where the sample agents are.
pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// The sample agents, with waits short enough for a test and tools that go to the counting server.
pub(crate) fn samples(server: &Server) -> Vec<(AgentConfig, Value)> {
    let folder = examples();
    let mut samples: Vec<_> = [
        ("heartbeat", json!({})),
        ("hello", json!({"name": "Ada"})),
        ("calculator", json!({"first": [1, 2], "second": [30, 40]})),
        ("counter", Value::Null),
        ("countdown", Value::Null),
        ("waiter", json!({})),
        ("weather", json!({"city": "Lisbon"})),
        ("refund", json!({"order": "A-17", "amount": 120})),
        ("team", json!({"name": "Ada"})),
    ]
    .into_iter()
    .map(|(name, input)| {
        let text = std::fs::read_to_string(folder.join(name).join("agent.toml")).expect("the sample is there");
        let config = moltforge_manifest::parse_toml(&text).expect("it parses");
        (to_server(shorten(config), server), input)
    })
    .collect();
    samples.push((effects(server), Value::Null));
    samples.push((shipment(server), Value::Null));
    samples
}

/// One of them, by its name.
pub(crate) fn sample(server: &Server, name: &str) -> (AgentConfig, Value) {
    samples(server).into_iter().find(|(config, _)| config.name == name).expect("a sample")
}

/// A workload with every class of effect.
fn effects(server: &Server) -> AgentConfig {
    let tool = |name: &str, method: &str, effect: &str| {
        json!({ "name": name, "description": "d", "url": format!("http://{}/{name}", server.address()),
                "method": method, "effect": effect, "parameters": { "type": "object", "properties": {} } })
    };
    let config = json!({
        "name": "effects", "kind": "prompt", "model": "scripted", "tools": ["look", "book", "pay", "state.set", "state.get"],
        "tool": [tool("look", "GET", "read"), tool("book", "POST", "keyed"), tool("pay", "POST", "at_most_once")],
        "script": [
            { "calls": [{ "tool": "look", "arguments": {} }, { "tool": "book", "arguments": {} }] },
            { "calls": [{ "tool": "pay", "arguments": {} }, { "tool": "state.set", "arguments": { "key": "k", "value": 1 } }] },
            { "calls": [{ "tool": "book", "arguments": {} }, { "tool": "state.get", "arguments": { "key": "k" } }] },
            { "text": "done" },
        ],
    });
    serde_json::from_value(config).expect("a valid configuration")
}

/// A call whose outcome the other side can be asked about.
fn shipment(server: &Server) -> AgentConfig {
    let tool = json!({ "name": "ship", "description": "d", "url": format!("http://{}/ship", server.address()),
        "effect": "reconcile", "parameters": { "type": "object", "properties": {} },
        "probe": { "url": format!("http://{}/probe/{{idempotency_key}}", server.address()), "settle": "200ms" } });
    let config = json!({
        "name": "shipment", "kind": "prompt", "model": "scripted", "tools": ["ship", "approvals.request"], "tool": [tool],
        "script": [
            { "calls": [{ "tool": "approvals.request", "arguments": { "title": "Ship it?" } }] },
            { "calls": [{ "tool": "ship", "arguments": {} }] },
            { "text": "shipped" },
        ],
    });
    serde_json::from_value(config).expect("a valid configuration")
}

/// Sends the tools of a sample to the counting server, with the last segment of their paths.
fn to_server(mut config: AgentConfig, server: &Server) -> AgentConfig {
    for tool in &mut config.declared_tools {
        let (_, last) = tool.url.rsplit_once('/').expect("an address with a path");
        tool.url = format!("http://{}/{last}", server.address());
    }
    config
}

fn shorten(mut config: AgentConfig) -> AgentConfig {
    for reply in &mut config.script {
        reply.delay = None;
        for call in &mut reply.calls {
            if call.tool == "time.sleep" {
                call.arguments = json!({ "duration": "20ms" });
            }
            // a wait that gives up must not do so before the signal comes
            if call.tool == "signals.wait"
                && let Value::Object(arguments) = &mut call.arguments
            {
                arguments.insert("timeout".to_owned(), json!("10m"));
            }
        }
    }
    config
}
