//! Limits, turns and refusals, as the API sees them.

use std::time::{Duration, Instant};

use moltforge_api::AgentConfig;
use moltforge_api::executions::{Execution as View, StartExecution};
use moltforge_execution::{Config, Error, Executions};
use moltforge_types::ExecutionId;
use moltforge_types::journal::Entry;
use serde_json::{Value, json};

use super::world::World;

const PATIENCE: Duration = Duration::from_secs(30);

/// An agent that calls a slow tool, after a pause if there is one.
fn agent(world: &World, name: &str, pause: Option<&str>, limits: &Value, tool_limit: Option<u32>) -> AgentConfig {
    let mut tool = json!({ "name": "slow", "description": "d", "url": format!("http://{}/slow", world.server.address()),
                           "method": "GET", "effect": "read", "parameters": { "type": "object", "properties": {} } });
    if let Some(limit) = tool_limit {
        tool["concurrency"] = json!(limit);
    }
    let mut script = Vec::new();
    script.extend(pause.map(|time| json!({ "calls": [{ "tool": "time.sleep", "arguments": { "duration": time } }] })));
    script.push(json!({ "calls": [{ "tool": "slow", "arguments": {} }] }));
    script.push(json!({ "text": "done" }));
    let config = json!({ "name": name, "kind": "prompt", "model": "scripted", "tools": ["slow", "time.sleep"],
                         "limits": limits, "tool": [tool], "script": script });
    serde_json::from_value(config).expect("a valid configuration")
}

/// An agent that only takes its time.
fn sleeper(name: &str, delay: &str, limits: &Value) -> AgentConfig {
    let config = json!({ "name": name, "kind": "prompt", "model": "scripted", "limits": limits,
                         "script": [{ "text": "done", "delay": delay }] });
    serde_json::from_value(config).expect("a valid configuration")
}

fn start(agent: &str) -> StartExecution {
    StartExecution { agent: agent.to_owned(), version: Some(1), ..StartExecution::default() }
}

async fn begin(world: &World, node: &Executions, agent: &str) -> ExecutionId {
    begin_with(world, node, start(agent)).await
}

async fn begin_with(world: &World, node: &Executions, start: StartExecution) -> ExecutionId {
    let started = node.accept(&world.principal, start, None, None).await.expect("accepted");
    started.execution.execution_id.parse().expect("an id")
}

async fn until(world: &World, node: &Executions, id: ExecutionId, wanted: impl Fn(&View) -> bool) -> View {
    let began = Instant::now();
    loop {
        let view = node.get(world.principal.project_id, id).await.expect("there");
        if wanted(&view) {
            return view;
        }
        assert!(began.elapsed() < PATIENCE, "{}: {view:?} {:?}", world.backend, node.gauges());
        // a real wait: looks again a moment later
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn ends(world: &World, node: &Executions, ids: &[ExecutionId]) {
    for id in ids {
        until(world, node, *id, |view| view.state == "completed").await;
    }
}

/// Nothing is held any more by what has ended.
async fn is_clean(world: &World, node: &Executions) {
    let began = Instant::now();
    loop {
        let gauges = node.gauges();
        assert_eq!(gauges.healed, 0, "{}: {gauges:?}", world.backend);
        if (gauges.running, gauges.ready, gauges.waiting_calls) == (0, 0, 0) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{}: {gauges:?}", world.backend);
        // a real wait: looks again a moment later
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agents_limit_holds_through_a_kill() {
    for world in World::all().await {
        world.agent(&agent(&world, "limited", None, &json!({ "concurrency": 2 }), None)).await;
        let first = world.node(world.journal.clone()).await;
        let mut ids = Vec::new();
        for _ in 0..24 {
            ids.push(begin(&world, &first, "limited").await);
        }
        until(&world, &first, ids[4], |view| view.state == "completed").await;
        first.abandon().await;
        // the server notices that the calls of the dead node are gone
        while world.server.at_once("slow").0 > 0 {
            // a real wait: looks again a moment later
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let second = world.node(world.journal.clone()).await;
        ends(&world, &second, &ids).await;
        let (_, most) = world.server.at_once("slow");
        assert_eq!(most, 2, "{}", world.backend);
        is_clean(&world, &second).await;
        second.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_wakes_takes_its_slot_again() {
    for world in World::all().await {
        world.agent(&agent(&world, "waker", Some("300ms"), &json!({ "concurrency": 1 }), None)).await;
        let node = world.node(world.journal.clone()).await;
        let mut ids = Vec::new();
        for _ in 0..8 {
            ids.push(begin(&world, &node, "waker").await);
        }
        ends(&world, &node, &ids).await;
        assert_eq!(world.server.at_once("slow").1, 1, "{}", world.backend);
        is_clean(&world, &node).await;
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_head_holds_up_nobody_and_says_why() {
    for world in World::all().await {
        world.agent(&sleeper("one-at-a-time", "1s", &json!({ "concurrency": 1 }))).await;
        world.agent(&sleeper("quick", "1ms", &json!({}))).await;
        let node = world.node(world.journal.clone()).await;
        let first = begin(&world, &node, "one-at-a-time").await;
        // before that the node may still read what was there when it started
        until(&world, &node, first, |view| view.state == "running").await;
        let second = begin(&world, &node, "one-at-a-time").await;
        let third = begin(&world, &node, "one-at-a-time").await;
        let view = node.get(world.principal.project_id, second).await.expect("there");
        assert_eq!(view.state, "scheduled", "{}", world.backend);
        let said = view.waiting_for.unwrap_or_default();
        assert!(said.starts_with("a slot of the agent, which runs 1 at a time"), "{}: {said}", world.backend);
        let quick = begin(&world, &node, "quick").await;
        until(&world, &node, quick, |view| view.state == "completed").await;
        let view = node.get(world.principal.project_id, first).await.expect("there");
        assert_eq!(view.state, "running", "{}: the quick one did not wait for it", world.backend);
        // whoever is stopped while it waits leaves the queue, and its slot goes to the next
        node.cancel(&world.principal, second, None).await.expect("cancelled");
        node.cancel(&world.principal, first, None).await.expect("cancelled");
        ends(&world, &node, &[third]).await;
        is_clean(&world, &node).await;
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_a_limited_tool_wait_and_say_so() {
    for world in World::all().await {
        world.agent(&agent(&world, "caller", None, &json!({}), Some(1))).await;
        let node = world.node(world.journal.clone()).await;
        let mut ids = Vec::new();
        for _ in 0..12 {
            ids.push(begin(&world, &node, "caller").await);
        }
        let last = ids[11];
        let view = until(&world, &node, last, |view| view.waiting_for.is_some() || view.state == "completed").await;
        if let Some(said) = view.waiting_for {
            assert_eq!(said, "the tool slow, which takes 1 at a time", "{}", world.backend);
        }
        // one that is stopped while it waits takes nobody's turn
        let cancelled = node.cancel(&world.principal, ids[10], None).await;
        ends(&world, &node, &ids[..10]).await;
        ends(&world, &node, &[last]).await;
        assert!(cancelled.is_ok(), "{}: {cancelled:?}", world.backend);
        assert_eq!(world.server.at_once("slow").1, 1, "{}", world.backend);
        is_clean(&world, &node).await;
        node.drain().await;
    }
}

/// An agent that calls a tool which hangs, takes one call at a time and knows each by its key.
fn payer(world: &World) -> AgentConfig {
    let tool = json!({ "name": "hang", "description": "d", "method": "POST", "effect": "keyed", "concurrency": 1,
                       "url": format!("http://{}/hang", world.server.address()),
                       "parameters": { "type": "object", "properties": {} } });
    let config = json!({ "name": "payer", "kind": "prompt", "model": "scripted", "tools": ["hang"], "tool": [tool],
                         "script": [{ "calls": [{ "tool": "hang", "arguments": {} }] }, { "text": "done" }] });
    serde_json::from_value(config).expect("a valid configuration")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_in_line_never_leaves_once_it_is_stopped() {
    for world in World::all().await {
        world.agent(&payer(&world)).await;
        let node = world.node(world.journal.clone()).await;
        let waits = |view: &View| view.waiting_for.as_ref().is_some_and(|text| text.contains("the tool hang"));
        let mut ids = Vec::new();
        for _ in 0..4 {
            let id = begin(&world, &node, "payer").await;
            // the first one is at work, the others wait
            if ids.is_empty() {
                let began = Instant::now();
                while world.server.at_once("hang").0 == 0 {
                    assert!(began.elapsed() < PATIENCE, "{}", world.backend);
                    // a real wait: looks again a moment later
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            } else {
                until(&world, &node, id, waits).await;
            }
            ids.push(id);
        }
        assert_eq!(world.server.at_once("hang"), (1, 1), "{}", world.backend);
        let principal = &world.principal;
        let cancelled = node.cancel(principal, ids[1], None).await.expect("cancelled");
        assert_eq!(cancelled.state, "cancelled", "{}: nothing has left", world.backend);
        assert!(cancelled.receipt.is_some_and(|receipt| receipt.stopped.calls.is_empty()), "{}", world.backend);
        node.pause(principal, ids[2], None).await.expect("paused");
        node.kill(principal, ids[0], None).await.expect("killed");
        // the slot that came free is the next one's
        let began = Instant::now();
        while world.server.at_once("hang").0 == 0 || !world.journal_of(ids[3]).await.iter().any(is_intent) {
            assert!(began.elapsed() < PATIENCE, "{}", world.backend);
            // a real wait: looks again a moment later
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for id in [ids[1], ids[2]] {
            assert!(!world.journal_of(id).await.iter().any(is_intent), "{}", world.backend);
        }
        node.kill(principal, ids[3], None).await.expect("killed");
        node.resume(principal, ids[2], None).await.expect("resumed");
        while !world.journal_of(ids[2]).await.iter().any(is_intent) {
            assert!(began.elapsed() < PATIENCE, "{}", world.backend);
            // a real wait: looks again a moment later
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(world.server.at_once("hang").1, 1, "{}", world.backend);
        node.kill(principal, ids[2], None).await.expect("killed");
        is_clean(&world, &node).await;
        node.drain().await;
    }
}

fn is_intent(entry: &Entry) -> bool {
    matches!(entry, Entry::ToolInvoked { .. })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_comes_at_once_for_one_that_is_read_does_not_overfill_a_batch() {
    for world in World::all().await {
        let waiter = json!({ "name": "waiter", "kind": "prompt", "model": "scripted", "tools": ["signals.wait"],
                             "script": [{ "calls": [{ "tool": "signals.wait", "arguments": { "name": "go" } }] },
                                        { "text": "done" }] });
        world.agent(&serde_json::from_value(waiter).expect("a valid configuration")).await;
        world.agent(&sleeper("other", "1ms", &json!({}))).await;
        let node = world.node(world.journal.clone()).await;
        let id = begin(&world, &node, "waiter").await;
        until(&world, &node, id, |view| view.state == "suspended").await;
        let signal = |n: u32| {
            let (node, principal) = (node.clone(), world.principal.clone());
            async move {
                // its own name each: none of them ends the wait
                node.signal(&principal, id, format!("s{}", n % 7), json!(n), Some(format!("key-{n}"))).await
            }
        };
        let others = futures::future::join_all((0..60).map(|_| begin(&world, &node, "other")));
        let (signals, others) = tokio::join!(futures::future::join_all((0..1_000).map(signal)), others);
        for answer in signals {
            answer.unwrap_or_else(|error| panic!("{}: {error:?}", world.backend));
        }
        ends(&world, &node, &others).await;
        node.signal(&world.principal, id, "go".to_owned(), Value::Null, None).await.expect_err("its buffer is full");
        node.kill(&world.principal, id, None).await.expect("killed");
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_too_old_refuses_with_a_time() {
    for world in World::all().await {
        world.agent(&sleeper("slow", "20s", &json!({}))).await;
        let config = Config { max_running: 1, queue_age_seconds: 1, ..Config::default() };
        let node = world.node_with(world.journal.clone(), config).await;
        begin(&world, &node, "slow").await;
        let waits = begin(&world, &node, "slow").await;
        let view = node.get(world.principal.project_id, waits).await.expect("there");
        let said = view.waiting_for.unwrap_or_default();
        assert!(said.starts_with("one of the 1 running slots of this node"), "{}: {said}", world.backend);
        // a real wait: looks again a moment later
        tokio::time::sleep(Duration::from_millis(1_300)).await;
        let refused = node.accept(&world.principal, start("slow"), None, None).await;
        let Err(Error::QueueTooOld { waited, retry_after }) = refused else { panic!("{refused:?}") };
        assert!(waited > Duration::from_secs(1) && retry_after >= Duration::from_secs(1), "{waited:?} {retry_after:?}");
        node.abandon().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn executions_with_the_same_key_run_one_at_a_time_through_a_kill() {
    for world in World::all().await {
        world.agent(&agent(&world, "keyed", Some("20ms"), &json!({}), None)).await;
        let first = world.node(world.journal.clone()).await;
        let mut ids = Vec::new();
        for n in 0..16 {
            let start = StartExecution { concurrency_key: Some("customer 7".to_owned()), ..start("keyed") };
            // half of them are routed by their idempotency key
            let key = (n % 2 == 0).then(|| format!("k{n}"));
            let started = first.accept(&world.principal, start, key, None).await.expect("accepted");
            ids.push(started.execution.execution_id.parse().expect("an id"));
        }
        until(&world, &first, ids[3], |view| view.state == "completed").await;
        first.abandon().await;
        while world.server.at_once("slow").0 > 0 {
            // a real wait: looks again a moment later
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let second = world.node(world.journal.clone()).await;
        ends(&world, &second, &ids).await;
        assert_eq!(world.server.at_once("slow").1, 1, "{}", world.backend);
        let view = second.get(world.principal.project_id, ids[0]).await.expect("there");
        assert_eq!(view.concurrency_key.as_deref(), Some("customer 7"));
        is_clean(&world, &second).await;
        second.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_says_who_holds_it_and_other_keys_go_on() {
    for world in World::all().await {
        world.agent(&sleeper("keyed", "20s", &json!({}))).await;
        let node = world.node(world.journal.clone()).await;
        let with = |key: &str| StartExecution { concurrency_key: Some(key.to_owned()), ..start("keyed") };
        let holder = begin_with(&world, &node, with("a")).await;
        let waits = begin_with(&world, &node, with("a")).await;
        let other = begin_with(&world, &node, with("b")).await;
        let expected = format!("the concurrency key \"a\", held by {holder}");
        // at first the node may still read what was there before it started
        let says = |view: &View| view.waiting_for.as_ref().is_some_and(|said| said.starts_with(&expected));
        until(&world, &node, waits, says).await;
        until(&world, &node, other, |view| view.state == "running").await;
        // a hold gives the key to the next, and takes it again when it goes on
        node.pause(&world.principal, holder, None).await.expect("paused");
        until(&world, &node, waits, |view| view.state == "running").await;
        let resumed = node.resume(&world.principal, holder, None).await.expect("resumed");
        assert_eq!(resumed.state, "scheduled", "{}: {resumed:?}", world.backend);
        assert!(resumed.waiting_for.unwrap_or_default().contains(&waits.to_string()), "{}", world.backend);
        for key in [String::new(), "x".repeat(101), "a\0b".to_owned()] {
            let refused = node.accept(&world.principal, with(&key), None, None).await;
            assert!(matches!(refused, Err(Error::FieldInvalid { field: "/concurrency_key", .. })), "{refused:?}");
        }
        node.abandon().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_higher_priority_overtakes_also_after_a_kill() {
    for world in World::all().await {
        world.agent(&sleeper("blocker", "20s", &json!({}))).await;
        world.agent(&sleeper("ranked", "30ms", &json!({}))).await;
        let config = Config { max_running: 1, ..Config::default() };
        let first = world.node_with(world.journal.clone(), config.clone()).await;
        let blocker = begin(&world, &first, "blocker").await;
        let mut ids = Vec::new();
        for priority in [0, 5, 9] {
            ids.push(begin_with(&world, &first, StartExecution { priority: Some(priority), ..start("ranked") }).await);
        }
        first.abandon().await;
        let second = world.node_with(world.journal.clone(), config).await;
        second.cancel(&world.principal, blocker, None).await.expect("cancelled");
        ends(&world, &second, &ids).await;
        let mut order = Vec::new();
        for id in &ids {
            let view = second.get(world.principal.project_id, *id).await.expect("there");
            order.push((view.finished_at.expect("ended"), view.priority));
        }
        order.sort();
        let priorities: Vec<_> = order.into_iter().map(|(_, priority)| priority).collect();
        assert_eq!(priorities, [9, 5, 0], "{}", world.backend);
        let refused = StartExecution { priority: Some(10), ..start("ranked") };
        let refused = second.accept(&world.principal, refused, None, None).await;
        assert!(matches!(refused, Err(Error::FieldInvalid { field: "/priority", .. })), "{refused:?}");
        is_clean(&world, &second).await;
        second.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_gets_as_many_calls_as_it_takes() {
    for world in World::all().await {
        let config = json!({ "name": "thinker", "kind": "prompt", "model": "stub/any" });
        world.agent(&serde_json::from_value(config).expect("a valid configuration")).await;
        world.agent(&sleeper("quick", "1ms", &json!({}))).await;
        let node = world.node(world.journal.clone()).await;
        let mut ids = Vec::new();
        for _ in 0..16 {
            ids.push(begin(&world, &node, "thinker").await);
        }
        let last = ids[15];
        let view = until(&world, &node, last, |view| view.waiting_for.is_some() || view.state == "completed").await;
        if view.state == "running" {
            let said = "the provider stub, which takes 2 at a time";
            assert_eq!(view.waiting_for.as_deref(), Some(said), "{}", world.backend);
            let steps = node.steps(world.principal.project_id, last).await.expect("steps");
            assert!(steps.iter().all(|step| step.state != "running" || step.waiting_for.as_deref() == Some(said)));
        }
        // a model that is not limited is called meanwhile
        let quick = begin(&world, &node, "quick").await;
        until(&world, &node, quick, |view| view.state == "completed").await;
        ends(&world, &node, &ids).await;
        assert_eq!(world.server.at_once("model").1, 2, "{}", world.backend);
        is_clean(&world, &node).await;
        node.drain().await;
    }
}
