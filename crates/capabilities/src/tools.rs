//! Tools: what a model may call.
//!
//! [`ToolSet`] is what one version of an agent is granted, compiled once. [`ToolSet::begin`] decides without I/O;
//! what needs I/O goes to [`Tools::call`].

mod call;

use std::sync::Arc;

use moltforge_api::AgentConfig;
use moltforge_types::Timestamp;
use moltforge_types::execution::Effect;
use moltforge_types::journal::{ErrorInfo, StateWrite};
use serde_json::Value;

pub use call::{CallRequest, ToolError, Tools};

/// One tool as a model sees it.
#[derive(Debug, Clone)]
pub struct ToolSpec {
    /// Its name, e.g. `http.fetch`.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of the arguments: an object.
    pub parameters: Arc<Value>,
    /// What a call does to the world. `http.fetch` decides per call: see [`Begin::Call`].
    pub effect: Effect,
}

/// The tools of one version of an agent.
#[derive(Debug, Default)]
pub struct ToolSet {
    tools: Vec<ToolSpec>,
}

/// What becomes of a tool call, decided without I/O.
#[derive(Debug, Clone, PartialEq)]
pub enum Begin {
    /// Computed: this is the output.
    Done(Value),
    /// This is the output, once these changes of the agent's state are committed with it.
    Write {
        /// The output.
        output: Value,
        /// The changes.
        writes: Vec<StateWrite>,
    },
    /// There is an output at this time: `null`.
    Sleep {
        /// When.
        until: Timestamp,
    },
    /// The output is the signal's payload.
    AwaitSignal {
        /// The signal's name.
        name: String,
        /// When it gives up.
        until: Option<Timestamp>,
    },
    /// Needs I/O: [`Tools::call`].
    Call {
        /// What the call does to the world.
        effect: Effect,
        /// The parsed and validated arguments.
        arguments: Value,
    },
    /// Unknown or not granted, or the arguments are not JSON or do not fit. Goes back to the model.
    Rejected(ErrorInfo),
}

impl ToolSet {
    /// Compiles what the configuration asks for.
    pub fn resolve(_config: &AgentConfig) -> Result<Self, ErrorInfo> {
        Ok(Self::default())
    }

    /// The tool of this name, if it is granted.
    pub fn get(&self, name: &str) -> Option<&ToolSpec> {
        self.tools.iter().find(|tool| tool.name == name)
    }

    /// All of them, in the order of the agent's file.
    pub fn iter(&self) -> impl Iterator<Item = &ToolSpec> {
        self.tools.iter()
    }

    /// Parses, validates and decides, without I/O: called inside the owner's loop.
    pub fn begin(&self, tool: &str, _arguments: &str, _now: Timestamp) -> Begin {
        Begin::Rejected(ErrorInfo::new("tool_unknown", format!("there is no tool {tool:?}")))
    }
}
