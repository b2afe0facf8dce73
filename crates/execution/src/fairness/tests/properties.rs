//! Whatever comes and goes: limits hold, shares are fair, everybody is picked in time, and the books agree.

use std::collections::HashMap;
use std::sync::Arc;

use moltforge_types::{ExecutionId, Id as _};
use proptest::prelude::*;

use super::{World, claimant};
use crate::config::Config;
use crate::fairness::{Claimant, Permit};

#[derive(Debug, Clone)]
enum Op {
    Push { project: u128, agent: u128, key: Option<u8>, limit: Option<u32>, priority: u8 },
    Admit,
    Finish(usize),
    Remove(usize),
    Pass(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let limit = proptest::option::weighted(0.4, 1..3_u32);
    let key = proptest::option::weighted(0.4, 0..3_u8);
    prop_oneof![
        4 => (0..3_u128, 0..3_u128, key, limit, 0..10_u8).prop_map(|(project, agent, key, limit, priority)| {
            Op::Push { project, agent: project * 10 + agent, key, limit, priority }
        }),
        4 => Just(Op::Admit),
        3 => any::<usize>().prop_map(Op::Finish),
        1 => any::<usize>().prop_map(Op::Remove),
        1 => (0..100_u64).prop_map(Op::Pass),
    ]
}

fn config() -> Config {
    Config { max_running: 6, max_running_per_project: Some(4), ..Config::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn limits_hold_and_nothing_is_left_behind(ops in proptest::collection::vec(op(), 1..200)) {
        let world = World::new(&config());
        let mut waiting: Vec<ExecutionId> = Vec::new();
        let mut running: Vec<(Arc<Claimant>, Permit)> = Vec::new();
        for (number, op) in ops.into_iter().enumerate() {
            match op {
                Op::Push { project, agent, key, limit, priority } => {
                    let mut new = claimant(number as u128, project, agent);
                    new.key = key.map(|key| key.to_string().into());
                    new.agent_limit = limit;
                    waiting.push(new.execution_id);
                    world.push(new, priority);
                }
                Op::Admit => if let Some((entry, permit)) = world.fairness.admit(0) {
                    waiting.retain(|id| *id != entry.claimant.execution_id);
                    // at the moment of its claim there was room for it
                    let of = |f: &dyn Fn(&Claimant) -> bool| running.iter().filter(|(c, _)| f(c)).count();
                    let me = entry.claimant.clone();
                    prop_assert!(running.len() < 6);
                    prop_assert!(of(&|c| c.project_id == me.project_id) < 4);
                    if let Some(limit) = me.agent_limit {
                        prop_assert!(of(&|c| c.agent_id == me.agent_id) < limit as usize);
                    }
                    if me.key.is_some() {
                        prop_assert_eq!(of(&|c| c.agent_id == me.agent_id && c.key == me.key), 0);
                    }
                    running.push((me, permit));
                },
                Op::Finish(at) => if !running.is_empty() {
                    drop(running.swap_remove(at % running.len()));
                },
                Op::Remove(at) => if !waiting.is_empty() {
                    world.fairness.remove(waiting.swap_remove(at % waiting.len()));
                },
                Op::Pass(seconds) => world.pass(seconds),
            }
            let inner = world.fairness.lock();
            prop_assert_eq!(inner.counts.running(), running.len(), "permits are what runs");
            prop_assert!(inner.ready.is_sound() && inner.counts.is_sound());
            prop_assert_eq!(inner.ready.len(), waiting.len());
            drop(inner);
            world.fairness.watch();
        }
        // everything that waits gets its turn once the others end
        running.clear();
        while let Some((entry, permit)) = world.fairness.admit(0) {
            waiting.retain(|id| *id != entry.claimant.execution_id);
            drop(permit);
        }
        prop_assert!(waiting.is_empty(), "left behind: {:?}", waiting);
        prop_assert_eq!(world.fairness.lock().counts.running(), 0);
    }

    #[test]
    fn shares_are_equal_whoever_pushes_more(loads in proptest::collection::vec(200..600_usize, 2..5)) {
        let world = World::new(&Config { max_running: 1, ..Config::default() });
        let mut number = 0;
        for (project, load) in loads.iter().enumerate() {
            for _ in 0..*load {
                number += 1;
                world.push(claimant(number, project as u128, project as u128), 5);
            }
        }
        // as long as all have something, all get the same
        let mut picks: HashMap<u128, usize> = HashMap::new();
        for _ in 0..100 * loads.len() {
            let (entry, _permit) = world.fairness.admit(0).expect("work is left");
            *picks.entry(entry.claimant.project_id.as_u128()).or_default() += 1;
        }
        prop_assert!(picks.values().all(|n| n.abs_diff(100) <= 1), "{:?}", picks);
    }

    #[test]
    fn nobody_waits_longer_than_the_ageing_bound(priorities in proptest::collection::vec(0..10_u8, 1..400)) {
        // one is served each second and one comes each second, behind a lowest priority that came first
        let world = World::new(&Config { max_running: 1, ..Config::default() });
        world.push(claimant(0, 1, 1), 0);
        for (n, priority) in priorities.iter().enumerate() {
            world.push(claimant(n as u128 + 1, 1, 1), *priority);
            let (entry, _permit) = world.fairness.admit(0).expect("there is one");
            if entry.claimant.execution_id.as_u128() == 0 {
                return Ok(());
            }
            prop_assert!(n <= 271, "it waited for {n} seconds");
            world.pass(1);
        }
    }

    #[test]
    fn slots_are_shared_by_time_not_by_number(slow in 2..20_u64) {
        // both projects always have work; an execution of one takes `slow` times as long
        let world = World::new(&Config { max_running: 1, ..Config::default() });
        let mut number = 0;
        let mut busy = [0_u64; 2];
        for project in 0..2 {
            for _ in 0..2 {
                number += 1;
                world.push(claimant(number, project, project), 5);
            }
        }
        for _ in 0..600 {
            let (entry, permit) = world.fairness.admit(0).expect("there is one");
            let project = entry.claimant.project_id.as_u128();
            let takes = if project == 0 { slow } else { 1 };
            world.pass(takes);
            drop(permit);
            busy[project as usize] += takes;
            number += 1;
            world.push(claimant(number, project, project), 5);
        }
        let share = busy[0] * 100 / (busy[0] + busy[1]);
        prop_assert!((40..=60).contains(&share), "{share}");
    }
}
