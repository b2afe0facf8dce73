//! A number of steps in flight, for some seconds, and what they took.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use crate::AnyError;

/// Entries in one batch, as in the engine.
const MAX_BATCH: usize = 256;

/// Steps of one execution before a loop moves to another, as an agent's run would.
const RUN: usize = 8;

/// Unmeasured, at the beginning.
const WARM_UP: Duration = Duration::from_secs(1);

/// Whatever commits a batch: one lane of the journal, or a raw connection.
#[async_trait]
pub(crate) trait Committer: Send {
    /// How many executions there are to step.
    fn executions(&self) -> usize;
    /// One step of each execution named (each once), durable when this returns.
    async fn commit(&mut self, executions: &[usize]) -> Result<(), AnyError>;
}

pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) batch: f64,
}

/// Batches form without delay: while one commit runs, the next batch queues. Gives the number of commits and entries.
async fn lane(
    mut committer: Box<dyn Committer>,
    mut queue: mpsc::Receiver<(usize, oneshot::Sender<()>)>,
) -> Result<(usize, usize), AnyError> {
    let (mut executions, mut waiting) = (Vec::with_capacity(MAX_BATCH), Vec::with_capacity(MAX_BATCH));
    let (mut commits, mut entries) = (0, 0);
    while let Some((execution, answer)) = queue.recv().await {
        executions.push(execution);
        waiting.push(answer);
        while executions.len() < MAX_BATCH
            && let Ok((execution, answer)) = queue.try_recv()
        {
            executions.push(execution);
            waiting.push(answer);
        }
        committer.commit(&executions).await?;
        commits += 1;
        entries += executions.len();
        executions.clear();
        for answer in waiting.drain(..) {
            answer.send(()).ok();
        }
    }
    Ok((commits, entries))
}

/// One step at a time, over and over; the latencies in microseconds since `measured`.
async fn client(
    number: usize,
    stride: usize,
    executions: usize,
    queue: mpsc::Sender<(usize, oneshot::Sender<()>)>,
    measured: Instant,
    stop: Arc<AtomicBool>,
) -> Vec<u32> {
    let mut latencies = Vec::new();
    // disjoint sets: an execution is in one batch at most once
    let mut execution = number;
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..RUN {
            let begun = Instant::now();
            let (answer, answered) = oneshot::channel();
            if queue.send((execution, answer)).await.is_err() || answered.await.is_err() {
                return latencies;
            }
            if begun >= measured {
                latencies.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
        }
        execution += stride;
        if execution >= executions {
            execution = number;
        }
    }
    latencies
}

/// Runs `in_flight` loops over the committers for `seconds`, after a warm-up.
pub(crate) async fn run(
    committers: Vec<Box<dyn Committer>>,
    in_flight: usize,
    seconds: u64,
) -> Result<Figures, AnyError> {
    let lanes = committers.len().min(in_flight);
    let stop = Arc::new(AtomicBool::new(false));
    let measured = Instant::now() + WARM_UP;
    let (mut workers, mut clients) = (Vec::new(), Vec::new());
    for (number, committer) in committers.into_iter().take(lanes).enumerate() {
        let executions = committer.executions();
        let here = (in_flight + lanes - 1 - number) / lanes;
        let (send, queue) = mpsc::channel(4096);
        workers.push(tokio::spawn(lane(committer, queue)));
        for first in 0..here {
            clients.push(tokio::spawn(client(first, here, executions, send.clone(), measured, stop.clone())));
        }
    }
    tokio::time::sleep_until((measured + Duration::from_secs(seconds)).into()).await;
    stop.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    for client in clients {
        latencies.extend(client.await?);
    }
    let elapsed = measured.elapsed();
    let (mut commits, mut entries) = (0, 0);
    for worker in workers {
        let (more, with) = worker.await??;
        commits += more;
        entries += with;
    }
    Ok(figures(latencies, elapsed, commits, entries))
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn figures(mut latencies: Vec<u32>, elapsed: Duration, commits: usize, entries: usize) -> Figures {
    latencies.sort_unstable();
    let at = |share: usize| latencies.get(latencies.len() * share / 100).map_or(f64::NAN, |us| f64::from(*us) / 1e3);
    Figures {
        per_second: latencies.len() as f64 / elapsed.as_secs_f64(),
        p50_ms: at(50),
        p99_ms: at(99),
        batch: entries as f64 / commits as f64,
    }
}
