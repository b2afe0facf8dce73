//! From the trigger to the first thing that a guest asks for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moltforge_sandbox::{File, Image};

use crate::bare::{Bare, Interruption, Unknown};
use crate::figures::{Times, head, per_second};
use crate::node::{Node, PROJECT, first};
use crate::programs::{self, Language, guest};
use crate::{Effort, Failed, floors};

/// Guests that are started at the same time in the last part.
const TOGETHER: usize = 16;

pub(crate) async fn run(node: &Node, effort: &Effort) -> Result<(), Failed> {
    head("from the trigger to the first call");
    for language in &node.languages {
        let python = language.name == "Python";
        let count = effort.of(if python { 300 } else { 2_000 }, 10);
        // compiling Python again takes longer than everything else
        let bare = match &language.image {
            Image::Python if effort.quick => None,
            _ => Bare::new(language, Interruption::Epoch).transpose()?,
        };
        let unknown = match (&language.image, &effort.component) {
            (Image::Component(_), Some(path)) => Some(Unknown::new(path)?),
            _ => None,
        };
        let (mut ours, mut floor) = (Times::default(), Times::default());
        // the first one starts the worker
        first(&node.sandbox, guest(PROJECT, language, language.once, "1")).await?;
        for _ in 0..count {
            ours.push(first(&node.sandbox, guest(PROJECT, language, language.once, "1")).await?.0);
            if let Some(bare) = &bare {
                floor.push(bare.first(language.entry, language.once).await?);
            }
            if let Some(unknown) = &unknown {
                floor.push(unknown.first().await?);
            }
        }
        ours.row(language.name);
        if bare.is_some() || unknown.is_some() {
            floor.row(&format!("&nbsp; its floor: the image of {} in this process, wasmtime alone", language.name));
        }
    }
    let javascript = programs::javascript();
    let long = programs::long();
    let mut times = Times::default();
    for _ in 0..effort.of(1_000, 10) {
        times.push(first(&node.sandbox, guest(PROJECT, &javascript, &long, "1")).await?.0);
    }
    times.row(&format!("JavaScript, {} KiB of source", long.len() / 1024));
    strips(node, effort).await?.row("TypeScript of 10 KiB: its types are stripped");
    for language in &node.languages {
        let mut times = Times::default();
        for number in 0..effort.of(30, 2) {
            let project = format!("new-{}-{number}", language.entry.replace('.', "-"));
            // of a component, each project has its own
            node.sandbox.prepare(&project, &language.image).await?;
            times.push(first(&node.sandbox, guest(&project, language, language.once, "1")).await?.0);
        }
        times.row(&format!("{}, the project's first: its worker is started", language.name));
    }
    floors::processes(effort.of(100, 5))?;
    println!();
    together(node, &javascript, effort.of(5_000, 50)).await
}

/// What `deploy` does with TypeScript.
async fn strips(node: &Node, effort: &Effort) -> Result<Times, Failed> {
    let line = "export const add_NUMBER = (a: number, b: number): number => a + b;\n";
    let text: Arc<str> = (0..150).map(|number| line.replace("NUMBER", &number.to_string())).collect::<String>().into();
    let mut times = Times::default();
    node.sandbox.prepare(PROJECT, &Image::TypeScript).await?;
    for _ in 0..effort.of(200, 5) {
        let files = vec![File { name: "agent.ts".into(), text: Arc::clone(&text) }];
        let begun = Instant::now();
        let stripped = node.sandbox.strip(PROJECT, files).await?;
        times.push(begun.elapsed());
        if stripped.iter().any(|file| file.text.contains("number")) {
            return Err("types are left".into());
        }
    }
    Ok(times)
}

/// Many at a time.
async fn together(node: &Node, language: &Language, count: usize) -> Result<(), Failed> {
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..TOGETHER {
        let (sandbox, language) = (node.sandbox.clone(), language.clone());
        tasks.spawn(async move {
            let mut times = Vec::<Duration>::new();
            for _ in 0..count / TOGETHER {
                times.push(first(&sandbox, guest(PROJECT, &language, language.once, "1")).await?.0);
            }
            Ok::<_, Failed>(times)
        });
    }
    let mut times = Times::default();
    let mut started = 0;
    while let Some(done) = tasks.join_next().await {
        for time in done?? {
            times.push(time);
            started += 1;
        }
    }
    let rate = per_second(started, begun.elapsed());
    println!("{TOGETHER} at a time in one worker: {rate:.0} starts of {} each second", language.name);
    println!();
    Ok(())
}
