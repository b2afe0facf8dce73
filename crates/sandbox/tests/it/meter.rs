//! What guests are said to use, beside what the kernel says about their process.

use std::time::Duration;

use moltforge_sandbox::{Event, GuestRequest, Limits};
use serde_json::json;

use crate::world::{agent, sandbox};

/// Time on a processor of the process below this supervisor, in hundredths of a second.
pub(crate) fn hundredths(supervisor: u32) -> u64 {
    let below = std::fs::read_to_string(format!("/proc/{supervisor}/task/{supervisor}/children")).unwrap();
    let worker = below.split_whitespace().next().map_or_else(|| supervisor.to_string(), str::to_owned);
    let text = std::fs::read_to_string(format!("/proc/{worker}/stat")).unwrap();
    let after = text.rsplit(')').next().unwrap();
    // the times in user and in kernel mode
    after.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum()
}

const BURNS: &str = "export default async ({ rounds, mib }, { tools }) => {
    const held = Array.from({ length: mib }, () => new Uint8Array(1 << 20).fill(1));
    let x = 1;
    for (let i = 0; i < rounds; i++) x = (x * 31 + i) % 1000003;
    await tools.call('a', { x, mib: held.length });
}";

#[tokio::test]
async fn processor_time_and_memory_are_those_of_the_process() {
    let sandbox = sandbox();
    let burns = |rounds: u64, mib: u64| GuestRequest {
        input: json!({ "rounds": rounds, "mib": mib }).to_string(),
        limits: Limits { cpu: Duration::from_mins(5), ..Limits::default() },
        ..agent(BURNS)
    };
    let mut first = sandbox.run(burns(1, 1)).await.unwrap();
    assert!(matches!(first.next().await, Event::Asked(_)));
    let process = first.process_id().unwrap();
    let before = hundredths(process);
    let mut guests = Vec::new();
    for n in 1..=3 {
        guests.push(sandbox.run(burns(n * 4_000_000, n * 10)).await.unwrap());
    }
    let mut cpu = Duration::ZERO;
    for (n, guest) in (1..).zip(&mut guests) {
        assert!(matches!(guest.next().await, Event::Asked(_)));
        let usage = guest.usage();
        cpu += usage.cpu;
        // what it holds, its engine, and what that has ready for more
        let mib = usage.memory >> 20;
        assert!((n * 10..n * 20 + 8).contains(&mib), "{n}: {usage:?}");
    }
    let took = Duration::from_millis((hundredths(process) - before) * 10);
    assert!(took > Duration::from_millis(300), "it burns too little to be measured: {took:?}");
    // the process does some work for them besides
    let share = cpu.as_secs_f64() / took.as_secs_f64();
    assert!((0.85..1.05).contains(&share), "{cpu:?} of {took:?}");
}
