//! One run: operations and faults, then everything is healed and driven to rest, then the invariants are checked.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use moltforge_types::{ExecutionId, Origin};
use tokio::sync::mpsc;

use super::client::{Client, LONGEST};
use super::dice::Dice;
use super::node::{Death, Nodes};
use super::plan::{Kind, Plan};
use super::state::{Promise, State};
use super::{agents, check, deciders, holds, logs, operators, panics, pokes, settle, watch};
use crate::engine::UnknownEffects;

/// What a run gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Report {
    /// What was broken; nothing when all is well.
    pub(super) violations: Vec<String>,
    /// A hash of the whole journal and of how much happened: the same for the same plan.
    pub(super) hash: u64,
    pub(super) executions: usize,
    pub(super) entries: usize,
}

/// Runs a plan in a runtime of its own, with paused time.
pub(super) fn run(plan: &Plan, tracing: bool) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime");
    panics::listen();
    let simulated = AssertUnwindSafe(|| runtime.block_on(simulate(plan.clone(), tracing)));
    let report = catch_unwind(simulated).unwrap_or_else(|_| Report {
        violations: panics::heard(),
        hash: 0,
        executions: 0,
        entries: 0,
    });
    // tasks that are left are dropped here, in this thread
    drop(runtime);
    report
}

async fn simulate(plan: Plan, tracing: bool) -> Report {
    let (deaths, heard) = mpsc::unbounded_channel();
    let state = State::new(plan, tracing, deaths);
    let _listening = logs::listen(&state);
    state.trace(|| format!("{:?}", state.plan));
    agents::add_to(&state.memory);
    let rate = state.plan.rate(Kind::Poke);
    pokes::set((rate > 0).then(|| (Dice::new(state.plan.seed, 6), rate)));
    let nodes = Nodes::default();
    for slot in 0..state.plan.nodes {
        nodes.start(&state, slot);
    }
    let undertaker = tokio::spawn(bury(state.clone(), nodes.clone(), heard));
    let client = Client { state: state.clone(), nodes: nodes.clone(), dice: Dice::new(state.plan.seed, 4) };
    operate(&client).await;
    undertaker.abort();
    let _ = undertaker.await;
    settle::settle(&client).await;
    pokes::set(None);
    let all = check::told(&state);
    check::all(&state, &all);
    check::i12::check(&state, &nodes.alive());
    for panic in panics::heard() {
        state.violated("panic", panic);
    }
    let (hash, entries) = check::hash(&state, &all);
    Report { violations: state.violations(), hash, executions: state.memory.rows().len(), entries }
}

/// Ends what a dead process left running, and starts the next one a while later.
async fn bury(state: Arc<State>, nodes: Nodes, mut heard: mpsc::UnboundedReceiver<Death>) {
    while let Some(death) = heard.recv().await {
        let Some(node) = nodes.remove(death.slot) else { continue };
        debug_assert_eq!(node.process.number, death.number, "one process per place");
        node.supervisor.abandon().await;
        let (state, nodes) = (state.clone(), nodes.clone());
        let delay = state.faults.millis(10, 8_000);
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            if !state.is_healed() {
                nodes.start(&state, death.slot);
            }
        });
    }
}

/// The operations, one after the other, without waiting for their answers.
async fn operate(client: &Client) {
    let state = client.state.clone();
    let dice = Dice::new(state.plan.seed, 5);
    for n in 0..state.plan.operations {
        tokio::time::sleep(dice.millis(0, 400) * state.plan.pace).await;
        disturb(client, &dice);
        operation(client, &dice, n);
    }
    tokio::time::sleep(dice.millis(0, 5_000)).await;
}

fn known(state: &State, dice: &Dice) -> Option<ExecutionId> {
    let ids: Vec<_> = state
        .promises()
        .into_iter()
        .filter_map(|promise| match promise {
            Promise::Started { id, .. } => Some(id),
            _ => None,
        })
        .collect();
    // the latest are the most alive
    let latest = ids.get(ids.len().saturating_sub(12)..).unwrap_or_default();
    dice.pick(latest).copied()
}

fn operation(client: &Client, dice: &Dice, n: u64) {
    let (client, state) = (client.clone(), client.state.clone());
    let target = known(&state, dice);
    match (dice.below(100), target) {
        (0..=27, _) | (_, None) => start(client, dice, n),
        (28..=43, Some(id)) => {
            let (name, key) = (format!("s{}", dice.below(3)), format!("signal-{n}"));
            if dice.chance(200) {
                // a client that does not trust its network
                tokio::spawn(client.clone().signal(id, name.clone(), key.clone()));
            }
            tokio::spawn(client.signal(id, name, key));
        }
        (44..=51, Some(id)) => drop(tokio::spawn(client.pause(id))),
        (52..=66, Some(id)) => {
            let decision = match dice.below(4) {
                0 => None,
                1 => Some(UnknownEffects::Fail),
                _ => Some(UnknownEffects::Retry),
            };
            tokio::spawn(client.resume(id, decision));
        }
        (67..=72, Some(id)) => drop(tokio::spawn(client.stop(id, dice.chance(400)))),
        (73..=75, Some(id)) => drop(tokio::spawn(client.trespass(id))),
        (76..=86, Some(_)) => deciders::decide(&client, dice, n),
        (87..=89, Some(_)) => holds::hold_or_lift(&client, dice),
        (90..=92, Some(id)) => drop(tokio::spawn(client.fork(id, format!("fork-{n}")))),
        (93..=95, Some(_)) => operators::look_at_an_effect(&client, dice, n),
        (_, Some(id)) => {
            if let Some(node) = dice.pick(&client.nodes.alive()).cloned() {
                tokio::spawn(watch::watch(state, node, id));
            }
        }
    }
}

fn start(client: Client, dice: &Dice, n: u64) {
    let which = usize::try_from(dice.below(8)).unwrap_or(0);
    // some keys are used again, at once or later
    let key = match dice.below(10) {
        0 => None,
        1 | 2 => Some(format!("key-{}", dice.below(n.max(1)))),
        _ => Some(format!("key-{n}")),
    };
    // a key means one request: the same agent each time
    let which = key.as_ref().and_then(|key| key.rsplit('-').next()?.parse().ok()).unwrap_or(which);
    let (twice, wait) = (dice.chance(150), dice.chance(100));
    // close together, so that waiting decides as well
    let priority = dice.chance(500).then(|| u8::try_from(4 + dice.below(3)).unwrap_or(5));
    let concurrency_key = dice.chance(100).then(|| format!("of {}", dice.below(3)));
    let origin = Origin { priority, concurrency_key, ..Origin::default() };
    if twice && key.is_some() {
        tokio::spawn(client.clone().start(key.clone(), which, wait, origin.clone()));
    }
    tokio::spawn(client.start(key, which, wait, origin));
}

/// Faults that need no commit.
fn disturb(client: &Client, dice: &Dice) {
    let state = &client.state;
    let alive = client.nodes.alive();
    let Some(node) = dice.pick(&alive) else { return };
    if state.strikes(Kind::Restart) {
        if dice.chance(500) {
            node.process.die(state);
        } else if let Some(node) = client.nodes.remove(node.process.slot) {
            state.trace(|| format!("node {} is stopped in order", node.process.slot));
            let (state, nodes) = (state.clone(), client.nodes.clone());
            tokio::spawn(async move {
                // a stop that hangs ends in a kill
                if tokio::time::timeout(Duration::from_secs(30), node.supervisor.drain()).await.is_err() {
                    node.supervisor.abandon().await;
                }
                if !state.is_healed() && nodes.get(node.process.slot).is_none() {
                    nodes.start(&state, node.process.slot);
                }
            });
        }
    }
    if state.strikes(Kind::Partition) {
        let (leases_only, length) = (dice.chance(500), dice.millis(100, 20_000));
        state.trace(|| format!("node {} is cut off for {length:?}, leases only: {leases_only}", node.process.slot));
        node.process.cut(state, leases_only, length);
    }
    if state.strikes(Kind::Clock) {
        let (forward, back) = (dice.millis(10, 120_000), dice.millis(1, 900));
        let which = dice.below(3);
        state.trace(|| format!("clock {which} jumps: {forward:?} or back {back:?}"));
        match which {
            0 => node.clock.jump(true, forward),
            1 => node.clock.jump(false, back),
            _ => state.database_clock.jump(true, forward),
        }
    }
}

/// Time for every request that is under way to come to its end.
pub(super) const PATIENCE: Duration = LONGEST;
