//! What an execution is pinned to: one version, parsed and compiled once.

use std::sync::Arc;
use std::time::Duration;

use moltforge_api::AgentConfig;
use moltforge_api::config::AgentKind;
use moltforge_capabilities::tools::{Begin, ToolSet};
use moltforge_types::journal::ErrorInfo;
use moltforge_types::{AgentId, AgentName, Id as _, ProjectId, Timestamp, VersionId};
use serde_json::Value;

use super::EffectKeys;
use super::policy::Policy;

/// A program's timer, the one call that needs no grant.
pub(crate) const TIMER: &str = "timer";
/// Faults of a value that are told.
const MAX_FAULTS: usize = 20;

/// A version, ready to run.
pub struct Spec {
    /// The project.
    pub project_id: ProjectId,
    /// The agent.
    pub agent_id: AgentId,
    /// Its name.
    pub agent_name: AgentName,
    /// The version.
    pub version_id: VersionId,
    /// Its number.
    pub version: u32,
    /// Its configuration.
    pub config: Arc<AgentConfig>,
    /// Its tools, compiled.
    pub tools: Arc<ToolSet>,
    /// `limits.wall`, parsed.
    pub wall: Duration,
    /// About what it takes in memory, bytes.
    pub weight: usize,
    /// Why this server cannot run it; such an execution is held as `version_missing`.
    pub missing: Option<ErrorInfo>,
    /// Makes the keys of its effects.
    pub effect_keys: EffectKeys,
    policies: Vec<Policy>,
    input: Option<jsonschema::Validator>,
    output: Option<jsonschema::Validator>,
}

impl std::fmt::Debug for Spec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spec").field("agent", &self.agent_name).field("version", &self.version).finish_non_exhaustive()
    }
}

impl Spec {
    /// Compiles a version. Fails when its configuration no longer means anything to this server (the execution is then
    /// paused as `version_missing`).
    pub fn compile(
        project_id: ProjectId,
        agent_id: AgentId,
        version_id: VersionId,
        version: u32,
        config: AgentConfig,
        effect_keys: EffectKeys,
    ) -> Result<Self, ErrorInfo> {
        let invalid = |message: String| ErrorInfo::new("version_invalid", message);
        let compile = |schema: &Option<Value>| {
            schema
                .as_ref()
                .map(moltforge_manifest::schema::compile)
                .transpose()
                .map_err(|error| invalid(format!("its schema cannot be compiled: {error}")))
        };
        Ok(Self {
            project_id,
            agent_id,
            agent_name: config.name.parse().map_err(|error| invalid(format!("{error}")))?,
            version_id,
            version,
            tools: Arc::new(ToolSet::resolve(&config)?),
            wall: moltforge_manifest::parse_duration(&config.limits.wall).map_err(invalid)?,
            effect_keys,
            policies: config.approvals.iter().map(Policy::compile).collect::<Result<_, _>>().map_err(invalid)?,
            input: compile(&config.input_schema)?,
            output: compile(&config.output_schema)?,
            // what is compiled from a text is several times as large
            weight: 16 * 1024 + 8 * serde_json::to_vec(&config).map_or(0, |text| text.len()),
            config: Arc::new(config),
            missing: None,
        })
    }

    /// A stand-in for a version that this server cannot run, so that its executions can still be held and cancelled.
    pub fn missing(
        project_id: ProjectId,
        agent_id: AgentId,
        version_id: VersionId,
        version: u32,
        agent_name: &str,
        error: ErrorInfo,
    ) -> Arc<Self> {
        let config = AgentConfig {
            name: agent_name.to_owned(),
            description: String::new(),
            kind: AgentKind::Prompt,
            code: None,
            bundle: None,
            model: String::new(),
            instructions: String::new(),
            tools: Vec::new(),
            hosts: Vec::new(),
            agents: Vec::new(),
            input_schema: None,
            output_schema: None,
            limits: moltforge_api::config::Limits::default(),
            priority: None,
            parameters: moltforge_api::config::ModelParameters::default(),
            triggers: Vec::new(),
            declared_tools: Vec::new(),
            approvals: Vec::new(),
            script: Vec::new(),
        };
        Arc::new(Self {
            project_id,
            agent_id,
            agent_name: agent_name.parse().unwrap_or_else(|_| AgentName::unknown()),
            version_id,
            version,
            tools: Arc::new(ToolSet::default()),
            wall: Duration::MAX,
            weight: 1024,
            config: Arc::new(config),
            missing: Some(error),
            // it begins no call
            effect_keys: EffectKeys::new([0; 32]),
            policies: Vec::new(),
            input: None,
            output: None,
        })
    }

    /// Whether some policy is about a tool.
    pub(crate) fn asks_for(&self, tool: &str) -> bool {
        self.policies.iter().any(|policy| policy.names(tool))
    }

    /// The policy by which a call waits for a person, if it does.
    pub(super) fn policy(&self, tool: &str, arguments: &Value) -> Option<&Policy> {
        self.policies.iter().find(|policy| policy.fits(tool, arguments))
    }

    /// Nobody's: for the moment between reading a state and finding its version.
    pub(super) fn none() -> Arc<Self> {
        let error = ErrorInfo::new("version_missing", "no version was looked for");
        let (project_id, agent_id, version_id) =
            (ProjectId::from_u128(0), AgentId::from_u128(0), VersionId::from_u128(0));
        Self::missing(project_id, agent_id, version_id, 0, "", error)
    }

    /// The input with the `default`s of the schema's top-level properties where it has none. Without an input, an agent
    /// that takes an object gets an empty one.
    pub fn with_defaults(&self, input: Value) -> Value {
        let Some(Value::Object(schema)) = &self.config.input_schema else { return input };
        let mut input = match input {
            Value::Null if schema.get("type").is_some_and(|kind| kind == "object") => {
                Value::Object(serde_json::Map::new())
            }
            other => other,
        };
        if let (Value::Object(fields), Some(Value::Object(properties))) = (&mut input, schema.get("properties")) {
            for (name, property) in properties {
                if let Some(default) = property.get("default")
                    && !fields.contains_key(name)
                {
                    fields.insert(name.clone(), default.clone());
                }
            }
        }
        input
    }

    /// Whether a program of its author runs it, and not our loop of model and tools.
    pub fn is_code(&self) -> bool {
        self.config.kind == AgentKind::Code
    }

    /// What becomes of a call: a tool's, or of what every program may ask for.
    pub(super) fn begin(&self, name: &str, arguments: &str, now: Timestamp) -> Begin {
        if self.is_code() && name == TIMER {
            return timer(arguments, now);
        }
        self.tools.begin(name, arguments, now)
    }

    /// The output that a program returned, checked.
    pub fn output_value(&self, value: Value) -> Result<Value, ErrorInfo> {
        match errors(self.config.output_schema.as_ref(), self.output.as_ref(), &value).first() {
            None => Ok(value),
            Some((pointer, message)) => Err(ErrorInfo::new(
                "output_invalid",
                format!("what the program returned does not fit output_schema at {pointer:?}: {message}"),
            )),
        }
    }

    /// What is wrong with an input: JSON pointer and message of each fault, at most 20.
    pub fn input_errors(&self, input: &Value) -> Vec<(String, String)> {
        errors(self.config.input_schema.as_ref(), self.input.as_ref(), input)
    }

    /// The output that a final text means: JSON that fits the output schema when there is one, else the text.
    pub fn output(&self, text: &str) -> Result<Value, ErrorInfo> {
        if self.output.is_none() {
            return Ok(Value::String(text.to_owned()));
        }
        let invalid = |message: String| ErrorInfo::new("output_invalid", message);
        let value: Value = serde_json::from_str(text.trim())
            .map_err(|error| invalid(format!("the final text is not the JSON that output_schema asks for: {error}")))?;
        match errors(self.config.output_schema.as_ref(), self.output.as_ref(), &value).first() {
            None => Ok(value),
            Some((pointer, message)) => {
                Err(invalid(format!("the final text does not fit output_schema at {pointer:?}: {message}")))
            }
        }
    }
}

/// A timer of a program: `{"ms": n}`, whole milliseconds, at most ten years.
fn timer(arguments: &str, now: Timestamp) -> Begin {
    const MOST: u64 = 10 * 366 * 24 * 3600 * 1000;
    let ms = serde_json::from_str::<Value>(arguments).ok().and_then(|value| value.get("ms")?.as_u64());
    match ms.filter(|ms| *ms <= MOST) {
        Some(ms) => Begin::Sleep { until: now.plus(Duration::from_millis(ms)) },
        None => Begin::Rejected(ErrorInfo::new("tool_arguments_invalid", "a timer takes \"ms\": 0 to ten years")),
    }
}

fn errors(schema: Option<&Value>, validator: Option<&jsonschema::Validator>, value: &Value) -> Vec<(String, String)> {
    match (schema, validator) {
        (Some(schema), Some(validator)) => moltforge_manifest::schema::errors(schema, validator, value, MAX_FAULTS),
        _ => Vec::new(),
    }
}
