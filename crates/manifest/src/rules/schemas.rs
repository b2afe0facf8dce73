//! The schemas of an agent's input and output.

use moltforge_api::AgentConfig;

use crate::diagnostic::Findings;
use crate::schema;

pub(super) fn check(config: &AgentConfig, findings: &mut Findings) {
    if let Some(input) = &config.input_schema {
        schema::faults(input, "/input_schema", findings);
    }
    if let Some(output) = &config.output_schema {
        schema::faults(output, "/output_schema", findings);
    }
}
