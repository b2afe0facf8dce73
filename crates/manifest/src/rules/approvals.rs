//! Which calls wait for a person.

use std::time::Duration;

use moltforge_api::AgentConfig;
use moltforge_api::config::{ApprovalCondition, ApprovalPolicy};

use super::{count, positive_duration};
use crate::diagnostic::{Findings, child, item};
use crate::duration::parse_duration;

/// Policies of one agent, and names in one of their lists.
const MAX_POLICIES: usize = 32;
const MAX_NAMES: usize = 32;
/// The name of an API key, in characters.
const MAX_NAME: usize = 100;
const MAX_POINTER: usize = 200;
/// The longest that a request waits when nothing says how long.
const DEFAULT_EXPIRY: Duration = Duration::from_hours(12);

/// How long a request waits when nothing says: twelve hours, or half of a shorter `limits.wall`. The execution's own end
/// must not come first, or nobody would hear of the expiry.
#[must_use]
pub fn default_approval_expiry(wall: Duration) -> Duration {
    DEFAULT_EXPIRY.min(wall / 2)
}

pub(super) fn check(config: &AgentConfig, findings: &mut Findings) {
    count(findings, "/approvals", config.approvals.len(), MAX_POLICIES);
    for (at, policy) in config.approvals.iter().enumerate() {
        let pointer = item("/approvals", at);
        tools(config, policy, findings, &child(&pointer, "tools"));
        names(&policy.approvers, findings, &child(&pointer, "approvers"));
        names(&policy.escalate_to, findings, &child(&pointer, "escalate_to"));
        times(policy, &config.limits.wall, findings, &pointer);
        if let Some(condition) = &policy.when {
            when(condition, findings, &child(&pointer, "when"));
        }
    }
}

fn tools(config: &AgentConfig, policy: &ApprovalPolicy, findings: &mut Findings, pointer: &str) {
    if policy.tools.is_empty() {
        findings.value(pointer, "expected the names of the tools whose calls wait for a person");
    }
    count(findings, pointer, policy.tools.len(), super::tools::MAX_TOOLS);
    for (at, tool) in policy.tools.iter().enumerate() {
        let shown: String = tool.chars().take(80).collect();
        if !config.tools.contains(tool) {
            findings.cross(item(pointer, at), format!("`{shown}` is not in `tools`: the agent cannot call it"));
        }
    }
}

fn names(names: &[String], findings: &mut Findings, pointer: &str) {
    count(findings, pointer, names.len(), MAX_NAMES);
    for (at, name) in names.iter().enumerate() {
        if name.trim().is_empty() || name.chars().count() > MAX_NAME || name.contains(char::is_control) {
            let message =
                format!("expected the id (`key_...`) or the name of an API key, of at most {MAX_NAME} characters");
            findings.value(item(pointer, at), message);
        }
    }
}

fn times(policy: &ApprovalPolicy, wall: &str, findings: &mut Findings, pointer: &str) {
    if let Some(expires) = &policy.expires {
        let at = child(pointer, "expires");
        positive_duration(findings, &at, expires, "365d");
        if let (Ok(length), Ok(end)) = (parse_duration(expires), parse_duration(wall))
            && length >= end
        {
            let message =
                format!("the execution ends before: `limits.wall` is {wall:?}; expire earlier, or let it run longer");
            findings.cross(&at, message);
        }
    }
    let at = child(pointer, "escalate_after");
    match (&policy.escalate_after, policy.escalate_to.is_empty()) {
        (Some(after), empty) => {
            positive_duration(findings, &at, after, "365d");
            let expires = match &policy.expires {
                Some(expires) => parse_duration(expires),
                None => parse_duration(wall).map(default_approval_expiry),
            };
            if let (Ok(after), Ok(expires)) = (parse_duration(after), expires)
                && after >= expires
            {
                let shown = policy.expires.as_ref().map_or_else(
                    || "12h, or half of `limits.wall` where that is shorter".to_owned(),
                    |expires| format!("{expires:?}"),
                );
                findings.cross(&at, format!("the request expires after {shown}: escalate earlier"));
            }
            if empty {
                findings.cross(&at, "nobody to escalate to: add `escalate_to`");
            }
        }
        (None, false) => findings.cross(child(pointer, "escalate_to"), "say when: add `escalate_after`"),
        (None, true) => {}
    }
}

fn when(condition: &ApprovalCondition, findings: &mut Findings, pointer: &str) {
    let at = &condition.argument;
    if !at.starts_with('/') || at.chars().count() > MAX_POINTER {
        let message = format!("expected a JSON pointer of at most {MAX_POINTER} characters, e.g. \"/amount\"");
        findings.value(child(pointer, "argument"), message);
    }
    let comparisons = usize::from(condition.above.is_some())
        + usize::from(condition.below.is_some())
        + usize::from(condition.equals.is_some())
        + usize::from(condition.not_equals.is_some());
    if comparisons != 1 {
        findings.value(pointer, "expected exactly one of `above`, `below`, `equals` and `not_equals`");
    }
}
