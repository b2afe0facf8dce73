//! The `scripted` model: the replies and tool calls of the agent's own file, one per turn. Deterministic and offline; it
//! is named what it is.

mod script;
mod template;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use moltforge_api::AgentConfig;
use moltforge_types::conversation::{Message, ToolCall, Usage};

use super::{ChunkSink, Model, ModelError, ModelReply, ModelRequest};
use script::Script;
use template::Scope;

/// The most pieces that one reply streams in.
const MAX_PIECES: usize = 40;
/// Compiled scripts that are remembered.
const MAX_SCRIPTS: usize = 256;

/// The model; it remembers compiled scripts for as long as somebody holds their configuration.
#[derive(Default)]
pub(super) struct Scripted {
    scripts: Mutex<HashMap<usize, Compiled>>,
}

type Compiled = (Weak<AgentConfig>, Arc<Script>);

#[async_trait]
impl Model for Scripted {
    async fn complete(&self, request: ModelRequest, chunks: ChunkSink) -> Result<ModelReply, ModelError> {
        let script = self.script(&request.config)?;
        let reply = script.reply(request.turn).ok_or_else(|| {
            let message = format!("the script has no reply for turn {} of this execution", request.turn);
            ModelError::permanent("script_exhausted", message)
        })?;
        let scope = Scope::new(&request.input, &request.messages, request.turn);
        let failed = |message: String| ModelError::permanent("script_template_failed", message);
        let text = reply.text.render(&scope).map_err(failed)?;
        let mut tool_calls = Vec::with_capacity(reply.calls.len());
        for (at, call) in reply.calls.iter().enumerate() {
            let arguments = call.arguments.render(&scope).map_err(failed)?;
            let call_id = format!("call_{}_{}", request.turn, at + 1);
            tool_calls.push(ToolCall { call_id, tool: call.tool.clone(), arguments });
        }
        let usage = usage(&request, &text, &tool_calls);
        stream(&text, reply.delay, &chunks).await;
        Ok(ModelReply { text, tool_calls, usage })
    }
}

impl Scripted {
    /// The compiled script of a configuration. Found by the configuration's address, which is not reused while the weak
    /// pointer beside it lives.
    fn script(&self, config: &Arc<AgentConfig>) -> Result<Arc<Script>, ModelError> {
        let address = Arc::as_ptr(config) as usize;
        let mut scripts = self.scripts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, script)) = scripts.get(&address).filter(|(weak, _)| weak.ptr_eq(&Arc::downgrade(config))) {
            return Ok(script.clone());
        }
        let script = Arc::new(Script::compile(config).map_err(|m| ModelError::permanent("script_template_failed", m))?);
        if scripts.len() >= MAX_SCRIPTS {
            scripts.retain(|_, (weak, _)| weak.strong_count() > 0);
        }
        if scripts.len() >= MAX_SCRIPTS {
            scripts.clear();
        }
        scripts.insert(address, (Arc::downgrade(config), script.clone()));
        Ok(script)
    }
}

/// Sends the text in pieces over `delay`, at once when there is none.
async fn stream(text: &str, delay: Duration, chunks: &ChunkSink) {
    if delay.is_zero() {
        chunks.send(text);
        return;
    }
    let pieces = pieces(text, if chunks.is_listening() { MAX_PIECES } else { 1 });
    let pause = delay / u32::try_from(pieces.len()).unwrap_or(1);
    for piece in pieces {
        tokio::time::sleep(pause).await;
        chunks.send(piece);
    }
}

/// Cuts a text into at most `most` pieces of whole characters; one, empty piece for an empty text.
fn pieces(text: &str, most: usize) -> Vec<&str> {
    let size = text.len().div_ceil(most).max(1);
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > size {
        let (piece, after) = rest.split_at(rest.ceil_char_boundary(size));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

/// A count that depends on the words alone: a token for each four bytes, of the reply and of what is new since the reply
/// before. The whole transcript is not walked: with long conversations that would be most of the work.
fn usage(request: &ModelRequest, text: &str, tool_calls: &[ToolCall]) -> Usage {
    let tokens = |bytes: usize| (bytes as u64).div_ceil(4);
    let new = request.messages.iter().rev().take_while(|message| !matches!(***message, Message::Assistant { .. }));
    let input: usize = new
        .map(|message| match &**message {
            Message::User { text } | Message::Assistant { text, .. } => text.len(),
            Message::Tool { content, .. } => content.len(),
        })
        .sum();
    let instructions = if request.turn == 1 { request.config.instructions.len() } else { 0 };
    let output: usize =
        text.len() + tool_calls.iter().map(|call| call.tool.len() + call.arguments.len()).sum::<usize>();
    Usage { input_tokens: tokens(input + instructions), cached_tokens: 0, output_tokens: tokens(output) }
}

#[cfg(test)]
mod tests;
