//! What goes wrong between us and a provider, in words without secrets, and whether the same call may work later.

mod retry_after;

use std::time::Duration;

use moltforge_types::Secret;
use reqwest::Response;
use serde_json::Value;

use crate::llm::ModelError;

/// The most that is read of an error's body, bytes.
const MAX_BODY: usize = 64 * 1024;
/// The most that is shown of it, characters.
const MAX_SHOWN: usize = 500;

/// Makes the errors of one provider.
pub(super) struct Faults {
    provider: String,
    key: Option<Secret>,
    timeout: Duration,
}

impl Faults {
    pub(super) fn new(provider: String, key: Option<Secret>, timeout: Duration) -> Self {
        Self { provider, key, timeout }
    }

    /// A response that is no reply.
    pub(super) async fn status(&self, mut response: Response) -> ModelError {
        let status = response.status();
        let retry_after = retry_after::read(response.headers());
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BODY {
                break;
            }
        }
        let said = self.said(&body);
        let provider = &self.provider;
        let answered = format!("the model provider {provider} answered {status}{said}");
        match status.as_u16() {
            429 => ModelError::Transient { code: "model_rate_limited", message: answered, retry_after },
            408 | 425 | 500..=599 => {
                ModelError::Transient { code: "model_unavailable", message: answered, retry_after }
            }
            401 | 403 => {
                let advice = "; the operator can check the provider's key";
                ModelError::permanent("model_credentials_refused", format!("{answered}{advice}"))
            }
            300..=399 => ModelError::permanent(
                "model_request_refused",
                format!(
                    "the model provider {provider} answered {status}, and redirects are not followed: the operator can correct its base_url"
                ),
            ),
            _ => ModelError::permanent("model_request_refused", answered),
        }
    }

    /// No response.
    pub(super) fn transport(&self, error: &reqwest::Error) -> ModelError {
        let (provider, cause) = (&self.provider, cause(error));
        if error.is_connect() {
            let message = format!("the model provider {provider} cannot be reached: {cause}");
            return ModelError::transient("model_unreachable", message);
        }
        ModelError::transient("model_stream_cut", format!("the model provider {provider} did not answer: {cause}"))
    }

    /// A response that broke off.
    pub(super) fn cut(&self, error: &reqwest::Error) -> ModelError {
        self.stream_cut(&format!("the connection broke: {}", cause(error)))
    }

    /// A response that ended as if it were whole.
    pub(super) fn ended_early(&self) -> ModelError {
        self.stream_cut("the response ended before the reply did")
    }

    /// A response that neither goes on nor ends.
    pub(super) fn silent(&self, silence: Duration) -> ModelError {
        self.stream_cut(&format!("nothing came for {} s", silence.as_secs()))
    }

    fn stream_cut(&self, why: &str) -> ModelError {
        ModelError::transient(
            "model_stream_cut",
            format!("the reply of the model provider {} was cut: {why}", self.provider),
        )
    }

    pub(super) fn timeout(&self) -> ModelError {
        let seconds = self.timeout.as_secs();
        ModelError::transient(
            "model_timeout",
            format!("the model provider {} gave no whole reply within {seconds} s", self.provider),
        )
    }

    /// A frame that cannot be read.
    pub(super) fn malformed(&self, error: &serde_json::Error) -> ModelError {
        let message = format!("the model provider {} sent what is not a chat completion: {error}", self.provider);
        ModelError::transient("model_reply_malformed", message)
    }

    /// An error in the middle of a stream.
    pub(super) fn in_stream(&self, error: &Value) -> ModelError {
        let text = error.get("message").and_then(Value::as_str).map_or_else(|| error.to_string(), ToOwned::to_owned);
        let said = self.shown(&text);
        ModelError::transient(
            "model_unavailable",
            format!("the model provider {} broke off its reply: {said}", self.provider),
        )
    }

    pub(super) fn too_large(&self, limit: usize) -> ModelError {
        let message = format!("the reply of the model provider {} is larger than {limit} bytes", self.provider);
        ModelError::permanent("model_reply_too_large", message)
    }

    pub(super) fn too_many_calls(&self, limit: usize) -> ModelError {
        let message = format!("the reply of the model provider {} has more than {limit} tool calls", self.provider);
        ModelError::permanent("model_reply_too_large", message)
    }

    /// Cut in the middle of tool calls by the limit of output tokens.
    pub(super) fn truncated(&self) -> ModelError {
        let message = format!(
            "the reply of the model provider {} reached its limit of tokens in the middle of a tool call; raise parameters.max_output_tokens",
            self.provider
        );
        ModelError::permanent("reply_truncated", message)
    }

    pub(super) fn filtered(&self) -> ModelError {
        let message = format!("the model provider {} withheld its reply: content filter", self.provider);
        ModelError::permanent("model_reply_filtered", message)
    }

    /// What the provider said about an error: its message, or the beginning of the body.
    fn said(&self, body: &[u8]) -> String {
        let text = match serde_json::from_slice::<Value>(body) {
            Ok(value) => ["/error/message", "/message", "/detail", "/error"]
                .iter()
                .find_map(|at| value.pointer(at)?.as_str().map(ToOwned::to_owned))
                .unwrap_or_else(|| value.to_string()),
            Err(_) => String::from_utf8_lossy(body).into_owned(),
        };
        let shown = self.shown(&text);
        if shown.is_empty() { shown } else { format!(": {shown}") }
    }

    /// One line without control characters, without our key and without what looks like one.
    fn shown(&self, text: &str) -> String {
        let text = match &self.key {
            Some(key) => text.replace(key.expose(), "***"),
            None => text.to_owned(),
        };
        let looks_like_a_key = |word: &str| {
            let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
            word.starts_with("sk-")
                || (word.len() >= 32 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)))
        };
        let words = text.split_whitespace().map(|word| if looks_like_a_key(word) { "***" } else { word });
        let line: Vec<&str> = words.collect();
        line.join(" ").chars().filter(|c| !c.is_control()).take(MAX_SHOWN).collect()
    }
}

/// The innermost cause: the outer ones repeat the URL.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    let mut text = "no reason given".to_owned();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    text.chars().take(200).collect()
}
