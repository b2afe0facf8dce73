//! Tools: what a model may call.
//!
//! [`ToolSet`] is what one version of an agent is granted, compiled once. [`ToolSet::begin`] decides without I/O;
//! what needs I/O goes to [`Tools::call`]. A built-in tool is one file in `built_in/`.

mod answer;
mod arguments;
mod built_in;
mod call;
mod declared;
mod fetch;
mod waiting;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jsonschema::Validator;
use moltforge_api::AgentConfig;
use moltforge_egress::HostRule;
use moltforge_types::execution::Effect;
use moltforge_types::journal::{ErrorInfo, StateWrite};
use moltforge_types::{ExecutionId, Timestamp};
use serde_json::Value;

pub use call::{CallRequest, ToolError, Tools};
pub use declared::ProbeAnswer;

use built_in::BuiltIn;
use declared::Declared;

/// One tool as a model sees it.
#[derive(Debug, Clone)]
pub struct ToolSpec {
    /// Its name, e.g. `http.fetch`.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of the arguments: an object.
    pub parameters: Arc<Value>,
    /// What a call does to the world, at worst; the effect of one call is that of [`Begin::Call`].
    pub effect: Effect,
    /// Calls at a time, of all executions of the agent; whoever calls sees to it. No limit when absent.
    pub concurrency: Option<u32>,
    validator: Arc<Validator>,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    BuiltIn(&'static BuiltIn),
    Declared(Arc<Declared>),
}

/// The tools of one version of an agent.
#[derive(Debug, Default)]
pub struct ToolSet {
    tools: Vec<ToolSpec>,
    by_name: HashMap<String, usize>,
    /// What `http.fetch` may ask the operator for.
    hosts: Vec<HostRule>,
    /// Agents that may be started as children.
    agents: Vec<String>,
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
    /// This is the output, once this event is committed with it.
    Emit {
        /// The output.
        output: Value,
        /// The event's type.
        event_type: String,
        /// Its topic.
        topic: Option<String>,
        /// What happened.
        data: Value,
    },
    /// There is an output at this time.
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
    /// The output is a person's decision about the arguments.
    Ask,
    /// A child is to be started.
    StartChild {
        /// Its agent, which is granted.
        agent: String,
        /// Its input.
        input: Value,
        /// The output is its end; else its id, at once.
        wait: bool,
        /// When that wait gives up.
        until: Option<Timestamp>,
    },
    /// The output is how these children ended.
    AwaitChildren {
        /// Which, each once.
        children: Vec<ExecutionId>,
        /// One is enough.
        any: bool,
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
    /// Compiles what the configuration asks for. The error's code is `tools_invalid`: with a configuration that the
    /// `manifest` crate has checked, there is none.
    pub fn resolve(config: &AgentConfig) -> Result<Self, ErrorInfo> {
        let mut set = Self::default();
        for name in &config.tools {
            let spec = if let Some(built_in) = built_in::find(name) {
                built_in.spec()
            } else if let Some(tool) = config.declared_tools.iter().find(|tool| tool.name == *name) {
                declared::spec(tool).map_err(|reason| invalid(&format!("tool {name:?}: {reason}")))?
            } else {
                return Err(invalid(&format!("there is no tool {name:?}")));
            };
            set.by_name.insert(name.clone(), set.tools.len());
            set.tools.push(spec);
        }
        set.agents.clone_from(&config.agents);
        for host in &config.hosts {
            set.hosts.push(host.parse().map_err(|error| invalid(&format!("hosts: {error}")))?);
        }
        Ok(set)
    }

    /// The tool of this name, if it is granted.
    pub fn get(&self, name: &str) -> Option<&ToolSpec> {
        self.by_name.get(name).and_then(|at| self.tools.get(*at))
    }

    /// How long after a call of this tool was sent it may still arrive, for one that is probed.
    pub fn settle(&self, name: &str) -> Duration {
        match self.get(name) {
            Some(ToolSpec { kind: Kind::Declared(declared), .. }) => declared.settle(),
            _ => Duration::ZERO,
        }
    }

    /// All of them, in the order of the agent's file.
    pub fn iter(&self) -> impl Iterator<Item = &ToolSpec> {
        self.tools.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    /// Parses, validates and decides, without I/O: called inside the owner's loop.
    pub fn begin(&self, tool: &str, arguments: &str, now: Timestamp) -> Begin {
        let Some(spec) = self.get(tool) else { return Begin::Rejected(self.unknown(tool)) };
        let mut arguments = match arguments::parse(tool, arguments, &spec.parameters, &spec.validator) {
            Ok(arguments) => arguments,
            Err(error) => return Begin::Rejected(error),
        };
        let begun = match &spec.kind {
            Kind::BuiltIn(built_in) => (built_in.begin)(&mut arguments, now),
            Kind::Declared(declared) => declared.begin(arguments),
        };
        match begun {
            Begin::StartChild { agent, .. } if !self.agents.contains(&agent) => {
                let known = if self.agents.is_empty() { "none".to_owned() } else { self.agents.join(", ") };
                let agent: String = agent.chars().take(80).collect();
                let message = format!("this agent may not start {agent:?}; it may start: {known}");
                Begin::Rejected(ErrorInfo::new("agent_not_granted", message))
            }
            begun => begun,
        }
    }

    fn unknown(&self, tool: &str) -> ErrorInfo {
        let shown: String = tool.chars().take(80).collect();
        let names: Vec<&str> = self.tools.iter().map(|tool| tool.name.as_str()).collect();
        let known =
            if names.is_empty() { "there are none".to_owned() } else { format!("there are {}", names.join(", ")) };
        ErrorInfo::new("tool_not_found", format!("there is no tool {shown:?}; {known}"))
    }
}

fn invalid(message: &str) -> ErrorInfo {
    ErrorInfo::new("tools_invalid", message)
}

/// The answer to arguments that fit the schema and still make no sense.
fn refused(tool: &str, reason: &str) -> Begin {
    Begin::Rejected(arguments::error(tool, reason))
}

#[cfg(test)]
mod tests;
