//! Each rule by an example.

use std::time::Duration;

use super::{World, claimant, execution, project};
use crate::config::Config;
use crate::fairness::Pressure;

fn running(max_running: usize) -> World {
    World::new(&Config { max_running, ..Config::default() })
}

fn next(world: &World) -> Option<u128> {
    use moltforge_types::Id as _;
    world.fairness.admit(0).map(|(entry, permit)| {
        drop(permit);
        entry.claimant.execution_id.as_u128()
    })
}

#[test]
fn a_quiet_project_does_not_wait_behind_a_noisy_one() {
    let world = running(1);
    for n in 0..1_000 {
        world.push(claimant(n, 1, 1), 9);
    }
    world.push(claimant(5_000, 2, 2), 0);
    let order: Vec<_> = (0..3).filter_map(|_| next(&world)).collect();
    assert!(order.contains(&5_000), "{order:?}");
}

#[test]
fn agents_of_a_project_take_turns() {
    let world = running(1);
    for n in 0..100 {
        world.push(claimant(n, 1, 1), 5);
    }
    world.push(claimant(5_000, 1, 2), 5);
    assert!((0..3).filter_map(|_| next(&world)).any(|n| n == 5_000));
}

#[test]
fn a_higher_priority_overtakes_and_age_makes_up_for_it() {
    let world = running(1);
    world.push(claimant(1, 1, 1), 0);
    world.push(claimant(2, 1, 1), 9);
    assert_eq!(next(&world), Some(2));
    // 9 priorities are worth 270 seconds
    world.pass(271);
    world.push(claimant(3, 1, 1), 9);
    assert_eq!([next(&world), next(&world)], [Some(1), Some(3)]);
}

#[test]
fn a_blocked_head_holds_nobody_up() {
    let world = running(10);
    let mut limited = claimant(1, 1, 1);
    limited.agent_limit = Some(1);
    let held = world.fairness.run(&std::sync::Arc::new(claimant(100, 1, 1)));
    world.push(limited, 9);
    for n in [2, 3] {
        let mut keyed = claimant(n, 1, 2);
        keyed.key = Some("k".into());
        world.push(keyed, 9);
    }
    world.push(claimant(4, 1, 2), 0);
    let (first, first_permit) = world.fairness.admit(0).expect("the key is free");
    assert_eq!(first.claimant.execution_id, execution(2));
    let (second, _second_permit) = world.fairness.admit(0).expect("another without a key");
    assert_eq!(second.claimant.execution_id, execution(4));
    assert!(world.fairness.admit(0).is_none());
    assert!(world.fairness.waiting_for(execution(1)).expect("waits").starts_with("a slot of the agent, which runs 1"));
    let said = world.fairness.waiting_for(execution(3)).expect("waits");
    assert!(said.starts_with("the concurrency key \"k\", held by exe_"), "{said}");
    drop(first_permit);
    let (third, _third_permit) = world.fairness.admit(0).expect("the key came back");
    assert_eq!(third.claimant.execution_id, execution(3));
    drop(held);
    assert_eq!(next(&world), Some(1));
    world.fairness.watch();
}

#[test]
fn a_project_has_its_limit_and_others_have_theirs() {
    let world = World::new(&Config { max_running_per_project: Some(1), ..Config::default() });
    let permit = world.fairness.try_run(&std::sync::Arc::new(claimant(1, 1, 1))).expect("free");
    assert!(world.fairness.try_run(&std::sync::Arc::new(claimant(2, 1, 2))).is_none());
    assert!(world.fairness.try_run(&std::sync::Arc::new(claimant(3, 2, 3))).is_some());
    world.push(claimant(2, 1, 2), 5);
    assert_eq!(next(&world), None);
    assert!(world.fairness.waiting_for(execution(2)).expect("waits").starts_with("a slot of the project"));
    drop(permit);
    assert_eq!(next(&world), Some(2));
}

#[test]
fn nobody_passes_those_who_could_begin() {
    let world = running(1);
    world.push(claimant(1, 1, 1), 5);
    assert!(world.fairness.try_run(&std::sync::Arc::new(claimant(2, 1, 1))).is_none());
    assert_eq!(next(&world), Some(1));
    assert!(world.fairness.try_run(&std::sync::Arc::new(claimant(2, 1, 1))).is_some());
}

#[test]
fn memory_is_a_limit_too_and_one_is_always_let_in() {
    let world = World::new(&Config { max_running_bytes: 100, ..Config::default() });
    let mut permit = world.fairness.try_run(&std::sync::Arc::new(claimant(1, 1, 1))).expect("the first");
    permit.set_bytes(150);
    assert!(world.fairness.try_run(&std::sync::Arc::new(claimant(2, 1, 1))).is_none());
    permit.set_bytes(50);
    assert!(world.fairness.try_run(&std::sync::Arc::new(claimant(2, 1, 1))).is_some());
}

#[test]
fn a_queue_that_is_too_old_refuses_its_own_project_alone() {
    let world = running(1);
    let _permit = world.fairness.try_run(&std::sync::Arc::new(claimant(1, 1, 1)));
    world.push(claimant(2, 1, 1), 5);
    world.pass(30);
    assert_eq!(world.fairness.pressure(project(1)), Ok(()));
    world.pass(1);
    let Err(Pressure::Old { waited, retry_after }) = world.fairness.pressure(project(1)) else { panic!("too old") };
    assert_eq!(waited, Duration::from_secs(31));
    assert!(retry_after >= Duration::from_secs(1) && retry_after <= Duration::from_mins(5), "{retry_after:?}");
    assert_eq!(world.fairness.pressure(project(2)), Ok(()));
}

#[test]
fn a_retry_is_named_by_the_pace_of_the_queue() {
    let world = running(1);
    for n in 0..400 {
        world.push(claimant(n, 1, 1), 5);
    }
    // two a second for 100 seconds: 200 are left, which take 100 seconds, 70 more than the target
    for _ in 0..100 {
        world.pass(1);
        next(&world);
        next(&world);
    }
    let Err(Pressure::Old { retry_after, .. }) = world.fairness.pressure(project(1)) else { panic!("too old") };
    assert!((60..=80).contains(&retry_after.as_secs()), "{retry_after:?}");
}

#[test]
fn what_its_author_holds_back_makes_no_queue_old() {
    let world = running(10);
    let mut keyed = claimant(1, 1, 1);
    keyed.key = Some("k".into());
    let _permit = world.fairness.try_run(&std::sync::Arc::new(keyed.clone()));
    keyed.execution_id = execution(2);
    world.push(keyed, 5);
    assert_eq!(next(&world), None);
    world.pass(3_600);
    assert_eq!(world.fairness.pressure(project(1)), Ok(()));
}

#[test]
fn a_queue_has_a_length_and_a_size() {
    let world = World::new(&Config { max_running: 1, max_queued_per_project: Some(2), ..Config::default() });
    let _permit = world.fairness.try_run(&std::sync::Arc::new(claimant(1, 1, 1)));
    world.push(claimant(2, 1, 1), 5);
    assert_eq!(world.fairness.pressure(project(1)), Ok(()));
    world.push(claimant(3, 1, 1), 5);
    assert!(matches!(world.fairness.pressure(project(1)), Err(Pressure::Full { .. })));
    assert_eq!(world.fairness.pressure(project(2)), Ok(()));
    let small = World::new(&Config { max_running: 1, max_queued_bytes: 600, ..Config::default() });
    let _permit = small.fairness.try_run(&std::sync::Arc::new(claimant(1, 1, 1)));
    small.push(claimant(2, 1, 1), 5);
    assert!(matches!(small.fairness.pressure(project(1)), Err(Pressure::Full { .. })));
}
