//! Which calls wait for a person: `[[approvals]]` of the agent's file, with its durations parsed.

use std::time::Duration;

use moltforge_api::config::{ApprovalCondition, ApprovalPolicy};
use moltforge_types::approval::OnExpiry;
use serde_json::Value;

/// One policy.
#[derive(Debug, Clone)]
pub(super) struct Policy {
    tools: Vec<String>,
    pub(super) approvers: Vec<String>,
    /// How long a request waits, when the policy says so.
    expires: Option<Duration>,
    pub(super) on_expiry: OnExpiry,
    pub(super) escalate_after: Option<Duration>,
    pub(super) escalate_to: Vec<String>,
    when: Option<ApprovalCondition>,
}

impl Default for Policy {
    /// Anybody with the scope.
    fn default() -> Self {
        Self {
            tools: Vec::new(),
            approvers: Vec::new(),
            expires: None,
            on_expiry: OnExpiry::Reject,
            escalate_after: None,
            escalate_to: Vec::new(),
            when: None,
        }
    }
}

impl Policy {
    pub(super) fn compile(policy: &ApprovalPolicy) -> Result<Self, String> {
        let duration = |text: &Option<String>| text.as_deref().map(moltforge_manifest::parse_duration).transpose();
        Ok(Self {
            tools: policy.tools.clone(),
            approvers: policy.approvers.clone(),
            expires: duration(&policy.expires)?,
            on_expiry: policy.on_expiry.as_deref().map_or(Ok(OnExpiry::Reject), str::parse)?,
            escalate_after: duration(&policy.escalate_after)?,
            escalate_to: policy.escalate_to.clone(),
            when: policy.when.clone(),
        })
    }

    /// How long a request of an execution waits that may take `wall`.
    pub(super) fn expires(&self, wall: Duration) -> Duration {
        self.expires.unwrap_or_else(|| moltforge_manifest::default_approval_expiry(wall))
    }

    /// Whether it is about a tool.
    pub(super) fn names(&self, tool: &str) -> bool {
        self.tools.iter().any(|name| name == tool)
    }

    /// Whether a call waits by this policy.
    pub(super) fn fits(&self, tool: &str, arguments: &Value) -> bool {
        self.names(tool) && self.when.as_ref().is_none_or(|when| meets(when, arguments))
    }
}

/// In doubt a person is asked.
fn meets(condition: &ApprovalCondition, arguments: &Value) -> bool {
    let Some(value) = arguments.pointer(&condition.argument) else { return true };
    let number = |meets: &dyn Fn(f64) -> bool| value.as_f64().is_none_or(meets);
    let is = |wanted: &Value| value == wanted || (value.is_number() && value.as_f64() == wanted.as_f64());
    match condition {
        ApprovalCondition { above: Some(bound), .. } => number(&|value| value > *bound),
        ApprovalCondition { below: Some(bound), .. } => number(&|value| value < *bound),
        ApprovalCondition { equals: Some(wanted), .. } => is(wanted),
        ApprovalCondition { not_equals: Some(wanted), .. } => !is(wanted),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn in_doubt_a_person_is_asked() {
        let condition = |rest: Value| {
            let mut condition = json!({ "argument": "/a/b" });
            condition.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            serde_json::from_value::<ApprovalCondition>(condition).unwrap()
        };
        for (rest, arguments, expected) in [
            (json!({ "above": 100 }), json!({ "a": { "b": 100.5 } }), true),
            (json!({ "above": 100 }), json!({ "a": { "b": 100 } }), false),
            (json!({ "above": 100 }), json!({ "a": { "b": "99" } }), true),
            (json!({ "above": 100 }), json!({ "a": {} }), true),
            (json!({ "above": 100 }), json!({}), true),
            (json!({ "below": 0 }), json!({ "a": { "b": -1 } }), true),
            (json!({ "below": 0 }), json!({ "a": { "b": 0 } }), false),
            (json!({ "equals": 1 }), json!({ "a": { "b": 1.0 } }), true),
            (json!({ "equals": "EUR" }), json!({ "a": { "b": "USD" } }), false),
            (json!({ "not_equals": "EUR" }), json!({ "a": { "b": "USD" } }), true),
            (json!({ "not_equals": "EUR" }), json!({ "a": { "b": "EUR" } }), false),
        ] {
            assert_eq!(meets(&condition(rest.clone()), &arguments), expected, "{rest} {arguments}");
        }
    }
}
