//! What the operator says about model providers.

use std::time::Duration;

use moltforge_types::Secret;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The `[models]` part of the configuration.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelsConfig {
    /// The providers that agents may name as `<provider>/<model>`.
    pub providers: Vec<Provider>,
}

/// One provider of models that speaks OpenAI's Chat Completions.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// The part before the slash in `model = "<provider>/<model>"`: lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// Where it is, e.g. `https://api.openai.com/v1/`. The key is only ever sent to this origin. It may be on
    /// loopback or in a private network: the operator said so by writing it here.
    pub base_url: String,
    /// The environment variable that holds its key; none is sent when absent. Read once, at start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_env: Option<String>,
    /// The longest that one call may take, seconds; 600 when absent, at most 3600.
    #[serde(default = "ten_minutes")]
    pub timeout_seconds: u64,
    /// The longest silence inside a reply that has begun, seconds; 120 when absent, at most 3600. How long a model may
    /// think before its first word is bounded by `timeout_seconds` alone.
    #[serde(default = "two_minutes")]
    pub silence_seconds: u64,
    /// Calls at a time, of all projects on a node; more wait, and projects take turns. No limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_in_flight: Option<u32>,
    /// The key itself, read from `api_key_env` by the program at start. Never in a file.
    #[serde(skip)]
    pub api_key: Option<Secret>,
}

const fn ten_minutes() -> u64 {
    600
}

const fn two_minutes() -> u64 {
    120
}

impl Provider {
    /// A provider without a key, and with what the configuration means where it is silent.
    pub fn new(name: &str, base_url: &str) -> Self {
        Self {
            name: name.to_owned(),
            base_url: base_url.to_owned(),
            api_key_env: None,
            timeout_seconds: ten_minutes(),
            silence_seconds: two_minutes(),
            max_in_flight: None,
            api_key: None,
        }
    }

    /// The longest that one call may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds.clamp(1, 3600))
    }

    /// The longest silence inside a reply that has begun.
    pub fn silence(&self) -> Duration {
        Duration::from_secs(self.silence_seconds.clamp(1, 3600))
    }
}

/// A provider's name stands before the slash of a model's name.
pub(super) fn check_name(name: &str, taken: bool) -> Result<(), Error> {
    let fault =
        |reason: &str| Error::ProviderInvalid { name: name.chars().take(80).collect(), reason: reason.to_owned() };
    moltforge_manifest::check_provider_name(name).map_err(fault)?;
    if taken { Err(fault("two providers have this name")) } else { Ok(()) }
}
