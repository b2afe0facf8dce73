//! Gates: in turn, and nobody who left keeps a slot.

use std::time::Duration;

use moltforge_types::{AgentId, Id as _};

use super::{execution, project};
use crate::fairness::calls::{Caller, Gates, Resource, Slot};

fn caller(n: u128, of: u128) -> Caller {
    Caller { project_id: project(of), agent_id: AgentId::from_u128(of), execution_id: execution(n), step: 1 }
}

fn provider() -> Resource {
    Resource::Provider("openai".into())
}

/// Lets a call come, and gives it time to get in line.
async fn come(gates: &Gates, n: u128, of: u128) -> tokio::task::JoinHandle<Slot> {
    let gates = gates.clone();
    let task = tokio::spawn(async move { gates.enter(provider(), 1, caller(n, of)).await });
    // a real wait: looks again a moment later
    tokio::time::sleep(Duration::from_millis(5)).await;
    task
}

#[tokio::test]
async fn projects_take_turns_at_a_provider() {
    let gates = Gates::default();
    let first = gates.enter(provider(), 1, caller(1, 1)).await;
    let second = come(&gates, 2, 1).await;
    let third = come(&gates, 3, 1).await;
    let other = come(&gates, 4, 2).await;
    let said = gates.waiting_of(execution(4));
    assert_eq!(said, [(1, "the provider openai, which takes 1 at a time".to_owned())]);
    drop(first);
    let second = second.await.expect("its turn");
    drop(second);
    // the other project's only call comes before the third of the first
    let other = other.await.expect("its turn");
    assert!(!third.is_finished());
    drop(other);
    drop(third.await.expect("its turn"));
    assert_eq!(gates.len(), 0);
}

#[tokio::test]
async fn a_call_that_is_given_up_leaves_no_trace() {
    let gates = Gates::default();
    let first = gates.enter(provider(), 1, caller(1, 1)).await;
    let gone = come(&gates, 2, 1).await;
    let stays = come(&gates, 3, 1).await;
    assert!(gates.is_waiting(execution(2), 1));
    gone.abort();
    assert!(gone.await.is_err());
    assert!(!gates.is_waiting(execution(2), 1));
    drop(first);
    drop(stays.await.expect("its turn"));
    // one that was given its slot and aborted at that moment gives it back
    let held = gates.enter(provider(), 1, caller(4, 1)).await;
    let late = come(&gates, 5, 1).await;
    drop(held);
    late.abort();
    drop(late.await);
    let again = tokio::time::timeout(Duration::from_secs(5), gates.enter(provider(), 1, caller(6, 1))).await;
    assert!(again.is_ok(), "the slot came back");
}

#[tokio::test]
async fn one_gate_does_not_hold_up_another() {
    let gates = Gates::default();
    let _held = gates.enter(provider(), 1, caller(1, 1)).await;
    let _waits = come(&gates, 2, 1).await;
    let tool = Resource::Tool(AgentId::from_u128(1), "refund".into());
    let passed = tokio::time::timeout(Duration::from_secs(5), gates.enter(tool, 1, caller(2, 1))).await;
    assert!(passed.is_ok());
}
