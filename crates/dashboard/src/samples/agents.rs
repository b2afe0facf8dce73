//! Agents, versions and the overview.

use moltforge_api::ProblemItem;
use moltforge_api::agents::Agent;
use moltforge_api::config::{AgentConfig, AgentKind, Limits, ModelParameters, ScriptedCall, ScriptedReply};
use moltforge_api::deployments::Deployment;
use moltforge_api::holds::Hold;
use moltforge_api::versions::{FieldChange, Version, VersionDiff};
use moltforge_types::execution::State;
use serde_json::json;

use super::{DAY, HOUR, MINUTE, Sample, before, executions, flashed, sample};
use crate::flash::Flash;
use crate::pages::run_form::RunForm;
use crate::pages::{agent, agents, overview, version};

pub(super) fn config(name: &str, description: &str) -> AgentConfig {
    AgentConfig {
        name: name.to_owned(),
        description: description.to_owned(),
        kind: AgentKind::Prompt,
        code: None,
        bundle: None,
        model: "scripted".to_owned(),
        instructions:
            "You write release notes from merged pull requests.\nBe short. Group by area. Say what users notice."
                .to_owned(),
        tools: ["github.pulls", "time.sleep", "signals.wait", "state.set"].map(str::to_owned).to_vec(),
        agents: Vec::new(),
        hosts: vec!["api.github.example".to_owned()],
        input_schema: Some(json!({
            "type": "object",
            "required": ["repository"],
            "properties": {
                "repository": {"type": "string", "title": "Repository", "description": "owner/name, as in its address", "maxLength": 100, "minLength": 3},
                "since": {"type": "string", "format": "date", "title": "Since"},
                "limit": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50, "title": "Pull requests at most"},
                "style": {"enum": ["plain", "playful", "formal"], "title": "Style", "default": "plain"},
                "labels": {"type": "array", "items": {"type": "string"}, "title": "Only with these labels"},
                "publish": {"type": "boolean", "title": "Publish when approved"},
                "author": {"type": "object", "title": "Author", "properties": {"name": {"type": "string", "title": "Name", "maxLength": 80}, "email": {"type": "string", "format": "email", "title": "E-mail"}}},
            },
        })),
        output_schema: None,
        limits: Limits::default(),
        priority: None,
        parameters: ModelParameters { temperature: Some(0.2), max_output_tokens: Some(2_000) },
        triggers: Vec::new(),
        approvals: Vec::new(),
        declared_tools: serde_json::from_value(json!([{
            "name": "github.pulls",
            "description": "Lists merged pull requests.",
            "url": "https://api.github.example/repos/{repository}/pulls",
            "method": "GET",
            "parameters": {"type": "object", "properties": {"repository": {"type": "string"}}},
            "effect": "read",
        }]))
        .unwrap_or_default(),
        script: vec![ScriptedReply {
            text: "Looking at {{ input.repository }}.".to_owned(),
            calls: vec![ScriptedCall {
                tool: "github.pulls".to_owned(),
                arguments: json!({"repository": "{{ input.repository }}"}),
            }],
            delay: Some("500ms".to_owned()),
            repeat: None,
        }],
    }
}

fn deployment(environment: &str, version: u32, status: &str, action: &str, age: i64) -> Deployment {
    Deployment {
        deployment_id: "dep_01h455vb4pex5vsknk084sn02q".to_owned(),
        agent_id: AGENT_ID.to_owned(),
        agent_name: "release-notes".to_owned(),
        environment: environment.to_owned(),
        version,
        status: status.to_owned(),
        action: action.to_owned(),
        created_at: before(age),
        created_by: "key_01h455vb4pex5vsknk084sn02q".to_owned(),
        ended_at: (status != "live").then(|| before(age / 2)),
    }
}

const AGENT_ID: &str = "agt_01h455vb4pex5vsknk084sn02q";

pub(super) fn agent_named(name: &str, description: &str) -> Agent {
    Agent {
        agent_id: AGENT_ID.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
        latest_version: 4,
        config: config(name, description),
        deployments: vec![
            deployment("production", 3, "live", "deploy", 5 * HOUR),
            deployment("staging", 4, "live", "deploy", 9 * MINUTE),
        ],
        created_at: before(20 * DAY),
        updated_at: before(9 * MINUTE),
        deleted_at: None,
    }
}

pub(super) fn release_notes() -> Agent {
    agent_named("release-notes", "Writes release notes from merged pull requests.")
}

fn some_agents() -> Vec<Agent> {
    vec![
        release_notes(),
        Agent {
            deployments: vec![deployment("production", 1, "live", "deploy", DAY)],
            latest_version: 1,
            ..agent_named("hello", "Says hello, offline.")
        },
        Agent {
            deployments: vec![deployment("production", 12, "live", "rollback", 2 * DAY)],
            latest_version: 13,
            ..agent_named("invoice-reader", "Reads invoices, asks a person when the sum is large, and books them.")
        },
        Agent { deployments: Vec::new(), latest_version: 2, ..agent_named("weather-reporter", "") },
    ]
}

pub(super) fn version_of(number: u32, age: i64) -> Version {
    Version {
        version_id: "ver_01h455vb4pex5vsknk084sn02q".to_owned(),
        agent_id: AGENT_ID.to_owned(),
        version: number,
        content_hash: format!("{number}f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a0"),
        config: config("release-notes", "Writes release notes from merged pull requests."),
        created_at: before(age),
        created_by: "key_01h455vb4pex5vsknk084sn02q".to_owned(),
    }
}

pub(super) fn agent_page() -> agent::Page {
    agent::Page {
        agent: release_notes(),
        versions: vec![
            version_of(4, 9 * MINUTE),
            version_of(3, 5 * HOUR),
            version_of(2, 2 * DAY),
            version_of(1, 20 * DAY),
        ],
        history: vec![
            deployment("staging", 4, "live", "deploy", 9 * MINUTE),
            deployment("production", 3, "live", "deploy", 5 * HOUR),
            deployment("production", 2, "superseded", "rollback", 2 * DAY),
            deployment("production", 3, "superseded", "deploy", 3 * DAY),
            deployment("staging", 2, "undeployed", "deploy", 4 * DAY),
        ],
        executions: Some(executions::some().into_iter().take(4).collect()),
        triggers: vec![super::triggers::schedule(), super::triggers::webhook()],
        state: vec![
            json!({"key": "last_release", "value": "v1.4.0"}),
            json!({"key": "authors", "value": {"ada": 12, "grace": 9}}),
        ],
        holds: Some(Vec::new()),
        run: RunForm { form_key: "req_1".to_owned(), ..Default::default() },
    }
}

fn hold(mode: &str, whole: bool) -> Hold {
    Hold {
        agent_id: (!whole).then(|| release_notes().agent_id),
        agent: (!whole).then(|| release_notes().name),
        mode: mode.to_owned(),
        note: Some("it writes the same note again and again".to_owned()),
        actor: "key_01h455vb4pex5vsknk084sn02q".to_owned(),
        created_at: before(4 * MINUTE),
    }
}

fn held(holds: Vec<Hold>) -> agent::Page {
    agent::Page { holds: Some(holds), ..agent_page() }
}

fn empty_agent() -> agent::Page {
    let mut page = agent_page();
    page.agent.deployments.clear();
    page.agent.config.input_schema = None;
    page.agent.config.tools.clear();
    (page.versions, page.history, page.executions, page.state) =
        (vec![version_of(1, MINUTE)], Vec::new(), Some(Vec::new()), Vec::new());
    page
}

fn refused_run() -> agent::Page {
    let item = |pointer: &str, message: &str| ProblemItem {
        pointer: pointer.to_owned(),
        message: message.to_owned(),
        line: None,
        column: None,
    };
    let typed = [("mode", "fields"), ("input/repository", "x"), ("input/limit", "900"), ("target", "version:4")];
    agent::Page {
        run: RunForm {
            typed: Some(typed.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()),
            problems: vec![
                item("/input/repository", "expected at least 3 characters"),
                item("/input/limit", "900 is more than the maximum of 200"),
                item("/input", "one thing about the whole"),
            ],
            error: Some("the input does not fit the agent's input schema".to_owned()),
            form_key: "req_2".to_owned(),
        },
        ..agent_page()
    }
}

fn deleted_agent() -> agent::Page {
    let mut page = agent_page();
    page.agent.deleted_at = Some(before(HOUR));
    page.agent.deployments.clear();
    page
}

fn some_diff() -> version::DiffPage {
    version::DiffPage {
        agent: release_notes(),
        version: 4,
        against: 3,
        diff: VersionDiff {
            from: 3,
            to: 4,
            changes: vec![
                FieldChange { pointer: "/instructions".to_owned(), from: Some(json!("Write release notes.")), to: Some(json!("You write release notes.\nBe short.")) },
                FieldChange { pointer: "/parameters/temperature".to_owned(), from: None, to: Some(json!(0.2)) },
                FieldChange { pointer: "/tools/3".to_owned(), from: Some(json!("http.fetch")), to: None },
                FieldChange { pointer: "/limits/tool_calls".to_owned(), from: Some(json!(100)), to: Some(json!(200)) },
            ],
            unified: "--- release-notes v3\n+++ release-notes v4\n@@ -1,9 +1,10 @@\n name = \"release-notes\"\n kind = \"prompt\"\n model = \"scripted\"\n-instructions = \"Write release notes.\"\n+instructions = \"\"\"\n+You write release notes.\n+Be short.\"\"\"\n-tools = [\"github.pulls\", \"http.fetch\"]\n+tools = [\"github.pulls\"]\n \n [limits]\n-tool_calls = 100\n+tool_calls = 200\n".to_owned(),
        },
    }
}

fn counted(numbers: &[u64]) -> Vec<(State, u64)> {
    State::ALL.iter().copied().zip(numbers.iter().copied()).collect()
}

fn full_overview() -> overview::Page {
    let latest = executions::some();
    overview::Page {
        counts: Some(counted(&[12_408, 3, 250, 1, 2])),
        latest: Some(latest),
        agents: Some(some_agents()),
        holds: Some(Vec::new()),
        base_url: "http://127.0.0.1:8420".to_owned(),
    }
}

pub(super) fn samples() -> Vec<Sample> {
    let newcomer = overview::Page {
        latest: Some(executions::some().into_iter().skip(1).take(1).collect()),
        counts: Some(counted(&[0; 5])),
        ..full_overview()
    };
    let nothing = overview::Page {
        counts: Some(counted(&[0; 5])),
        latest: Some(Vec::new()),
        agents: Some(Vec::new()),
        ..full_overview()
    };
    let forbidden = overview::Page { counts: None, latest: None, agents: None, holds: None, ..full_overview() };
    let stopped = overview::Page { holds: Some(vec![hold("kill", true), hold("pause", false)]), ..full_overview() };
    let list = agents::Page { agents: some_agents(), next: Some("abc=".to_owned()), asked: agents::Asked::default() };
    let searched = agents::Asked { name: "zz".to_owned(), ..Default::default() };
    let version_page = version::Page {
        agent: release_notes(),
        version: version_of(3, 5 * HOUR),
        others: vec![4, 3, 2, 1],
        files: None,
    };
    let old_page = version::Page { agent: deleted_agent().agent, ..version_page.clone() };
    let same = version::DiffPage {
        diff: VersionDiff { changes: Vec::new(), unified: String::new(), ..some_diff().diff },
        ..some_diff()
    };
    vec![
        sample("overview", "/", &full_overview()),
        sample("overview of a newcomer", "/overview/newcomer", &newcomer),
        sample("overview of nothing", "/overview/empty", &nothing),
        sample("overview of a stopped project", "/overview/stopped", &stopped),
        sample("overview without scopes", "/overview/forbidden", &forbidden),
        sample("agents", "/agents", &list),
        sample("no agents", "/agents-none", &agents::Page::default()),
        sample("no agent found", "/agents-unfound", &agents::Page { asked: searched, ..Default::default() }),
        sample("agent", "/agents/release-notes", &agent_page()),
        flashed("agent deployed", "/agents/deployed", &agent_page(), Some(Flash::Deployed)),
        sample("paused agent", "/agents/paused", &held(vec![hold("pause", false), hold("pause", true)])),
        sample("killed agent", "/agents/killed", &held(vec![hold("kill", false)])),
        sample("new agent", "/agents/empty", &empty_agent()),
        sample("run refused", "/agents/refused", &refused_run()),
        sample("deleted agent", "/agents/deleted", &deleted_agent()),
        sample("version", "/agents/release-notes/versions/3", &version_page),
        sample("version of a deleted agent", "/agents/deleted/versions/3", &old_page),
        sample("diff", "/agents/release-notes/versions/4/diff", &some_diff()),
        sample("no difference", "/agents/release-notes/versions/5/diff", &same),
    ]
}
