//! What all parts of a run share: the journal, what was promised to clients, what reached the outside, what went wrong.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use moltforge_store::journal::Memory;
use moltforge_store::{Batch, EntryRow, ExecutionRow, Reads as _};
use moltforge_types::execution::{EffectDecision, SHARDS};
use moltforge_types::{Ambient, ApprovalId, ExecutionId, NodeId, ProjectId, SeededRandom, Timestamp};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::clock::SimClock;
use super::dice::Dice;
use super::holds::Certain;
use super::node::Death;
use super::plan::{Kind, Plan};

/// What a client was told.
#[derive(Debug, Clone)]
pub(super) enum Promise {
    /// This key started this execution.
    Started { project_id: ProjectId, key: Option<String>, id: ExecutionId },
    /// The signal with this key is taken.
    Signalled { id: ExecutionId, key: String },
    /// It will end, cancelled.
    Stopped { id: ExecutionId },
    /// It is held, at this entry.
    Paused { id: ExecutionId, seq: u64 },
    /// It goes on, at this entry.
    Resumed { id: ExecutionId, seq: u64 },
    /// This person's decision counts.
    Decided { id: ExecutionId, approval_id: ApprovalId, approve: bool, by: String },
    /// This person's decision about a call of unknown outcome counts.
    EffectDecided { id: ExecutionId, step: u32, decision: EffectDecision, by: String },
}

/// What a key meant at the far side.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Effect {
    pub(super) id: ExecutionId,
    pub(super) tool: String,
    pub(super) arguments: String,
    /// How often it was sent.
    pub(super) sent: u32,
}

/// The last write to an execution.
#[derive(Clone, Copy)]
struct Written {
    landed: Instant,
    /// The number of the process.
    by: u64,
    /// When that process heard that it has landed.
    heard: Option<Instant>,
}

pub(super) struct State {
    pub(super) plan: Plan,
    pub(super) memory: Memory,
    pub(super) start: Instant,
    pub(super) database_clock: SimClock,
    pub(super) faults: Dice,
    pub(super) outside: Dice,
    pub(super) deaths: mpsc::UnboundedSender<Death>,
    healed: AtomicBool,
    tracing: bool,
    events: AtomicU64,
    promises: Mutex<Vec<Promise>>,
    effects: Mutex<BTreeMap<String, Effect>>,
    /// Who wrote to each shard, in order, each once.
    writers: Mutex<BTreeMap<u16, Vec<NodeId>>>,
    /// The last write to each execution.
    written: Mutex<BTreeMap<ExecutionId, Written>>,
    violations: Mutex<Vec<String>>,
    pub(super) certain: Certain,
    /// How long each commit takes in a run without faults, in milliseconds.
    pub(super) slow_commits: AtomicU64,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    pub(super) fn new(plan: Plan, tracing: bool, deaths: mpsc::UnboundedSender<Death>) -> Arc<Self> {
        let start = Instant::now();
        let database_clock = SimClock::new(start);
        let random = Arc::new(SeededRandom::new(plan.seed));
        let memory = Memory::with(Ambient::new(Arc::new(database_clock.clone()), random));
        Arc::new(Self {
            memory,
            start,
            database_clock,
            faults: Dice::new(plan.seed, 2),
            outside: Dice::new(plan.seed, 3),
            deaths,
            plan,
            healed: AtomicBool::new(false),
            tracing,
            events: AtomicU64::new(0),
            promises: Mutex::default(),
            effects: Mutex::default(),
            writers: Mutex::default(),
            written: Mutex::default(),
            violations: Mutex::default(),
            certain: Certain::default(),
            slow_commits: AtomicU64::new(1),
        })
    }

    /// Whether a fault of this kind strikes now.
    pub(super) fn strikes(&self, kind: Kind) -> bool {
        let rate = self.plan.rate(kind);
        rate > 0 && !self.is_healed() && self.faults.chance(rate)
    }

    pub(super) fn heal(&self) {
        self.healed.store(true, Ordering::Relaxed);
        self.database_clock.set_right();
    }

    pub(super) fn is_healed(&self) -> bool {
        self.healed.load(Ordering::Relaxed)
    }

    /// Something happened. Printed when a seed is replayed.
    pub(super) fn trace(&self, what: impl FnOnce() -> String) {
        self.events.fetch_add(1, Ordering::Relaxed);
        if self.tracing {
            println!("{:>9.3}s  {}", self.start.elapsed().as_secs_f64(), what());
        }
    }

    /// The time of the database.
    pub(super) fn memory_now(&self) -> Timestamp {
        moltforge_types::Clock::now(&self.database_clock)
    }

    /// How much happened: the same for the same seed.
    pub(super) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    pub(super) fn violated(&self, invariant: &str, what: impl Into<String>) {
        let what = format!("{invariant}: {}", what.into());
        self.trace(|| format!("VIOLATION {what}"));
        let mut violations = lock(&self.violations);
        if violations.len() < 20 {
            violations.push(what);
        }
    }

    pub(super) fn violations(&self) -> Vec<String> {
        lock(&self.violations).clone()
    }

    pub(super) fn promise(&self, promise: Promise) {
        self.trace(|| format!("answered: {promise:?}"));
        lock(&self.promises).push(promise);
    }

    /// Whether somebody was told that it ends.
    pub(super) fn is_stopped(&self, id: ExecutionId) -> bool {
        lock(&self.promises).iter().any(|promise| matches!(promise, Promise::Stopped { id: of } if *of == id))
    }

    pub(super) fn promises(&self) -> Vec<Promise> {
        lock(&self.promises).clone()
    }

    /// A call with a key reaches the far side. How often it has by now.
    pub(super) fn effect(&self, key: &str, id: ExecutionId, tool: &str, arguments: &str) -> u32 {
        let mut effects = lock(&self.effects);
        let effect = effects.entry(key.to_owned()).or_insert_with(|| Effect {
            id,
            tool: tool.to_owned(),
            arguments: arguments.to_owned(),
            sent: 0,
        });
        effect.sent += 1;
        let (sent, same) =
            (effect.sent, (effect.id, effect.tool.as_str(), effect.arguments.as_str()) == (id, tool, arguments));
        drop(effects);
        if !same {
            self.violated("I4", format!("the key {key} was used for two different calls"));
        }
        sent
    }

    pub(super) fn effects(&self) -> BTreeMap<String, Effect> {
        lock(&self.effects).clone()
    }

    /// A batch has landed. I3: once another owner has written to a shard, the one before is silent.
    pub(super) fn wrote(&self, batch: &Batch, by: u64) {
        let written = Written { landed: Instant::now(), by, heard: None };
        lock(&self.written).extend(batch.entries.iter().map(|entry| (entry.execution_id, written)));
        let mut writers = lock(&self.writers);
        let mut late = None;
        for entry in &batch.entries {
            let terms = writers.entry(entry.shard).or_default();
            if terms.last() != Some(&batch.token.node_id) {
                if terms.contains(&batch.token.node_id) {
                    late = Some(entry.shard);
                }
                terms.push(batch.token.node_id);
            }
        }
        drop(writers);
        if let Some(shard) = late {
            self.violated("I3", format!("an owner of before wrote to shard {shard} after its successor"));
        }
    }

    /// Whether somebody else was the last to write to a shard.
    pub(super) fn has_other_writer(&self, shard: u16, node: NodeId) -> bool {
        lock(&self.writers).get(&shard).and_then(|terms| terms.last()).is_some_and(|last| *last != node)
    }

    /// A process is told that its batch has landed.
    pub(super) fn heard(&self, batch: &Batch) {
        let now = Instant::now();
        let mut written = lock(&self.written);
        for entry in &batch.entries {
            written.entry(entry.execution_id).and_modify(|written| written.heard = Some(now));
        }
    }

    /// Whether what an execution's row says cannot be known to a process yet: it was written at this very moment, or
    /// by the process itself, over a connection that broke before the answer.
    pub(super) fn is_news(&self, id: ExecutionId, to: u64) -> bool {
        let now = Instant::now();
        let written = lock(&self.written).get(&id).copied();
        written.is_some_and(|written| {
            written.landed == now || (written.by == to && written.heard.is_none_or(|heard| heard == now))
        })
    }

    /// What is durable of an execution.
    pub(super) fn row(&self, id: ExecutionId) -> Option<ExecutionRow> {
        self.memory.row(id)
    }

    /// Messages that nobody has taken.
    pub(super) fn messages(&self) -> usize {
        let shards: Vec<u16> = (0..SHARDS).collect();
        self.memory.messages(&shards, None, u32::MAX).now_or_never().and_then(Result::ok).map_or(0, |found| found.len())
    }

    pub(super) fn journal(&self, id: ExecutionId, after: u64) -> Vec<EntryRow> {
        let rows = self.memory.entries(id, after, u32::MAX).now_or_never();
        rows.and_then(Result::ok).unwrap_or_default()
    }
}
