//! One long execution: what its steps cost early and late, and what it takes to read it again.

use std::time::{Duration, Instant};

use moltforge_execution::Config;
use moltforge_types::{ExecutionId, Principal};

use crate::arguments::Arguments;
use crate::database::Database;
use crate::figures::{Times, millis, ratio};
use crate::node::Node;
use crate::timed::Commit;
use crate::{Failed, agents, machine, wakes};

/// Parts of the table.
const PARTS: u64 = 10;
/// Other executions that are woken beside the long one, to compare with.
const SHORT: usize = 20;
const PATIENCE: Duration = Duration::from_mins(30);

/// A tenth of the execution.
#[derive(Default)]
struct Part {
    entries: u64,
    bytes: u64,
    commits: Times,
    ended: Option<Duration>,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failed> {
    let steps = arguments.number("steps", 10_000)?;
    for database in Database::all(arguments).await? {
        let store = database.open().await?;
        let config = Config::default();
        let settings = [
            ("steps", format!("{steps}: a model and `math.add` in turns, then a wait for a signal")),
            ("a snapshot after", format!("{} entries", config.snapshot_entries)),
        ];
        machine::print(database.settings(), &settings);
        let node = Node::start(store.clone(), config.clone()).await?;
        let principal = node.project("growth").await?;
        node.agent(&principal, "long", agents::goes_on(steps.div_ceil(2))).await?;
        node.agent(&principal, "short", agents::goes_on(5)).await?;
        let short = node.run_many(&principal, "short", SHORT, 1).await?;

        node.journal.take();
        let begun = Instant::now();
        let started = node.run(&principal, "long", false).await?;
        let id: ExecutionId = started.execution_id.parse()?;
        let mut commits: Vec<(Duration, Commit)> = Vec::new();
        let mut snapshots: Vec<(u64, usize)> = Vec::new();
        loop {
            let now = begun.elapsed();
            commits.extend(node.journal.take().into_iter().map(|commit| (now, commit)));
            if let Some(kept) = store.snapshots(principal.project_id).find(id).await?
                && snapshots.last().is_none_or(|(seq, _)| *seq < kept.seq)
            {
                snapshots.push((kept.seq, kept.body.len()));
            }
            let view = node.executions.get(principal.project_id, id).await?;
            match view.state.as_str() {
                "suspended" => break,
                "running" if now < PATIENCE => tokio::time::sleep(Duration::from_millis(5)).await,
                state => return Err(format!("the long execution is {state} after {now:.1?}: {:?}", view.error).into()),
            }
        }
        commits.extend(node.journal.take().into_iter().map(|commit| (begun.elapsed(), commit)));
        node.journal.stop();
        print_parts(database.name, id, &commits);
        println!("snapshots, compressed: {}", listed(&snapshots));
        node.executions.drain().await;
        drop(node);
        again(&store, config, &principal, id, &short).await?;
    }
    Ok(())
}

fn listed(snapshots: &[(u64, usize)]) -> String {
    if snapshots.is_empty() {
        return "none".to_owned();
    }
    let words = snapshots.iter().map(|(seq, bytes)| format!("{bytes} bytes after entry {seq}"));
    words.collect::<Vec<_>>().join(", ")
}

fn print_parts(title: &str, id: ExecutionId, commits: &[(Duration, Commit)]) {
    let entries = || commits.iter().flat_map(|(at, commit)| commit.of.iter().map(move |of| (at, commit.took, of)));
    let last = entries().filter(|(.., of)| of.0 == id).map(|(.., of)| of.1).max().unwrap_or(1);
    let mut parts: Vec<Part> = (0..PARTS).map(|_| Part::default()).collect();
    for (at, took, (of, seq, bytes)) in entries() {
        let place = usize::try_from((seq - 1) * PARTS / last).unwrap_or(0);
        let Some(part) = parts.get_mut(place).filter(|_| *of == id) else { continue };
        part.entries += 1;
        part.bytes += *bytes as u64;
        part.commits.push(took);
        part.ended = Some(*at);
    }
    println!(
        "| {title}, entries | journal bytes each | commit p50 ms | commit p99 ms | entries each second |\n|---|---|---|---|---|"
    );
    let (mut first, mut before) = (1, Duration::ZERO);
    for part in parts {
        let ended = part.ended.unwrap_or(before);
        println!(
            "| {first} to {} | {:.0} | {} | {} | {:.0} |",
            first + part.entries.saturating_sub(1),
            ratio(part.bytes, part.entries),
            millis(part.commits.at(500)),
            millis(part.commits.at(990)),
            crate::figures::per_second(part.commits.len(), ended.saturating_sub(before)),
        );
        (first, before) = (first + part.entries, ended);
    }
    println!();
}

/// A new node reads the long execution, and short ones beside it.
async fn again(
    store: &moltforge_store::Store,
    config: Config,
    principal: &Principal,
    id: ExecutionId,
    short: &[ExecutionId],
) -> Result<(), Failed> {
    let node = Node::start(store.clone(), config).await?;
    let short = wakes::measure(&node, principal, short, 1).await?;
    let long = wakes::measure(&node, principal, &[id], 1).await?;
    println!(
        "from a signal to the model's call, beyond the commit: {} ms for the long one, {} ms for short ones (p50)\n",
        millis(long.beyond.at(1_000)),
        millis(short.beyond.at(500))
    );
    node.executions.drain().await;
    Ok(())
}
