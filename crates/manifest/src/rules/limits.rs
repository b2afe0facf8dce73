//! Limits of one execution and parameters of the model. Whole numbers are bounded by the shape already.

use moltforge_api::AgentConfig;

use super::positive_duration;
use crate::diagnostic::Findings;

pub(super) fn check(config: &AgentConfig, findings: &mut Findings) {
    positive_duration(findings, "/limits/wall", &config.limits.wall, "3650d");
    if let Some(temperature) = config.parameters.temperature
        && !(0.0..=2.0).contains(&temperature)
    {
        findings.value("/parameters/temperature", format!("expected a number from 0.0 to 2.0, got {temperature}"));
    }
}
