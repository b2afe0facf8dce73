//! The words that pass between an agent and a model: our own types, which are what the journal stores. A library's
//! types are never persisted.

use serde::{Deserialize, Serialize};

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Message {
    /// What the agent was asked.
    User {
        /// The text.
        text: String,
    },
    /// What the model answered.
    Assistant {
        /// The text, possibly empty when there are tool calls.
        text: String,
        /// The tools that it asks for, in order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<ToolCall>,
    },
    /// What a tool answered.
    Tool {
        /// The call that this answers.
        call_id: String,
        /// The tool's name.
        tool: String,
        /// The answer: JSON text, or `{"error": ...}`.
        content: String,
    },
}

impl Message {
    /// Its size: the bytes of its texts.
    pub fn bytes(&self) -> usize {
        match self {
            Self::User { text } => text.len(),
            Self::Assistant { text, tool_calls } => {
                let calls = tool_calls.iter().map(|call| call.call_id.len() + call.tool.len() + call.arguments.len());
                text.len() + calls.sum::<usize>()
            }
            Self::Tool { call_id, tool, content } => call_id.len() + tool.len() + content.len(),
        }
    }
}

/// A tool call as a model wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The model's own id for the call; unique within one reply.
    pub call_id: String,
    /// The tool's name, e.g. `http.fetch`.
    pub tool: String,
    /// The arguments, exactly as the model wrote them: possibly not even JSON.
    pub arguments: String,
}

/// Tokens of one model call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt, cached ones included.
    pub input_tokens: u64,
    /// Of the prompt's tokens, those that came from the provider's cache.
    #[serde(default)]
    pub cached_tokens: u64,
    /// Tokens of the reply.
    pub output_tokens: u64,
}

impl Usage {
    /// Input and output together.
    pub const fn total(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    /// Adds another call's tokens.
    pub fn add(&mut self, other: Self) {
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.cached_tokens = self.cached_tokens.saturating_add(other.cached_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
    }
}
