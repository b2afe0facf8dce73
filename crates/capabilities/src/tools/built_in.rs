//! The tools that every installation has.

mod agents_call;
mod agents_start;
mod agents_wait;
mod approvals_request;
mod events_emit;
mod http_fetch;
mod math_add;
mod signals_wait;
mod state_delete;
mod state_get;
mod state_set;
mod time_now;
mod time_sleep;

use std::fmt;
use std::sync::{Arc, OnceLock};

use jsonschema::Validator;
use moltforge_types::Timestamp;
use moltforge_types::execution::Effect;
use serde_json::Value;

use super::{Begin, Kind, ToolSpec};

/// A built-in tool: what a model reads about it, and how a call begins.
pub(super) struct BuiltIn {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    /// JSON Schema of the arguments, as text.
    pub(super) parameters: &'static str,
    pub(super) effect: Effect,
    /// The arguments fit the schema and may be taken.
    pub(super) begin: fn(&mut Value, Timestamp) -> Begin,
}

static ALL: [&BuiltIn; 13] = [
    &agents_call::TOOL,
    &agents_start::TOOL,
    &agents_wait::TOOL,
    &approvals_request::TOOL,
    &events_emit::TOOL,
    &http_fetch::TOOL,
    &math_add::TOOL,
    &signals_wait::TOOL,
    &state_delete::TOOL,
    &state_get::TOOL,
    &state_set::TOOL,
    &time_now::TOOL,
    &time_sleep::TOOL,
];

/// Schemas and validators of [`ALL`], compiled once in a process.
static COMPILED: [OnceLock<(Arc<Value>, Arc<Validator>)>; 13] = [const { OnceLock::new() }; 13];

impl fmt::Debug for BuiltIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

pub(super) fn find(name: &str) -> Option<Found> {
    ALL.iter().position(|tool| tool.name == name).map(Found)
}

/// The place of a tool in [`ALL`].
pub(super) struct Found(usize);

impl Found {
    pub(super) fn spec(&self) -> ToolSpec {
        let tool = ALL[self.0];
        let (parameters, validator) = COMPILED[self.0].get_or_init(|| {
            #[expect(clippy::expect_used, reason = "constants, each compiled in a test")]
            let parameters: Value =
                serde_json::from_str(tool.parameters).expect("the schema of a built-in tool is JSON");
            #[expect(clippy::expect_used, reason = "constants, each compiled in a test")]
            let validator =
                moltforge_manifest::schema::compile(&parameters).expect("the schema of a built-in tool compiles");
            (Arc::new(parameters), Arc::new(validator))
        });
        ToolSpec {
            name: tool.name.to_owned(),
            description: tool.description.to_owned(),
            parameters: parameters.clone(),
            effect: tool.effect,
            concurrency: None,
            validator: validator.clone(),
            kind: Kind::BuiltIn(tool),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_what_agent_files_may_name() {
        let mut names: Vec<&str> = ALL.iter().map(|tool| tool.name).collect();
        names.sort_unstable();
        let mut known = moltforge_manifest::BUILT_IN_TOOLS;
        known.sort_unstable();
        assert_eq!(names, known);
    }

    #[test]
    fn every_schema_compiles_and_says_what_each_argument_is() {
        for name in ALL.iter().map(|tool| tool.name) {
            let spec = find(name).unwrap().spec();
            let parameters = spec.parameters.as_object().unwrap();
            assert_eq!(parameters["type"], "object", "{name}");
            assert_eq!(parameters["additionalProperties"], false, "{name}");
            for (argument, schema) in parameters["properties"].as_object().unwrap() {
                assert!(schema["description"].is_string(), "{name}: {argument}");
            }
        }
    }
}
