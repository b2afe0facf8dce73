//! What suspended executions cost: in memory, on disk, at a start of the node, and when some of them wake up.
//!
//! This process makes them and ends; the next one (`again`) finds them there, as after a restart.

pub(crate) mod again;

use std::process::Command;
use std::time::Instant;

use moltforge_execution::Config;
use moltforge_types::ExecutionId;

use crate::arguments::Arguments;
use crate::database::Database;
use crate::figures::{mib, per_second, ratio};
use crate::machine::Memory;
use crate::node::Node;
use crate::{Failed, agents, machine};

/// Starts at a time.
const TOGETHER: usize = 256;
/// Made between two looks at the progress.
const PART: usize = 50_000;
/// Executions that are kept in mind for the second process.
const PICKED: usize = 4_000;

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failed> {
    let count = arguments.number("count", 100_000)?;
    let timers = arguments.number("timers", (count / 100).clamp(1, 10_000))?;
    let due = arguments.number("due", 30)?;
    for database in Database::all(arguments).await? {
        let store = database.open().await?;
        let node = Node::start(store.clone(), Config::default()).await?;
        let principal = node.project("suspended").await?;
        node.agent(&principal, "waiting", agents::waits_for_signal()).await?;
        node.agent(&principal, "sleeping", agents::sleeps(due)).await?;
        node.agent(&principal, "quick", agents::takes(0)).await?;
        let settings = [
            ("executions that wait for a signal", count.to_string()),
            ("executions that sleep", format!("{timers}, {due} s each")),
            ("starts at a time", TOGETHER.to_string()),
        ];
        machine::print(database.settings(), &settings);
        node.run_many(&principal, "waiting", TOGETHER, TOGETHER).await?;

        let (before, empty, begun) = (Memory::now(), store.bytes().await?, Instant::now());
        let mut picked: Vec<ExecutionId> = Vec::new();
        let mut made = 0;
        while made < count {
            let part = PART.min(count - made);
            let ids = node.run_many(&principal, "waiting", part, TOGETHER).await?;
            let every = (count / PICKED).max(1);
            picked.extend(ids.into_iter().enumerate().filter(|(at, _)| (made + at) % every == 0).map(|(_, id)| id));
            made += part;
            eprintln!("{}: {made} after {:.0?}, {}", database.name, begun.elapsed(), mib(Memory::now().resident));
        }
        let (took, after) = (begun.elapsed(), Memory::now());
        let bytes = store.bytes().await?.saturating_sub(empty);
        println!("| {} | |\n|---|---|", database.name);
        println!("| started and suspended, each second | {:.0} |", per_second(count, took));
        println!("| memory of the process before and after | {}, {} |", mib(before.resident), mib(after.resident));
        println!("| the most that it ever took | {} |", mib(after.peak));
        println!("| database, all of it | {} |", mib(bytes));
        println!("| database, each execution | {:.0} bytes |", ratio(bytes, count as u64));
        node.run_many(&principal, "sleeping", timers, TOGETHER).await?;
        node.executions.drain().await;
        drop(node);
        store.close().await;
        drop(store);
        go_on(arguments, &database, &picked, principal.project_id)?;
    }
    Ok(())
}

/// Starts the process that finds them there.
fn go_on(
    arguments: &Arguments,
    database: &Database,
    picked: &[ExecutionId],
    project_id: moltforge_types::ProjectId,
) -> Result<(), Failed> {
    let file = tempfile::NamedTempFile::new_in(arguments.dir())?;
    let lines: Vec<_> = picked.iter().map(ToString::to_string).collect();
    std::fs::write(file.path(), lines.join("\n"))?;
    let (name, value) = database.hand_on();
    let mut again = Command::new(std::env::current_exe()?);
    again.arg("suspended-again").args(arguments.again()).env(name, &value);
    again.arg("--picked").arg(file.path()).args(["--project", &project_id.to_string()]);
    if arguments.text("keep").is_some() {
        // to be looked at, and measured again
        eprintln!("{name}={value} {} suspended-again {:?}", std::env::current_exe()?.display(), again.get_args());
        file.keep()?;
    }
    let status = again.status()?;
    if status.success() { Ok(()) } else { Err(format!("the second process ended with {status}").into()) }
}
