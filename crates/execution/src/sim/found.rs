//! What the simulator has found, each as a small run of its own: one node, no faults but the one that it takes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use moltforge_types::execution::{HoldMode, Reason, State as Stands};
use moltforge_types::{Actor, ExecutionId, Origin};
use tokio::sync::mpsc;

use super::agents;
use super::client::Client;
use super::dice::Dice;
use super::node::{Node, Nodes};
use super::plan::Plan;
use super::state::State;
use crate::error::Error;
use crate::holds::keeper::Change;
use crate::shard::supervisor::Readiness;

/// A node that works, and a client.
pub(super) async fn calm() -> (Client, Node) {
    let (deaths, _heard) = mpsc::unbounded_channel();
    let mut plan = Plan::of(1);
    (plan.nodes, plan.lanes, plan.max_running, plan.provider_limit) = (1, 1, 64, None);
    plan.max_running_per_project = None;
    let state = State::new(plan, false, deaths);
    state.heal();
    agents::add_to(&state.memory);
    let nodes = Nodes::default();
    nodes.start(&state, 0);
    let node = nodes.get(0).expect("it lives");
    node.supervisor.ready().await;
    assert_eq!(node.supervisor.readiness(), Readiness::Ready);
    (Client { state, nodes, dice: Dice::new(1, 4) }, node)
}

pub(super) async fn start(client: &Client, which: usize) -> ExecutionId {
    client.clone().start(None, which, false, Origin::default()).await.expect("started")
}

fn slow(state: &Arc<State>, commits: Duration) {
    state.slow_commits.store(commits.as_millis() as u64, Ordering::Relaxed);
}

fn held(state: &State) -> usize {
    state.memory.live().iter().filter(|row| row.columns.reason == Some(Reason::Held)).count()
}

fn change(node: &Node, client: &Client, id: ExecutionId, mode: HoldMode) -> Change {
    let row = client.state.row(id).expect("there");
    assert!(!node.process.is_dead());
    Change { project_id: row.project_id, agent_id: Some(row.agent_id), mode, note: None, actor: Actor::System }
}

#[tokio::test(start_paused = true)]
async fn what_was_held_a_moment_before_the_hold_is_lifted_goes_on() {
    let (client, node) = calm().await;
    let id = start(&client, 0).await;
    slow(&client.state, Duration::from_secs(3));
    let hold = node.keeper.hold(change(&node, &client, id, HoldMode::Pause)).await.expect("it stands");
    // its pause is on the way to the disk now
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(client.state.row(id).expect("there").columns.state, Stands::Running);
    let lift = node.keeper.lift(change(&node, &client, id, HoldMode::Release)).await.expect("lifted");
    let (held_then, lifted) = (hold.await.expect("swept"), lift.await.expect("swept"));
    assert!(!held_then.missed && !lifted.missed);
    slow(&client.state, Duration::ZERO);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(held(&client.state), 0, "nothing would ever let it go on");
    assert!(client.state.memory.held().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_kill_switch_that_is_lifted_early_has_killed_everything() {
    let (client, node) = calm().await;
    let id = start(&client, 0).await;
    let kill = node.keeper.hold(change(&node, &client, id, HoldMode::Kill)).await.expect("it stands");
    let paused = node.keeper.hold(change(&node, &client, id, HoldMode::Pause)).await;
    assert!(matches!(paused, Err(Error::Killed(_))), "a pause would let go what the kill has not reached");
    // its sweep has not begun
    let lift = node.keeper.lift(change(&node, &client, id, HoldMode::Release)).await.expect("lifted");
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(client.state.row(id).expect("there").columns.state, Stands::Cancelled);
    assert!(!kill.await.expect("swept").missed && !lift.await.expect("swept").missed);
}

#[tokio::test(start_paused = true)]
async fn a_kill_switch_stands_until_it_has_reached_everything() {
    let (client, node) = calm().await;
    let id = start(&client, 0).await;
    slow(&client.state, Duration::from_secs(25));
    tokio::spawn(client.clone().start(None, 0, false, Origin::default()));
    node.keeper.hold(change(&node, &client, id, HoldMode::Kill)).await.expect("it stands");
    let lift = node.keeper.lift(change(&node, &client, id, HoldMode::Release)).await;
    assert!(matches!(lift, Err(Error::KillUnfinished)), "{:?}", lift.err());
    assert_eq!(client.state.memory.held().first().map(|row| row.mode), Some(HoldMode::Kill));
}

#[tokio::test(start_paused = true)]
async fn a_lift_that_ends_late_leaves_the_mark_of_a_later_one() {
    let (client, node) = calm().await;
    let id = start(&client, 0).await;
    let hold = || node.keeper.hold(change(&node, &client, id, HoldMode::Pause));
    let lift = || node.keeper.lift(change(&node, &client, id, HoldMode::Release));
    assert!(!hold().await.expect("it stands").await.expect("swept").missed);
    slow(&client.state, Duration::from_secs(3));
    let first = lift().await.expect("lifted");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let again = hold().await.expect("it stands");
    tokio::time::sleep(Duration::from_secs(4)).await;
    let second = lift().await.expect("lifted");
    assert!(!first.await.expect("swept").missed);
    assert!(second.is_finished() || !client.state.memory.held().is_empty(), "a crash now would lose the second sweep");
    assert!(!again.await.expect("swept").missed && !second.await.expect("swept").missed);
    slow(&client.state, Duration::ZERO);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(held(&client.state), 0);
    assert!(client.state.memory.held().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_accepted_before_a_hold_and_is_durable_after_it_begins_nothing() {
    let (client, node) = calm().await;
    let other = start(&client, 0).await;
    slow(&client.state, Duration::from_secs(3));
    let late = tokio::spawn(client.clone().start(None, 0, false, Origin::default()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let hold = node.keeper.hold(change(&node, &client, other, HoldMode::Pause)).await.expect("it stands");
    assert!(!hold.await.expect("swept").missed);
    let id = late.await.expect("no panic").expect("started");
    tokio::time::sleep(Duration::from_secs(20)).await;
    let row = client.state.row(id).expect("there");
    assert_eq!((row.columns.state, row.columns.reason), (Stands::Paused, Some(Reason::Held)));
    let entries = client.state.journal(id, 0);
    // scheduled, running, paused: no reply of a model
    assert_eq!(entries.len(), 3, "{:?}", entries.iter().map(|row| row.kind).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_stops_does_not_turn_while_a_timer_is_due() {
    let (client, node) = calm().await;
    // with a wall time of 45 seconds
    start(&client, 2).await;
    slow(&client.state, Duration::from_secs(30));
    tokio::spawn(client.clone().start(None, 0, false, Origin::default()));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let (supervisor, before) = (node.supervisor.clone(), node.clock.asked());
    let drained = tokio::spawn(async move { supervisor.drain().await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    node.clock.jump(true, Duration::from_mins(5));
    drained.await.expect("it stops");
    assert!(node.clock.asked() - before < 5_000, "the time was asked for {} times", node.clock.asked() - before);
}

#[tokio::test(start_paused = true)]
async fn nobody_joins_in_the_reading_of_another_projects_execution() {
    let (client, _node) = calm().await;
    let id = start(&client, 0).await;
    client.clone().pause(id).await;
    // it leaves memory
    tokio::time::sleep(Duration::from_mins(2)).await;
    let stands = client.state.row(id).expect("there").columns.state;
    assert!(stands == Stands::Paused || stands.is_terminal());
    let stranger = tokio::spawn(client.clone().trespass(id));
    client.clone().resume(id, None).await;
    stranger.await.expect("no panic");
    assert_eq!(client.state.violations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_code_agent_that_is_killed_at_any_moment_is_gone_at_once() {
    let (client, _node) = calm().await;
    for moment in 0..60 {
        let id = start(&client, 3).await;
        tokio::time::sleep(Duration::from_millis(moment * 7)).await;
        client.clone().stop(id, true).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let state = client.state.row(id).expect("there").columns.state;
        assert!(state.is_terminal(), "after {moment} times 7 ms: {state}");
    }
    assert_eq!(client.state.violations(), Vec::<String>::new());
}
