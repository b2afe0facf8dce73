//! Many guests that want more memory than the node has: all of them end right, and nobody notices but by the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use moltforge_sandbox::{Config, Event, GuestRequest, Limits, Sandbox};
use serde_json::json;

use crate::driver::{End, Journal, go_on, run};
use crate::world::{agent, config};

const MIB: u64 = 1 << 20;

/// Grows to `mib` mebibytes and writes to all of them; asks for something on the way.
const GROWS: &str = "export default async ({ mib }, { tools }) => {
    const all = [];
    for (let i = 0; i < mib; i++) {
        all.push(new Uint8Array(1 << 20).fill(i + 1));
        if (i % 8 === 0) await tools.call('look', { i, ms: 1 });
    }
    return all.reduce((sum, one) => sum + one[5], 0);
}";

fn grows(project: &str, began: u64, mib: u64) -> GuestRequest {
    GuestRequest {
        project: project.into(),
        input: json!({ "mib": mib }).to_string(),
        now: began,
        reserve: MIB / 2,
        limits: Limits { cpu: Duration::from_mins(1), ..Limits::default() },
        ..agent(GROWS)
    }
}

/// Runs a guest to its end, however often it has to leave meanwhile. How often that was.
async fn live(sandbox: &Sandbox, mut request: GuestRequest) -> (serde_json::Value, u64) {
    let (mut journal, mut evicted) = (Journal::default(), 0);
    loop {
        let (end, mut guest) = go_on(sandbox, request.clone(), &mut journal, usize::MAX).await;
        match end {
            End::Evicted => {
                evicted += 1;
                // what it asks for when it comes back
                request.reserve = request.reserve.max(guest.memory());
            }
            end => {
                assert!(matches!(guest.next().await, Event::Lost(_)), "nothing follows");
                assert_eq!(journal.divergences, Vec::<String>::new());
                return (end.output(), evicted);
            }
        }
    }
}

/// Bytes that all processes of the tests' program use for themselves.
fn used_by(processes: &[u32]) -> u64 {
    let own = |process: &str| {
        let text = std::fs::read_to_string(format!("/proc/{process}/statm")).unwrap_or_default();
        let mut pages = text.split(' ').skip(1).filter_map(|number| number.parse::<u64>().ok());
        (pages.next().unwrap_or(0) - pages.next().unwrap_or(0)) * 4096
    };
    let below = |process: &u32| {
        let text = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
        text.split_whitespace().map(own).sum::<u64>() + own(&process.to_string())
    };
    processes.iter().map(below).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_guests_grow_to_eight_times_what_there_is() {
    const ROOM: u64 = 128;
    let sandbox = Sandbox::new(Config { memory: ROOM * MIB, ..config() }).unwrap();
    sandbox.prepare("proj_1", &agent("").image).await.unwrap();
    // the processes that their guests run in, and the most that was used at a time
    let waits = "export default async (i, { tools }) => { await tools.call('a', {}) }";
    let mut anchors = Vec::new();
    for project in ["hog", "other"] {
        anchors.push(sandbox.run(GuestRequest { project: project.into(), ..agent(waits) }).await.unwrap());
    }
    let processes: Vec<_> = anchors.iter().map(|guest| guest.process_id().unwrap()).collect();
    let (stop, most) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (watch, peak) = (Arc::clone(&stop), Arc::clone(&most));
    let watcher = std::thread::spawn(move || {
        while !watch.load(Ordering::Relaxed) {
            peak.fetch_max(used_by(&processes), Ordering::Relaxed);
            // a real wait: it looks at other processes
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    drop(anchors);
    let hogs = (0..40).map(|n| {
        let (sandbox, request) = (sandbox.clone(), grows("hog", 1000 + n, 24));
        tokio::spawn(async move { live(&sandbox, request).await })
    });
    let hogs: Vec<_> = hogs.collect();
    // small guests of another project go on beside them
    let mut slowest = Duration::ZERO;
    for n in 0..20 {
        let began = std::time::Instant::now();
        assert_eq!(live(&sandbox, grows("other", 5000 + n, 2)).await.0, json!(3));
        slowest = slowest.max(began.elapsed());
    }
    let mut evicted = 0;
    for hog in hogs {
        let (output, times) = hog.await.unwrap();
        assert_eq!(output, json!(24 * 25 / 2));
        evicted += times;
    }
    stop.store(true, Ordering::Relaxed);
    watcher.join().unwrap();
    let most = most.load(Ordering::Relaxed) / MIB;
    // two processes of their own need something, too
    println!("{evicted} had to leave, {most} MiB at most, the slowest neighbour took {slowest:?}");
    assert!(most < ROOM + 2 * 40, "{most} MiB were used");
    assert!(evicted < 400, "they get on: {evicted}");
    assert!(slowest < Duration::from_secs(30), "{slowest:?}");
    let load = sandbox.load();
    assert_eq!((load.guests, load.waiting), (0, 0));
}

#[tokio::test]
async fn a_guest_that_needs_more_than_the_node_has_fails_by_its_limit() {
    let sandbox = Sandbox::new(Config { memory: 16 * MIB, ..config() }).unwrap();
    let (end, _) = run(&sandbox, grows("proj_1", 1, 32)).await;
    let failure = end.failure();
    assert!(failure.message.contains("more than the server has"), "{failure:?}");
}

#[tokio::test]
async fn an_engine_takes_little_until_it_is_used() {
    let sandbox = Sandbox::new(config()).unwrap();
    let waits = "export default async (i, { tools }) => { await tools.call('a', {}) }";
    let first = sandbox.run(agent(waits)).await.unwrap();
    let process = first.process_id().unwrap();
    let mut guests = Vec::new();
    let mut before = 0;
    for count in 0..100 {
        if count == 20 {
            before = used_by(&[process]);
        }
        let mut guest = sandbox.run(GuestRequest { reserve: MIB / 2, ..agent(waits) }).await.unwrap();
        assert!(matches!(guest.next().await, Event::Asked(_)));
        guests.push(guest);
        if guests.len() == 99 {
            break;
        }
    }
    let each = (used_by(&[process]) - before) / 79;
    println!("{} KiB each", each >> 10);
    assert!(each < MIB / 2, "what is reserved for one is enough: {each}");
    let usage = guests[0].usage();
    println!("{usage:?}");
}
