//! A reply, put together from the frames of a stream.

mod wire;

use moltforge_types::conversation::{ToolCall, Usage};
use serde_json::Value;

use super::fault::Faults;
use super::names::Names;
use crate::llm::{ChunkSink, ModelError, ModelReply};
use wire::{Choice, Delta, Frame, ToolDelta};

/// The most tool calls of one reply.
const MAX_CALLS: usize = 128;
/// Stands at the end of a text that the model could not finish.
const CUT: &str = "\n\n[The reply was cut off at the limit of its length.]";

pub(super) struct Reply<'f> {
    faults: &'f Faults,
    chunks: ChunkSink,
    text: String,
    calls: Vec<Call>,
    usage: Usage,
    finish_reason: Option<String>,
    /// The server said that no frame follows.
    done: bool,
}

#[derive(Debug, Default)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

impl<'f> Reply<'f> {
    pub(super) fn new(faults: &'f Faults, chunks: ChunkSink) -> Self {
        Self {
            faults,
            chunks,
            text: String::new(),
            calls: Vec::new(),
            usage: Usage::default(),
            finish_reason: None,
            done: false,
        }
    }

    /// The server said that no frame follows.
    pub(super) const fn is_done(&self) -> bool {
        self.done
    }

    /// The model said that it has ended; usage may follow.
    pub(super) const fn has_finished(&self) -> bool {
        self.finish_reason.is_some()
    }

    pub(super) fn frame(&mut self, data: &str) -> Result<(), ModelError> {
        if data.trim() == "[DONE]" {
            self.done = true;
            return Ok(());
        }
        let frame: Frame<'_> = serde_json::from_str(data).map_err(|error| self.faults.malformed(&error))?;
        if let Some(error) = frame.error.filter(|error| !error.is_null()) {
            return Err(self.faults.in_stream(&error));
        }
        if let Some(usage) = frame.usage {
            self.usage = usage.into();
        }
        for choice in frame.choices.unwrap_or_default() {
            if choice.index.unwrap_or(0) == 0 {
                self.choice(choice)?;
            }
        }
        Ok(())
    }

    fn choice(&mut self, choice: Choice<'_>) -> Result<(), ModelError> {
        // servers that do not stream say `message`
        if let Some(Delta { content, tool_calls, refusal }) = choice.delta.or(choice.message) {
            for piece in [content.map(wire::Content::into_text), refusal.map(Into::into)].into_iter().flatten() {
                self.chunks.send(&piece);
                self.text.push_str(&piece);
            }
            for (at, delta) in tool_calls.unwrap_or_default().into_iter().enumerate() {
                self.tool_delta(delta, at)?;
            }
        }
        if let Some(reason) = choice.finish_reason {
            self.finish_reason = Some(reason.into_owned());
        }
        Ok(())
    }

    /// A piece of a tool call. Pieces belong together by index; some servers give every call the same index, or none.
    fn tool_delta(&mut self, delta: ToolDelta<'_>, place: usize) -> Result<(), ModelError> {
        let id = delta.id.unwrap_or_default();
        let another = |call: &Call| !id.is_empty() && !call.id.is_empty() && call.id != id;
        let known = match delta.index {
            Some(index) => self.calls.iter().rposition(|call| call.index == Some(index) && !another(call)),
            None if !id.is_empty() => self.calls.iter().rposition(|call| call.id == id),
            None if place + 1 < self.calls.len() => Some(place),
            None => self.calls.len().checked_sub(1),
        };
        let at = if let Some(at) = known {
            at
        } else {
            if self.calls.len() >= MAX_CALLS {
                return Err(self.faults.too_many_calls(MAX_CALLS));
            }
            self.calls.push(Call { index: delta.index, ..Call::default() });
            self.calls.len() - 1
        };
        let Some(call) = self.calls.get_mut(at) else { return Ok(()) };
        if call.id.is_empty() {
            call.id = id.into_owned();
        }
        if let Some(function) = delta.function {
            // a name comes whole, once or with every piece
            if call.name.is_empty() {
                call.name = function.name.unwrap_or_default().into_owned();
            }
            match function.arguments {
                Some(Value::String(piece)) => call.arguments.push_str(&piece),
                // not what the wire format says, and yet seen
                Some(Value::Object(object)) => call.arguments.push_str(&Value::Object(object).to_string()),
                _ => {}
            }
        }
        Ok(())
    }

    /// The whole reply, or why it is none.
    pub(super) fn finish(mut self, names: &Names, turn: u32) -> Result<ModelReply, ModelError> {
        match self.finish_reason.as_deref() {
            // an end that the server marked and that brought something
            None if self.done && !(self.text.is_empty() && self.calls.is_empty()) => {}
            None => return Err(self.faults.ended_early()),
            Some("length" | "max_tokens") if !self.calls.is_empty() => return Err(self.faults.truncated()),
            Some("length" | "max_tokens") => self.text.push_str(CUT),
            Some("content_filter") => return Err(self.faults.filtered()),
            Some("error") => return Err(self.faults.in_stream(&Value::Null)),
            Some(_) => {}
        }
        let mut tool_calls: Vec<ToolCall> = Vec::with_capacity(self.calls.len());
        for (at, call) in self.calls.into_iter().enumerate() {
            let mut call_id = call.id;
            if call_id.is_empty() || tool_calls.iter().any(|earlier| earlier.call_id == call_id) {
                call_id = format!("call_{turn}_{}", at + 1);
            }
            let tool = names.tool(&call.name).to_owned();
            tool_calls.push(ToolCall { call_id, tool, arguments: call.arguments });
        }
        Ok(ModelReply { text: self.text, tool_calls, usage: self.usage })
    }
}
