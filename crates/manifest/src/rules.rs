//! What a configuration must obey beyond its shape, one file per part. Every rule reports by JSON pointer and goes on.

mod agents;
mod approvals;
mod code;
mod declared;
mod headers;
mod hosts;
mod identity;
mod limits;
pub(crate) mod names;
mod probe;
mod schemas;
mod script;
mod template;
mod tools;
mod triggers;
mod url;

pub use approvals::default_approval_expiry;
use moltforge_api::AgentConfig;

use crate::canonical::canonical_json;
use crate::diagnostic::{Finding, Findings};
use crate::{MAX_FILE_BYTES, duration};

/// All faults of a configuration whose shape is good.
pub(crate) fn check(config: &AgentConfig) -> Vec<Finding> {
    let mut findings = Findings::default();
    identity::check(config, &mut findings);
    code::check(config, &mut findings);
    limits::check(config, &mut findings);
    hosts::check(config, &mut findings);
    agents::check(config, &mut findings);
    tools::check(config, &mut findings);
    declared::check(config, &mut findings);
    approvals::check(config, &mut findings);
    schemas::check(config, &mut findings);
    script::check(config, &mut findings);
    triggers::check(config, &mut findings);
    let bytes = canonical_json(config).len();
    if bytes > MAX_FILE_BYTES {
        findings
            .value("", format!("the configuration has {bytes} bytes as JSON; at most {MAX_FILE_BYTES} are allowed"));
    }
    findings.0
}

/// A list with at most `most` items.
fn count(findings: &mut Findings, pointer: &str, items: usize, most: usize) {
    if items > most {
        findings.value(pointer, format!("{items} items; at most {most} are allowed"));
    }
}

/// A duration above zero and at most `longest`.
fn positive_duration(findings: &mut Findings, pointer: &str, text: &str, longest: &str) {
    match (duration::parse_duration(text), duration::parse_duration(longest)) {
        (Err(message), _) => findings.value(pointer, message),
        (Ok(length), Ok(limit)) if length.is_zero() || length > limit => {
            findings.value(pointer, format!("expected a duration above zero and at most \"{longest}\", got {text:?}"));
        }
        _ => {}
    }
}
