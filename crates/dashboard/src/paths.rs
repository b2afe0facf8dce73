//! Every address of the dashboard, once: the patterns that the router mounts and the functions that fill them.

use std::fmt::Write as _;

use moltforge_api::agents::Agent;

/// Patterns in the router's notation. The samples test checks every link of every page against these.
pub(crate) mod pattern {
    /// The overview.
    pub(crate) const OVERVIEW: &str = "/";
    /// Signing in; `?code=` is a one-time URL.
    pub(crate) const SIGN_IN: &str = "/sign-in";
    /// Signing out.
    pub(crate) const SIGN_OUT: &str = "/sign-out";
    /// Agents.
    pub(crate) const AGENTS: &str = "/agents";
    /// One agent, by name or id.
    pub(crate) const AGENT: &str = "/agents/{agent}";
    /// Starts an execution.
    pub(crate) const RUN: &str = "/agents/{agent}/run";
    /// Makes a version live.
    pub(crate) const DEPLOY: &str = "/agents/{agent}/deploy";
    /// Goes back to the version before.
    pub(crate) const ROLLBACK: &str = "/agents/{agent}/rollback";
    /// Takes an environment's live version away.
    pub(crate) const UNDEPLOY: &str = "/agents/{agent}/undeploy";
    /// Pauses an agent, or pulls its kill switch.
    pub(crate) const HOLD: &str = "/agents/{agent}/hold";
    /// Lifts that.
    pub(crate) const LIFT: &str = "/agents/{agent}/lift";
    /// Pauses the whole project, or pulls its kill switch.
    pub(crate) const PROJECT_HOLD: &str = "/hold";
    /// Lifts that.
    pub(crate) const PROJECT_LIFT: &str = "/lift";
    /// One version.
    pub(crate) const VERSION: &str = "/agents/{agent}/versions/{version}";
    /// One version compared with another; `?against=`.
    pub(crate) const DIFF: &str = "/agents/{agent}/versions/{version}/diff";
    /// Executions.
    pub(crate) const EXECUTIONS: &str = "/executions";
    /// One execution.
    pub(crate) const EXECUTION: &str = "/executions/{execution}";
    /// The live part of an execution's page.
    pub(crate) const TIMELINE: &str = "/executions/{execution}/timeline";
    /// Holds an execution.
    pub(crate) const PAUSE: &str = "/executions/{execution}/pause";
    /// Lets it go on.
    pub(crate) const RESUME: &str = "/executions/{execution}/resume";
    /// Stops it for good.
    pub(crate) const CANCEL: &str = "/executions/{execution}/cancel";
    /// Stops it for good, at once, with everything below it.
    pub(crate) const KILL: &str = "/executions/{execution}/kill";
    /// Starts a copy of its first steps.
    pub(crate) const FORK: &str = "/executions/{execution}/fork";
    /// Runs its journal through the engine again.
    pub(crate) const REPLAY: &str = "/executions/{execution}/replay";
    /// Sends it a signal.
    pub(crate) const SIGNAL: &str = "/executions/{execution}/signal";
    /// Triggers.
    pub(crate) const TRIGGERS: &str = "/triggers";
    /// One trigger.
    pub(crate) const TRIGGER: &str = "/triggers/{trigger}";
    /// Holds it.
    pub(crate) const TRIGGER_PAUSE: &str = "/triggers/{trigger}/pause";
    /// Lets it go on.
    pub(crate) const TRIGGER_RESUME: &str = "/triggers/{trigger}/resume";
    /// Fires it.
    pub(crate) const TRIGGER_FIRE: &str = "/triggers/{trigger}/fire";
    /// Makes a new secret for a webhook.
    pub(crate) const TRIGGER_SECRET: &str = "/triggers/{trigger}/secret";
    /// Asks the other side about one of its calls.
    pub(crate) const PROBE: &str = "/executions/{execution}/effects/{step}/probe";
    /// Decides about one of its calls.
    pub(crate) const EFFECT_DECISION: &str = "/executions/{execution}/effects/{step}/decision";
    /// Approvals.
    pub(crate) const APPROVALS: &str = "/approvals";
    /// One approval.
    pub(crate) const APPROVAL: &str = "/approvals/{approval}";
    /// Decides about it.
    pub(crate) const DECISION: &str = "/approvals/{approval}/decision";
    /// API keys.
    pub(crate) const KEYS: &str = "/keys";
    /// Revokes one.
    pub(crate) const REVOKE: &str = "/keys/{key}/revoke";
    /// Style sheets, scripts, fonts.
    pub(crate) const ASSET: &str = "/assets/{*file}";

    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: &[&str] = &[
        OVERVIEW,
        SIGN_IN,
        SIGN_OUT,
        AGENTS,
        AGENT,
        RUN,
        DEPLOY,
        ROLLBACK,
        UNDEPLOY,
        VERSION,
        DIFF,
        EXECUTIONS,
        EXECUTION,
        TIMELINE,
        PAUSE,
        RESUME,
        CANCEL,
        KILL,
        FORK,
        REPLAY,
        HOLD,
        LIFT,
        PROJECT_HOLD,
        PROJECT_LIFT,
        SIGNAL,
        KEYS,
        REVOKE,
        ASSET,
        TRIGGERS,
        TRIGGER,
        TRIGGER_PAUSE,
        TRIGGER_RESUME,
        TRIGGER_FIRE,
        TRIGGER_SECRET,
        PROBE,
        EFFECT_DECISION,
        APPROVALS,
        APPROVAL,
        DECISION,
    ];
}

/// One path segment, percent-encoded: whatever a name contains, it stays one segment.
fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// What stands for an agent in an address: its name as long as the name is its own, then its id. The name of a deleted
/// agent leads nowhere, or to another agent that has it now.
pub(crate) fn reference(agent: &Agent) -> &str {
    if agent.deleted_at.is_some() { &agent.agent_id } else { &agent.name }
}

/// `/agents/{agent}`
pub(crate) fn agent(agent: &str) -> String {
    format!("/agents/{}", segment(agent))
}

/// An action on an agent: `/agents/{agent}/{verb}`
pub(crate) fn agent_action(agent: &str, verb: &'static str) -> String {
    format!("/agents/{}/{verb}", segment(agent))
}

/// `/agents/{agent}/versions/{version}`
pub(crate) fn version(agent: &str, version: u32) -> String {
    format!("/agents/{}/versions/{version}", segment(agent))
}

/// `/agents/{agent}/versions/{version}/diff?against={against}`
pub(crate) fn diff(agent: &str, version: u32, against: u32) -> String {
    format!("/agents/{}/versions/{version}/diff?against={against}", segment(agent))
}

/// `/executions/{execution}`
pub(crate) fn execution(execution: &str) -> String {
    format!("/executions/{}", segment(execution))
}

/// An action on an execution, or its live part: `/executions/{execution}/{verb}`
pub(crate) fn execution_action(execution: &str, verb: &'static str) -> String {
    format!("/executions/{}/{verb}", segment(execution))
}

/// The list of executions with its filters.
pub(crate) fn executions(state: &str, agent: &str, cursor: Option<&str>) -> String {
    let filters = [("state", state), ("agent", agent), ("cursor", cursor.unwrap_or_default())];
    query("/executions", &filters)
}

/// `/triggers/{trigger}`
pub(crate) fn trigger(trigger: &str) -> String {
    format!("/triggers/{}", segment(trigger))
}

/// An action on a trigger: `/triggers/{trigger}/{verb}`
pub(crate) fn trigger_action(trigger: &str, verb: &'static str) -> String {
    format!("/triggers/{}/{verb}", segment(trigger))
}

/// An action on one call of an execution: `/executions/{execution}/effects/{step}/{verb}`
pub(crate) fn effect_action(execution: &str, step: u32, verb: &'static str) -> String {
    format!("/executions/{}/effects/{step}/{verb}", segment(execution))
}

/// `/approvals/{approval}`
pub(crate) fn approval(approval: &str) -> String {
    format!("/approvals/{}", segment(approval))
}

/// `/approvals/{approval}/decision`
pub(crate) fn decision(approval: &str) -> String {
    format!("/approvals/{}/decision", segment(approval))
}

/// `/keys/{key}/revoke`
pub(crate) fn revoke(key: &str) -> String {
    format!("/keys/{}/revoke", segment(key))
}

/// The API's own address of an execution's events: what the live page listens to.
pub(crate) fn event_stream(execution: &str) -> String {
    format!("/v1/executions/{}/events", segment(execution))
}

/// The page of a problem's code.
pub(crate) fn error_page(code: &str) -> String {
    format!("/docs/errors/{}", segment(code))
}

/// A path with those query parameters that are not empty.
pub(crate) fn query(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut out = path.to_owned();
    for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
        out.push(if out.contains('?') { '&' } else { '?' });
        let _ = write!(out, "{name}={}", segment(value));
    }
    out
}

/// A place within the dashboard that somebody asked to go on to: only a path of this server, never another host.
pub(crate) fn local(next: &str) -> &str {
    let harmless = next.len() <= 2048
        && next.starts_with('/')
        && !next.starts_with("//")
        && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
        && !next.starts_with(pattern::SIGN_IN)
        && !next.starts_with(pattern::SIGN_OUT);
    if harmless { next } else { pattern::OVERVIEW }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_segment() {
        assert_eq!(agent("a/../b?c#d"), "/agents/a%2F..%2Fb%3Fc%23d");
        assert_eq!(executions("live", "", None), "/executions?state=live");
        assert_eq!(executions("", "a b", Some("x=")), "/executions?agent=a%20b&cursor=x%3D");
    }

    #[test]
    fn going_on_never_leaves_the_server() {
        assert_eq!(local("/agents?cursor=x"), "/agents?cursor=x");
        for bad in ["", "https://evil.example", "//evil.example", "/\\evil.example", "/a\r\nb", "/a b", "/sign-out"] {
            assert_eq!(local(bad), "/", "{bad:?}");
        }
    }
}
