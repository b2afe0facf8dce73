//! Workers: one for a project, started when it is needed, stopped when it is not.

use std::time::Duration;

use moltforge_sandbox::{Component, Config, Error, Event, GuestRequest, Image, Sandbox};

use crate::driver::run;
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

#[tokio::test]
async fn a_component_that_is_none_is_refused_each_time() {
    let sandbox = sandbox();
    for bytes in [&b"no wasm"[..], b"\0asm\x01\0\0\0"] {
        let image = Image::Component(Component::new(bytes.to_vec()).into());
        for _ in 0..2 {
            let error = sandbox.prepare("proj_1", &image).await.unwrap_err();
            assert!(matches!(error, Error::Refused(_)), "{error}");
        }
    }
}

#[tokio::test]
async fn a_component_of_another_world_fails_without_harm() {
    let sandbox = sandbox();
    let waiting = sandbox.run(agent(WAITS)).await.unwrap();
    let image = Image::Component(Component::new(b"\0asm\x0d\0\x01\0".to_vec()).into());
    let mut guest = sandbox.run(GuestRequest { image, ..agent("") }).await.unwrap();
    let Event::Failed { failure, .. } = guest.next().await else { panic!("it runs") };
    assert!(failure.message.contains("run"), "{failure:?}");
    assert_eq!(guest.process_id(), waiting.process_id());
}
