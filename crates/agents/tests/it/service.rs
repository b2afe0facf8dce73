//! The service on a store, and requests as the gateway would sign them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Uri};
use http_body_util::BodyExt as _;
use moltforge_agents::{AUDIENCE, Agents, Cancelling, ProgramCheck, ProgramFault, router};
use moltforge_http::CallerKeys;
use moltforge_http::caller::{HEADER, Message, body_hash, verify_layer};
use moltforge_store::Journal;
use moltforge_store::journal::{Batch, Columns, Fold, LaneToken, NewEntry, NewExecution, StateRow};
use moltforge_testing::World;
use moltforge_types::execution::State;
use moltforge_types::{Actor, AgentId, ExecutionId, Id as _, KeyId, NodeId, Principal, ProjectId, Scope, Timestamp};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// The service over a world's store.
pub(crate) struct Service {
    router: Router,
    pub(crate) agents: Arc<Agents>,
    keys: CallerKeys,
    /// Holds every scope in a project.
    pub(crate) owner: Principal,
    /// Holds every scope in another project.
    pub(crate) stranger: Principal,
    pub(crate) executions: Arc<Live>,
    /// How often somebody was told of a deployment.
    pub(crate) deployed: Arc<AtomicUsize>,
    /// How often a program was looked at.
    pub(crate) looks: Arc<AtomicUsize>,
}

/// An answer, with its body as JSON or, when it is none, as text.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// Status and code of a problem, or an empty code.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }

    /// The entity tag.
    pub(crate) fn etag(&self) -> &str {
        self.headers.get("etag").and_then(|tag| tag.to_str().ok()).unwrap_or_default()
    }
}

/// A request that is being put together.
pub(crate) struct Ask<'s> {
    service: &'s Service,
    by: &'s Principal,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Ask<'_> {
    pub(crate) fn by<'a>(self, by: &'a Principal) -> Ask<'a>
    where
        Self: 'a,
    {
        Ask { by, ..self }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().expect("a header value"));
        self
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self.header("content-type", "application/json")
    }

    pub(crate) fn patch(self, based_on: u32, body: &Value) -> Self {
        let ask = self.json(body).header("content-type", "application/merge-patch+json");
        ask.header("if-match", &format!("\"{based_on}\""))
    }

    pub(crate) fn toml(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", "application/toml")
    }

    pub(crate) async fn send(self) -> Answer {
        let hash = body_hash(&self.body);
        let message = Message { audience: AUDIENCE, method: &self.method, uri: &self.uri, body_hash: &hash };
        let caller = self.service.keys.sign(&message, Some(self.by));
        let mut request = Request::new(Body::from(self.body));
        (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (self.method, self.uri, self.headers);
        request.headers_mut().insert(HEADER, caller);
        let response = self.service.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }
}

impl Service {
    /// The service whose only models are `scripted` and `openai/known`.
    pub(crate) async fn new(world: &World) -> Self {
        let executions = Arc::new(Live::new(world).await);
        let models = Arc::new(|model: &str| match model {
            "scripted" | "openai/known" => Ok(()),
            other => Err(format!("the model {other} is not configured; there are scripted, openai/known")),
        });
        let live = executions.clone();
        let cancel = Arc::new(move |principal: Principal, agent_id| -> Cancelling {
            let live = live.clone();
            Box::pin(async move { live.cancel(principal.project_id, agent_id).await })
        });
        let deployed = Arc::new(AtomicUsize::new(0));
        let told = deployed.clone();
        let told = Arc::new(move || {
            told.fetch_add(1, Ordering::Relaxed);
        });
        let looks = Arc::new(AtomicUsize::new(0));
        let (looked, store) = (looks.clone(), world.store());
        let check: ProgramCheck = Arc::new(move |program| {
            looked.fetch_add(1, Ordering::Relaxed);
            let text = program.files.files[&program.code].text().unwrap_or_default().to_owned();
            let read = if text.contains("syntax") {
                Err(ProgramFault::unreadable("agent.js:1:8: unexpected".to_owned()))
            } else {
                Ok(())
            };
            let store = store.clone();
            Box::pin(async move {
                // whatever else happens on the server goes on meanwhile
                let other = tokio::time::timeout(Duration::from_secs(5), store.begin()).await.expect("others write");
                other.expect("a transaction").rollback().await.expect("nothing was written");
                read
            })
        });
        let agents = Arc::new(Agents::new(world.store(), models, cancel).with_deployed(told).with_program_check(check));
        let keys = CallerKeys::generate(world.ambient());
        let router: Router = router(Arc::clone(&agents)).into();
        let router = router.layer(verify_layer(keys.clone(), AUDIENCE, world.ambient()));
        let principal = |project| Principal {
            project_id: ProjectId::from_u128(project),
            actor: Actor::Key(KeyId::from_u128(project)),
            scopes: Scope::ALL.to_vec(),
        };
        Self { router, agents, keys, owner: principal(1), stranger: principal(2), executions, deployed, looks }
    }

    /// A request of the owner.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Ask<'_> {
        let (method, uri) = (method.parse().expect("a method"), path.parse().expect("a path"));
        Ask { service: self, by: &self.owner, method, uri, headers: HeaderMap::new(), body: Vec::new() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path).send().await
    }

    /// Creates an agent of this name and gives its id.
    pub(crate) async fn create(&self, name: &str) -> String {
        let answer = self.ask("POST", "/v1/agents").json(&json!({ "config": hello(name) })).send().await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["agent_id"].as_str().expect("an id").to_owned()
    }

    /// Gives an agent a version with this text.
    pub(crate) async fn version(&self, name: &str, text: &str) {
        let mut config = hello(name);
        config["script"][0]["text"] = json!(text);
        let answer = self.ask("PUT", &format!("/v1/agents/{name}")).json(&json!({ "config": config })).send().await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    /// The owner, with fewer scopes.
    pub(crate) fn limited(&self, scopes: &[Scope]) -> Principal {
        Principal { scopes: scopes.to_vec(), ..self.owner.clone() }
    }
}

/// The configuration of a small agent.
pub(crate) fn hello(name: &str) -> Value {
    json!({ "name": name, "kind": "prompt", "model": "scripted", "script": [{ "text": "hi" }] })
}

/// Actions and data of the owner's changes, in order, each read as the outbox reads it.
pub(crate) async fn changes(world: &World, service: &Service) -> Vec<(String, Value)> {
    let changes = world.changes(service.owner.project_id).list(0, 1000).await.expect("the changes");
    let numbers: Vec<_> = changes.iter().map(|change| change.n).collect();
    assert_eq!(numbers, (1..=changes.len() as u64).collect::<Vec<_>>(), "no gap, no number twice");
    changes.into_iter().map(|change| (change.action, change.data)).collect()
}

/// Executions that are live, written as their owner would.
pub(crate) struct Live {
    token: LaneToken,
    journal: Arc<dyn Journal>,
    ambient: moltforge_types::Ambient,
    started: Mutex<Vec<(ExecutionId, AgentId)>>,
    /// The next cancellation fails.
    pub(crate) fails: Mutex<bool>,
}

impl Live {
    async fn new(world: &World) -> Self {
        let node_id: NodeId = world.ambient().id();
        let mut tx = world.begin().await.expect("a transaction");
        let tokens = tx.nodes().register(node_id, 1, Duration::from_secs(15)).await.expect("a node");
        tx.nodes().take_over(node_id, 1, true).await.expect("the shards");
        tx.commit().await.expect("it is committed");
        let journal = world.journal().expect("the journal");
        let (started, fails) = (Mutex::default(), Mutex::default());
        Self { token: tokens[0], journal, ambient: world.ambient(), started, fails }
    }

    /// Starts an execution of an agent, and writes one value of its state.
    pub(crate) async fn start(&self, project_id: ProjectId, agent_id: &str, key: &str) -> ExecutionId {
        let agent_id: AgentId = agent_id.parse().expect("an agent's id");
        let execution_id = self.ambient.id();
        let mut batch = Batch::new(self.token, self.ambient.now());
        batch.starts.push(NewExecution {
            project_id,
            execution_id,
            shard: 7,
            agent_id,
            agent_name: "hello".to_owned(),
            version_id: self.ambient.id(),
            version: 1,
            environment: None,
            idempotency_key: None,
            request_hash: None,
            input: "null".to_owned(),
            deadline: None,
            created_at: self.ambient.now(),
            trigger: "api".to_owned(),
            origin: moltforge_types::Origin::default(),
            last_seq: 1,
            columns: columns(State::Running, None),
        });
        batch.entries.push(entry(execution_id, 1, self.ambient.now()));
        let value = Some(json!({ "of": key }).to_string());
        let (key, at) = (key.to_owned(), self.ambient.now());
        batch.writes.push(StateRow { project_id, agent_id, key, value, execution_id, at });
        self.journal.commit(Arc::new(batch)).await.expect("it is committed");
        self.started.lock().expect("not poisoned").push((execution_id, agent_id));
        execution_id
    }

    async fn cancel(
        &self,
        project_id: ProjectId,
        agent_id: AgentId,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if std::mem::take(&mut *self.fails.lock().expect("not poisoned")) {
            return Err("the shard's owner is away".into());
        }
        let ended = self.ambient.now();
        let mut batch = Batch::new(self.token, ended);
        for (execution_id, _) in self.started.lock().expect("not poisoned").iter().filter(|(_, of)| *of == agent_id) {
            let columns = columns(State::Cancelled, Some(ended));
            batch.folds.push(Fold { project_id, execution_id: *execution_id, prev_seq: 1, last_seq: 2, columns });
            batch.entries.push(entry(*execution_id, 2, ended));
        }
        self.journal.commit(Arc::new(batch)).await.map_err(|error| format!("{error:?}").into())
    }
}

fn entry(execution_id: ExecutionId, seq: u64, at: Timestamp) -> NewEntry {
    NewEntry { shard: 7, execution_id, seq, kind: 1, at, payload: b"{}".to_vec() }
}

fn columns(state: State, finished_at: Option<Timestamp>) -> Columns {
    Columns {
        state,
        reason: None,
        attempt: 1,
        wake_at: None,
        waiting_for: None,
        finished_at,
        output: None,
        error: None,
        tokens: 0,
    }
}
