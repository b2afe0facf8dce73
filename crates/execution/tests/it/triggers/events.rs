//! Events.

use std::time::Duration;

use moltforge_api::triggers::PublishEvent;
use moltforge_execution::Error;
use moltforge_execution::triggers::Triggers;
use moltforge_manifest::trigger::shard_of_trigger;
use moltforge_store::NewTrigger;
use moltforge_types::EnvironmentName;
use serde_json::{Value, json};

use super::{Timed, echo};

pub(super) fn event(event_type: &str, event_id: &str, data: &Value) -> PublishEvent {
    serde_json::from_value(json!({
        "specversion": "1.0", "id": event_id, "source": "shop/eu", "type": event_type, "data": data,
    }))
    .expect("an event")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_published_event_fires_what_fits_once() {
    for timed in Timed::all().await {
        timed.deploy(echo()).await;
        let filter = json!({ "/data/total": { "at_least": 100 } });
        let large =
            json!({ "event": "order.*", "name": "large", "filter": filter, "input": { "$pointer": "/event/data" } });
        let large = timed.create("echo", large).await;
        let other = timed.create("echo", json!({ "event": "order.paid", "name": "other" })).await;
        let principal = &timed.world.principal;
        let publish = async |event| timed.triggers.publish(principal, event, 0).await.expect("published").fired;
        assert!(publish(event("order.created", "1", &json!({ "total": 99 }))).await.is_empty());
        for _ in 0..3 {
            let fired = publish(event("order.created", "2", &json!({ "total": 100 }))).await;
            assert_eq!(fired, std::slice::from_ref(&large.trigger_id), "the same answer to a repeat");
        }
        timed.sweep().await;
        publish(event("order.created", "2", &json!({ "total": 100 }))).await;
        timed.sweep().await;
        let executions = timed.executions().await;
        assert_eq!(executions.len(), 1, "{}", timed.world.backend);
        assert_eq!(executions[0].input, json!({ "total": 100 }));
        assert_eq!(timed.fires(&other).await.len(), 0);
        // what it waits for is its own project's
        let mut stranger = principal.clone();
        stranger.project_id = timed.world.ambient.id();
        let elsewhere = timed.triggers.publish(&stranger, event("order.paid", "3", &json!({})), 0).await;
        assert!(elsewhere.expect("published").fired.is_empty());
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_events_are_refused() {
    for timed in Timed::all().await.into_iter().take(1) {
        for (field, value) in [
            ("/specversion", json!("0.3")),
            ("/id", json!("")),
            ("/source", json!("x".repeat(201))),
            ("/type", json!("a b")),
            ("/type", json!("io.moltforge.execution.completed")),
            ("/type", json!("execution.completed")),
            ("/source", json!("/v1/executions/exe_1")),
            ("/topic", json!("agent.events")),
            ("/topic", json!("a b")),
            ("/time", json!("yesterday")),
            ("/datacontenttype", json!("text/plain")),
            ("/data", json!("x".repeat(300_000))),
        ] {
            let mut bad = serde_json::to_value(event("a", "1", &json!({}))).expect("json");
            bad[&field[1..]] = value;
            let bad = serde_json::from_value(bad).expect("an event");
            let refused = timed.triggers.publish(&timed.world.principal, bad, 0).await;
            assert!(matches!(&refused, Err(Error::FieldInvalid { field: at, .. }) if *at == field), "{refused:?}");
        }
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_execution_does_fires_with_its_commit() {
    for mut timed in Timed::all().await {
        timed.deploy(echo()).await;
        timed
            .deploy(json!({
                "name": "teller", "kind": "prompt", "model": "scripted", "tools": ["events.emit"],
                "script": [
                    { "calls": [{ "tool": "events.emit", "arguments": { "type": "report.done", "data": { "n": 7 } } }] },
                    { "text": "told" },
                ],
            }))
            .await;
        let ended = json!({
            "event": "execution.completed", "name": "ended", "filter": { "/agent": "teller" },
            "input": { "of": { "$pointer": "/event/execution" } },
        });
        let ended = timed.create("echo", ended).await;
        let told = json!({ "event": "report.*", "name": "told", "input": { "$pointer": "/event/data" } });
        let told = timed.create("echo", told).await;
        // heard from here on, before anybody has looked again
        let source = timed.world.accept(&timed.node, "teller", json!({}), "k").await.expect("accepted");
        timed.until(&source, "completed").await;
        // the fires are durable with the commit: a crash before anything is started loses none and doubles none
        timed.crash().await;
        for _ in 0..2 {
            timed.sweep().await;
        }
        let mut inputs: Vec<Value> =
            timed.executions().await.into_iter().filter(|one| one.agent_name == "echo").map(|one| one.input).collect();
        inputs.sort_by_key(ToString::to_string);
        assert_eq!(inputs, [json!({ "n": 7 }), json!({ "of": source.execution_id })], "{}", timed.world.backend);
        for trigger in [&ended, &told] {
            assert_eq!(timed.get(trigger).await.started, 1);
        }
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_took_over_hears_before_it_has_looked_for_triggers() {
    for mut timed in Timed::all().await {
        timed.deploy(echo()).await;
        let emit = json!({ "tool": "events.emit", "arguments": { "type": "report.done", "data": 7 } });
        let wait = json!({ "tool": "signals.wait", "arguments": { "name": "go" } });
        let script = json!([{ "calls": [wait] }, { "calls": [emit] }, { "text": "told" }]);
        let tools = ["signals.wait", "events.emit"];
        timed
            .deploy(
                json!({ "name": "teller", "kind": "prompt", "model": "scripted", "tools": tools, "script": script }),
            )
            .await;
        let told = timed.create("echo", json!({ "event": "report.*" })).await;
        let source = timed.world.accept(&timed.node, "teller", json!({}), "k").await.expect("accepted");
        timed.until(&source, "suspended").await;
        // nobody has swept on the next node when its owners begin to write
        timed.crash().await;
        let (id, go) = (source.execution_id.parse().expect("an id"), "go".to_owned());
        timed.node.signal(&timed.world.principal, id, go, json!(1), None).await.expect("taken");
        timed.until(&source, "completed").await;
        timed.sweep().await;
        assert_eq!(timed.get(&told).await.started, 1, "{}", timed.world.backend);
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trigger_that_a_deployment_declares_hears_what_comes_right_after_it() {
    for timed in Timed::all().await {
        timed.deploy(echo()).await;
        let emit = json!({ "tool": "events.emit", "arguments": { "type": "report.done", "data": 7 } });
        let script = json!([{ "calls": [emit] }, { "text": "told" }]);
        timed
            .deploy(
                json!({ "name": "teller", "kind": "prompt", "model": "scripted", "tools": ["events.emit"], "script": script }),
            )
            .await;
        let (store, project_id) = (&timed.world.store, timed.world.principal.project_id);
        Triggers::start(timed.node.clone());
        // a real wait: its first look is over, the next one is a second later
        tokio::time::sleep(Duration::from_millis(100)).await;
        let echo = store.agents(project_id).find_by_name(&"echo".parse().expect("a name")).await.expect("read");
        let mut tx = store.begin().await.expect("a transaction");
        let trigger_id = tx.id();
        let new = NewTrigger {
            trigger_id,
            agent_id: echo.expect("there").agent_id,
            name: "told",
            kind: "event",
            environment: &EnvironmentName::production(),
            origin: "file",
            config: r#"{ "name": "told", "event": "report.done" }"#,
            shard: shard_of_trigger(trigger_id),
            next: None,
            created_by: timed.world.principal.actor,
        };
        tx.triggers(project_id).insert(new).await.expect("inserted");
        tx.commit().await.expect("committed");
        timed.node.look_for_triggers();
        // a real wait: the page says milliseconds
        tokio::time::sleep(Duration::from_millis(150)).await;
        let source = timed.world.accept(&timed.node, "teller", json!({}), "k").await.expect("accepted");
        timed.until(&source, "completed").await;
        timed.sweep().await;
        let now = timed.triggers.get(project_id, trigger_id).await.expect("found");
        assert_eq!(now.started, 1, "{}: it was deaf", timed.world.backend);
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_of_events_ends_at_the_cap() {
    for timed in Timed::all().await {
        timed.deploy(echo()).await;
        // its own end starts it again
        let made = timed.create("echo", json!({ "event": "execution.completed", "input": {} })).await;
        timed.world.accept(&timed.node, "echo", json!({}), "k").await.expect("accepted");
        for _ in 0..400 {
            timed.sweep().await;
            if timed.get(&made).await.refused > 0 {
                break;
            }
            // a real wait: looks again a moment later
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let now = timed.get(&made).await;
        assert_eq!((now.started, now.refused), (8, 1), "{}", timed.world.backend);
        assert_eq!(now.last_error.expect("a reason").code, "chain_too_deep");
        assert_eq!(timed.executions().await.len(), 9);
        // so does one that goes round over HTTP
        let principal = &timed.world.principal;
        let deep = timed.triggers.publish(principal, event("a", "1", &json!({})), 9).await;
        assert!(matches!(deep, Err(Error::ChainTooDeep(9))));
        timed.node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_reply_may_be_many_events_for_many() {
    for timed in Timed::all().await {
        timed.deploy(echo()).await;
        let add = json!({ "tool": "math.add", "arguments": { "a": 1, "b": 2 } });
        let script = json!([{ "calls": vec![add; 64] }, { "text": "added" }]);
        timed
            .deploy(
                json!({ "name": "busy", "kind": "prompt", "model": "scripted", "tools": ["math.add"], "script": script }),
            )
            .await;
        let mut made = Vec::new();
        for n in 0..50 {
            made.push(timed.create("echo", json!({ "event": "tool.succeeded", "name": format!("t{n}") })).await);
        }
        let source = timed.world.accept(&timed.node, "busy", json!({}), "k").await.expect("accepted");
        timed.until(&source, "completed").await;
        for trigger in [&made[0], &made[49]] {
            assert_eq!(timed.fires(trigger).await.len(), 64, "{}", timed.world.backend);
        }
        timed.node.drain().await;
    }
}
