//! Wake-ups by signal: from the request to the call of the model that follows it, and how much of that is the commit.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _};
use moltforge_bus::Notice;
use moltforge_types::journal::Entry;
use moltforge_types::{ExecutionId, Principal};
use serde_json::Value;

use crate::Failed;
use crate::figures::{Times, head};
use crate::node::Node;
use crate::statements;

/// A wake-up that takes longer is a bug.
const PATIENCE: Duration = Duration::from_mins(1);

/// What wake-ups took.
#[derive(Default)]
pub(crate) struct Wakes {
    /// From the signal to the beginning of the model call.
    pub(crate) whole: Times,
    /// The commit between the two, as its journal took it.
    pub(crate) commit: Times,
    /// The difference.
    pub(crate) beyond: Times,
    /// From the signal to the answer of its request.
    pub(crate) answered: Times,
    /// Statements for each wake-up, to its end.
    pub(crate) statements: String,
}

/// Wakes each of these, so many at a time. None of them is in memory: each is read first.
pub(crate) async fn measure(
    node: &Node,
    principal: &Principal,
    ids: &[ExecutionId],
    together: usize,
) -> Result<Wakes, Failed> {
    let mut wakes = Wakes::default();
    statements::take();
    node.journal.take();
    let all = futures::stream::iter(ids).map(|id| wake(node, principal, *id)).buffered(together.max(1));
    let all: Vec<Option<(ExecutionId, Duration, Duration)>> = all.try_collect().await?;
    let mut commits = HashMap::new();
    for commit in node.journal.take() {
        for (id, ..) in commit.of {
            // the first one is the signal's, the next one that of the model's reply
            commits.entry(id).or_insert(commit.took);
        }
    }
    node.journal.stop();
    wakes.statements = statements::each(&statements::take(), ids.len());
    for (id, whole, answered) in all.into_iter().flatten() {
        let commit = commits.get(&id).copied().unwrap_or_default();
        wakes.whole.push(whole);
        wakes.commit.push(commit);
        wakes.beyond.push(whole.saturating_sub(commit));
        wakes.answered.push(answered);
    }
    Ok(wakes)
}

/// The time to the model's call and that to the answer; `None` when a notice was missed.
async fn wake(
    node: &Node,
    principal: &Principal,
    id: ExecutionId,
) -> Result<Option<(ExecutionId, Duration, Duration)>, Failed> {
    let mut notices = node.bus.subscribe(id);
    let (at, begun) = (node.ambient.now(), Instant::now());
    node.executions.signal(principal, id, "go".to_owned(), Value::Null, None).await?;
    let answered = begun.elapsed();
    let called = async {
        loop {
            match notices.next().await {
                Notice::Committed(entries) => {
                    let called = entries.iter().find_map(|committed| match &committed.entry {
                        Entry::ModelCompleted { started_at, .. } => Some(*started_at),
                        _ => None,
                    });
                    if let Some(called) = called {
                        return Some(called);
                    }
                }
                Notice::Missed => return None,
                Notice::Chunk { .. } => {}
            }
        }
    };
    let called = tokio::time::timeout(PATIENCE, called).await.map_err(|_| format!("{id} does not wake up"))?;
    Ok(called.map(|called| (id, called.since(at), answered)))
}

impl Wakes {
    /// As a table.
    pub(crate) fn print(&self, title: &str) {
        println!("{}", head(title));
        println!("| from the signal to the model's call | {} |", self.whole.cells());
        println!("| of it the commit | {} |", self.commit.cells());
        println!("| beyond the commit (goal: p99 <= 5 ms) | {} |", self.beyond.cells());
        println!("| from the signal to its answer | {} |", self.answered.cells());
        println!(
            "\nStatements for each, to its end: {}. A `commit` is one batch, which several may share.\n",
            self.statements
        );
    }
}
