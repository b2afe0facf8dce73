//! Language models. The agent's file names the model.

use serde::Deserialize;
use serde_json::Value;

use crate::bindings::moltforge::agent::llm;
pub use crate::bindings::moltforge::agent::llm::Role;
use crate::{Call, Result};

/// Asks a model.
pub fn complete(prompt: impl Into<String>) -> Call<Reply> {
    Request::new().user(prompt).complete()
}

/// Asks a model, and has its reply while it is written.
pub fn stream(prompt: impl Into<String>) -> Stream {
    Request::new().user(prompt).stream()
}

/// What a model said.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Reply {
    /// Its words.
    pub text: String,
    /// Which model it was.
    #[serde(default)]
    pub model: String,
    /// What it took.
    #[serde(default)]
    pub usage: Value,
}

/// What is asked of a model.
#[derive(Debug, Clone)]
pub struct Request {
    inner: llm::Request,
}

impl Default for Request {
    fn default() -> Self {
        Self::new()
    }
}

impl Request {
    /// Nothing yet.
    pub fn new() -> Self {
        let messages = Vec::new();
        let inner = llm::Request { messages, system: None, model: None, temperature: None, max_output_tokens: None };
        Self { inner }
    }

    /// Instructions, in place of those of the agent's file.
    pub fn system(mut self, text: impl Into<String>) -> Self {
        self.inner.system = Some(text.into());
        self
    }

    /// Something that a user says.
    pub fn user(self, text: impl Into<String>) -> Self {
        self.message(Role::User, text)
    }

    /// Something that the model said.
    pub fn assistant(self, text: impl Into<String>) -> Self {
        self.message(Role::Assistant, text)
    }

    /// Something that was said.
    pub fn message(mut self, role: Role, text: impl Into<String>) -> Self {
        self.inner.messages.push(llm::Message { role, content: text.into() });
        self
    }

    /// From 0.0 to 2.0.
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.inner.temperature = Some(temperature);
        self
    }

    /// The longest reply.
    pub fn max_output_tokens(mut self, tokens: u32) -> Self {
        self.inner.max_output_tokens = Some(tokens);
        self
    }

    /// Asks.
    pub fn complete(self) -> Call<Reply> {
        Call::new(llm::complete(&self.inner))
    }

    /// Asks, and has the reply while it is written.
    pub fn stream(self) -> Stream {
        Stream { call: self.complete(), attempt: 0, had: 0, reply: String::new(), is_done: false }
    }
}

/// A reply that is being written.
pub struct Stream {
    call: Call<Reply>,
    attempt: u64,
    had: u64,
    reply: String,
    is_done: bool,
}

/// A piece of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// What is new.
    pub text: String,
    /// All of it so far.
    pub reply: String,
    /// The model was asked again after a crash: what came before is void.
    pub restarted: bool,
}

#[derive(Deserialize)]
struct Chunk {
    attempt: u64,
    to: u64,
    text: String,
    done: bool,
}

impl Stream {
    /// The next piece; nothing at the end.
    pub async fn next(&mut self) -> Result<Option<Piece>> {
        while !self.is_done {
            let (attempt, had) = (self.attempt, self.had);
            let Some(chunk) = self.call.with_pending(|call| llm::stream(call, attempt, had)) else { break };
            let chunk: Chunk = Call::new(chunk).await?;
            let restarted = self.attempt != 0 && chunk.attempt != self.attempt;
            if chunk.attempt != self.attempt {
                self.reply.clear();
            }
            self.reply.push_str(&chunk.text);
            (self.attempt, self.had, self.is_done) = (chunk.attempt, chunk.to, chunk.done);
            if restarted || !chunk.text.is_empty() {
                return Ok(Some(Piece { text: chunk.text, reply: self.reply.clone(), restarted }));
            }
        }
        Ok(None)
    }

    /// What [`complete`] would give.
    pub async fn result(self) -> Result<Reply> {
        self.call.await
    }
}
