//! Name, description, model and instructions.

use moltforge_api::AgentConfig;
use moltforge_api::config::AgentKind;
use moltforge_types::AgentName;

use super::names::{SCRIPTED_MODEL, check_provider_name};
use crate::diagnostic::Findings;

const MAX_DESCRIPTION: usize = 500;
const MAX_INSTRUCTIONS: usize = 64 * 1024;

pub(super) fn check(config: &AgentConfig, findings: &mut Findings) {
    if let Err(error) = config.name.parse::<AgentName>() {
        findings.value("/name", error.to_string());
    }
    if config.description.chars().count() > MAX_DESCRIPTION || config.description.contains(['\n', '\r']) {
        findings.value("/description", format!("expected one line of at most {MAX_DESCRIPTION} characters"));
    }
    if config.instructions.len() > MAX_INSTRUCTIONS {
        let bytes = config.instructions.len();
        findings.value("/instructions", format!("{bytes} bytes; at most {MAX_INSTRUCTIONS} are allowed"));
    }
    let absent = config.kind == AgentKind::Code && config.model.is_empty();
    if let Err(message) = model(&config.model)
        && !absent
    {
        findings.value("/model", message);
    }
}

fn model(text: &str) -> Result<(), String> {
    let good = match text.split_once('/') {
        None => text == SCRIPTED_MODEL,
        Some((name, model)) => {
            check_provider_name(name).is_ok()
                && (1..=200).contains(&model.len())
                && model.bytes().all(|b| b.is_ascii_graphic())
        }
    };
    if good {
        return Ok(());
    }
    let shown: String = text.chars().take(80).collect();
    Err(format!("expected \"scripted\" or \"<provider>/<model>\", e.g. \"openai/gpt-4.1-mini\", got {shown:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models() {
        for good in ["scripted", "openai/gpt-4.1-mini", "local/llama3:8b", "router/anthropic/claude-sonnet-4-5"] {
            assert_eq!(model(good), Ok(()), "{good}");
        }
        for bad in ["", "gpt-4", "openai/", "/gpt", "OpenAI/gpt", "openai/a b", "scripted/x", "Scripted", "openai/é"] {
            assert!(model(bad).is_err(), "{bad}");
        }
    }
}
