//! A day in the life of one agent, on real stores: a schedule starts it, it asks a person, waits a day, asks about the
//! refund as its policy says, pays once although the node dies at the worst moment, starts three children, and is killed
//! with them by one command. The clock moves only when the test moves it.

use std::time::Duration;

use moltforge_api::approvals::{Approval, DecideApproval, ListApprovals};
use moltforge_api::executions::{Execution as View, ReplayExecution};
use moltforge_api::triggers::Trigger;
use moltforge_execution::Error;
use moltforge_store::CommitError;
use moltforge_types::ExecutionId;
use moltforge_types::journal::Entry;
use serde_json::{Value, json};

use super::faulty::{At, Death, Faulty};
use super::triggers::{HOUR, Timed, id};

const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than an owner sleeps: what it would do by itself has happened after it.
const A_WHILE: Duration = Duration::from_millis(1_200);

/// Asks, waits a day, pays behind an approval, and starts three `digger`s that it waits for.
fn clerk(timed: &Timed) -> Value {
    let refund = json!({ "name": "refund", "description": "d", "url": format!("http://{}/refund", timed.world.server.address()),
                         "effect": "keyed", "parameters": { "type": "object", "properties": { "order": { "type": "string" } } } });
    let start = json!({ "tool": "agents.start", "arguments": { "agent": "digger" } });
    let ids = json!(["{{ tools[0].execution_id }}", "{{ tools[1].execution_id }}", "{{ tools[2].execution_id }}"]);
    json!({
        "name": "clerk", "kind": "prompt", "model": "scripted", "limits": { "wall": "72h" }, "agents": ["digger"],
        "tools": ["approvals.request", "time.sleep", "refund", "agents.start", "agents.wait"], "tool": [refund],
        "approvals": [{ "tools": ["refund"], "expires": "6h" }],
        "script": [
            { "calls": [{ "tool": "approvals.request", "arguments": { "title": "Look at A-17?", "expires": "12h" } }] },
            { "calls": [{ "tool": "time.sleep", "arguments": { "duration": "24h" } }] },
            { "calls": [{ "tool": "refund", "arguments": { "order": "A-17" } }] },
            { "calls": [start, start, start] },
            { "calls": [{ "tool": "agents.wait", "arguments": { "executions": ids } }] },
            { "text": "never" },
        ],
    })
}

/// Calls a tool that hangs.
fn digger(timed: &Timed) -> Value {
    let hang = json!({ "name": "hang", "description": "d", "url": format!("http://{}/hang", timed.world.server.address()),
                       "effect": "at_most_once", "parameters": { "type": "object", "properties": {} } });
    json!({ "name": "digger", "kind": "prompt", "model": "scripted", "tools": ["hang"], "tool": [hang],
            "script": [{ "calls": [{ "tool": "hang", "arguments": {} }] }, { "text": "never" }] })
}

/// The commit that says that the refund is about to be sent.
fn intent(entry: &Entry) -> bool {
    matches!(entry, Entry::ToolInvoked { tool, .. } if tool == "refund")
}

/// The commit that says that it was answered.
fn answer(entry: &Entry) -> bool {
    matches!(entry, Entry::ToolSucceeded { tool, .. } if tool == "refund")
}

/// The commit at which the node dies, how, and how often the refund arrives then, each time with the same key.
type Moment = (fn(&Entry) -> bool, Death, u32);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_story() {
    // the intent is durable and nothing was sent; the refund arrived and its answer is not durable; the same, and what the
    // old node wanted to write comes when another one has taken over
    let moments: [Moment; 3] = [(intent, Death::After, 1), (answer, Death::Before, 2), (answer, Death::Late, 2)];
    for (moment, death, arrivals) in moments {
        for mut timed in Timed::all().await {
            let name = format!("{} {death:?}", timed.world.backend);
            println!("{name}");
            let id = pays_once(&mut timed, At::Entry(moment), death).await;
            is_killed_with_its_children(&timed, id).await;
            paid(&timed, id, arrivals).await;
            timed.node.drain().await;
        }
    }
}

/// From its start to the refund, and through the death of the node.
async fn pays_once(timed: &mut Timed, at: At, death: Death) -> ExecutionId {
    timed.deploy(digger(timed)).await;
    timed.deploy(clerk(timed)).await;
    let schedule = timed.create("clerk", json!({ "schedule": "@hourly", "name": "refunds" })).await;
    let run = started_by(timed, &schedule, "clerk").await;
    let id: ExecutionId = run.execution_id.parse().expect("an id");
    timed.until(&run, "suspended").await;
    let (question, decision) = asked(timed, id).await;
    assert_eq!(question.tool, "approvals.request");
    decide(timed, &question, decision).await;
    // it sleeps from here, and the node is another one when it wakes
    let asleep = until(timed, id, |view| view.wake_at.is_some() && waits_for(view, "the time")).await;
    let began = timed.world.ambient.now();
    assert_eq!(asleep.wake_at, Some(began.plus(24 * HOUR).to_string()), "{}", timed.world.backend);
    let faulty = Faulty::new(timed.world.journal.clone(), Some((at, death)));
    let late = (death == Death::Late).then(|| faulty.expect_late());
    timed.crash_onto(faulty.clone()).await;
    timed.clock.advance(23 * HOUR);
    // a real wait: that nothing happens is what is waited for
    tokio::time::sleep(A_WHILE).await;
    assert!(waits_for(&get(timed, id).await, "the time"), "not before its time");
    timed.clock.advance(HOUR);
    // the policy of the tool: nothing is paid until a person has seen exactly this call
    let (refund, decision) = asked(timed, id).await;
    assert_eq!((refund.tool.as_str(), &refund.arguments), ("refund", &json!({ "order": "A-17" })));
    assert_eq!(timed.world.server.total(), 0);
    tokio::select! {
        // whoever decides may hear nothing: the node dies in the commit of the decision, or right after it
        () = async { decide(timed, &refund, decision).await; std::future::pending().await } => {}
        died = tokio::time::timeout(PATIENCE, faulty.died()) => died.expect("the node dies"),
    }
    timed.crash().await;
    until(timed, id, |view| waits_for(view, "3 children")).await;
    if let Some(late) = late {
        let seq = get(timed, id).await.seq;
        faulty.release();
        let landed = late.await.expect("it was tried");
        assert!(matches!(landed, Err(CommitError::Fenced)), "a late commit must be refused: {landed:?}");
        assert_eq!(get(timed, id).await.seq, seq);
    }
    id
}

/// One command ends it and its three children, each with a call on its way.
async fn is_killed_with_its_children(timed: &Timed, id: ExecutionId) {
    let (world, project_id) = (&timed.world, timed.world.principal.project_id);
    let at_work = async {
        while world.server.at_once("hang").0 < 3 {
            // a real wait: the real server works meanwhile; this polls, within a limit
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, at_work).await.expect("three are at work");
    let receipt = timed.node.kill(&world.principal, id, Some("enough".to_owned())).await.expect("killed").receipt;
    let receipt = receipt.expect("a receipt");
    assert_eq!((receipt.stopped.state.as_str(), receipt.stopped.kill), ("cancelled", true));
    let tree = timed.node.tree(project_id, id).await.expect("there");
    let mut below: Vec<_> = tree.iter().skip(1).map(|node| node.execution_id.clone()).collect();
    let mut named: Vec<_> = receipt.below.iter().map(|stopped| stopped.execution_id.clone()).collect();
    below.sort();
    named.sort();
    assert_eq!((named.len(), &named), (3, &below), "{}: {receipt:?}", world.backend);
    for stopped in &receipt.below {
        assert_eq!((stopped.state.as_str(), stopped.kill), ("cancelled", true), "{stopped:?}");
        assert!(stopped.stopped_at.is_some() && stopped.stop_us.is_some(), "{stopped:?}");
        let [call] = stopped.calls.as_slice() else { panic!("one call each: {stopped:?}") };
        assert_eq!((call.name.as_str(), call.outcome.as_str()), ("hang", "unknown"));
        // the receipt says what the journal says
        let entries = world.journal_of(stopped.execution_id.parse().expect("an id")).await;
        assert_eq!(call.idempotency_key, key(&entries));
        assert!(matches!(entries.last(), Some(Entry::Cancelled { kill: true, .. })), "{entries:?}");
    }
    // the sockets are closed: nothing goes on behind the receipt
    let gone = async {
        while world.server.at_once("hang").0 > 0 {
            // a real wait: the real server works meanwhile; this polls, within a limit
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("the calls are gone");
    assert!(matches!(timed.node.resume(&world.principal, id, None).await, Err(Error::ExecutionEnded(_))));
}

/// What is left of it: one refund at the far side and in the journal, and every entry is what the engine does.
async fn paid(timed: &Timed, id: ExecutionId, arrivals: u32) {
    let (world, entries) = (&timed.world, timed.world.journal_of(id).await);
    assert_eq!((count(&entries, intent), count(&entries, answer)), (1, 1));
    assert_eq!(count(&entries, |entry| matches!(entry, Entry::ApprovalDecided { .. })), 2);
    let approved =
        |entry: &Entry| matches!(entry, Entry::ToolInvoked { tool, approval_id: Some(_), .. } if tool == "refund");
    assert_eq!(count(&entries, approved), 1);
    let key = key(&entries).expect("an intent");
    assert_eq!(world.server.calls_of(&key), arrivals, "{}: with one key, however often", world.backend);
    let refunds = world.server.bodies().iter().filter(|body| body["order"] == "A-17").count();
    assert_eq!(refunds, arrivals as usize, "{}: no refund with another key", world.backend);
    let replayed = timed.node.replay(world.principal.project_id, id, ReplayExecution::default()).await;
    let replayed = replayed.expect("replayed");
    assert!(replayed.identical, "{replayed:#?}");
}

/// The key of its first call with an intent.
fn key(entries: &[Entry]) -> Option<String> {
    entries.iter().find_map(|entry| match entry {
        Entry::ToolInvoked { idempotency_key, .. } => Some(idempotency_key.clone()),
        _ => None,
    })
}

/// Lets a schedule's hour come, once. The one execution that it started.
async fn started_by(timed: &Timed, schedule: &Trigger, agent: &str) -> View {
    timed.clock.advance(HOUR);
    let settled = async {
        // as the service does it: a fire that could not be settled is tried again
        loop {
            timed.sweep().await;
            if timed.fires(schedule).await.iter().any(|fire| fire.state != "pending") {
                return;
            }
            // a real wait: the real server works meanwhile; this polls, within a limit
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.expect("its hour has come");
    timed.triggers.pause(&timed.world.principal, id(schedule)).await.expect("one run is enough");
    let fires = timed.fires(schedule).await;
    let listed = async {
        loop {
            let mut runs = timed.executions().await;
            runs.retain(|view| view.agent_name == agent);
            if !runs.is_empty() {
                return runs;
            }
            // a real wait: a list may be read on a connection that began to read before the start was committed
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let mut runs = tokio::time::timeout(PATIENCE, listed).await.expect("it is listed");
    assert_eq!(runs.len(), 1, "{} {agent}: {fires:?} at {}", timed.world.backend, timed.world.ambient.now());
    let run = runs.remove(0);
    assert_eq!((run.trigger.as_str(), run.trigger_id.as_ref()), ("schedule", Some(&schedule.trigger_id)));
    run
}

/// What a person is asked, and the answer that lets it begin.
async fn asked(timed: &Timed, execution: ExecutionId) -> (Approval, DecideApproval) {
    let pending = Some("pending".to_owned());
    let query = ListApprovals { execution: Some(execution.to_string()), state: pending, ..ListApprovals::default() };
    let waiting = async {
        loop {
            let page = timed.node.approvals(timed.world.principal.project_id, &query, None, 10).await.expect("listed");
            assert!(page.items.len() < 2, "one question: {:?}", page.items);
            if let Some(asked) = page.items.into_iter().next() {
                return asked;
            }
            // a real wait: the real server works meanwhile; this polls, within a limit
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let asked = tokio::time::timeout(PATIENCE, waiting).await.expect("it asks");
    let decision = DecideApproval {
        decision: "approve".to_owned(),
        call_sha256: asked.call_sha256.clone(),
        arguments: None,
        answer: None,
        note: Some("go".to_owned()),
    };
    (asked, decision)
}

async fn decide(timed: &Timed, asked: &Approval, decision: DecideApproval) {
    let id = asked.approval_id.parse().expect("an id");
    let decided = timed.node.decide_approval(&timed.world.principal, id, decision).await.expect("decided");
    assert_eq!(decided.state, "approved");
}

async fn get(timed: &Timed, id: ExecutionId) -> View {
    timed.node.get(timed.world.principal.project_id, id).await.expect("there")
}

async fn until(timed: &Timed, id: ExecutionId, what: impl Fn(&View) -> bool) -> View {
    let wait = async {
        loop {
            let view = get(timed, id).await;
            if what(&view) {
                return view;
            }
            // a real wait: the real server works meanwhile; this polls, within a limit
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("in time")
}

fn waits_for(view: &View, words: &str) -> bool {
    view.state == "suspended" && view.waiting_for.as_ref().is_some_and(|text| text.contains(words))
}

fn count(entries: &[Entry], wanted: impl Fn(&Entry) -> bool) -> usize {
    entries.iter().filter(|entry| wanted(entry)).count()
}
