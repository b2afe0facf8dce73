//! Every write of every workload: killed before, killed after, and the old owner waking up late; on both databases. The
//! outcome and the effects must be those of a run without a crash, everything below has ended, and nothing is doubled. A
//! point counts when a process died there. A commit that is cut in its middle is `store/tests/conformance/journal/torn.rs`.

mod check;
mod operator;
mod scenarios;

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::Ordering;

use futures::StreamExt as _;
use moltforge_api::config::TriggerConfig;
use moltforge_api::executions::Execution as View;
use moltforge_api::triggers::CreateTrigger;
use moltforge_execution::triggers::Triggers;
use moltforge_store::CommitError;
use moltforge_types::ExecutionId;
use serde_json::{Value, json};

use super::faulty::{At, Death, Faulty};
use super::server::Server;
use super::world::{World, examples, samples};
use operator::{Notes, Operator};
use scenarios::{Hand, Scenario};

/// Workloads at a time, each on both databases: most of a case is waiting.
const AT_ONCE: usize = 8;
/// Runs without a crash. Commits that meet share one, so that their number varies: the last commit of a scenario is that
/// of the shortest of them, and every commit up to it must be hit.
const REFERENCES: usize = 3;
/// Runs in which a planned death is waited for.
const TRIES: usize = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_write_of_every_scenario_survives_a_crash() {
    let only = std::env::var("MOLTFORGE_TEST_SCENARIO").ok();
    // each on a world of its own; what it is made of refers to that world's server
    let names: Vec<String> =
        scenarios::all(&Server::start().await).into_iter().map(|scenario| scenario.agent).collect();
    assert!(names.len() >= 20, "{names:?}");
    let wanted: Vec<_> = names.into_iter().filter(|name| only.as_ref().is_none_or(|only| only == name)).collect();
    let each = wanted.into_iter().map(|name| async move {
        let worlds = World::all().await.into_iter().map(|world| tokio::spawn(crash_everywhere(world, name.clone())));
        let mut cases = 0;
        for world in futures::future::join_all(worlds).await {
            match world {
                Ok(Points { hit, in_vain, rare }) => {
                    println!("{name}: {hit} hit, {in_vain} in vain, {rare} rare");
                    cases += hit;
                }
                Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
            }
        }
        println!("{name}: {cases}");
        cases
    });
    let cases: Vec<usize> = futures::stream::iter(each).buffer_unordered(AT_ONCE).collect().await;
    println!("{} crash points in {} scenarios", cases.iter().sum::<usize>(), cases.len());
    assert!(only.is_some() || cases.iter().sum::<usize>() >= 300, "{cases:?}");
}

#[tokio::test]
async fn every_example_is_a_sample() {
    let server = Server::start().await;
    let names: HashSet<_> = samples(&server).into_iter().map(|(config, _)| config.name).collect();
    for entry in std::fs::read_dir(examples()).expect("the folder is there") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a name");
        let text = std::fs::read_to_string(entry.path().join("agent.toml")).expect("an agent file");
        let config = moltforge_manifest::parse_toml(&text).expect("it parses");
        // programs need the sandbox: their server is killed in moltforge/tests/it/code.rs
        let is_program = config.kind == moltforge_api::config::AgentKind::Code;
        assert!(is_program || names.contains(&name), "examples/{name} is in no crash test");
    }
}

/// The crash points of a scenario on one database.
#[derive(Debug, Default)]
struct Points {
    /// A process really died there, each way of dying counted.
    hit: usize,
    /// Runs that ended before the planned commit came.
    in_vain: usize,
    /// Commits behind the last one, which only some runs have, and at which no run died that was to.
    rare: usize,
}

async fn crash_everywhere(world: World, name: String) -> Points {
    let scenario =
        scenarios::all(&world.server).into_iter().find(|scenario| scenario.agent == name).expect("it is there");
    for agent in &scenario.agents {
        world.agent(agent).await;
    }
    let original = prepare(&world, &scenario).await;
    let name = format!("{} {name}", world.backend);
    let reference = run(&world, &scenario, original, None).await;
    assert_eq!(reference.view.state, scenario.ends, "{name}: {:?}", reference.view.error);
    if scenario.agent == "weather" {
        // a call that was refused completes as well, with the refusal in its answer
        let said = reference.view.output.as_ref().and_then(Value::as_str).unwrap_or_default();
        assert!(said.contains(r#"{"tool":"Lisbon"}"#), "{name}: {said}");
    }
    let (mut last, mut most) = (reference.commits, reference.commits);
    for _ in 1..REFERENCES {
        let commits = run(&world, &scenario, original, None).await.commits;
        (last, most) = (last.min(commits), most.max(commits));
    }
    let mut points = Points::default();
    for at in 1..=most {
        for death in [Death::Before, Death::After, Death::Late] {
            let name = format!("{name} commit {at} of {last} {death:?}");
            let mut tries = 0;
            let hit = loop {
                let crashed = run(&world, &scenario, original, Some((at, death))).await;
                same(&scenario, &reference, &crashed, &name);
                tries += 1;
                if crashed.died || tries == if at <= last { TRIES } else { 1 } {
                    break crashed.died;
                }
            };
            assert!(hit || at > last, "{name}: no run of {tries} came so far");
            points.hit += usize::from(hit);
            points.rare += usize::from(!hit);
            points.in_vain += tries - usize::from(hit);
        }
    }
    points
}

/// A crash changed nothing of the outcome.
fn same(scenario: &Scenario, reference: &Ran, crashed: &Ran, name: &str) {
    assert_eq!(crashed.view.state, reference.view.state, "{name}");
    // how far a stop lets them come depends on when it comes
    if scenario.ends == "completed" {
        assert_eq!(crashed.effects, reference.effects, "{name}");
    }
    if scenario.same_output {
        assert_eq!(crashed.view.output, reference.view.output, "{name}");
    }
}

/// What is there before a run: the execution that is forked, the trigger that listens.
async fn prepare(world: &World, scenario: &Scenario) -> Option<ExecutionId> {
    match scenario.hand {
        Hand::Forks => {
            let original = run(world, scenario, None, None).await;
            Some(original.view.execution_id.parse().expect("an id"))
        }
        Hand::Listens => {
            let node = world.node(world.journal.clone()).await;
            let config = json!({ "event": "told", "input": { "$pointer": "/event/data" }, "concurrency": "parallel" });
            let config: TriggerConfig = serde_json::from_value(config).expect("a trigger");
            let new = CreateTrigger { agent: "hearer".to_owned(), environment: None, config };
            Triggers::idle(node.clone()).create(&world.principal, new).await.expect("made");
            node.drain().await;
            None
        }
        _ => None,
    }
}

struct Ran {
    view: View,
    /// Distinct effects that reached the counting server, by tool.
    effects: BTreeMap<String, usize>,
    commits: u64,
    /// The first node died where it was to.
    died: bool,
}

/// One execution from its start to its end, through the death of the first node if one is planned.
async fn run(world: &World, scenario: &Scenario, original: Option<ExecutionId>, plan: Option<(u64, Death)>) -> Ran {
    let faulty = Faulty::new(world.journal.clone(), plan.map(|(at, death)| (At::Number(at), death)));
    let late = plan.is_some_and(|(_, death)| death == Death::Late).then(|| faulty.expect_late());
    let first = world.node(faulty.clone()).await;
    let notes = Notes::new(world.ambient.id::<ExecutionId>().to_string(), original);
    // commits that meet share one: a run may end before the planned one comes
    let operator = Operator { world, node: &first, scenario, notes: &notes };
    let survived = tokio::select! {
        ended = operator.drive() => Some(ended),
        () = faulty.died() => None,
    };
    let died = survived.is_none();
    let (view, node) = if let Some(view) = survived {
        (view, first)
    } else {
        first.abandon().await;
        notes.crashed.store(true, Ordering::SeqCst);
        let second = world.node(world.journal.clone()).await;
        // a client that heard nothing asks again with its key
        let view = Operator { world, node: &second, scenario, notes: &notes }.drive().await;
        if let Some(late) = late {
            faulty.release();
            let landed = late.await.expect("it was tried");
            assert!(matches!(landed, Err(CommitError::Fenced)), "a late commit must be refused: {landed:?}");
            let id = view.execution_id.parse().expect("an id");
            assert_eq!(second.get(world.principal.project_id, id).await.expect("there").seq, view.seq);
        }
        (view, second)
    };
    let commits = faulty.commits();
    let effects = check::tree(world, &node, view.execution_id.parse().expect("an id")).await;
    if scenario.hand == Hand::Listens {
        let heard = check::heard(world, &node, &notes.key).await;
        assert_eq!(heard.len(), 1, "{} {plan:?}: the event started one execution", world.backend);
    }
    node.drain().await;
    Ran { view, effects, commits, died }
}
