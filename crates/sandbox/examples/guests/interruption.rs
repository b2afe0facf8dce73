//! What it costs that a guest can be interrupted at any time, and what others feel of one that computes.

use std::time::{Duration, Instant};

use moltforge_sandbox::Event;

use crate::bare::{Bare, Interruption};
use crate::figures::{Times, head, shown};
use crate::node::{Node, PROJECT, first, waits};
use crate::programs::{self, COMPUTES, guest};
use crate::{Effort, Failed};

pub(crate) async fn run(node: &Node, effort: &Effort) -> Result<(), Failed> {
    let javascript = programs::javascript();
    let input = if effort.quick { "15" } else { "24" };
    let mut bare = Vec::new();
    for kind in Interruption::ALL {
        if let Some(engine) = Bare::new(&javascript, kind).transpose()? {
            bare.push((kind, engine, Times::default()));
        }
    }
    for _ in 0..effort.of(30, 2) {
        for (_, engine, times) in &mut bare {
            times.push(engine.whole(javascript.entry, COMPUTES, input).await?);
        }
    }
    let floor = bare.first().map_or(Duration::ZERO, |(_, _, times)| times.at(0));
    println!("| `fib({input})` in JavaScript, in this process | least | p50 | to the first |\n|---|---|---|---|");
    for (kind, _, times) in &bare {
        let share = (times.at(0).as_secs_f64() / floor.as_secs_f64().max(1e-9) - 1.0) * 100.0;
        println!("| {} | {} | {} | {share:+.0} % |", kind.name(), shown(times.at(0)), shown(times.at(500)));
    }
    println!();
    beside(node, effort, input).await
}

/// The same in a worker: alone, among guests that wait, and two at a time.
async fn beside(node: &Node, effort: &Effort, input: &str) -> Result<(), Failed> {
    let javascript = programs::javascript();
    let request = || guest(PROJECT, &javascript, COMPUTES, input);
    let rounds = effort.of(30, 2);
    head("the same in a worker, to its output");
    let mut alone = Times::default();
    for _ in 0..rounds {
        alone.push(to_output(node, request()).await?);
    }
    alone.row("alone");
    let mut waiting = Vec::new();
    for _ in 0..effort.of(1_000, 20) {
        waiting.push(first(&node.sandbox, guest(PROJECT, &javascript, javascript.once, "1")).await?.1);
    }
    let mut among = Times::default();
    for _ in 0..rounds {
        among.push(to_output(node, request()).await?);
    }
    among.row(&format!("among {} that wait", waiting.len()));
    drop(waiting);
    let mut pairs = Times::default();
    for _ in 0..rounds {
        let begun = Instant::now();
        let (one, other) = tokio::join!(to_output(node, request()), to_output(node, request()));
        one?;
        other?;
        pairs.push(begun.elapsed() / 2);
    }
    pairs.row("two at a time, half of both");
    let mut stops = Times::default();
    for _ in 0..rounds {
        let endless = node.sandbox.run(guest(PROJECT, &javascript, COMPUTES, "40")).await?;
        tokio::time::sleep(Duration::from_millis(30)).await;
        let (begun, used) = (Instant::now(), endless.process_id());
        drop(endless);
        // whoever comes next has the thread to itself again
        let mut next = node.sandbox.run(guest(PROJECT, &javascript, javascript.once, "1")).await?;
        if next.process_id() != used {
            return Err("the worker was lost".into());
        }
        waits(&mut next).await?;
        stops.push(begun.elapsed());
    }
    stops.row("one that computes is stopped, until the next one has started");
    println!();
    Ok(())
}

async fn to_output(node: &Node, request: moltforge_sandbox::GuestRequest) -> Result<Duration, Failed> {
    let begun = Instant::now();
    let mut guest = node.sandbox.run(request).await?;
    match guest.next().await {
        Event::Ended(_) => Ok(begun.elapsed()),
        other => Err(format!("a guest did not return: {other:?}").into()),
    }
}
