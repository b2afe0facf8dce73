//! Calls that wait for a person, through the service: who decides, once, from any node, after any restart.

use std::time::Duration;

use moltforge_api::approvals::{Approval, CallbackDecision, DecideApproval, ListApprovals};
use moltforge_api::executions::{Execution as View, StartExecution};
use moltforge_execution::{Config, Error, Executions, Retention};
use moltforge_store::NewKey;
use moltforge_types::{Actor, ApprovalId, ExecutionId, Principal, Scope};
use serde_json::{Value, json};

use super::world::World;

const WAIT: Option<Duration> = Some(Duration::from_secs(20));

/// An agent that refunds 50 and waits for `policy`.
async fn agent(world: &World, name: &str, mut policy: Value) {
    policy["tools"] = json!(["refund"]);
    let config = json!({
        "name": name, "kind": "prompt", "model": "scripted", "tools": ["refund"], "approvals": [policy],
        "tool": [{ "name": "refund", "description": "d", "url": format!("http://{}/{name}", world.server.address()),
                   "effect": "keyed", "parameters": { "type": "object", "properties": { "n": { "type": "integer" } } } }],
        "script": [{ "calls": [{ "tool": "refund", "arguments": { "n": 50 } }] }, { "text": "{{ tools[0] }}" }],
    });
    world.agent(&serde_json::from_value(config).expect("valid")).await;
}

/// Runs it until it waits.
async fn asked(world: &World, node: &Executions, agent: &str) -> (ExecutionId, Approval) {
    let start: StartExecution = serde_json::from_value(json!({ "agent": agent, "version": 1 })).expect("valid");
    let view = node.accept(&world.principal, start, None, WAIT).await.expect("accepted").execution;
    assert_eq!(view.state, "suspended", "{}: {view:?}", world.backend);
    let id: ExecutionId = view.execution_id.parse().expect("an id");
    let query = ListApprovals {
        state: Some("pending".to_owned()),
        execution: Some(id.to_string()),
        ..ListApprovals::default()
    };
    let page = node.approvals(world.principal.project_id, &query, None, 10).await.expect("listed");
    (id, page.items.into_iter().next().expect("one waits"))
}

async fn read(world: &World, node: &Executions, approval: &Approval) -> Approval {
    node.approval(&world.principal, id_of(approval)).await.expect("there")
}

fn id_of(approval: &Approval) -> ApprovalId {
    approval.approval_id.parse().expect("an id")
}

fn decision(approval: &Approval, decision: &str) -> DecideApproval {
    DecideApproval {
        decision: decision.to_owned(),
        call_sha256: approval.call_sha256.clone(),
        arguments: None,
        answer: None,
        note: None,
    }
}

async fn key(world: &World, name: &str, scopes: &[Scope]) -> Principal {
    let project_id = world.principal.project_id;
    let secret: [u8; 32] = world.ambient.bytes();
    let mut tx = world.store.begin().await.expect("a transaction");
    let (hint, created_by) = ("mf_", Actor::System);
    let new = NewKey { name, secret_hash: &secret, hint, scopes, created_by, expires_at: None };
    let key = tx.keys(project_id).insert(new).await.expect("inserted");
    tx.commit().await.expect("committed");
    Principal { project_id, actor: Actor::Key(key.key_id), scopes: scopes.to_vec() }
}

async fn ended(world: &World, node: &Executions, id: ExecutionId) -> View {
    for _ in 0..2_000 {
        let view = node.get(world.principal.project_id, id).await.expect("there");
        if ["completed", "failed", "cancelled"].contains(&view.state.as_str()) {
            return view;
        }
        // a real wait: looks again a moment later
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{}: it does not end: {:?}", world.backend, node.get(world.principal.project_id, id).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_deciders_one_wins_and_every_answer_is_true() {
    for world in World::all().await {
        agent(&world, "race", json!({})).await;
        let node = world.node(world.journal.clone()).await;
        let mut people = Vec::new();
        for n in 0..6 {
            people.push(key(&world, &format!("p{n}"), &[Scope::ApprovalsDecide]).await);
        }
        for _ in 0..5 {
            let (id, approval) = asked(&world, &node, "race").await;
            let word = |n: usize| if n.is_multiple_of(2) { "approve" } else { "reject" };
            let decide = |n: usize| {
                let (node, person, approval) = (node.clone(), people[n].clone(), approval.clone());
                async move { node.decide_approval(&person, id_of(&approval), decision(&approval, word(n))).await }
            };
            let answers = futures::future::join_all((0..6).map(decide)).await;
            let stands = read(&world, &node, &approval).await;
            let (mut won, by) = (Vec::new(), stands.decided_by.clone().expect("decided"));
            for (n, answer) in answers.into_iter().enumerate() {
                match answer {
                    Ok(answer) => {
                        won.push(n);
                        assert_eq!((people[n].actor.to_string(), answer.state), (by.clone(), stands.state.clone()));
                    }
                    Err(Error::ApprovalDecided { state, by: who }) => {
                        assert_eq!((Some(by.clone()), stands.state.clone()), (who, state));
                    }
                    Err(error) => panic!("{}: {error}", world.backend),
                }
            }
            assert_eq!(won.len(), 1, "{}", world.backend);
            let said = ended(&world, &node, id).await.output.expect("an output").to_string();
            assert_eq!(said.contains("approval_rejected"), stands.state == "rejected", "{said}");
            // the winner may ask again and hears the same
            let again = decision(&approval, word(won[0]));
            let answer = node.decide_approval(&people[won[0]], id_of(&approval), again).await.expect("told");
            assert_eq!(answer.state, stands.state);
            assert!(answer.carried_out_at.is_some(), "{answer:?}");
        }
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_during_a_hold_survives_a_restart_and_begins_with_the_resume() {
    for world in World::all().await {
        agent(&world, "hold", json!({})).await;
        let first = world.node(world.journal.clone()).await;
        let (id, approval) = asked(&world, &first, "hold").await;
        first.pause(&world.principal, id, None).await.expect("paused");
        let edit = DecideApproval { arguments: Some(json!({ "n": 20 })), ..decision(&approval, "approve") };
        let decided = first.decide_approval(&world.principal, id_of(&approval), edit.clone()).await.expect("decided");
        assert_eq!((decided.state.as_str(), decided.carried_out_at), ("approved", None));
        first.abandon().await;

        let second = world.node(world.journal.clone()).await;
        let before = world.server.bodies().len();
        // the client that heard nothing asks again
        let again = second.decide_approval(&world.principal, id_of(&approval), edit).await.expect("the same");
        assert_eq!(again.edited_arguments, Some(json!({ "n": 20 })));
        assert_eq!(world.server.bodies().len(), before, "it is held");
        second.resume(&world.principal, id, None).await.expect("resumed");
        let view = ended(&world, &second, id).await;
        assert_eq!(world.server.bodies()[before..], [json!({ "n": 20 })], "once, as it was approved");
        assert!(view.output.expect("an output").to_string().contains("changed the arguments"));
        assert!(read(&world, &second, &approval).await.carried_out_at.is_some());
        second.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejection_during_a_hold_is_told_after_it() {
    for world in World::all().await {
        agent(&world, "no", json!({})).await;
        let node = world.node(world.journal.clone()).await;
        let (id, approval) = asked(&world, &node, "no").await;
        node.pause(&world.principal, id, None).await.expect("paused");
        let rejected = node.decide_approval(&world.principal, id_of(&approval), decision(&approval, "reject")).await;
        assert_eq!(rejected.expect("decided").carried_out_at, None);
        node.resume(&world.principal, id, None).await.expect("resumed");
        let said = ended(&world, &node, id).await.output.expect("an output").to_string();
        assert!(said.contains("approval_rejected"), "{said}");
        assert!(read(&world, &node, &approval).await.carried_out_at.is_some(), "{}", world.backend);
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_escalates_and_expires_what_is_cold_too() {
    for world in World::all().await {
        let escalation = json!({ "escalate_after": "500ms", "escalate_to": ["board"] });
        let mut policy = json!({ "approvers": ["finance"], "expires": "3s" });
        policy.as_object_mut().expect("a table").extend(escalation.as_object().expect("a table").clone());
        agent(&world, "late", policy).await;
        let first = world.node(world.journal.clone()).await;
        let (id, approval) = asked(&world, &first, "late").await;
        first.drain().await;
        let second = world.node(world.journal.clone()).await;
        let mut escalated = read(&world, &second, &approval).await;
        while escalated.escalated_at.is_none() && escalated.state == "pending" {
            // a real wait: looks again a moment later
            tokio::time::sleep(Duration::from_millis(20)).await;
            escalated = read(&world, &second, &approval).await;
        }
        assert_eq!(escalated.approvers, ["finance", "board"], "{}: {escalated:?}", world.backend);
        let said = ended(&world, &second, id).await.output.expect("an output").to_string();
        assert!(said.contains("approval_expired"), "{said}");
        let expired = read(&world, &second, &approval).await;
        assert_eq!((expired.state.as_str(), expired.decided_by.as_deref()), ("expired", Some("system")));
        let late = second.decide_approval(&world.principal, id_of(&approval), decision(&approval, "approve")).await;
        assert!(matches!(late, Err(Error::ApprovalExpired)), "{late:?}");
        second.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_decide() {
    for world in World::all().await {
        agent(&world, "who", json!({ "approvers": ["finance"] })).await;
        let node = world.node(world.journal.clone()).await;
        let (id, approval) = asked(&world, &node, "who").await;
        let finance = key(&world, "finance", &[Scope::ApprovalsDecide]).await;
        let unscoped = key(&world, "finance", &[Scope::ExecutionsWrite]).await;
        let other = key(&world, "intern", &[Scope::ApprovalsDecide]).await;
        let mut stranger = finance.clone();
        stranger.project_id = world.ambient.id();
        let decide = async |who: &Principal, wanted| node.decide_approval(who, id_of(&approval), wanted).await;
        for who in [&unscoped, &other, &world.principal] {
            let refused = decide(who, decision(&approval, "approve")).await;
            assert!(matches!(refused, Err(Error::ApproverRequired)), "{refused:?}");
        }
        let foreign = decide(&stranger, decision(&approval, "approve")).await;
        assert!(matches!(foreign, Err(Error::ApprovalNotFound(_))), "{foreign:?}");
        let stale = DecideApproval { call_sha256: "0".repeat(64), ..decision(&approval, "approve") };
        assert!(matches!(decide(&finance, stale).await, Err(Error::ApprovalChanged)));
        let odd = decide(&finance, decision(&approval, "maybe")).await;
        assert!(matches!(odd, Err(Error::FieldInvalid { field: "/decision", .. })), "{odd:?}");
        // a stop closes it
        node.cancel(&world.principal, id, None).await.expect("cancelled");
        ended(&world, &node, id).await;
        assert_eq!(read(&world, &node, &approval).await.state, "cancelled");
        let late = decide(&finance, decision(&approval, "approve")).await;
        assert!(matches!(late, Err(Error::ApprovalDecided { .. })), "{late:?}");
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_decides_for_the_key_that_it_was_made_for() {
    for world in World::all().await {
        agent(&world, "bot", json!({ "approvers": ["finance"] })).await;
        let node = world.node(world.journal.clone()).await;
        let (id, approval) = asked(&world, &node, "bot").await;
        let finance = key(&world, "finance", &[Scope::ApprovalsDecide]).await;
        let other = key(&world, "intern", &[Scope::ApprovalsDecide]).await;
        let seen = async |who: &Principal| node.approval(who, id_of(&approval)).await.expect("there").callback;
        assert_eq!(seen(&other).await, None, "it may not decide");
        let callback = seen(&finance).await.expect("it may");
        assert!(callback.path.ends_with("/callback"));
        let answer_by = async |token: String, decision: &str| {
            let decision = decision.to_owned();
            let wanted = CallbackDecision { token, decision, arguments: None, answer: None, note: None };
            node.call_back(id_of(&approval), wanted).await
        };
        let mut forged = callback.token.clone();
        forged.replace_range(forged.len() - 1.., if forged.ends_with('0') { "1" } else { "0" });
        let foreign = callback.token.replace(&finance.actor.to_string(), &other.actor.to_string());
        for token in [forged, String::new(), foreign] {
            let refused = answer_by(token, "approve").await;
            assert!(matches!(refused, Err(Error::CallbackInvalid)), "{refused:?}");
        }
        let decided = answer_by(callback.token.clone(), "approve").await.expect("decided");
        assert_eq!(decided.decided_by, Some(finance.actor.to_string()));
        assert_eq!(answer_by(callback.token.clone(), "approve").await.expect("the same").state, "approved");
        assert!(matches!(answer_by(callback.token, "reject").await, Err(Error::ApprovalDecided { .. })));
        assert_eq!(seen(&finance).await, None, "it was decided");
        assert_eq!(ended(&world, &node, id).await.state, "completed");
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_may_edit_the_call() {
    for world in World::all().await {
        agent(&world, "bot", json!({ "approvers": ["finance"] })).await;
        let node = world.node(world.journal.clone()).await;
        let (id, approval) = asked(&world, &node, "bot").await;
        let finance = key(&world, "finance", &[Scope::ApprovalsDecide]).await;
        let callback = node.approval(&finance, id_of(&approval)).await.expect("there").callback.expect("it may");
        let edited = async |arguments: Value| {
            let token = callback.token.clone();
            let (decision, arguments) = ("approve".to_owned(), Some(arguments));
            let wanted = CallbackDecision { token, decision, arguments, answer: None, note: None };
            node.call_back(id_of(&approval), wanted).await
        };
        let large = edited(json!({ "n": 1, "x": "x".repeat(70_000) })).await;
        assert!(matches!(large, Err(Error::FieldInvalid { field: "/arguments", .. })), "{large:?}");
        let unfit = edited(json!({ "n": "many" })).await;
        assert!(unfit.is_err(), "the tool's schema says a number");
        let decided = edited(json!({ "n": 20 })).await.expect("decided");
        assert_eq!((decided.state.as_str(), decided.edited_arguments), ("approved", Some(json!({ "n": 20 }))));
        assert_eq!(ended(&world, &node, id).await.state, "completed", "{}", world.backend);
        node.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_goes_with_its_execution_when_that_is_deleted() {
    for world in World::all().await {
        agent(&world, "gone", json!({})).await;
        let retention = Retention { hot: Duration::ZERO, completed: Duration::ZERO, ..Retention::default() };
        let config = Config { retention, ..Config::default() };
        let node = world.node_with(world.journal.clone(), config).await;
        let person = key(&world, "p", &[Scope::ApprovalsDecide]).await;
        let (id, approval) = asked(&world, &node, "gone").await;
        node.decide_approval(&person, id_of(&approval), decision(&approval, "approve")).await.expect("decided");
        assert_eq!(ended(&world, &node, id).await.state, "completed");
        let cleaned = node.clean_up().await.expect("cleaned");
        assert_eq!((cleaned.archived, cleaned.purged), (1, 1), "{}", world.backend);
        for table in [
            "SELECT count(*) AS n FROM execution WHERE execution_id = $1",
            "SELECT count(*) AS n FROM execution_input WHERE execution_id = $1",
            "SELECT count(*) AS n FROM journal WHERE execution_id = $1",
            "SELECT count(*) AS n FROM archive WHERE execution_id = $1",
            "SELECT count(*) AS n FROM snapshot WHERE execution_id = $1",
            "SELECT count(*) AS n FROM approval WHERE execution_id = $1",
            "SELECT count(*) AS n FROM message WHERE recipient = $1",
            "SELECT count(*) AS n FROM fire WHERE execution_id = $1",
        ] {
            let rows: u64 = world.store.query(table).bind(id).one(|row| row.get("n")).await.expect("counted");
            assert_eq!(rows, 0, "{}: {table}", world.backend);
        }
        let read = node.approval(&world.principal, id_of(&approval)).await;
        assert!(read.is_err(), "{}", world.backend);
        node.drain().await;
    }
}
