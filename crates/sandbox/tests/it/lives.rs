//! Workers: one for a project, started when it is needed, stopped when it is not.

use std::time::Duration;

use moltforge_sandbox::{Config, Event, GuestRequest, Sandbox};

use crate::driver::{End, Journal, go_on, run};
use crate::world::{agent, config, sandbox};

const WAITS: &str = "export default async (i, { tools }) => { await tools.call('a', {}) }";

#[tokio::test]
async fn projects_do_not_share_a_process() {
    let sandbox = sandbox();
    let one = sandbox.run(agent(WAITS)).await.unwrap();
    let two = sandbox.run(agent(WAITS)).await.unwrap();
    let other = sandbox.run(GuestRequest { project: "proj_2".into(), ..agent(WAITS) }).await.unwrap();
    assert_eq!(one.process_id(), two.process_id());
    assert_ne!(one.process_id(), other.process_id());
}

#[tokio::test]
async fn a_worker_that_is_killed_hurts_its_own_guests_alone_and_they_go_on() {
    let sandbox = sandbox();
    let steps = "export default async (i, { tools }) => {
        const seen = [];
        for (let n = 0; n < 4; n++) seen.push((await tools.call('look', { n })).args.n);
        return seen;
    }";
    let mut journal = Journal::default();
    let (end, guest) = go_on(&sandbox, agent(steps), &mut journal, 2).await;
    assert_eq!(end, End::Enough);
    let other = GuestRequest { project: "proj_2".into(), ..agent(WAITS) };
    let mut other = sandbox.run(other).await.unwrap();
    assert!(matches!(other.next().await, Event::Asked(_)));
    let killed = guest.process_id().unwrap();
    assert_ne!(Some(killed), other.process_id());
    assert!(std::process::Command::new("kill").args(["-9", &killed.to_string()]).status().unwrap().success());
    let mut guest = guest;
    let lost = loop {
        match guest.next().await {
            Event::Asked(_) => {}
            event => break event,
        }
    };
    assert!(matches!(lost, Event::Lost(_)) && guest.has_begun(), "{lost:?}");
    // the other project's goes on where it was
    let completion = moltforge_sandbox::Completion { id: 1, at: 0, value: Ok("1".into()) };
    other.deliver(completion).unwrap();
    assert!(matches!(other.next().await, Event::Ended(_)));
    // its own is rebuilt in a new process
    let (end, guest) = go_on(&sandbox, agent(steps), &mut journal, usize::MAX).await;
    assert_eq!(end.output(), serde_json::json!([0, 1, 2, 3]));
    assert_ne!(guest.process_id(), Some(killed));
    assert_eq!(journal.divergences, Vec::<String>::new());
}

#[tokio::test]
async fn a_guest_can_have_a_worker_of_its_own() {
    let sandbox = sandbox();
    let shared = sandbox.run(agent(WAITS)).await.unwrap();
    let alone = sandbox.run(GuestRequest { alone: true, ..agent(WAITS) }).await.unwrap();
    let other = sandbox.run(GuestRequest { alone: true, seed: [8; 32], ..agent(WAITS) }).await.unwrap();
    assert_ne!(shared.process_id(), alone.process_id());
    assert_ne!(other.process_id(), alone.process_id());
}

#[tokio::test]
async fn an_idle_worker_is_stopped_and_started_again() {
    let sandbox = Sandbox::new(Config { idle: Duration::from_millis(50), ..config() }).unwrap();
    let guest = sandbox.run(agent(WAITS)).await.unwrap();
    let first = guest.process_id().unwrap();
    drop(guest);
    let process = std::path::PathBuf::from(format!("/proc/{first}"));
    while process.try_exists().unwrap() {
        // a real wait: another process ends
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let guest = sandbox.run(agent(WAITS)).await.unwrap();
    assert_ne!(guest.process_id().unwrap(), first);
}

#[tokio::test]
async fn stopped_guests_leave_room_for_others() {
    let sandbox = Sandbox::new(Config { guests: 10, guests_per_project: 10, ..config() }).unwrap();
    for _ in 0..20 {
        let mut guests = Vec::new();
        for _ in 0..10 {
            guests.push(sandbox.run(agent(WAITS)).await.unwrap());
        }
        for guest in &mut guests {
            assert!(matches!(guest.next().await, Event::Asked(_)));
        }
    }
    run(&sandbox, agent("export default () => 1")).await.0.output();
}
