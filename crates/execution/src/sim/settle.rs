//! After the faults: one healthy node, and everything must come to rest by itself; then an operator ends what waits.

use std::time::Duration;

use moltforge_store::ExecutionRow;
use moltforge_types::approval::ApprovalState;
use moltforge_types::execution::{EffectDecision, Reason, State as Stands};
use moltforge_types::{ExecutionId, Timestamp};

use super::client::Client;
use super::deciders;
use super::holds;
use super::operators::unanswered;
use super::run::PATIENCE;
use crate::engine::{Command, UnknownEffects};

/// How often it is looked, and how long at most.
const LOOK: Duration = Duration::from_millis(500);
/// Further off than any wait of a run: only deadlines are.
const FAR: Duration = Duration::from_hours(1);

pub(super) async fn settle(client: &Client) {
    let state = &client.state;
    state.heal();
    for node in client.nodes.alive() {
        node.clock.set_right();
    }
    state.trace(|| "healed".to_owned());
    // those that stand by only cost time
    for node in client.nodes.alive().into_iter().skip(1) {
        if let Some(node) = client.nodes.remove(node.process.slot) {
            node.supervisor.drain().await;
        }
    }
    if client.nodes.alive().is_empty() {
        client.nodes.start(state, 0);
    }
    holds::lift_all(client).await;
    rest(client, "by itself").await;
    for row in live(client).into_iter().filter(|row| row.columns.reason == Some(Reason::Held)) {
        state.violated("hold", format!("{} stays held though nothing holds it", row.execution_id));
    }
    for _ in 0..40 {
        let live: Vec<_> = live(client);
        if live.is_empty() || !state.violations().is_empty() {
            return;
        }
        let mut asked = Vec::new();
        for row in live {
            asked.push(tokio::spawn(end(client.clone(), row)));
        }
        for asked in asked {
            let _ = asked.await;
        }
        rest(client, "after an operator's answers").await;
    }
    for row in live(client) {
        state.violated("I6", format!("{} cannot be ended: {:?}", row.execution_id, row.columns));
    }
}

fn live(client: &Client) -> Vec<ExecutionRow> {
    client.state.memory.live()
}

/// Whether something is to happen to it by itself, soon.
fn is_moving(row: &ExecutionRow, now: Timestamp) -> bool {
    match row.columns.state {
        Stands::Scheduled | Stands::Running | Stands::BackingOff => true,
        Stands::Suspended => row.columns.wake_at.is_some_and(|at| at <= now.plus(FAR)),
        _ => false,
    }
}

/// Waits until nothing moves by itself any more.
async fn rest(client: &Client, when: &str) {
    let state = &client.state;
    let looks = (PATIENCE.as_millis() * 2 / LOOK.as_millis()) as u32;
    for _ in 0..looks {
        let now = state.memory_now();
        if !live(client).iter().any(|row| is_moving(row, now)) && state.messages() == 0 {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
    if state.messages() > 0 {
        state.violated("I6", format!("{} messages are taken by nobody {when}", state.messages()));
    }
    let now = state.memory_now();
    for row in live(client).into_iter().filter(|row| is_moving(row, now)) {
        state.violated("I6", format!("{} does not come to rest {when}: {:?}", row.execution_id, row.columns));
        for entry in state.journal(row.execution_id, 0) {
            state.trace(|| format!("{} {}", entry.at, String::from_utf8_lossy(&entry.payload)));
        }
    }
}

/// What an operator does about an execution that waits.
async fn end(client: Client, row: ExecutionRow) {
    let id = row.execution_id;
    let by = "operator".to_owned();
    let command = match row.columns.state {
        Stands::Paused => {
            let unknown = row.columns.reason == Some(Reason::EffectUnknown);
            if unknown && client.dice.chance(500) {
                // call by call: the last decision lets it go on
                for step in unanswered(&client.state.journal(id, 0)) {
                    client.clone().decide_effect(id, step, EffectDecision::Fail, by.clone()).await;
                }
                return;
            }
            Command::Resume { by, unknown_effects: unknown.then_some(UnknownEffects::Fail) }
        }
        Stands::Suspended if waits_for_a_person(&client, id) => return consent(&client, id).await,
        Stands::Suspended => {
            let waits = row.columns.waiting_for.as_deref().unwrap_or_default();
            match waits.split("the signal \"").nth(1).and_then(|rest| rest.split('"').next()) {
                Some(name) => {
                    Command::Signal { name: name.to_owned(), payload: serde_json::Value::Null, dedupe_key: None }
                }
                None => Command::Stop { by, note: None, kill: true },
            }
        }
        _ => Command::Stop { by, note: None, kill: true },
    };
    // refusals show in the state that is looked at next
    let _ = client.apply(id, command).await;
    consent(&client, id).await;
}

fn waits_for_a_person(client: &Client, id: ExecutionId) -> bool {
    let rows = client.state.memory.approvals();
    rows.iter().any(|row| row.execution_id == id && row.state == ApprovalState::Pending)
}

/// Lets everything begin that an execution asks a person for: before its time is over again.
async fn consent(client: &Client, id: ExecutionId) {
    let rows = client.state.memory.approvals().into_iter();
    for row in rows.filter(|row| row.execution_id == id && row.state == ApprovalState::Pending) {
        let answer = deciders::consent(&row);
        client.clone().decide(row, answer).await;
    }
}
