//! A server of its own for each test, on SQLite and, when one is given, on PostgreSQL.

use std::net::{Ipv4Addr, SocketAddr};

use moltforge::config::Config;
use moltforge::guests::SandboxConfig;
use moltforge::server::Server;
use moltforge_accounts::Accounts;
use moltforge_api::AgentConfig;
use moltforge_api::deployments::Deploy;
use moltforge_api::executions::{Execution, StartExecution};
use moltforge_api::keys::CreateKey;
use moltforge_client::{Client, StartOptions};
use moltforge_egress::EgressConfig;
use moltforge_execution::triggers::WebhookKey;
use moltforge_store::Location;
use moltforge_testing::TestStore;
use moltforge_types::{Actor, Ambient, Principal, Scope, Secret};
use serde_json::{Value, json};

use crate::http::Http;

/// A running server.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) key: Secret,
    folder: tempfile::TempDir,
    // dropped last: the database that the server used
    _database: Option<TestStore>,
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        Self::start(None, EgressConfig::default()).await
    }

    pub(crate) async fn postgres() -> Option<Self> {
        Some(Self::start(Some(TestStore::postgres().await?), EgressConfig::default()).await)
    }

    /// On SQLite, with agents that may reach this port of the machine.
    pub(crate) async fn reaching(port: u16) -> Self {
        let allow_local = vec![format!("127.0.0.1:{port}").parse().unwrap()];
        Self::start(None, EgressConfig { allow_local, ..EgressConfig::default() }).await
    }

    /// On SQLite, with code agents in confined processes, which may reach one port of the machine. Of the other port only
    /// its address is in the way.
    pub(crate) async fn with_programs(permitted: u16, private: u16) -> Self {
        let allow_local = vec![format!("127.0.0.1:{permitted}").parse().unwrap()];
        let allow = ["*".to_owned(), format!("*:{private}")].map(|rule| rule.parse().unwrap()).into();
        let egress = EgressConfig { allow_local, allow, ..EgressConfig::default() };
        Self::running(egress, Self::sandbox()).await
    }

    /// On SQLite, with code agents, as these settings say.
    pub(crate) async fn running(egress: EgressConfig, sandbox: SandboxConfig) -> Self {
        Self::start_with(None, egress, sandbox).await
    }

    /// Settings under which processes of code agents are confined.
    pub(crate) fn sandbox() -> SandboxConfig {
        // never silently: the reason is printed
        let best_effort_because = std::env::var("MOLTFORGE_TESTS_WITHOUT_CONFINEMENT_BECAUSE").ok();
        if let Some(reason) = &best_effort_because {
            println!("NOT CONFINED, because {reason}");
        }
        SandboxConfig {
            program: env!("CARGO_BIN_EXE_moltforge").into(),
            cache_dir: Some(concat!(env!("CARGO_TARGET_TMPDIR"), "/images").into()),
            best_effort_because,
            ..SandboxConfig::default()
        }
    }

    /// Where the server keeps what it has.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    async fn start(database: Option<TestStore>, egress: EgressConfig) -> Self {
        Self::start_with(database, egress, SandboxConfig { enabled: false, ..SandboxConfig::default() }).await
    }

    async fn start_with(database: Option<TestStore>, egress: EgressConfig, sandbox: SandboxConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = moltforge_accounts::new_key_secret(&Ambient::system());
        let mut config = Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            data_dir: folder.path().join("data"),
            first_key: Some(key.clone()),
            webhook_key: Some(WebhookKey::new([7; 32]).to_text()),
            drain_seconds: 5,
            egress,
            sandbox,
            ..Config::default()
        };
        if let Some(database) = &database {
            let Location::Postgres(url) = database.location() else { panic!("a PostgreSQL location") };
            config.store.url = Some(url);
        }
        let server = Server::start(config).await.map_err(|failure| format!("{failure:?}")).unwrap();
        server.ready().await;
        Self { server, key, folder, _database: database }
    }

    /// A client with the first key.
    pub(crate) fn client(&self) -> Client {
        Client::remote(&self.server.url(), Some(&self.key)).unwrap()
    }

    /// A client of another project, with every scope there.
    pub(crate) async fn stranger(&self) -> (Client, Secret) {
        let store = self.server.store();
        let mut tx = store.begin().await.unwrap();
        let organisation = tx.organisations().insert("strangers").await.unwrap().organisation_id;
        let project_id = tx.projects(organisation).insert("strange").await.unwrap().project_id;
        tx.commit().await.unwrap();
        let maker = Principal { project_id, actor: Actor::System, scopes: Scope::ALL.to_vec() };
        let scopes = Scope::ALL.iter().map(|scope| scope.as_str().to_owned()).collect();
        let wanted = CreateKey { name: "strange".to_owned(), scopes, expires_at: None };
        let key = Secret::new(Accounts::new(store).create_key(&maker, wanted).await.unwrap().secret);
        (Client::remote(&self.server.url(), Some(&key)).unwrap(), key)
    }

    /// Raw requests with the first key.
    pub(crate) fn http(&self) -> Http {
        Http::new(self.server.address(), Some(self.key.expose()))
    }

    /// Raw requests without a key.
    pub(crate) fn anonymous(&self) -> Http {
        Http::new(self.server.address(), None)
    }

    /// Creates and deploys.
    pub(crate) async fn deploy(&self, config: &AgentConfig) {
        let client = self.client();
        client.agents().create(config, None).await.unwrap();
        client.agents().deploy(&config.name, &Deploy::default(), None).await.unwrap();
    }

    /// Starts and waits until it ends or holds.
    pub(crate) async fn run(&self, agent: &str, input: Value) -> Execution {
        let wait = StartOptions { wait: Some(std::time::Duration::from_secs(20)), idempotency_key: None };
        self.client().executions().start(&start(agent, input), &wait).await.unwrap()
    }
}

pub(crate) fn start(agent: &str, input: Value) -> StartExecution {
    StartExecution { agent: agent.to_owned(), input, ..StartExecution::default() }
}

/// A scripted agent from the fields that matter.
#[expect(clippy::needless_pass_by_value, reason = "callers write `json!` in place")]
pub(crate) fn agent(name: &str, fields: Value) -> AgentConfig {
    let mut config = json!({ "name": name, "kind": "prompt", "model": "scripted" });
    for (key, value) in fields.as_object().unwrap() {
        config[key] = value.clone();
    }
    serde_json::from_value(config).unwrap()
}

/// Says hello.
pub(crate) fn greeter(name: &str) -> AgentConfig {
    agent(name, json!({ "script": [{ "text": "Hello {{ input.name }}" }] }))
}

/// Waits for the signal `go`.
pub(crate) fn waiter(name: &str) -> AgentConfig {
    let call = json!({ "tool": "signals.wait", "arguments": { "name": "go" } });
    agent(name, json!({ "tools": ["signals.wait"], "script": [{ "calls": [call] }, { "text": "went" }] }))
}

/// A test per behaviour (`async fn name(world: World)`) and database.
macro_rules! worlds {
    ($($behaviour:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() { super::$behaviour(crate::world::World::sqlite().await).await; })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                if let Some(world) = crate::world::World::postgres().await { super::$behaviour(world).await; }
            })+
        }
    };
}
pub(crate) use worlds;
