//! Every write of every sample workload: killed before, killed after, and the old owner waking up late; on both
//! databases. The outcome and the number of effects must be those of a run without a crash.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use moltforge_api::approvals::{DecideApproval, ListApprovals};
use moltforge_api::executions::Execution as View;
use moltforge_execution::Executions;
use moltforge_store::CommitError;
use moltforge_types::ExecutionId;
use moltforge_types::execution::Effect;
use moltforge_types::journal::Entry;
use serde_json::{Value, json};

use super::faulty::{At, Death, Faulty};
use super::server::Server;
use super::world::{World, examples, samples};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_write_of_every_sample_survives_a_crash() {
    let mut cases = 0;
    for world in World::all().await {
        for (config, input) in samples(&world.server) {
            world.agent(&config).await;
            let reference = run(&world, &config.name, &input, None).await;
            assert_eq!(reference.state, "completed", "{} {}: {:?}", world.backend, config.name, reference.error);
            if config.name == "weather" {
                // a call that was refused completes as well, with the refusal in its answer
                let said = reference.output.as_ref().and_then(Value::as_str).unwrap_or_default();
                assert!(said.contains(r#"{"tool":"Lisbon"}"#), "{}: {said}", world.backend);
            }
            for at in 1..=reference.commits {
                for death in [Death::Before, Death::After, Death::Late] {
                    let crashed = run(&world, &config.name, &input, Some((at, death))).await;
                    let name = format!("{} {} commit {at} {death:?}", world.backend, config.name);
                    assert_eq!(crashed.state, reference.state, "{name}");
                    assert_eq!(crashed.effects, reference.effects, "{name}");
                    // the others say what time it is, how often they ran, or what was decided about a lost answer
                    if ["hello", "calculator", "waiter", "weather", "refund", "shipment", "team"]
                        .contains(&config.name.as_str())
                    {
                        assert_eq!(crashed.output, reference.output, "{name}");
                    }
                    cases += 1;
                }
            }
        }
    }
    println!("{cases} crash points");
    assert!(cases >= 60, "{cases}");
}

#[tokio::test]
async fn every_example_is_a_sample() {
    let server = Server::start().await;
    let names: HashSet<_> = samples(&server).into_iter().map(|(config, _)| config.name).collect();
    for entry in std::fs::read_dir(examples()).expect("the folder is there") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        assert!(names.contains(&name), "examples/{name} is in no crash test");
    }
}

struct Ran {
    state: String,
    output: Option<Value>,
    error: Option<moltforge_api::executions::ExecutionError>,
    /// Distinct effects that reached the counting server, by tool.
    effects: BTreeMap<String, usize>,
    commits: u64,
}

/// One execution from its start to its end, through the death of the first node if one is planned.
async fn run(world: &World, agent: &str, input: &Value, plan: Option<(u64, Death)>) -> Ran {
    let faulty = Faulty::new(world.journal.clone(), plan.map(|(at, death)| (At::Number(at), death)));
    let late = plan.is_some_and(|(_, death)| death == Death::Late).then(|| faulty.expect_late());
    let first = world.node(faulty.clone()).await;
    let key = world.ambient.id::<ExecutionId>().to_string();
    // commits that meet share one: a run may end before the planned one comes
    let survived = tokio::select! {
        ended = drive(world, &first, agent, input, &key) => Some(ended),
        () = faulty.died() => None,
    };
    let view = if let Some(view) = survived {
        first.drain().await;
        view
    } else {
        first.abandon().await;
        let second = world.node(world.journal.clone()).await;
        // a client that heard nothing asks again with its key
        let view = drive(world, &second, agent, input, &key).await;
        if let Some(late) = late {
            faulty.release();
            let landed = late.await.expect("it was tried");
            assert!(matches!(landed, Err(CommitError::Fenced)), "a late commit must be refused: {landed:?}");
            let id = view.execution_id.parse().expect("an id");
            assert_eq!(second.get(world.principal.project_id, id).await.expect("there").seq, view.seq);
        }
        second.drain().await;
        view
    };
    let commits = faulty.commits();
    let id = view.execution_id.parse().expect("an id");
    let effects = check_effects(world, &world.journal_of(id).await);
    Ran { state: view.state, output: view.output, error: view.error, effects, commits }
}

/// What a client does: starts an execution (or hears of the one that its key started) and sees it through.
async fn drive(world: &World, node: &Executions, agent: &str, input: &Value, key: &str) -> View {
    let view = world.accept(node, agent, input.clone(), key).await.expect("accepted");
    finish(world, node, &view).await
}

/// Waits for the end, sends the signal that a sample waits for, and decides as an operator would who can look at the
/// other side.
async fn finish(world: &World, node: &Executions, view: &View) -> View {
    let id: ExecutionId = view.execution_id.parse().expect("an id");
    let mut poll = tokio::time::interval(Duration::from_millis(2));
    let ended = async {
        loop {
            poll.tick().await;
            let Ok(view) = node.get(world.principal.project_id, id).await else { continue };
            match view.state.as_str() {
                "completed" | "failed" | "cancelled" => return view,
                "suspended" => {
                    approve(world, node, id).await;
                    if let Some(name) = awaited_signal(&view) {
                        let key = Some("answer".to_owned());
                        let _ = node.signal(&world.principal, id, name, json!({"answer": "yes"}), key).await;
                    }
                }
                "paused" => {
                    assert_eq!(view.reason.as_deref(), Some("effect_unknown"), "{view:?}");
                    let arrived =
                        unanswered_keys(&world.journal_of(id).await).iter().any(|key| world.server.calls_of(key) > 0);
                    let decision = if arrived { "fail" } else { "retry" };
                    let _ = node.resume(&world.principal, id, Some(decision)).await;
                }
                _ => {}
            }
        }
    };
    match tokio::time::timeout(PATIENCE, ended).await {
        Ok(view) => view,
        Err(elapsed) => {
            let view = node.get(world.principal.project_id, id).await;
            panic!("stuck ({elapsed}): {view:?} {:?}", node.readiness())
        }
    }
}

/// Approves what waits. An answer that a crash swallowed is given again.
async fn approve(world: &World, node: &Executions, id: ExecutionId) {
    let query = ListApprovals {
        state: Some("pending".to_owned()),
        execution: Some(id.to_string()),
        ..ListApprovals::default()
    };
    let Ok(page) = node.approvals(world.principal.project_id, &query, None, 10).await else { return };
    for approval in page.items {
        let decision = DecideApproval {
            decision: "approve".to_owned(),
            call_sha256: approval.call_sha256,
            arguments: None,
            answer: None,
            note: None,
        };
        let approval_id = approval.approval_id.parse().expect("an id");
        let _ = node.decide_approval(&world.principal, approval_id, decision).await;
    }
}

fn awaited_signal(view: &View) -> Option<String> {
    let text = view.waiting_for.as_deref()?;
    text.split("the signal \"").nth(1)?.split('"').next().map(str::to_owned)
}

/// Keys of `at_most_once` calls with an intent and without an answer.
fn unanswered_keys(entries: &[Entry]) -> Vec<String> {
    let answered: HashSet<u32> = entries.iter().filter_map(answered_step).collect();
    entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::ToolInvoked { step, effect: Effect::AtMostOnce, idempotency_key, .. }
                if !answered.contains(step) =>
            {
                Some(idempotency_key.clone())
            }
            _ => None,
        })
        .collect()
}

fn answered_step(entry: &Entry) -> Option<u32> {
    match entry {
        Entry::ToolSucceeded { step, .. } | Entry::ToolFailed { step, .. } | Entry::ModelCompleted { step, .. } => {
            Some(*step)
        }
        _ => None,
    }
}

/// No step has two outcomes, no `at_most_once` call arrived twice, every intended effect arrived.
fn check_effects(world: &World, entries: &[Entry]) -> BTreeMap<String, usize> {
    let mut answered = HashSet::new();
    for step in entries.iter().filter_map(answered_step) {
        assert!(answered.insert(step), "step {step} has two outcomes");
    }
    let mut decided = HashSet::new();
    for entry in entries {
        if let Entry::ApprovalDecided { approval_id, .. } = entry {
            assert!(decided.insert(*approval_id), "{approval_id} was decided twice");
        }
    }
    let mut effects = BTreeMap::new();
    for entry in entries {
        let Entry::ToolInvoked { tool, effect, idempotency_key, .. } = entry else { continue };
        let calls = world.server.calls_of(idempotency_key);
        assert!(calls >= 1, "the effect of {tool} never arrived");
        assert!(*effect == Effect::Keyed || calls == 1, "{tool} arrived {calls} times");
        *effects.entry(tool.clone()).or_default() += 1;
    }
    effects
}
