//! Frames as servers send them: every field may be missing or null.

use std::borrow::Cow;

use moltforge_types::conversation::Usage;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(super) struct Frame<'d> {
    #[serde(borrow, default)]
    pub(super) choices: Option<Vec<Choice<'d>>>,
    #[serde(default)]
    pub(super) usage: Option<WireUsage>,
    #[serde(default)]
    pub(super) error: Option<Value>,
}

#[derive(Deserialize)]
pub(super) struct Choice<'d> {
    #[serde(default)]
    pub(super) index: Option<u64>,
    #[serde(borrow, default)]
    pub(super) delta: Option<Delta<'d>>,
    #[serde(borrow, default)]
    pub(super) message: Option<Delta<'d>>,
    #[serde(borrow, default)]
    pub(super) finish_reason: Option<Cow<'d, str>>,
}

#[derive(Deserialize)]
pub(super) struct Delta<'d> {
    #[serde(borrow, default)]
    pub(super) content: Option<Content<'d>>,
    #[serde(borrow, default)]
    pub(super) refusal: Option<Cow<'d, str>>,
    #[serde(borrow, default)]
    pub(super) tool_calls: Option<Vec<ToolDelta<'d>>>,
}

/// Text, or (Mistral's reasoning models) a list of typed parts.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Content<'d> {
    Text(#[serde(borrow)] Cow<'d, str>),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
pub(super) struct Part {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    text: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct ToolDelta<'d> {
    #[serde(default)]
    pub(super) index: Option<u64>,
    #[serde(borrow, default)]
    pub(super) id: Option<Cow<'d, str>>,
    #[serde(borrow, default)]
    pub(super) function: Option<FunctionDelta<'d>>,
}

#[derive(Deserialize)]
pub(super) struct FunctionDelta<'d> {
    #[serde(borrow, default)]
    pub(super) name: Option<Cow<'d, str>>,
    #[serde(default)]
    pub(super) arguments: Option<Value>,
}

#[derive(Deserialize)]
pub(super) struct WireUsage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Deserialize)]
struct PromptDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
}

impl Content<'_> {
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text.into_owned(),
            Self::Parts(parts) => parts
                .into_iter()
                .filter(|part| part.kind.as_deref() == Some("text"))
                .filter_map(|part| part.text)
                .collect(),
        }
    }
}

impl From<WireUsage> for Usage {
    fn from(usage: WireUsage) -> Self {
        Self {
            input_tokens: usage.prompt_tokens.unwrap_or(0),
            cached_tokens: usage.prompt_tokens_details.and_then(|details| details.cached_tokens).unwrap_or(0),
            output_tokens: usage.completion_tokens.unwrap_or(0),
        }
    }
}
