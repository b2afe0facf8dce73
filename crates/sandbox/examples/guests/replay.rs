//! A guest that is rebuilt from its journal: how fast it hears again what it has heard.

use std::time::Instant;

use moltforge_sandbox::commands::Made;
use moltforge_sandbox::{Commands, GuestRequest};

use crate::bare::{Bare, Interruption};
use crate::figures::{Times, per_second, shown};
use crate::node::{Node, PROJECT, answer, first, waits};
use crate::programs::{self, Language, guest};
use crate::{Effort, Failed};

pub(crate) async fn run(node: &Node, effort: &Effort) -> Result<(), Failed> {
    println!("| rebuilt from its journal | calls in it | p50 | calls each millisecond |\n|---|---|---|---|");
    for language in &node.languages {
        for calls in [10, 1_000, effort.of(10_000, 2_000)] {
            let times = replays(node, language, calls, effort.of(10, 2)).await?;
            let half = times.at(500);
            println!("| {} | {calls} | {} | {:.0} |", language.name, shown(half), per_second(calls, half) / 1e3);
        }
    }
    let javascript = programs::javascript();
    if let Some(bare) = Bare::new(&javascript, Interruption::Epoch).transpose()? {
        for calls in [10, 1_000, effort.of(10_000, 2_000)] {
            let mut times = Times::default();
            for _ in 0..effort.of(10, 2) {
                times.push(bare.replayed(javascript.entry, javascript.often, calls).await?);
            }
            let half = times.at(500);
            let name = "&nbsp; its floor: JavaScript in this process, answered at once, wasmtime alone";
            println!("| {name} | {calls} | {} | {:.0} |", shown(half), per_second(calls, half) / 1e3);
        }
    }
    println!();
    Ok(())
}

async fn replays(node: &Node, language: &Language, calls: usize, times: usize) -> Result<Times, Failed> {
    let request = guest(PROJECT, language, language.often, &(calls + 1).to_string());
    let (_, mut guest, mut asked) = first(&node.sandbox, request.clone()).await?;
    let (mut made, mut completions) = (Vec::<Made>::new(), Vec::new());
    for _ in 0..calls {
        made.extend(asked.calls.iter().map(Made::from));
        let completion = answer(asked.calls.last().map_or(0, |call| call.id));
        guest.deliver(completion.clone())?;
        completions.push(completion);
        asked = waits(&mut guest).await?;
    }
    made.extend(asked.calls.iter().map(Made::from));
    let mut took = Times::default();
    for _ in 0..times {
        let request = GuestRequest { completions: completions.clone(), ..request.clone() };
        let mut commands = Commands::new(made.clone(), Vec::new());
        let begun = Instant::now();
        let (_, _guest, asked) = first(&node.sandbox, request).await?;
        let new = commands.check(asked).map_err(|divergence| divergence.to_string())?;
        took.push(begun.elapsed());
        if !new.calls.is_empty() || !commands.is_caught_up() {
            return Err("a rebuilt guest asks for something else".into());
        }
    }
    Ok(took)
}
