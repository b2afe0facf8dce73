//! What is crashed: the samples, and workloads that somebody has a hand in.

use moltforge_api::AgentConfig;
use serde_json::{Value, json};

use crate::server::Server;
use crate::world::samples;

/// What is done from outside while an execution runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hand {
    /// Approves, sends the signal that is waited for, and decides about unknown effects.
    Helps,
    /// Nothing: it goes on by itself.
    Waits,
    /// Stops it while a call is on its way.
    Cancels,
    /// Kills it and everything below it.
    Kills,
    /// Kills its agent, and asks no second time when that is durable.
    Switches,
    /// Holds the execution while what it waits for comes, and lets it go on.
    Pauses,
    /// The same by a hold of its agent.
    Holds,
    /// Starts it as a fork of one that has ended.
    Forks,
    /// Nothing: what it emits starts another one.
    Listens,
}

/// One workload.
#[derive(Debug, Clone)]
pub(super) struct Scenario {
    pub(super) agents: Vec<AgentConfig>,
    /// The agent that is started: the first one.
    pub(super) agent: String,
    /// `run` in it is made different in every run.
    pub(super) input: Value,
    pub(super) hand: Hand,
    /// The state at its end.
    pub(super) ends: &'static str,
    /// A crash changes nothing of its output: it says neither what time it is, nor how often it ran, nor what was
    /// decided about a lost answer.
    pub(super) same_output: bool,
}

fn scenario(hand: Hand, ends: &'static str, agents: Vec<Value>) -> Scenario {
    let agents: Vec<AgentConfig> =
        agents.into_iter().map(|agent| serde_json::from_value(agent).expect("a valid configuration")).collect();
    Scenario { agent: agents[0].name.clone(), agents, input: json!({}), hand, ends, same_output: true }
}

/// The tools of an agent, the agents that it may start, and its script.
fn agent(name: &str, tools: &[&str], agents: &[&str], script: &Value) -> Value {
    json!({ "name": name, "kind": "prompt", "model": "scripted", "tools": tools, "agents": agents, "script": script })
}

fn call(tool: &str, arguments: Value) -> Value {
    let mut call = json!({ "tool": tool });
    call["arguments"] = arguments;
    call
}

fn await_go() -> Value {
    json!({ "calls": [call("signals.wait", json!({ "name": "go" }))] })
}

/// Everything.
pub(super) fn all(server: &Server) -> Vec<Scenario> {
    let samples = samples(server);
    let configs: Vec<AgentConfig> = samples.iter().map(|(config, _)| config.clone()).collect();
    let mut all: Vec<_> = samples
        .into_iter()
        .map(|(config, input)| {
            let same_output = !["heartbeat", "counter", "countdown", "effects"].contains(&config.name.as_str());
            let others = configs.iter().filter(|other| config.agents.contains(&other.name));
            let agents = std::iter::once(config.clone()).chain(others.cloned()).collect();
            Scenario { agent: config.name, agents, input, hand: Hand::Helps, ends: "completed", same_output }
        })
        .collect();
    let tool = |name: &str, effect: &str| {
        json!([{ "name": name, "description": "d", "url": format!("http://{}/{name}", server.address()),
                 "effect": effect, "parameters": { "type": "object", "properties": {} } }])
    };

    // the first of two children is enough; the other one ends with its parent
    let two =
        json!([call("agents.start", json!({ "agent": "quick" })), call("agents.start", json!({ "agent": "stuck" }))]);
    let ids = json!(["{{ tools[0].execution_id }}", "{{ tools[1].execution_id }}"]);
    let wait = call("agents.wait", json!({ "executions": ids, "mode": "any" }));
    let script = json!([{ "calls": two }, { "calls": [wait] }, { "text": "{{ tools[0].ended[0].output }}" }]);
    let any = agent("any", &["agents.start", "agents.wait"], &["quick", "stuck"], &script);
    let quick = agent("quick", &[], &[], &json!([{ "text": "quick" }]));
    let stuck = agent("stuck", &["signals.wait"], &[], &json!([await_go(), { "text": "never" }]));
    all.push(scenario(Hand::Waits, "completed", vec![any, quick, stuck]));

    let script = json!([{ "calls": [call("slow", json!({}))] }, await_go(), { "text": "never" }]);
    let mut cancelled = agent("cancelled", &["slow", "signals.wait"], &[], &script);
    cancelled["tool"] = tool("slow", "at_most_once");
    all.push(scenario(Hand::Cancels, "cancelled", vec![cancelled]));

    let start = call("agents.start", json!({ "agent": "digger" }));
    let ids = json!(["{{ tools[0].execution_id }}", "{{ tools[1].execution_id }}", "{{ tools[2].execution_id }}"]);
    let wait = call("agents.wait", json!({ "executions": ids }));
    let script = json!([{ "calls": [start, start, start] }, { "calls": [wait] }, { "text": "never" }]);
    let mut digger =
        agent("digger", &["hang"], &[], &json!([{ "calls": [call("hang", json!({}))] }, { "text": "never" }]));
    digger["tool"] = tool("hang", "at_most_once");
    for (hand, name) in [(Hand::Kills, "boss"), (Hand::Switches, "switched")] {
        let boss = agent(name, &["agents.start", "agents.wait"], &["digger"], &script);
        all.push(scenario(hand, "cancelled", vec![boss, digger.clone()]));
    }

    for (hand, name) in [(Hand::Pauses, "paused"), (Hand::Holds, "held")] {
        let script = json!([await_go(), { "calls": [call("book", json!({}))] }, { "text": "{{ tools[0].tool }}" }]);
        let mut held = agent(name, &["signals.wait", "book"], &[], &script);
        held["tool"] = tool("book", "keyed");
        all.push(scenario(hand, "completed", vec![held]));
    }

    let wait = call("signals.wait", json!({ "name": "go", "timeout": "150ms" }));
    let script = json!([{ "calls": [wait] }, { "text": "{{ tools[0].error.code }}" }]);
    all.push(scenario(Hand::Waits, "completed", vec![agent("impatient", &["signals.wait"], &[], &script)]));

    let flaky = json!({ "name": "flaky", "kind": "prompt", "model": "stub/flaky" });
    let mut flaky = scenario(Hand::Waits, "completed", vec![flaky]);
    flaky.input = json!({ "run": "" });
    all.push(flaky);

    let book = json!({ "calls": [call("book", json!({}))] });
    let mut forked = agent("forked", &["book"], &[], &json!([book, book, { "text": "{{ tools[0].tool }}" }]));
    forked["tool"] = tool("book", "keyed");
    all.push(scenario(Hand::Forks, "completed", vec![forked]));

    let mut program = agent("program", &["look", "book", "signals.wait", "time.sleep", "state.set"], &[], &json!([]));
    program["kind"] = json!("code");
    program["tool"] = json!([tool("look", "read")[0], tool("book", "keyed")[0]]);
    all.push(scenario(Hand::Helps, "completed", vec![program]));

    let emit = call("events.emit", json!({ "type": "told", "data": { "run": "{{ input.run }}" } }));
    let teller = agent("teller", &["events.emit"], &[], &json!([{ "calls": [emit] }, { "text": "told" }]));
    let hearer = agent("hearer", &[], &[], &json!([{ "text": "{{ input.run }}" }]));
    let mut listens = scenario(Hand::Listens, "completed", vec![teller, hearer]);
    listens.input = json!({ "run": "" });
    all.push(listens);
    all
}
