//! The agents that an agent may start as children.

use moltforge_api::AgentConfig;
use moltforge_types::AgentName;

use super::count;
use crate::diagnostic::{Findings, item};

const MAX_AGENTS: usize = 64;

pub(super) fn check(config: &AgentConfig, findings: &mut Findings) {
    count(findings, "/agents", config.agents.len(), MAX_AGENTS);
    for (at, name) in config.agents.iter().enumerate() {
        let pointer = item("/agents", at);
        if config.agents.iter().take(at).any(|earlier| earlier == name) {
            findings.value(pointer, format!("{name:?} is listed twice"));
        } else if let Err(error) = name.parse::<AgentName>() {
            findings.value(pointer, error.to_string());
        }
    }
    let starts = |tool: &String| tool == "agents.call" || tool == "agents.start";
    if config.agents.is_empty()
        && let Some(at) = config.tools.iter().position(starts)
    {
        findings.value(
            item("/tools", at),
            "it starts nothing without agents = [...], which names who may be started".to_owned(),
        );
    }
}
