//! What starts the agent by itself.

use moltforge_api::AgentConfig;

use super::count;
use crate::diagnostic::{Findings, item};
use crate::trigger::{MAX_TRIGGERS, compile, name_of};

pub(super) fn check(config: &AgentConfig, findings: &mut Findings) {
    count(findings, "/triggers", config.triggers.len(), MAX_TRIGGERS);
    for (at, trigger) in config.triggers.iter().enumerate() {
        let pointer = item("/triggers", at);
        for (field, message) in compile(trigger).err().unwrap_or_default() {
            findings.value(format!("{pointer}{field}"), message);
        }
        let name = name_of(trigger);
        if config.triggers.iter().take(at).any(|earlier| name_of(earlier) == name) {
            let message = format!("two triggers are named `{name}`: give each a `name` of its own");
            findings.value(if trigger.name.is_some() { format!("{pointer}/name") } else { pointer }, message);
        }
    }
}
