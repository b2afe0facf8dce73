//! Whatever becomes of a guest, what was reserved for it is free again.

use std::time::Duration;

use moltforge_sandbox::{Completion, Config, Error, Event, Guest, GuestRequest, Image, Limits, Sandbox};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::component::{forged, of};
use crate::world::{agent, config};

const MIB: u64 = 1 << 20;
/// Of the node.
const ROOM: u64 = 64 * MIB;
const WAITS: &str = "export default async (i, { tools }) => { await tools.call('a', {}) }";
const LOOPS: &str = "export default () => { for (;;); }";
/// Wants more than the node has left beside another one.
const GROWS: &str = "export default () => { const all = []; for (;;) all.push(new Uint8Array(1 << 20)) }";

fn node() -> Sandbox {
    Sandbox::new(Config { memory: ROOM, guests: 2, ..config() }).unwrap()
}

/// Nobody is there or waits, and somebody else can have all that there is.
async fn is_free(sandbox: &Sandbox, after: &str) {
    let load = sandbox.load();
    assert_eq!((load.guests, load.waiting, sandbox.guests_of("proj_1").0), (0, 0, 0), "{after}");
    let all = tokio::time::timeout(Duration::from_secs(20), sandbox.enter("proj_2", 0, ROOM)).await;
    drop(all.unwrap_or_else(|_| panic!("{after}: {load:?}")).unwrap());
}

fn kill(guest: &Guest) {
    let pid = guest.process_id().and_then(|id| Pid::from_raw(id.cast_signed())).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

#[tokio::test]
async fn however_a_guest_ends() {
    let sandbox = node();
    for (what, source) in [
        ("it returns", "export default () => 1"),
        ("it fails", "export default () => { throw new Error('no') }"),
        ("it cannot be read", "export default ("),
        ("it breaks a limit", "export default () => 'x'.repeat(4e6)"),
    ] {
        let mut guest = sandbox.run(agent(source)).await.unwrap();
        assert!(matches!(guest.next().await, Event::Ended(_) | Event::Failed { .. }), "{what}");
        drop(guest);
        is_free(&sandbox, what).await;
    }
    for (what, source) in [("dropped while it waits", WAITS), ("dropped while it computes", LOOPS)] {
        let mut guest = sandbox.run(agent(source)).await.unwrap();
        if source == WAITS {
            assert!(matches!(guest.next().await, Event::Asked(_)));
        }
        drop(guest);
        is_free(&sandbox, what).await;
    }
    for (what, source) in [("killed while it waits", WAITS), ("killed while it computes", LOOPS)] {
        let mut guest = sandbox.run(agent(source)).await.unwrap();
        kill(&guest);
        while !matches!(guest.next().await, Event::Lost(_)) {}
        // who hears of it too late changes nothing
        guest.deliver(Completion { id: 1, at: 0, value: Ok("1".into()) }).unwrap();
        drop(guest);
        is_free(&sandbox, what).await;
    }
}

#[tokio::test]
async fn whatever_keeps_it_from_starting() {
    let sandbox = node();
    let bad = [
        GuestRequest { reserve: ROOM + 1, ..agent(WAITS) },
        GuestRequest { limits: Limits { memory: 1 << 40, ..Limits::default() }, ..agent(WAITS) },
        GuestRequest { input: format!("\"{}\"", "x".repeat(100 << 20)), ..agent(WAITS) },
        of(b"no wasm".to_vec(), &Value::Null),
    ];
    for request in bad {
        let error = sandbox.run(request).await.unwrap_err();
        println!("{error}");
        is_free(&sandbox, &error.to_string()).await;
    }
    // a worker that ends before it is ready, and one that there is not
    crate::world::prepared(&Image::JavaScript).await;
    for (script, program) in [("head -c 1 > /dev/null; exit 3", "/bin/sh"), ("", "/nowhere/at/all")] {
        let worker = vec!["-c".into(), script.into()];
        let sandbox = Sandbox::new(Config { memory: ROOM, program: program.into(), worker, ..config() }).unwrap();
        match sandbox.run(agent(WAITS)).await {
            Ok(mut guest) => assert!(matches!(guest.next().await, Event::Lost(_))),
            Err(error) => assert!(matches!(error, Error::Worker(_)), "{error}"),
        }
        is_free(&sandbox, program).await;
    }
}

#[tokio::test]
async fn whoever_gives_up() {
    let sandbox = node();
    sandbox.prepare("proj_1", &Image::JavaScript).await.unwrap();
    let soon = Duration::from_millis(100);
    // in the line
    let first = sandbox.enter("proj_1", 1, ROOM).await.unwrap();
    assert!(tokio::time::timeout(soon, sandbox.run(agent(WAITS))).await.is_err());
    assert_eq!(sandbox.load().waiting, 0);
    drop(first);
    is_free(&sandbox, "given up in the line").await;
    // while it waits for memory
    let first = sandbox.enter("proj_1", 1, ROOM - 8 * MIB).await.unwrap();
    let guest = sandbox.run(GuestRequest { reserve: MIB, ..agent(GROWS) }).await.unwrap();
    while !guest.meter().waits_for_memory() {
        // a real wait: another process computes
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(guest);
    assert_eq!((sandbox.load().guests, sandbox.load().waiting), (1, 0));
    drop(first);
    is_free(&sandbox, "given up while it waits for memory").await;
    // while its component is compiled: the next one begins that anew
    let bomb = of(forged::bomb(100_000), &Value::Null);
    let cache = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new(Config { memory: ROOM, cache: cache.path().to_owned(), ..config() }).unwrap();
    assert!(tokio::time::timeout(soon, sandbox.run(bomb.clone())).await.is_err());
    is_free(&sandbox, "given up while it is compiled").await;
}

/// Folders of control groups of the processes of this one.
fn groups() -> Vec<std::path::PathBuf> {
    let mut open = vec![(std::path::PathBuf::from("/sys/fs/cgroup"), 0)];
    let mut found = Vec::new();
    let own = format!("moltforge-node-{}-", std::process::id());
    while let Some((folder, depth)) = open.pop() {
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let folders: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
        if folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&own)) {
            found.extend(folders);
        } else if depth < 8 {
            open.extend(folders.into_iter().map(|folder| (folder, depth + 1)));
        }
    }
    found
}

#[tokio::test]
async fn its_control_group_goes_with_a_process_that_nobody_waits_for() {
    let cache = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new(Config { cache: cache.path().to_owned(), ..config() }).unwrap();
    if sandbox.groups().starts_with("no control groups") {
        println!("LEFT OUT: {}", sandbox.groups());
        return;
    }
    let component = of(forged::bomb(500_000), &Value::Null);
    assert!(
        tokio::time::timeout(Duration::from_millis(300), sandbox.prepare("proj_1", &component.image)).await.is_err()
    );
    let began = std::time::Instant::now();
    while !groups().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", groups());
        // a real wait: a process ends
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
