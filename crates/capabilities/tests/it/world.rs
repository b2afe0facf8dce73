//! Agents, models and requests for the tests.

use std::sync::{Arc, Mutex};

use moltforge_api::AgentConfig;
use moltforge_capabilities::llm::{ChunkSink, ModelError, ModelReply, ModelRequest, Models, ModelsConfig, Provider};
use moltforge_capabilities::tools::ToolSet;
use moltforge_egress::{Egress, EgressConfig};
use moltforge_types::conversation::Message;
use moltforge_types::{ExecutionId, Id as _, ProjectId, Secret};
use serde_json::Value;

use crate::server::{Received, Server, Step};

pub(crate) const KEY: &str = "key-0123456789-abcdefghijklmnop";

/// An agent from the rest of its file.
pub(crate) fn agent(rest: &str) -> Arc<AgentConfig> {
    let head = "name = \"a\"\nkind = \"prompt\"\n";
    let model = if rest.contains("model =") { "" } else { "model = \"test/gpt-4.1-mini\"\n" };
    Arc::new(toml::from_str(&format!("{head}{model}{rest}")).unwrap())
}

pub(crate) fn request(config: &Arc<AgentConfig>, messages: Vec<Message>) -> ModelRequest {
    ModelRequest {
        project_id: ProjectId::from_u128(1),
        execution_id: ExecutionId::from_u128(1),
        step: 1,
        turn: 1,
        config: config.clone(),
        input: Arc::new(Value::Null),
        messages: messages.into_iter().map(Arc::new).collect(),
        tools: Arc::new(ToolSet::resolve(config).unwrap()),
    }
}

pub(crate) fn provider(name: &str, base_url: &str) -> Provider {
    Provider { timeout_seconds: 30, api_key: Some(Secret::new(KEY)), ..Provider::new(name, base_url) }
}

pub(crate) fn models(providers: Vec<Provider>) -> Models {
    Models::new(ModelsConfig { providers }, Egress::new(EgressConfig::default())).unwrap()
}

/// A provider's server, and the models of an installation that knows it as `test`.
pub(crate) async fn world(answer: impl Fn(&Received) -> Vec<Step> + Send + Sync + 'static) -> (Server, Models) {
    let server = Server::start(answer).await;
    let models = models(vec![provider("test", &server.url("/v1/"))]);
    (server, models)
}

/// What a model that answers with these steps replies to "hello", and the pieces that streamed.
pub(crate) async fn ask(steps: Vec<Step>) -> (Result<ModelReply, ModelError>, Vec<String>) {
    let (_server, models) = world(move |_| steps.clone()).await;
    let pieces = Arc::new(Mutex::new(Vec::new()));
    let sink = pieces.clone();
    let chunks = ChunkSink::new(move |piece| sink.lock().unwrap().push(piece.to_owned()));
    let config = agent("tools = [\"math.add\", \"http.fetch\"]\n");
    let reply = models.complete(request(&config, vec![user("hello")]), chunks).await;
    let pieces = pieces.lock().unwrap().clone();
    (reply, pieces)
}

pub(crate) fn user(text: &str) -> Message {
    Message::User { text: text.to_owned() }
}
