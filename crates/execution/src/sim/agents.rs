//! The agents of a run: two projects with the same four agents.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use moltforge_api::executions::StartExecution;
use moltforge_store::Version;
use moltforge_store::journal::Memory;
use moltforge_types::{EnvironmentName, Id as _, ProjectId, Timestamp, VersionId};
use serde_json::{Value, json};

use crate::engine::{EffectKeys, Spec};
use crate::error::Error;
use crate::live::Directory;
use crate::shard::shared::Shared;

/// Stands in every input: it must be in no other project's journal, and in no event's name.
pub(super) fn canary(project_id: ProjectId) -> String {
    format!("canary of {project_id}")
}

/// A person is asked about the tool `peek` when its argument is above this.
const PEEK: u64 = 4;

/// Whether a person must have approved exactly this call.
pub(super) fn needs_approval(tool: &str, arguments: &Value) -> bool {
    match tool {
        "refund" | "wire" => true,
        "peek" => arguments.get("n").and_then(Value::as_u64).is_some_and(|n| n > PEEK),
        _ => false,
    }
}

/// What a tool's far side wants to see, a header of every tool that is declared. Only that far side may (I11).
pub(super) const CREDENTIAL: &str = "canary-credential-c1a7";

/// Calls of the tool `stock` that one node makes at a time for an agent.
pub(super) const STOCK_LIMIT: u32 = 2;

pub(super) fn effect_keys() -> EffectKeys {
    EffectKeys::new([7; 32])
}

pub(super) fn projects() -> [ProjectId; 2] {
    [ProjectId::from_u128(1), ProjectId::from_u128(2)]
}

fn config(change: impl FnOnce(&mut Value)) -> Value {
    let http = |name: &str, effect: &str| {
        json!({ "name": name, "description": "d", "url": "http://127.0.0.1:9/x", "effect": effect,
                "headers": { "authorization": format!("Bearer {CREDENTIAL}") },
                "parameters": { "type": "object", "properties": { "n": { "type": "integer" } } } })
    };
    let mut ship = http("ship", "reconcile");
    ship["probe"] = json!({ "url": "http://127.0.0.1:9/x?key={idempotency_key}", "settle": "20s",
                            "headers": { "authorization": format!("Bearer {CREDENTIAL}") } });
    let mut stock = http("stock", "keyed");
    stock["concurrency"] = json!(STOCK_LIMIT);
    let mut config = json!({
        "name": "worker", "kind": "prompt", "model": "scripted",
        "tools": ["math.add", "time.sleep", "state.set", "state.get", "signals.wait", "pay", "book", "look", "ship", "stock",
                  "refund", "wire", "peek", "approvals.request", "agents.start", "agents.call", "agents.wait"],
        "tool": [http("pay", "at_most_once"), http("book", "keyed"), http("look", "read"), ship, stock,
                 http("refund", "at_most_once"), http("wire", "keyed"), http("peek", "read")],
        "approvals": [
            { "tools": ["refund"], "expires": "25s", "on_expiry": "pause" },
            { "tools": ["wire"], "approvers": ["boss"], "expires": "40s", "escalate_after": "6s", "escalate_to": ["chief"] },
            { "tools": ["peek"], "expires": "15s", "when": { "argument": "/n", "above": PEEK } },
        ],
        "agents": ["worker", "hasty", "short", "coder"],
        "script": [{ "text": "unused" }],
    });
    change(&mut config);
    config
}

fn configs() -> [Value; 4] {
    [
        config(|_| {}),
        config(|config| {
            config["name"] = json!("hasty");
            config["limits"] = json!({ "attempts": 3, "turns": 4, "tool_calls": 6 });
        }),
        config(|config| {
            config["name"] = json!("short");
            config["limits"] = json!({ "wall": "45s", "concurrency": 2 });
        }),
        config(|config| {
            config["name"] = json!("coder");
            config["kind"] = json!("code");
            config["script"] = json!([]);
        }),
    ]
}

struct Agent {
    version: Version,
    spec: Arc<Spec>,
}

/// Compiled once for all runs of this program.
fn all() -> &'static [(ProjectId, Agent)] {
    static ALL: OnceLock<Vec<(ProjectId, Agent)>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = Vec::new();
        for project_id in projects() {
            for (n, config) in (1_u128..).zip(configs()) {
                let id = project_id.as_u128() * 100 + n;
                let (agent_id, version_id) = (moltforge_types::AgentId::from_u128(id), VersionId::from_u128(id));
                let version = Version {
                    version_id,
                    agent_id,
                    version: 1,
                    content_hash: String::new(),
                    config: config.to_string(),
                    created_at: Timestamp::default(),
                    created_by: String::new(),
                };
                let config = serde_json::from_value(config).expect("a valid configuration");
                let spec =
                    Spec::compile(project_id, agent_id, version_id, 1, config, effect_keys()).expect("it compiles");
                all.push((project_id, Agent { version, spec: Arc::new(spec) }));
            }
        }
        all
    })
}

pub(super) fn add_to(memory: &Memory) {
    for (project_id, agent) in all() {
        memory.add_version(*project_id, agent.version.clone());
    }
}

pub(super) fn specs() -> Vec<Arc<Spec>> {
    all().iter().map(|(_, agent)| agent.spec.clone()).collect()
}

/// The compiled version, as a load finds it.
pub(super) fn spec_of(version_id: VersionId) -> Option<Arc<Spec>> {
    all().iter().find(|(_, agent)| agent.version.version_id == version_id).map(|(_, agent)| agent.spec.clone())
}

/// Finds agents by name, at once.
pub(super) struct Agents;

#[async_trait]
impl Directory for Agents {
    async fn resolve(
        &self,
        _shared: &Shared,
        project_id: ProjectId,
        request: &StartExecution,
    ) -> Result<(Arc<Spec>, Option<EnvironmentName>), Error> {
        let found =
            all().iter().find(|(of, agent)| *of == project_id && agent.spec.agent_name.to_string() == request.agent);
        let spec = found.map(|(_, agent)| agent.spec.clone());
        spec.map(|spec| (spec, None)).ok_or_else(|| Error::AgentNotFound(request.agent.clone()))
    }
}
