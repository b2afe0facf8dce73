//! The list of tools that the agent may call.

use moltforge_api::AgentConfig;

use super::count;
use super::names::BUILT_IN_TOOLS;
use crate::diagnostic::{Findings, item};
use crate::suggest;

pub(super) const MAX_TOOLS: usize = 128;

pub(super) fn check(config: &AgentConfig, findings: &mut Findings) {
    count(findings, "/tools", config.tools.len(), MAX_TOOLS);
    let declared = || config.declared_tools.iter().map(|tool| tool.name.as_str());
    for (at, tool) in config.tools.iter().enumerate() {
        let pointer = item("/tools", at);
        if config.tools.iter().take(at).any(|earlier| earlier == tool) {
            findings.value(pointer, format!("`{tool}` is listed twice"));
        } else if !BUILT_IN_TOOLS.contains(&tool.as_str()) && !declared().any(|name| name == tool) {
            findings.cross(pointer, unknown(tool, &declared().collect::<Vec<_>>()));
        }
    }
}

/// What every program may call that has a model: no tool.
const COMPLETE: &str = "llm.complete";

fn unknown(tool: &str, declared: &[&str]) -> String {
    if tool == COMPLETE {
        return format!(
            "`{COMPLETE}` is no tool: a program may call it when its agent has a `model`; leave it out here"
        );
    }
    let shown: String = tool.chars().take(80).collect();
    let all: Vec<&str> = BUILT_IN_TOOLS.iter().chain(declared).copied().filter(|name| !name.is_empty()).collect();
    let hint =
        suggest::nearest(tool, all.iter().copied()).map_or(String::new(), |near| format!(", did you mean `{near}`"));
    let mark = if hint.is_empty() { ";" } else { "?" };
    format!("unknown tool `{shown}`{hint}{mark} there are {}; others are declared with [[tool]]", all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_tool_says_what_to_do() {
        assert!(unknown("llm.complete", &[]).contains("when its agent has a `model`"));
        assert!(unknown("state.gett", &[]).contains("did you mean `state.get`?"));
    }
}
