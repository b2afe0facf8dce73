//! The timeline of a long execution, a page at a time.

use std::sync::Arc;
use std::time::Duration;

use moltforge_api::executions::Step;
use moltforge_execution::{Error, Executions, StepPage};
use moltforge_store::{Batch, Columns, EndedExecution, NewEntry, NewExecution};
use moltforge_types::execution::{State, shard_of};
use moltforge_types::journal::Entry;
use moltforge_types::{ApprovalId, ExecutionId, NodeId, Origin, Timestamp};
use serde_json::{Value, json};

use super::counting::Counting;
use super::world::World;

/// Steps of the long execution, at least.
const STEPS: u32 = 5_000;
const TIME: &str = "2026-11-22T12:00:00.000000Z";

/// What a step should look like: number, name, state, retries, whether it was asked about.
type Told = (u32, String, String, u32, bool);

/// A journal of turns whose steps have their entries far from each other, and how its steps should look. It ends with a
/// wait, or with an output.
fn journal(world: &World, ends: bool) -> (Vec<Value>, Vec<Told>) {
    let agent = (world.ambient.id::<moltforge_types::AgentId>(), world.ambient.id::<moltforge_types::VersionId>());
    let mut entries = vec![
        json!({ "kind": "scheduled", "agent_id": agent.0, "agent_name": "long", "version_id": agent.1, "version": 1,
                "environment": null, "input": null, "trigger": "api", "deadline": null, "request_hash": null }),
        json!({ "kind": "running", "attempt": 1 }),
    ];
    let mut told: Vec<Told> = Vec::new();
    let (mut step, mut turn) = (1, 0);
    loop {
        let last = step > STEPS;
        let (fails, calls) = (turn % 4, if last { u32::from(!ends) } else { 1 + turn % 7 });
        for failures in 1..=fails {
            entries.push(json!({ "kind": "retry_scheduled", "step": step, "failures": failures, "run_at": TIME,
                                 "error": { "code": "model_unavailable", "message": "busy" } }));
            entries.push(json!({ "kind": "running", "attempt": failures + 1 }));
        }
        let asked: Vec<_> = (1..=calls)
            .map(|n| json!({ "call_id": format!("c{n}"), "tool": format!("tool{n}"), "arguments": "{}" }))
            .collect();
        entries.push(
            json!({ "kind": "model_completed", "step": step, "model": "scripted", "text": "", "tool_calls": asked,
                             "usage": { "input_tokens": 1, "cached_tokens": 0, "output_tokens": 1 },
                             "started_at": TIME, "duration_us": 1 }),
        );
        told.push((step, "scripted".to_owned(), "succeeded".to_owned(), fails, false));
        if last {
            if ends {
                entries.push(json!({ "kind": "completed", "output": "done" }));
            } else {
                entries.push(json!({ "kind": "timer_set", "step": step + 1, "call_id": "c1", "due": TIME }));
                entries.push(json!({ "kind": "suspended", "wake_at": TIME, "signals": [] }));
                told.push((step + 1, "tool1".to_owned(), "waiting".to_owned(), 0, false));
            }
            return (entries, told);
        }
        // all begin or wait, then it rests, then all end
        let approval: ApprovalId = world.ambient.id();
        for n in 1..=calls {
            let (step, call_id, tool) = (step + n, format!("c{n}"), format!("tool{n}"));
            entries.push(match n {
                1 => json!({ "kind": "approval_requested", "approval_id": approval, "step": step, "call_id": call_id,
                             "tool": tool, "arguments": {}, "call_sha256": "", "due": TIME, "on_expiry": "reject" }),
                2 => json!({ "kind": "timer_set", "step": step, "call_id": call_id, "due": TIME }),
                3 => json!({ "kind": "child_requested", "step": step, "call_id": call_id, "tool": tool, "wait": true,
                             "child_id": world.ambient.id::<ExecutionId>(), "agent": "other", "input": null }),
                _ => json!({ "kind": "tool_invoked", "step": step, "call_id": call_id, "tool": tool, "effect": "keyed",
                             "idempotency_key": "k" }),
            });
        }
        entries.push(json!({ "kind": "suspended", "wake_at": TIME, "signals": [] }));
        for n in 1..=calls {
            let step = step + n;
            if n == 1 {
                entries.push(json!({ "kind": "approval_decided", "approval_id": approval, "step": step,
                                     "decision": "approved", "by": "system", "call_sha256": "" }));
                entries.push(json!({ "kind": "resumed", "from": "suspended" }));
            }
            let retries = u32::from(n > 3);
            if retries > 0 {
                entries.push(json!({ "kind": "retry_scheduled", "step": step, "failures": 1, "run_at": TIME,
                                     "error": { "code": "tool_failed", "message": "busy" } }));
            }
            entries.push(json!({ "kind": "tool_succeeded", "step": step, "call_id": format!("c{n}"), "output": n,
                                 "tool": format!("tool{n}"), "started_at": TIME, "duration_us": 2 }));
            told.push((step, format!("tool{n}"), "succeeded".to_owned(), retries, n == 1));
        }
        step += calls + 1;
        turn += 1;
    }
}

/// Writes the journal as an owner of all shards would, before there is a node.
async fn write(world: &World, entries: &[Value], ends: bool) -> ExecutionId {
    let node_id: NodeId = world.ambient.id();
    let mut tx = world.store.begin().await.expect("a transaction");
    let tokens = tx.nodes().register(node_id, 1, Duration::from_mins(1)).await.expect("registered");
    tx.nodes().take_over(node_id, 1, true).await.expect("taken over");
    tx.commit().await.expect("committed");
    let (now, id): (_, ExecutionId) = (world.ambient.now(), world.ambient.id());
    let shard = shard_of(id.to_string().as_bytes());
    let far = Timestamp::from_micros(now.as_micros() + 3_600_000_000);
    let mut batch = Batch::new(tokens[0], now);
    batch.starts.push(NewExecution {
        project_id: world.principal.project_id,
        execution_id: id,
        shard,
        agent_id: world.ambient.id(),
        agent_name: "long".to_owned(),
        version_id: world.ambient.id(),
        version: 1,
        environment: None,
        idempotency_key: None,
        request_hash: None,
        input: "null".to_owned(),
        deadline: None,
        created_at: now,
        trigger: "api".to_owned(),
        origin: Origin::default(),
        last_seq: entries.len() as u64,
        columns: Columns {
            state: if ends { State::Completed } else { State::Suspended },
            reason: None,
            attempt: 1,
            wake_at: (!ends).then_some(far),
            waiting_for: None,
            finished_at: ends.then_some(now),
            output: ends.then(|| "\"done\"".to_owned()),
            error: None,
            tokens: 0,
        },
    });
    for (index, entry) in entries.iter().enumerate() {
        let code = serde_json::from_value::<Entry>(entry.clone()).unwrap_or_else(|e| panic!("{e}: {entry}")).code();
        let (seq, payload) = (index as u64 + 1, entry.to_string().into_bytes());
        batch.entries.push(NewEntry { shard, execution_id: id, seq, kind: code, at: now, payload });
    }
    world.journal.commit(Arc::new(batch)).await.expect("committed");
    let mut tx = world.store.begin().await.expect("a transaction");
    tx.nodes().release(node_id).await.expect("released");
    tx.commit().await.expect("committed");
    id
}

fn told(steps: &[Step]) -> Vec<Told> {
    let told =
        |s: &Step| (s.step, s.name.clone(), s.state.clone(), s.retries, s.approval_id.is_some() && s.kind == "tool");
    steps.iter().map(told).collect()
}

/// All pages of one kind, in the order of the steps.
async fn pages(
    world: &World,
    node: &Executions,
    journal: &Counting,
    id: ExecutionId,
    limit: u32,
    desc: bool,
) -> Vec<Step> {
    let (mut all, mut place) = (Vec::new(), None);
    journal.take();
    loop {
        let page = if desc { StepPage::Before(place) } else { StepPage::After(place) };
        let (steps, next) = node.steps_page(world.principal.project_id, id, page, limit).await.expect("a page");
        let read = journal.take();
        assert!(read <= 24 * limit as usize + 400, "{}: {read} entries for {limit} steps", world.backend);
        assert!(steps.len() == limit as usize || next.is_none(), "{} of {limit}", steps.len());
        all.extend(steps);
        place = next;
        if place.is_none() {
            break;
        }
    }
    if desc {
        all.reverse();
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_steps_reads_the_entries_of_its_own_turns() {
    for world in World::all().await {
        for ends in [false, true] {
            let (entries, expected) = journal(&world, ends);
            assert!(expected.len() >= STEPS as usize && entries.len() > 2 * STEPS as usize);
            let id = write(&world, &entries, ends).await;
            let journal = Counting::new(world.journal.clone());
            let node = world.node(journal.clone()).await;
            if ends {
                let (project_id, finished_at) = (world.principal.project_id, world.ambient.now());
                let of = EndedExecution { project_id, execution_id: id, finished_at };
                while world.store.archive_next(of).await.expect("packed") {}
            }
            for (limit, desc) in [(200, false), (200, true), (50, true), (50, false)] {
                let all = pages(&world, &node, &journal, id, limit, desc).await;
                assert_eq!(told(&all), expected, "{} {limit} {desc} {ends}", world.backend);
            }
            // places that no page ended at: each would read everything
            for (step, seq) in [(u32::MAX, 1), (u32::MAX, 3), (0, 3), (0, 10_000), (5, 0), (STEPS, 3), (1, u64::MAX)] {
                let place = serde_json::from_value(json!({ "step": step, "seq": seq })).expect("a place");
                for page in [StepPage::After(Some(place)), StepPage::Before(Some(place))] {
                    let page = node.steps_page(world.principal.project_id, id, page, 200).await;
                    assert!(matches!(page, Err(Error::CursorInvalid)), "{} {step} {seq}: {page:?}", world.backend);
                }
            }
            node.drain().await;
        }
    }
}
