//! Effects whose answer is lost, against a server that counts what arrives.

use std::time::Duration;

use moltforge_api::approvals::{DecideEffect, Effect};
use moltforge_api::executions::{Execution as View, StartExecution};
use moltforge_execution::{Error, Executions};
use moltforge_types::ExecutionId;
use serde_json::{Value, json};

use super::world::World;

const WAIT: Option<Duration> = Some(Duration::from_secs(20));

/// An agent that makes one call.
async fn agent(world: &World, name: &str, effect: &str) {
    let mut tool = json!({ "name": name, "description": "d", "url": format!("http://{}/{name}", world.server.address()),
        "effect": effect, "parameters": { "type": "object", "properties": {} } });
    if effect == "reconcile" {
        let url = format!("http://{}/probe/{{idempotency_key}}", world.server.address());
        tool["probe"] = json!({ "url": url, "settle": "1ms" });
    }
    let config = json!({
        "name": name.replace('_', "-"), "kind": "prompt", "model": "scripted", "tools": [name], "tool": [tool],
        "limits": { "attempts": 2 },
        "script": [{ "calls": [{ "tool": name, "arguments": {} }] }, { "text": "{{ tools[0] }}" }],
    });
    world.agent(&serde_json::from_value(config).expect("valid")).await;
}

async fn run(world: &World, node: &Executions, name: &str) -> (ExecutionId, View) {
    let start = json!({ "agent": name.replace('_', "-"), "version": 1 });
    let start: StartExecution = serde_json::from_value(start).expect("valid");
    let view = node.accept(&world.principal, start, None, WAIT).await.expect("accepted").execution;
    (view.execution_id.parse().expect("an id"), view)
}

async fn effect(world: &World, node: &Executions, id: ExecutionId) -> Effect {
    node.effects(world.principal.project_id, id).await.expect("there").items.remove(0)
}

fn decide(decision: &str, output: Option<Value>) -> DecideEffect {
    DecideEffect { decision: decision.to_owned(), output, note: Some("looked".to_owned()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_finds_what_was_lost() {
    for world in World::all().await {
        agent(&world, "lost_ship", "reconcile").await;
        let node = world.node(world.journal.clone()).await;
        let (id, view) = run(&world, &node, "lost_ship").await;
        let said = view.output.expect("an output").to_string();
        assert!(view.state == "completed" && said.contains("calls"), "{}: {said}", world.backend);
        let effect = effect(&world, &node, id).await;
        assert_eq!((effect.state.as_str(), effect.probes[0].outcome.as_str()), ("succeeded", "done"));
        assert_eq!(world.server.calls_of(&effect.idempotency_key), 1);
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_arrives_is_held_and_can_be_probed_and_decided() {
    for world in World::all().await {
        agent(&world, "void_ship", "reconcile").await;
        let node = world.node(world.journal.clone()).await;
        let (id, view) = run(&world, &node, "void_ship").await;
        assert_eq!(view.reason.as_deref(), Some("effect_unknown"), "{}: {view:?}", world.backend);
        let held = effect(&world, &node, id).await;
        assert_eq!(held.state, "unknown");
        assert!(held.attempts >= 2 && held.probes.iter().any(|probe| probe.outcome == "not_done"), "{held:?}");
        let probed = node.probe_effect(&world.principal, id, held.step).await.expect("probed");
        let last = probed.probes.last().expect("one");
        assert_eq!((last.outcome.as_str(), last.by.as_deref()), ("not_done", Some("system")));
        let wrong = node.probe_effect(&world.principal, id, 77).await;
        assert!(matches!(wrong, Err(Error::EffectNotFound { step: 77, .. })), "{wrong:?}");
        let decided = node.decide_effect(&world.principal, id, held.step, decide("fail", None)).await.expect("decided");
        assert_eq!((decided.decisions[0].by.as_str(), decided.state.as_str()), ("system", "failed"));
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_does_not_hide_what_is_unknown() {
    for world in World::all().await {
        agent(&world, "lost_pay", "at_most_once").await;
        let node = world.node(world.journal.clone()).await;
        let (id, _) = run(&world, &node, "lost_pay").await;
        let paused = node.pause(&world.principal, id, None).await.expect("paused");
        assert_eq!(paused.reason.as_deref(), Some("operator"), "{}", world.backend);
        assert_eq!(effect(&world, &node, id).await.state, "unknown", "{}", world.backend);
        let resumed = node.resume(&world.principal, id, Some("fail")).await.expect("resumed");
        assert_ne!(resumed.state, "paused", "{}", world.backend);
        assert_eq!(effect(&world, &node, id).await.state, "failed", "{}", world.backend);
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_records_what_happened() {
    for world in World::all().await {
        agent(&world, "lost_pay", "at_most_once").await;
        let node = world.node(world.journal.clone()).await;
        let (id, view) = run(&world, &node, "lost_pay").await;
        assert_eq!(view.reason.as_deref(), Some("effect_unknown"), "{}: {view:?}", world.backend);
        let held = effect(&world, &node, id).await;
        assert_eq!((held.state.as_str(), held.attempts), ("unknown", 1));
        assert!(matches!(node.probe_effect(&world.principal, id, held.step).await, Err(Error::EffectNotProbed(_))));
        let odd = node.decide_effect(&world.principal, id, held.step, decide("retry", Some(json!(1)))).await;
        assert!(matches!(odd, Err(Error::FieldInvalid { field: "/output", .. })), "{odd:?}");
        let wanted = decide("succeed", Some(json!({ "paid": true })));
        let decided = node.decide_effect(&world.principal, id, held.step, wanted.clone()).await.expect("decided");
        assert_eq!((decided.state.as_str(), decided.decisions[0].note.as_deref()), ("succeeded", Some("looked")));
        // the last decision lets it go on
        let mut view = node.get(world.principal.project_id, id).await.expect("there");
        while view.state != "completed" {
            // a real wait: looks again a moment later
            tokio::time::sleep(Duration::from_millis(5)).await;
            view = node.get(world.principal.project_id, id).await.expect("there");
        }
        assert!(view.output.expect("an output").to_string().contains("paid"), "{}", world.backend);
        assert_eq!(world.server.calls_of(&held.idempotency_key), 1);
        let late = node.decide_effect(&world.principal, id, held.step, wanted).await;
        assert!(matches!(late, Err(Error::ExecutionEnded(_))), "{late:?}");
        node.drain().await;
    }
}
