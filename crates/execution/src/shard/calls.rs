//! Where model and tool calls go: the one seam between a node and what it calls.

use std::sync::Arc;

use async_trait::async_trait;
use moltforge_capabilities::llm::{ChunkSink, ModelError, ModelReply, ModelRequest, Models};
use moltforge_capabilities::tools::{CallRequest, ProbeAnswer, ToolError, Tools};
use moltforge_types::ExecutionId;
use moltforge_types::journal::ErrorInfo;
use serde_json::Value;

use crate::engine::GuestEvent;
use crate::guests::{Guest, GuestStart, Guests};

/// Models and tools, as an owner calls them.
#[async_trait]
pub(crate) trait Calls: Send + Sync {
    /// Calls a model; its text goes to `chunks` while it is written.
    async fn model(&self, request: ModelRequest, chunks: ChunkSink) -> Result<ModelReply, ModelError>;

    /// The provider of a model and how many calls it takes at a time, when that is limited.
    fn model_limit(&self, _model: &str) -> Option<(Arc<str>, u32)> {
        None
    }

    /// Calls a tool.
    async fn tool(&self, request: CallRequest) -> Result<Value, ToolError>;

    /// What the calls of an execution wait for that have left: step and words.
    fn waiting_of(&self, _: ExecutionId) -> Vec<(u32, String)> {
        Vec::new()
    }

    /// Asks the other side once whether a call happened.
    async fn probe(&self, request: CallRequest) -> ProbeAnswer;

    /// Builds the guest of a code agent.
    async fn guest(&self, _start: GuestStart) -> Result<Box<dyn Guest>, GuestEvent> {
        Err(no_sandbox())
    }

    /// What the guest of an execution waits for, when it is not there yet or cannot go on.
    fn guest_waits_for(&self, _: ExecutionId) -> Option<String> {
        None
    }

    /// A code agent is suspended, and has come this far.
    #[cfg(test)]
    fn suspended(&self, _start: GuestStart) {}
}

/// The real ones.
pub struct Outside {
    models: Models,
    tools: Tools,
    guests: Option<Arc<dyn Guests>>,
}

impl std::fmt::Debug for Outside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outside").finish_non_exhaustive()
    }
}

impl Outside {
    /// Models and tools.
    pub fn new(models: Models, tools: Tools) -> Self {
        Self { models, tools, guests: None }
    }

    /// With somebody who runs the guests of code agents.
    pub fn with_guests(self, guests: Arc<dyn Guests>) -> Self {
        Self { guests: Some(guests), ..self }
    }
}

#[async_trait]
impl Calls for Outside {
    async fn model(&self, request: ModelRequest, chunks: ChunkSink) -> Result<ModelReply, ModelError> {
        self.models.complete(request, chunks).await
    }

    fn model_limit(&self, model: &str) -> Option<(Arc<str>, u32)> {
        self.models.limit(model)
    }

    async fn tool(&self, request: CallRequest) -> Result<Value, ToolError> {
        self.tools.call(request).await
    }

    fn waiting_of(&self, id: ExecutionId) -> Vec<(u32, String)> {
        self.tools.waiting_of(id)
    }

    async fn probe(&self, request: CallRequest) -> ProbeAnswer {
        self.tools.probe(request).await
    }

    async fn guest(&self, start: GuestStart) -> Result<Box<dyn Guest>, GuestEvent> {
        match &self.guests {
            Some(guests) => guests.guest(start).await,
            None => Err(no_sandbox()),
        }
    }

    fn guest_waits_for(&self, id: ExecutionId) -> Option<String> {
        self.guests.as_ref()?.waits_for(id)
    }
}

fn no_sandbox() -> GuestEvent {
    GuestEvent::Lost(ErrorInfo::new("sandbox_unavailable", "this server runs no code agents"))
}
