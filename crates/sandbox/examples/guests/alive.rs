//! Many guests at once, all waiting for an answer.

use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use moltforge_sandbox::{Guest, Sandbox};

use crate::bare::{Bare, Interruption};
use crate::figures::{Times, head, per_second};
use crate::memory::{self, Memory};
use crate::node::{answer, enforcement, first, open, waits};
use crate::programs::{Language, component, guest, javascript, python};
use crate::{Effort, Failed};

/// Guests that one worker has at most.
const EACH: usize = 5_000;
/// Guests that are started at the same time.
const TOGETHER: usize = 16;

pub(crate) async fn run(effort: &Effort) -> Result<(), Failed> {
    let enforcement = enforcement(&effort.dir).await;
    // of its own: nobody else's guests are counted
    let sandbox = open(&effort.dir, enforcement, u32::try_from(EACH)?)?;
    let mut wakes = Times::default();
    println!(
        "| guests that wait | processes | all there after | starts each second | PSS of the workers, each guest | PSS of this \
         process, each guest |\n|---|---|---|---|---|---|"
    );
    let mut measured = vec![(javascript(), 1_000), (javascript(), 10_000), (python(), 200)];
    if let Some(path) = &effort.component {
        measured.push((component(path)?, 1_000));
    }
    for (language, count) in measured {
        let count = effort.of(count, 20);
        for number in 0..count.div_ceil(EACH) {
            sandbox.prepare(&project(&language, count, number * EACH), &language.image).await?;
        }
        // workers without guests end by themselves
        while memory::processes() > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let before = Memory::now();
        let begun = Instant::now();
        let mut guests = start(&sandbox, &language, count).await?;
        let took = begun.elapsed();
        let (now, processes) = (Memory::now(), memory::processes());
        let each = |bytes: usize| bytes / count / 1024;
        println!(
            "| {count} in {} | {processes} | {:.1} s | {:.0} | {} KiB | {} KiB |",
            language.name,
            took.as_secs_f64(),
            per_second(count, took),
            each(now.workers),
            each(now.own.saturating_sub(before.own)),
        );
        if count == effort.of(10_000, 20) && language.name == "JavaScript" {
            let step = (count / 500).max(1);
            for guest in guests.iter_mut().step_by(step) {
                let begun = Instant::now();
                guest.deliver(answer(1))?;
                waits(guest).await?;
                wakes.push(begun.elapsed());
            }
        }
        drop(guests);
    }
    floors(effort)?;
    println!();
    head("one of the 10,000 gets its answer, until its next call");
    wakes.row("JavaScript");
    println!();
    Ok(())
}

/// The same in this process, with wasmtime and nothing of ours.
fn floors(effort: &Effort) -> Result<(), Failed> {
    for (language, count) in [(javascript(), 1_000_u32), (python(), 200)] {
        // compiling Python again takes longer than everything else
        if effort.quick && language.name == "Python" {
            continue;
        }
        let count = if effort.quick { 20 } else { count };
        let Some(bare) = Bare::with(&language, Interruption::Epoch, count).transpose()? else { continue };
        let before = Memory::now();
        let begun = Instant::now();
        let mut waiting: Vec<_> = (0..count).map(|_| Box::pin(bare.waits(language.entry, language.once))).collect();
        for guest in &mut waiting {
            if let Poll::Ready(ended) = guest.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return Err(format!("a guest does not wait: {ended:?}").into());
            }
        }
        let (took, count) = (begun.elapsed(), waiting.len());
        let each = Memory::now().own.saturating_sub(before.own) / count / 1024;
        println!(
            "| &nbsp; floor: {count} in {} in this process, wasmtime alone | 0 | {:.1} s | {:.0} | | {each} KiB |",
            language.name,
            took.as_secs_f64(),
            per_second(count, took),
        );
    }
    Ok(())
}

/// The project of a guest.
fn project(language: &Language, count: usize, number: usize) -> String {
    format!("alive-{}-{count}-{}", language.entry.replace('.', "-"), number / EACH)
}

async fn start(sandbox: &Sandbox, language: &Language, count: usize) -> Result<Vec<Guest>, Failed> {
    let mut tasks = tokio::task::JoinSet::new();
    for lane in 0..TOGETHER {
        let (sandbox, language) = (sandbox.clone(), language.clone());
        tasks.spawn(async move {
            let mut guests = Vec::new();
            for number in (lane..count).step_by(TOGETHER) {
                let project = project(&language, count, number);
                guests.push(first(&sandbox, guest(&project, &language, language.often, "3")).await?.1);
            }
            Ok::<_, Failed>(guests)
        });
    }
    let mut guests = Vec::new();
    while let Some(done) = tasks.join_next().await {
        guests.extend(done??);
    }
    Ok(guests)
}
