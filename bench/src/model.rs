//! A stand-in model on loopback: OpenAI's chat completions. What it answers follows from the conversation alone, so a
//! repeated request gets the same reply.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::chance::Chance;
use crate::http::find;
use crate::plan::{self, Call};

/// Where to listen and how to answer.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The port on 127.0.0.1; 0 for a free one, which is printed
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The tool that the first reply calls with {"a": 2, "b": 3}
    #[arg(long, default_value = "math_add")]
    tool: String,
}

/// The model's state: what it was asked, for the harness to look at.
pub(crate) struct Model {
    tool: String,
    /// The longest time that a planned reply takes, milliseconds; 0 answers at once.
    slowest: u64,
    chance: Chance,
    /// The latest turn that each run has reached.
    reached: Mutex<HashMap<String, usize>>,
    /// Runs whose turn was asked for again after a later one: a finished step was run again.
    repeated: Mutex<Vec<String>>,
}

impl Model {
    /// A model whose first reply calls `tool`.
    pub(crate) fn new(tool: &str, slowest: u64, seed: u64) -> Self {
        Self {
            tool: tool.to_owned(),
            slowest,
            chance: Chance::new(seed),
            reached: Mutex::default(),
            repeated: Mutex::default(),
        }
    }

    /// The runs that asked for an earlier turn again.
    pub(crate) fn repeated(&self) -> Vec<String> {
        self.repeated.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its routes.
    pub(crate) fn router(self: Arc<Self>) -> Router {
        let limit = axum::extract::DefaultBodyLimit::max(64 << 20);
        Router::new().route("/v1/chat/completions", post(complete)).layer(limit).with_state(self)
    }

    fn note(&self, run: &str, turn: usize) {
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = reached.entry(run.to_owned()).or_default();
        if turn < *latest {
            self.repeated.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{run} turn {turn}"));
        }
        *latest = turn.max(*latest);
    }
}

/// Serves until it is killed.
pub(crate) async fn run(args: &Args) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", args.port)).await.context("bind the model's port")?;
    println!("{}", listener.local_addr()?);
    let model = Arc::new(Model::new(&args.tool, 0, 0));
    axum::serve(tokio_nodelay(listener), model.router()).await.context("serve the model")
}

/// Small answers must not wait for more.
pub(crate) fn tokio_nodelay(listener: TcpListener) -> impl axum::serve::Listener<Addr = std::net::SocketAddr> {
    use axum::serve::ListenerExt as _;
    listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    })
}

async fn complete(State(model): State<Arc<Model>>, body: Bytes) -> Response {
    let stream = contains(&body, "\"stream\":true") || contains(&body, "\"stream\": true");
    let (calls, text) = match (word(&body, "run:"), word(&body, "plan:")) {
        (Some(run), Some(name)) => {
            let turn = count(&body, "\"role\":\"assistant\"") + count(&body, "\"role\": \"assistant\"");
            model.note(&run, turn);
            if model.slowest > 0 {
                tokio::time::sleep(model.chance.millis(0, model.slowest)).await;
            }
            (plan::turn(&name, &run, turn), plan::last_words(&run))
        }
        // workload W
        _ if contains(&body, "\"role\":\"tool\"") || contains(&body, "\"role\": \"tool\"") => {
            (Vec::new(), "FINAL the sum is 5".to_owned())
        }
        _ => (vec![Call { tool: "", arguments: json!({ "a": 2, "b": 3 }) }], String::new()),
    };
    let text = if calls.is_empty() { text } else { String::new() };
    let calls: Vec<Value> = calls.iter().enumerate().map(|(index, call)| tool_call(&model.tool, index, call)).collect();
    if stream { streamed(&calls, &text) } else { whole(&calls, &text) }
}

fn tool_call(default: &str, index: usize, call: &Call) -> Value {
    let name = if call.tool.is_empty() { default } else { call.tool };
    json!({
        "index": index,
        "id": format!("call_{index}"),
        "type": "function",
        "function": { "name": name, "arguments": call.arguments.to_string() },
    })
}

fn whole(calls: &[Value], text: &str) -> Response {
    let (content, reason) = if calls.is_empty() { (json!(text), "stop") } else { (Value::Null, "tool_calls") };
    let mut message = json!({ "role": "assistant", "content": content });
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "mock",
        "choices": [{ "index": 0, "message": message, "finish_reason": reason }],
        "usage": usage(),
    });
    ([(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn streamed(calls: &[Value], text: &str) -> Response {
    let chunk = |delta: Value, reason: Option<&str>| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": reason });
        frame(&json!([choice]), &Value::Null)
    };
    let mut body = if calls.is_empty() {
        chunk(json!({ "role": "assistant", "content": text }), None) + &chunk(json!({}), Some("stop"))
    } else {
        let delta = json!({ "role": "assistant", "content": null, "tool_calls": calls });
        chunk(delta, None) + &chunk(json!({}), Some("tool_calls"))
    };
    body.push_str(&frame(&json!([]), &usage()));
    body.push_str("data: [DONE]\n\n");
    ([(CONTENT_TYPE, "text/event-stream")], body).into_response()
}

fn frame(choices: &Value, usage: &Value) -> String {
    let chunk = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "mock",
        "choices": choices, "usage": usage,
    });
    format!("data: {chunk}\n\n")
}

fn usage() -> Value {
    json!({ "prompt_tokens": 20, "completion_tokens": 8, "total_tokens": 28 })
}

fn contains(body: &[u8], text: &str) -> bool {
    find(body, text.as_bytes()).is_some()
}

fn count(body: &[u8], text: &str) -> usize {
    body.windows(text.len()).filter(|window| *window == text.as_bytes()).count()
}

/// The letters, digits and hyphens behind `mark`.
fn word(body: &[u8], mark: &str) -> Option<String> {
    let start = find(body, mark.as_bytes())? + mark.len();
    let word = body[start..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-');
    let word: String = word.map(|byte| char::from(*byte)).collect();
    (!word.is_empty()).then_some(word)
}

/// A model on a free port, for the harness in this process.
pub(crate) async fn spawn(model: Arc<Model>) -> Result<std::net::SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("bind the model's port")?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let _ = axum::serve(tokio_nodelay(listener), model.router()).await;
    });
    Ok(address)
}

/// Serves on a free port of its own and counts what comes there.
pub(crate) async fn door(model: Arc<Model>) -> Result<(std::net::SocketAddr, Arc<AtomicU64>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("bind the model's port")?;
    let (address, count) = (listener.local_addr()?, Arc::new(AtomicU64::new(0)));
    let counted = count.clone();
    let counting = axum::middleware::map_request(move |request: axum::extract::Request| {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::ready(request)
    });
    let router = model.router().layer(counting);
    tokio::spawn(async move {
        let _ = axum::serve(tokio_nodelay(listener), router).await;
    });
    Ok((address, count))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::http::Client;

    async fn ask(model: &Arc<Model>, body: &str) -> String {
        let address = spawn(model.clone()).await.unwrap();
        let client = Client::new(address, String::new(), Duration::from_secs(5)).unwrap();
        String::from_utf8(client.send("POST", "/v1/chat/completions", "", body.as_bytes()).await.unwrap().body).unwrap()
    }

    #[tokio::test]
    async fn replies_follow_from_the_conversation() {
        let model = Arc::new(Model::new("math_add", 0, 1));
        let first = ask(&model, r#"{"messages":[{"role":"user","content":"run:r1 plan:keyed"}]}"#).await;
        assert!(first.contains("count_keyed"), "{first}");
        let last = ask(
            &model,
            r#"{"messages":[{"role":"user","content":"run:r1 plan:math"},{"role":"assistant"},{"role":"tool"}]}"#,
        )
        .await;
        assert!(last.contains("FINAL r1"), "{last}");
        assert_eq!(model.repeated(), Vec::<String>::new());
        ask(&model, r#"{"messages":[{"role":"user","content":"run:r1 plan:math"}]}"#).await;
        assert_eq!(model.repeated(), ["r1 turn 0"]);
    }

    #[tokio::test]
    async fn workload_w_calls_one_tool() {
        let model = Arc::new(Model::new("math_add", 0, 1));
        assert!(ask(&model, r#"{"messages":[{"role":"user","content":"2 and 3"}]}"#).await.contains("math_add"));
        assert!(ask(&model, r#"{"stream":true,"messages":[{"role":"tool"}]}"#).await.contains("[DONE]"));
    }
}
