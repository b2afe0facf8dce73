//! The process that finds suspended executions there: its start, its memory, and what some of them do.

use std::time::{Duration, Instant};

use moltforge_api::executions::ListExecutions;
use moltforge_execution::Config;
use moltforge_store::Store;
use moltforge_types::execution::State;
use moltforge_types::journal::Entry;
use moltforge_types::{ExecutionId, Principal};

use crate::arguments::Arguments;
use crate::database::Database;
use crate::figures::{Times, head, mib, millis};
use crate::machine::Memory;
use crate::node::{Node, principal};
use crate::{Failed, wakes};

/// Wake-ups, and starts of others among them.
const SAMPLES: usize = 1_000;
/// Timers that are read at a time.
const PAGE: u32 = 200;

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failed> {
    let database = Database::handed_on()?;
    let picked = std::fs::read_to_string(arguments.text("picked").ok_or("--picked is missing")?)?;
    let picked: Vec<ExecutionId> = picked.lines().map(str::parse).collect::<Result<_, _>>()?;
    let principal = principal(arguments.text("project").ok_or("--project is missing")?.parse()?);

    let (store, opened) = open(&database).await?;
    let before = Memory::now();
    let node = Node::start(store.clone(), Config::default()).await?;
    let ready = node.ready;
    // nothing begins before it is known what was at work and what was ready
    let begun = Instant::now();
    node.run(&principal, "quick", true).await?;
    println!(
        "| memory of a new process, before the node and after | {}, {} |",
        mib(before.resident),
        mib(Memory::now().resident)
    );
    println!("| opening the database, ms | {} |", millis(opened));
    println!("| the node's start to readiness, ms | {} |", millis(ready));
    println!("| its first execution from start to end, ms | {} |", millis(begun.elapsed()));

    let mut starts = Times::default();
    for _ in 0..SAMPLES.min(picked.len()) {
        let begun = Instant::now();
        node.run(&principal, "quick", true).await?;
        starts.push(begun.elapsed());
    }
    // spread over all of them, from the oldest to the newest, and none of them twice
    let every = (picked.len() / (2 * SAMPLES)).max(1);
    let spread: Vec<_> = picked.iter().step_by(every).copied().collect();
    let (alone, many) = spread.split_at(spread.len() / 2);
    let alone = wakes::measure(&node, &principal, alone, 1).await?;
    let many = wakes::measure(&node, &principal, many, 16).await?;
    let (late, sleepers) = timers(&node, &principal).await?;
    let (page, counts) = looks(&node, &principal).await?;
    println!(
        "| a page of 50 of them by the API, and their number by state, ms | {}, {} |",
        millis(page),
        millis(counts)
    );
    println!("| memory in the end | {} |\n", mib(Memory::now().resident));
    println!("{}\n| another execution from start to end, among them | {} |\n", head(database.name), starts.cells());
    alone.print("wake-ups among them, 1 at a time");
    many.print("wake-ups among them, 16 at a time");
    println!(
        "{}\n| {sleepers} timers: how late the execution went on | {} |\n",
        head("timers among them"),
        late.cells()
    );
    node.executions.drain().await;
    Ok(())
}

/// The store, and how long its opening took, once the process before this one has let go of it.
async fn open(database: &Database) -> Result<(Store, Duration), Failed> {
    let first = Instant::now();
    loop {
        let begun = Instant::now();
        match database.open().await {
            Ok(store) => return Ok((store, begun.elapsed())),
            Err(error) if first.elapsed() > Duration::from_secs(10) => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Waits until every sleeper has ended, and says how late each one went on.
async fn timers(node: &Node, principal: &Principal) -> Result<(Times, usize), Failed> {
    let (mut late, mut before) = (Times::default(), None);
    let deadline = Instant::now() + Duration::from_mins(10);
    let agent = Some("sleeping".to_owned());
    loop {
        let query = ListExecutions { agent: agent.clone(), ..ListExecutions::default() };
        let page = node.executions.list(principal.project_id, &query, before, PAGE).await?;
        let Some(last) = page.items.last() else { break };
        let id: ExecutionId = last.execution_id.parse()?;
        if page.items.iter().any(|view| view.finished_at.is_none()) {
            if Instant::now() > deadline {
                return Err("a timer is ten minutes late".into());
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            continue;
        }
        for view in &page.items {
            late.extend(lateness(node, view.execution_id.parse()?).await?);
        }
        before = Some(id);
    }
    let count = late.len();
    Ok((late, count))
}

/// From the time that a sleeper waited for to the entry that lets it go on.
async fn lateness(node: &Node, id: ExecutionId) -> Result<Option<Duration>, Failed> {
    let (mut due, mut resumed) = (None, None);
    for row in node.store.entries(id, 0, 100).await? {
        match serde_json::from_slice(&row.payload)? {
            Entry::TimerSet { due: at, .. } => due = Some(at),
            Entry::Resumed { .. } => resumed = Some(row.at),
            _ => {}
        }
    }
    Ok(due.zip(resumed).map(|(due, resumed)| resumed.since(due)))
}

/// A page of the suspended ones, and the number of executions in each state.
async fn looks(node: &Node, principal: &Principal) -> Result<(Duration, Duration), Failed> {
    let begun = Instant::now();
    let state = Some(State::Suspended.to_string());
    let query = ListExecutions { state, ..ListExecutions::default() };
    node.executions.list(principal.project_id, &query, None, 50).await?;
    let page = begun.elapsed();
    let begun = Instant::now();
    node.store.executions(principal.project_id).counts().await?;
    Ok((page, begun.elapsed()))
}
