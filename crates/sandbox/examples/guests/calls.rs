//! A capability call: from the answer of one to the next one.

use std::time::{Duration, Instant};

use crate::bare::{Bare, Interruption};
use crate::figures::{Times, head, number, per_second, shown};
use crate::node::{Node, PROJECT, answer, first, waits};
use crate::programs::{self, Language, guest};
use crate::{Effort, Failed, floors};

/// Guests that call at the same time in the last part.
const TOGETHER: usize = 64;

pub(crate) async fn run(node: &Node, effort: &Effort) -> Result<(), Failed> {
    let count = effort.of(5_000, 50);
    head("a call: from its answer to the guest's next call, answered at once");
    for language in &node.languages {
        calls(node, language, count).await?.row(language.name);
    }
    let javascript = programs::javascript();
    let computing = guest(PROJECT, &javascript, programs::COMPUTES, "40");
    let computing = node.sandbox.run(computing).await?;
    calls(node, &javascript, effort.of(300, 10)).await?.row("JavaScript, beside a guest that computes without end");
    drop(computing);
    floors::socket(count).await?.row("&nbsp; a byte to another process and back");
    println!();
    if let Some(bare) = Bare::new(&javascript, Interruption::Epoch).transpose()? {
        let took = bare.often(javascript.entry, javascript.often, count).await?;
        println!("JavaScript in this process, without a worker: {} each", shown(took.div_f64(number(count))));
    }
    together(node, &javascript, effort.of(200, 10)).await
}

async fn calls(node: &Node, language: &Language, count: usize) -> Result<Times, Failed> {
    let request = guest(PROJECT, language, language.often, &(count + 1).to_string());
    let (_, mut guest, mut asked) = first(&node.sandbox, request).await?;
    let mut times = Times::default();
    for _ in 0..count {
        let id = asked.calls.last().map_or(0, |call| call.id);
        let begun = Instant::now();
        guest.deliver(answer(id))?;
        asked = waits(&mut guest).await?;
        times.push(begun.elapsed());
    }
    Ok(times)
}

async fn together(node: &Node, language: &Language, each: usize) -> Result<(), Failed> {
    let mut guests = Vec::new();
    for _ in 0..TOGETHER {
        let request = guest(PROJECT, language, language.often, &(each + 1).to_string());
        guests.push(first(&node.sandbox, request).await?);
    }
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for (_, mut guest, mut asked) in guests {
        tasks.spawn(async move {
            for _ in 0..each {
                guest.deliver(answer(asked.calls.last().map_or(0, |call| call.id)))?;
                asked = waits(&mut guest).await?;
            }
            Ok::<_, Failed>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let took: Duration = begun.elapsed();
    println!(
        "\n{TOGETHER} guests of one worker at a time: {:.0} calls each second\n",
        per_second(TOGETHER * each, took)
    );
    Ok(())
}
