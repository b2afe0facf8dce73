//! Models: one trait, our own types, adapters behind it.

mod config;
mod openai;
mod scripted;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use moltforge_api::AgentConfig;
use moltforge_egress::Egress;
use moltforge_types::conversation::{Message, ToolCall, Usage};
use moltforge_types::{ExecutionId, Fault as _, ProjectId};
use serde_json::Value;

use crate::error::Error;
use crate::tools::ToolSet;

pub use config::{ModelsConfig, Provider};

use openai::OpenAi;
use scripted::Scripted;

/// The name of the model that answers from the agent's own file.
pub const SCRIPTED: &str = moltforge_manifest::SCRIPTED_MODEL;

/// One model call.
#[derive(Debug, Clone)]
pub struct ModelRequest {
    /// The project that pays for it.
    pub project_id: ProjectId,
    /// The execution that makes it.
    pub execution_id: ExecutionId,
    /// The step of that execution.
    pub step: u32,
    /// Which model call of the execution this is, from 1.
    pub turn: u32,
    /// The agent: model, instructions, parameters, script.
    pub config: Arc<AgentConfig>,
    /// The execution's input.
    pub input: Arc<Value>,
    /// The conversation after the system prompt (which is `config.instructions`).
    pub messages: Vec<Arc<Message>>,
    /// The tools that the model may call.
    pub tools: Arc<ToolSet>,
}

/// A model's whole reply.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelReply {
    /// The text, possibly empty when there are tool calls.
    pub text: String,
    /// The tools that it asks for, in order. Names and arguments are as the model wrote them.
    pub tool_calls: Vec<ToolCall>,
    /// Tokens; zero where the provider did not say.
    pub usage: Usage,
}

/// Why there is no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The same request may work later.
    #[error("{message}")]
    Transient {
        /// Stable code with a page in `docs/errors/`.
        code: &'static str,
        /// What happened, for people; no secrets.
        message: String,
        /// How long the provider asked to wait, at most an hour.
        retry_after: Option<Duration>,
    },
    /// The same request fails again.
    #[error("{message}")]
    Permanent {
        /// Stable code with a page in `docs/errors/`.
        code: &'static str,
        /// What happened, for people; no secrets.
        message: String,
    },
}

impl ModelError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Transient { code, .. } | Self::Permanent { code, .. } => code,
        }
    }

    pub(crate) fn transient(code: &'static str, message: impl Into<String>) -> Self {
        Self::Transient { code, message: message.into(), retry_after: None }
    }

    pub(crate) fn permanent(code: &'static str, message: impl Into<String>) -> Self {
        Self::Permanent { code, message: message.into() }
    }
}

/// Where provisional pieces of a reply's text go while it streams. They are not the reply: after a failed attempt the
/// pieces are void.
#[derive(Clone, Default)]
pub struct ChunkSink(Option<Arc<Sink>>);

type Sink = dyn Fn(&str) + Send + Sync;

impl ChunkSink {
    /// Calls `sink` with each piece. It must not block.
    pub fn new(sink: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(sink)))
    }

    /// Nobody listens.
    pub fn none() -> Self {
        Self(None)
    }

    /// Whether somebody listens.
    pub fn is_listening(&self) -> bool {
        self.0.is_some()
    }

    /// Hands a piece on.
    pub fn send(&self, piece: &str) {
        if let Some(sink) = &self.0
            && !piece.is_empty()
        {
            sink(piece);
        }
    }
}

impl fmt::Debug for ChunkSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ChunkSink").field(&self.is_listening()).finish()
    }
}

/// Something that replies to a conversation.
#[async_trait]
pub trait Model: Send + Sync {
    /// One call, made once: whoever calls decides on retries.
    async fn complete(&self, request: ModelRequest, chunks: ChunkSink) -> Result<ModelReply, ModelError>;
}

/// All models of this installation, by the name that agent files use.
pub struct Models {
    scripted: Scripted,
    providers: BTreeMap<String, OpenAi>,
    /// Calls at a time, of the providers that have such a limit.
    limits: BTreeMap<String, (Arc<str>, u32)>,
}

impl Models {
    /// The built-in `scripted` model and the operator's providers. A provider's key is bound to the origin of its base
    /// URL: the client that carries it can make no request to another.
    #[expect(clippy::needless_pass_by_value, reason = "a handle: the caller hands over its clone")]
    pub fn new(config: ModelsConfig, egress: Egress) -> Result<Self, Error> {
        let (mut providers, mut limits) = (BTreeMap::new(), BTreeMap::new());
        for provider in config.providers {
            let name = provider.name.clone();
            config::check_name(&name, providers.contains_key(&name))?;
            if let Some(limit) = provider.max_in_flight {
                limits.insert(name.clone(), (name.as_str().into(), limit.max(1)));
            }
            providers.insert(name, OpenAi::new(&provider, &egress)?);
        }
        Ok(Self { scripted: Scripted::default(), providers, limits })
    }

    /// Whether an agent may name this model.
    pub fn check(&self, model: &str) -> Result<(), Error> {
        self.find(model).map(|_| ())
    }

    /// The provider of a model and how many calls it takes at a time, when that is limited. Whoever calls sees to it.
    pub fn limit(&self, model: &str) -> Option<(Arc<str>, u32)> {
        self.limits.get(model.split_once('/')?.0).cloned()
    }

    /// One call of the model that the request's agent names.
    pub async fn complete(&self, request: ModelRequest, chunks: ChunkSink) -> Result<ModelReply, ModelError> {
        match self.find(&request.config.model) {
            Ok(model) => model.complete(request, chunks).await,
            Err(error) => Err(ModelError::permanent(error.code(), error.to_string())),
        }
    }

    fn find(&self, model: &str) -> Result<&dyn Model, Error> {
        if model == SCRIPTED {
            return Ok(&self.scripted);
        }
        let provider = model.split_once('/').filter(|(_, model)| !model.is_empty());
        match provider.and_then(|(provider, _)| self.providers.get(provider)) {
            Some(provider) => Ok(provider),
            None => Err(Error::ModelUnknown {
                model: model.chars().take(200).collect(),
                known: if self.providers.is_empty() {
                    "none".to_owned()
                } else {
                    self.providers.keys().cloned().collect::<Vec<_>>().join(", ")
                },
            }),
        }
    }
}

impl fmt::Debug for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Models").field("providers", &self.providers.keys()).finish_non_exhaustive()
    }
}
