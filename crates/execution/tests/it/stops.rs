//! Trees of executions: stopped as a whole, with a receipt that is true; and holds of agents and projects.

use std::time::Duration;

use moltforge_api::AgentConfig;
use moltforge_api::executions::{Execution as View, StartExecution};
use moltforge_execution::{Error, Executions};
use moltforge_types::ExecutionId;
use moltforge_types::execution::HoldMode;
use serde_json::{Value, json};

use super::world::World;

const PATIENCE: Duration = Duration::from_secs(30);

fn config(value: Value) -> AgentConfig {
    serde_json::from_value(value).expect("a valid configuration")
}

/// `boss` starts three `worker`s; each starts a `digger` and waits; a digger calls a tool that hangs.
async fn company(world: &World) {
    let hang = json!({ "name": "hang", "description": "d", "url": format!("http://{}/hang", world.server.address()),
                       "method": "POST", "effect": "at_most_once", "parameters": { "type": "object", "properties": {} } });
    let call = |agent: &str| json!({ "tool": "agents.call", "arguments": { "agent": agent } });
    let agent = |name: &str, tools: Value, agents: Value, calls: Value| {
        config(json!({ "name": name, "kind": "prompt", "model": "scripted", "tools": tools, "agents": agents,
                       "tool": if name == "digger" { json!([hang]) } else { json!([]) },
                       "script": [{ "calls": calls }, { "text": "done" }] }))
    };
    world.agent(&agent("digger", json!(["hang"]), json!([]), json!([{ "tool": "hang", "arguments": {} }]))).await;
    world.agent(&agent("worker", json!(["agents.call"]), json!(["digger"]), json!([call("digger")]))).await;
    let three = json!([call("worker"), call("worker"), call("worker")]);
    world.agent(&agent("boss", json!(["agents.call"]), json!(["worker"]), three)).await;
    world
        .agent(&agent(
            "sleeper",
            json!(["signals.wait"]),
            json!([]),
            json!([{ "tool": "signals.wait", "arguments": { "name": "go" } }]),
        ))
        .await;
}

async fn start(world: &World, node: &Executions, agent: &str) -> ExecutionId {
    let request = StartExecution { agent: agent.to_owned(), ..StartExecution::default() };
    let started = node.accept(&world.principal, request, None, None).await.expect("accepted");
    started.execution.execution_id.parse().expect("an id")
}

async fn until(world: &World, node: &Executions, id: ExecutionId, what: impl Fn(&View) -> bool) -> View {
    let wait = async {
        loop {
            let view = node.get(world.principal.project_id, id).await.expect("there");
            if what(&view) {
                return view;
            }
            // a real wait: looks again a moment later
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("in time")
}

/// Waits until all three diggers hang in their tool.
async fn at_work(world: &World, node: &Executions, boss: ExecutionId) {
    let wait = async {
        while world.server.at_once("hang").0 < 3
            || node.tree(world.principal.project_id, boss).await.expect("there").len() < 7
        {
            // a real wait: looks again a moment later
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, wait).await.is_err() {
        let tree = node.tree(world.principal.project_id, boss).await;
        panic!("{}: {:?} {tree:?} {:?}", world.backend, world.server.at_once("hang"), node.readiness());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_ended_execution_left_behind_is_killed_with_its_tree() {
    for world in World::all().await {
        company(&world).await;
        let leaver = json!({ "name": "leaver", "kind": "prompt", "model": "scripted", "agents": ["digger"],
                             "tools": ["agents.start", "signals.wait"],
                             "script": [{ "calls": [{ "tool": "agents.start", "arguments": { "agent": "digger" } }] },
                                        { "calls": [{ "tool": "signals.wait", "arguments": { "name": "go" } }] },
                                        { "text": "gone" }] });
        world.agent(&config(leaver)).await;
        let node = world.node(world.journal.clone()).await;
        let root = start(&world, &node, "leaver").await;
        let hangs = async {
            while world.server.at_once("hang").0 == 0 {
                // a real wait: looks again a moment later
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, hangs).await.expect("in time");
        node.signal(&world.principal, root, "go".to_owned(), Value::Null, None).await.expect("taken");
        until(&world, &node, root, |view| view.state == "completed").await;
        let receipt = node.kill(&world.principal, root, None).await.expect("killed").receipt.expect("a receipt");
        assert_eq!(receipt.below.len(), 1, "{receipt:?}");
        assert_eq!((receipt.below[0].state.as_str(), receipt.below[0].kill), ("cancelled", true), "{receipt:?}");
        let again = node.kill(&world.principal, root, None).await;
        assert!(matches!(again, Err(Error::ExecutionEnded(_))), "{again:?}");
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_command_kills_a_whole_tree_and_says_what_it_did() {
    for world in World::all().await {
        company(&world).await;
        let node = world.node(world.journal.clone()).await;
        let boss = start(&world, &node, "boss").await;
        at_work(&world, &node, boss).await;
        let killed = node.kill(&world.principal, boss, Some("enough".to_owned())).await.expect("killed");
        assert_eq!(killed.state, "cancelled", "{}", world.backend);
        let receipt = killed.receipt.expect("a receipt");
        assert!(receipt.stopped.kill && receipt.stopped.stop_us.is_some());
        assert_eq!(receipt.below.len(), 6, "{receipt:?}");
        for stopped in &receipt.below {
            assert_eq!((stopped.state.as_str(), stopped.kill), ("cancelled", true), "{stopped:?}");
            assert!(stopped.stopped_at.is_some());
            let hung = usize::from(stopped.agent_name == "digger");
            assert_eq!(stopped.calls.len(), hung, "{stopped:?}");
            assert!(stopped.calls.iter().all(|call| call.outcome == "unknown" && call.idempotency_key.is_some()));
        }
        // the sockets are closed: nothing goes on behind the receipt
        let wait = async {
            while world.server.at_once("hang").0 > 0 {
                // a real wait: looks again a moment later
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("the calls are gone");
        let again = node.receipt(world.principal.project_id, boss).await.expect("kept");
        assert_eq!((again.stopped, again.below), (receipt.stopped, receipt.below));
        assert!(matches!(node.resume(&world.principal, boss, None).await, Err(Error::ExecutionEnded(_))));
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_reaches_children_of_a_node_that_died() {
    for world in World::all().await {
        company(&world).await;
        let first = world.node(world.journal.clone()).await;
        let boss = start(&world, &first, "boss").await;
        at_work(&world, &first, boss).await;
        first.abandon().await;
        let second = world.node(world.journal.clone()).await;
        let killed = second.kill(&world.principal, boss, None).await.expect("killed");
        let receipt = killed.receipt.expect("a receipt");
        assert!(receipt.below.iter().all(|stopped| stopped.state == "cancelled"), "{}: {receipt:?}", world.backend);
        second.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_takes_the_children_with_it_and_lets_effects_end() {
    for world in World::all().await {
        company(&world).await;
        let node = world.node(world.journal.clone()).await;
        let boss = start(&world, &node, "boss").await;
        at_work(&world, &node, boss).await;
        let cancelled = node.cancel(&world.principal, boss, None).await.expect("cancelled");
        assert_eq!(cancelled.state, "cancelled", "{}", world.backend);
        for found in node.tree(world.principal.project_id, boss).await.expect("there") {
            let id = found.execution_id.parse().expect("an id");
            if found.agent_name == "digger" {
                // its effect may end: it is being stopped, and nothing but a kill makes that shorter
                let view = until(&world, &node, id, |view| view.waiting_for.is_some()).await;
                assert!(view.waiting_for.is_some_and(|text| text.contains("stopped")));
                let paused = node.pause(&world.principal, id, None).await;
                assert!(matches!(paused, Err(Error::ExecutionStopping(_))), "{}: {paused:?}", world.backend);
                node.kill(&world.principal, id, None).await.expect("killed");
            }
            until(&world, &node, id, |view| view.state == "cancelled").await;
        }
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_says_what_is_still_stopping_whatever_came_in_since() {
    for world in World::all().await {
        company(&world).await;
        let node = world.node(world.journal.clone()).await;
        let digger = start(&world, &node, "digger").await;
        let hangs = async {
            while world.server.at_once("hang").0 == 0 {
                // a real wait: looks again a moment later
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, hangs).await.expect("in time");
        let cancelled = node.cancel(&world.principal, digger, None).await.expect("taken");
        let receipt = cancelled.receipt.expect("a receipt");
        assert_eq!((cancelled.state.as_str(), receipt.stopping), ("running", 1), "{}: {receipt:?}", world.backend);
        // its effect may end; meanwhile others write to it
        for number in 0..20 {
            node.signal(&world.principal, digger, "news".to_owned(), json!(number), None).await.expect("kept");
        }
        let later = node.receipt(world.principal.project_id, digger).await.expect("there");
        assert_eq!(later.stopped, receipt.stopped, "{}", world.backend);
        assert!(later.stopped.by.is_some() && later.stopped.requested_at.is_some());
        assert_eq!((later.stopping, later.stopped.calls.len()), (1, 1));
        let killed = node.kill(&world.principal, digger, None).await.expect("killed").receipt.expect("a receipt");
        assert_eq!((killed.stopping, killed.stopped.state.as_str()), (0, "cancelled"), "{}", world.backend);
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_agent_starts_nothing_until_it_is_resumed() {
    for world in World::all().await {
        company(&world).await;
        let node = world.node(world.journal.clone()).await;
        let before = start(&world, &node, "sleeper").await;
        until(&world, &node, before, |view| view.state == "suspended").await;
        node.hold(&world.principal, Some("sleeper"), HoldMode::Pause, Some("look".to_owned())).await.expect("held");
        let during = start(&world, &node, "sleeper").await;
        until(&world, &node, during, |view| view.reason.as_deref() == Some("held")).await;
        // what it waited for comes while it is held
        for id in [before, during] {
            node.signal(&world.principal, id, "go".to_owned(), json!(1), None).await.expect("kept");
            until(&world, &node, id, |view| view.reason.as_deref() == Some("held")).await;
            assert!(matches!(node.resume(&world.principal, id, None).await, Err(Error::ExecutionHeld(_))));
        }
        node.abandon().await;
        // the next owner knows of the hold before it begins
        let node = world.node(world.journal.clone()).await;
        // a real wait: looks again a moment later
        tokio::time::sleep(Duration::from_millis(300)).await;
        for id in [before, during] {
            until(&world, &node, id, |view| view.reason.as_deref() == Some("held")).await;
        }
        assert_eq!(node.holds(world.principal.project_id).await.expect("listed").len(), 1);
        let receipt = node.lift(&world.principal, Some("sleeper")).await.expect("lifted");
        assert_eq!(receipt.executions, Some(2), "{}", world.backend);
        for id in [before, during] {
            until(&world, &node, id, |view| view.state == "completed").await;
        }
        assert!(matches!(node.lift(&world.principal, Some("sleeper")).await, Err(Error::NotHeld)));
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_switch_stops_everything_and_takes_nothing_new() {
    for world in World::all().await {
        company(&world).await;
        let node = world.node(world.journal.clone()).await;
        let boss = start(&world, &node, "boss").await;
        let sleeper = start(&world, &node, "sleeper").await;
        at_work(&world, &node, boss).await;
        until(&world, &node, sleeper, |view| view.state == "suspended").await;
        let receipt = node.hold(&world.principal, None, HoldMode::Kill, None).await.expect("killed");
        assert!(!receipt.open, "{}: {receipt:?}", world.backend);
        println!("{}: kill switch over 8 executions took {} us", world.backend, receipt.took_us);
        for id in [boss, sleeper] {
            assert_eq!(node.get(world.principal.project_id, id).await.expect("there").state, "cancelled");
        }
        let request = StartExecution { agent: "sleeper".to_owned(), ..StartExecution::default() };
        let refused = node.accept(&world.principal, request, None, None).await;
        assert!(matches!(refused, Err(Error::Killed("the project"))), "{refused:?}");
        node.lift(&world.principal, None).await.expect("lifted");
        let id = start(&world, &node, "sleeper").await;
        until(&world, &node, id, |view| view.state == "suspended").await;
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_follows_an_aborted_call_can_be_aborted() {
    for world in World::all().await {
        let hang = json!({ "name": "hang", "description": "d", "method": "POST", "effect": "read",
                           "url": format!("http://{}/hang", world.server.address()),
                           "parameters": { "type": "object", "properties": {} } });
        let reader = json!({ "name": "reader", "kind": "prompt", "model": "scripted", "tools": ["hang"], "tool": [hang],
                             "script": [{ "calls": [{ "tool": "hang", "arguments": {} }] }, { "text": "done" }] });
        world.agent(&config(reader)).await;
        let node = world.node(world.journal.clone()).await;
        let id = start(&world, &node, "reader").await;
        // both in one batch: the call that follows is on its way before the aborted one is gone
        for _ in 0..20 {
            let at_work = async {
                while world.server.at_once("hang").0 == 0 {
                    // a real wait: looks again a moment later
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::time::timeout(PATIENCE, at_work).await.expect("it is called");
            let (paused, mut resumed) =
                tokio::join!(node.pause(&world.principal, id, None), node.resume(&world.principal, id, None));
            paused.expect("paused");
            // it may have come first
            if matches!(resumed, Err(Error::ExecutionNotPaused(_))) {
                resumed = node.resume(&world.principal, id, None).await;
            }
            resumed.expect("resumed");
        }
        node.kill(&world.principal, id, None).await.expect("killed");
        let wait = async {
            while world.server.at_once("hang").0 > 0 {
                // a real wait: looks again a moment later
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("the calls are gone");
        node.drain().await;
    }
}
