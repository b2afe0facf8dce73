//! The request, written straight from the conversation: a long one is not copied on its way to the wire.

use std::borrow::Cow;
use std::sync::Arc;

use moltforge_types::conversation::Message;
use serde::ser::SerializeSeq as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::names::Names;
use crate::llm::{ModelError, ModelRequest};
use crate::tools::ToolSet;

#[derive(Serialize)]
struct Body<'r> {
    model: &'r str,
    #[serde(skip_serializing_if = "Tools::is_empty")]
    tools: Tools<'r>,
    messages: Messages<'r>,
    stream: bool,
    stream_options: StreamOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

struct Tools<'r>(&'r ToolSet, &'r Names);

struct Messages<'r> {
    instructions: &'r str,
    conversation: &'r [Arc<Message>],
    names: &'r Names,
}

#[derive(Serialize)]
struct Tool<'r> {
    #[serde(rename = "type")]
    kind: &'static str,
    function: FunctionSpec<'r>,
}

#[derive(Serialize)]
struct FunctionSpec<'r> {
    name: Cow<'r, str>,
    description: &'r str,
    parameters: &'r Value,
}

#[derive(Serialize)]
#[serde(tag = "role", rename_all = "snake_case")]
enum WireMessage<'r> {
    System {
        content: &'r str,
    },
    User {
        content: &'r str,
    },
    Assistant {
        content: Option<&'r str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<WireCall<'r>>,
    },
    Tool {
        tool_call_id: &'r str,
        content: &'r str,
    },
}

#[derive(Serialize)]
struct WireCall<'r> {
    id: &'r str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: FunctionCall<'r>,
}

#[derive(Serialize)]
struct FunctionCall<'r> {
    name: Cow<'r, str>,
    arguments: Cow<'r, str>,
}

pub(super) fn write(request: &ModelRequest, names: &Names) -> Result<Vec<u8>, ModelError> {
    let config = &request.config;
    let model = config.model.split_once('/').map_or(config.model.as_str(), |(_, model)| model);
    let limit = config.parameters.max_output_tokens;
    let (max_tokens, max_completion_tokens) = if renamed_limit(model) { (None, limit) } else { (limit, None) };
    let body = Body {
        model,
        tools: Tools(&request.tools, names),
        messages: Messages { instructions: &config.instructions, conversation: &request.messages, names },
        stream: true,
        stream_options: StreamOptions { include_usage: true },
        temperature: config.parameters.temperature,
        max_tokens,
        max_completion_tokens,
    };
    serde_json::to_vec(&body).map_err(|error| {
        ModelError::permanent("model_request_refused", format!("the request cannot be written: {error}"))
    })
}

/// OpenAI's newer models take the limit of a reply under another name; everybody else takes the old one.
fn renamed_limit(model: &str) -> bool {
    ["gpt-5", "gpt-6", "o1", "o3", "o4"].iter().any(|prefix| model.starts_with(prefix))
}

impl Tools<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Tools<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|tool| Tool {
            kind: "function",
            function: FunctionSpec {
                name: self.1.wire(&tool.name),
                description: &tool.description,
                parameters: &tool.parameters,
            },
        }))
    }
}

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut messages = serializer.serialize_seq(None)?;
        if !self.instructions.is_empty() {
            messages.serialize_element(&WireMessage::System { content: self.instructions })?;
        }
        for message in self.conversation {
            messages.serialize_element(&wire(message, self.names))?;
        }
        messages.end()
    }
}

fn wire<'r>(message: &'r Message, names: &'r Names) -> WireMessage<'r> {
    match message {
        Message::User { text } => WireMessage::User { content: text },
        Message::Tool { call_id, content, .. } => WireMessage::Tool { tool_call_id: call_id, content },
        Message::Assistant { text, tool_calls } => WireMessage::Assistant {
            content: (!text.is_empty() || tool_calls.is_empty()).then_some(text.as_str()),
            tool_calls: tool_calls
                .iter()
                .map(|call| WireCall {
                    id: &call.call_id,
                    kind: "function",
                    function: FunctionCall { name: names.wire(&call.tool), arguments: arguments(&call.arguments) },
                })
                .collect(),
        },
    }
}

/// Arguments as the model wrote them. Many servers parse those of earlier turns and fail on what is not JSON, so that is
/// sent as JSON that shows it.
fn arguments(text: &str) -> Cow<'_, str> {
    if text.trim().is_empty() {
        return Cow::Borrowed("{}");
    }
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(serde_json::json!({ "invalid_json": text }).to_string()),
    }
}
