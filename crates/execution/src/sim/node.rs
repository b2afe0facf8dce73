//! A node: the real supervisor and its owners, on the simulated journal, models and tools.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moltforge_bus::Bus;
use moltforge_types::{Ambient, NodeId, SeededRandom};

use super::agents::{Agents, effect_keys};
use super::clock::SimClock;
use super::holds::SimBook;
use super::journal::SimJournal;
use super::outside::SimCalls;
use super::state::State;
use crate::config::Config;
use crate::fairness::Fairness;
use crate::fairness::calls::Gates;
use crate::holds::Holds;
use crate::holds::keeper::Keeper;
use crate::shard::shared::Shared;
use crate::shard::specs::Specs;
use crate::shard::streams::Streams;
use crate::shard::supervisor::Supervisor;
use crate::triggers::Listeners;

/// A process died and is to be buried.
pub(super) struct Death {
    pub(super) slot: usize,
    pub(super) number: u64,
}

/// One process, from its start to its death.
pub(super) struct Process {
    pub(super) slot: usize,
    /// Counts the processes of a run.
    pub(super) number: u64,
    /// Shards that it owned when it last looked.
    pub(super) owned: AtomicUsize,
    /// As whom it wrote last.
    writes_as: Mutex<Option<NodeId>>,
    dead: AtomicBool,
    /// Until when it cannot reach the leases, and anything: microseconds since the start of the run.
    no_leases: AtomicI64,
    no_database: AtomicI64,
}

impl Process {
    /// Everything that a dead process awaits never comes.
    pub(super) async fn alive(&self) {
        if self.dead.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }

    pub(super) fn die(&self, state: &State) {
        if !self.dead.swap(true, Ordering::Relaxed) {
            state.trace(|| format!("node {} dies (process {})", self.slot, self.number));
            // without a receiver the run is over
            let _ = state.deaths.send(Death { slot: self.slot, number: self.number });
        }
    }

    pub(super) fn writes_as(&self, node: NodeId) {
        *self.writes_as.lock().unwrap_or_else(PoisonError::into_inner) = Some(node);
    }

    /// Whether somebody else has written to a shard since it did.
    pub(super) fn is_replaced(&self, state: &State, shard: u16) -> bool {
        let node = *self.writes_as.lock().unwrap_or_else(PoisonError::into_inner);
        node.is_some_and(|node| state.has_other_writer(shard, node))
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Cuts it off for a while.
    pub(super) fn cut(&self, state: &State, leases_only: bool, length: Duration) {
        let until = micros(state) + i64::try_from(length.as_micros()).unwrap_or(0);
        self.no_leases.store(until, Ordering::Relaxed);
        if !leases_only {
            self.no_database.store(until, Ordering::Relaxed);
        }
    }

    pub(super) fn is_cut(&self, state: &State, leases: bool) -> bool {
        let until = if leases { &self.no_leases } else { &self.no_database };
        !state.is_healed() && until.load(Ordering::Relaxed) > micros(state)
    }
}

fn micros(state: &State) -> i64 {
    i64::try_from(state.start.elapsed().as_micros()).unwrap_or(0)
}

/// A running node.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) process: Arc<Process>,
    pub(super) supervisor: Supervisor,
    pub(super) shared: Arc<Shared>,
    pub(super) keeper: Keeper,
    pub(super) clock: SimClock,
}

impl Node {
    pub(super) fn start(state: &Arc<State>, slot: usize, number: u64) -> Self {
        let process = Arc::new(Process {
            slot,
            number,
            owned: AtomicUsize::new(0),
            writes_as: Mutex::default(),
            dead: AtomicBool::new(false),
            no_leases: AtomicI64::new(0),
            no_database: AtomicI64::new(0),
        });
        state.trace(|| format!("node {slot} starts (process {number})"));
        let clock = SimClock::new(state.start);
        let random = Arc::new(SeededRandom::new(state.plan.seed.wrapping_add(number << 32)));
        let config = Config {
            max_running: state.plan.max_running,
            max_running_per_project: state.plan.max_running_per_project,
            lanes: state.plan.lanes,
            lease_seconds: 5,
            drain_seconds: 2,
            ..Config::default()
        };
        let ambient = Ambient::new(Arc::new(clock.clone()), random);
        let journal = Arc::new(SimJournal { state: state.clone(), process: process.clone() });
        let shared = Arc::new(Shared {
            fairness: Fairness::new(&config, ambient.clone()),
            gates: Gates::default(),
            streams: Streams::default(),
            holds: Holds::default(),
            listeners: Listeners::default(),
            handed_over: AtomicBool::default(),
            config,
            journal: journal.clone(),
            bus: Bus::new(),
            directory: Arc::new(Agents),
            calls: Arc::new(SimCalls {
                state: state.clone(),
                process: process.clone(),
                models: Arc::default(),
                stock: Arc::default(),
            }),
            ambient,
            specs: Specs::new(effect_keys()),
        });
        let supervisor = Supervisor::start(shared.clone());
        let book = Arc::new(SimBook(journal));
        let keeper = Keeper { shared: shared.clone(), supervisor: supervisor.clone(), book };
        tokio::spawn(keeper.clone().keep());
        Self { process, supervisor, shared, keeper, clock }
    }
}

/// All places for nodes.
#[derive(Clone, Default)]
pub(super) struct Nodes {
    places: Arc<Mutex<Vec<Option<Node>>>>,
    started: Arc<AtomicUsize>,
}

impl Nodes {
    pub(super) fn start(&self, state: &Arc<State>, slot: usize) {
        let number = self.started.fetch_add(1, Ordering::Relaxed) as u64 + 1;
        let node = Node::start(state, slot, number);
        let mut places = self.lock();
        while places.len() <= slot {
            places.push(None);
        }
        if let Some(place) = places.get_mut(slot) {
            *place = Some(node);
        }
    }

    pub(super) fn get(&self, slot: usize) -> Option<Node> {
        self.lock().get(slot).cloned().flatten().filter(|node| !node.process.is_dead())
    }

    pub(super) fn alive(&self) -> Vec<Node> {
        self.lock().iter().flatten().filter(|node| !node.process.is_dead()).cloned().collect()
    }

    pub(super) fn remove(&self, slot: usize) -> Option<Node> {
        self.lock().get_mut(slot).and_then(Option::take)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Option<Node>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
