//! Who may work, and who comes next: one scheduler for all lanes of a node.
//!
//! An execution holds a [`Permit`] exactly while it is `running`; what the limits say is counted from the permits that are
//! out. Who gets none waits in [`ready::Ready`]. A permit that comes back puts what it held back in the order again, under
//! the same lock, so that there is no wake-up to lose.
//!
//! **Never here:** input or output; anything that the journal would have to know. All of it is built anew at a takeover.

pub(crate) mod calls;
mod counts;
mod permit;
mod pressure;
mod ready;
mod reason;
mod ring;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use moltforge_types::{AgentId, Ambient, ExecutionId, ProjectId, Timestamp};
use tokio::sync::mpsc::UnboundedSender;

use crate::config::Config;
use crate::shard::message::Event;

pub(crate) use counts::Limits;
pub(crate) use permit::Permit;
pub(crate) use pressure::Pressure;
pub(crate) use ready::Entry;

use counts::Counts;
use ready::Ready;

/// Who wants to work, and what limits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claimant {
    pub(crate) execution_id: ExecutionId,
    pub(crate) project_id: ProjectId,
    pub(crate) agent_id: AgentId,
    /// `concurrency_key` of its start.
    pub(crate) key: Option<Arc<str>>,
    /// `limits.concurrency` of its version.
    pub(crate) agent_limit: Option<u32>,
    /// `limits.key_concurrency` of its version.
    pub(crate) key_limit: u32,
}

/// The scheduler of a node. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Fairness {
    inner: Arc<Mutex<Inner>>,
    ambient: Ambient,
    healed: Arc<AtomicU64>,
}

struct Inner {
    counts: Counts,
    ready: Ready,
    bounds: pressure::Bounds,
    rates: pressure::Rates,
    lanes: HashMap<u16, UnboundedSender<Event>>,
    /// Lanes that do not know yet what was at work and what was ready before them. Nothing begins until all do.
    recovering: usize,
}

impl Inner {
    /// The claim of one that need not wait: it may begin, and nobody who waits could begin in its place.
    fn may_pass(&self, claimant: &Claimant) -> bool {
        self.recovering == 0 && !self.ready.has_open() && self.counts.blocked(claimant).is_none()
    }
}

impl Fairness {
    pub(crate) fn new(config: &Config, ambient: Ambient) -> Self {
        let limits = Limits {
            running: config.max_running.max(1),
            running_per_project: config.max_running_per_project.unwrap_or(usize::MAX).max(1),
            running_bytes: config.max_running_bytes,
        };
        let inner = Inner {
            counts: Counts::new(limits),
            ready: Ready::default(),
            bounds: pressure::Bounds::of(config),
            rates: pressure::Rates::default(),
            lanes: HashMap::new(),
            recovering: 0,
        };
        Self { inner: Arc::new(Mutex::new(inner)), ambient, healed: Arc::default() }
    }

    /// A term of ownership begins: nothing of the one before is left, and these lanes take part.
    pub(crate) fn begin_term(&self, lanes: HashMap<u16, UnboundedSender<Event>>) {
        let mut inner = self.lock();
        inner.ready = Ready::default();
        inner.recovering = lanes.len();
        inner.lanes = lanes;
    }

    /// A lane knows now what was at work and what was ready before it.
    pub(crate) fn recovered(&self) {
        let mut inner = self.lock();
        inner.recovering = inner.recovering.saturating_sub(1);
    }

    /// A permit for one that goes on or begins without waiting, if it need not wait.
    pub(crate) fn try_run(&self, claimant: &Arc<Claimant>) -> Option<Permit> {
        let mut inner = self.lock();
        inner.may_pass(claimant).then(|| self.permit(&mut inner, claimant.clone()))
    }

    /// A permit for one that is at work already: after a takeover, whatever the limits say now.
    pub(crate) fn run(&self, claimant: &Arc<Claimant>) -> Permit {
        let mut inner = self.lock();
        self.permit(&mut inner, claimant.clone())
    }

    /// Adds one that is ready.
    pub(crate) fn push(&self, entry: Entry) {
        self.lock().ready.push(entry);
    }

    /// Takes one out that is no longer ready.
    pub(crate) fn remove(&self, id: ExecutionId) {
        self.lock().ready.remove(id);
    }

    /// Lets in whoever comes next. What belongs to another lane is sent there; what is the caller's is the answer.
    pub(crate) fn admit(&self, lane: u16) -> Option<(Entry, Permit)> {
        loop {
            let (entry, permit, other) = {
                let mut inner = self.lock();
                let Inner { ready, counts, recovering, .. } = &mut *inner;
                if *recovering > 0 || !ready.has_open() || counts.node().is_some() {
                    return None;
                }
                let entry = ready.pick(counts)?;
                #[cfg(test)]
                assert!(ready.passed_over(&entry, self.ambient.now()).is_none(), "{entry:?} came before its turn");
                let permit = self.permit(&mut inner, entry.claimant.clone());
                inner.rates.picked(entry.claimant.project_id, self.ambient.now());
                let other = if entry.lane == lane { None } else { Some(inner.lanes.get(&entry.lane).cloned()) };
                (entry, permit, other)
            };
            match other {
                None => return Some((entry, permit)),
                // a lane that has ended drops the event, and the permit with it
                Some(Some(events)) => drop(events.send(Event::Admitted { entry: Box::new(entry), permit })),
                Some(None) => drop(permit),
            }
        }
    }

    /// Looks for what is held back though it may begin, and for counts that do not add up. There is none, unless there is
    /// a bug: it is put right, counted and logged.
    pub(crate) fn watch(&self) {
        let now = self.ambient.now();
        let (stuck, sound) = {
            let mut inner = self.lock();
            let Inner { ready, counts, .. } = &mut *inner;
            (ready.heal(counts, now), counts.is_sound())
        };
        debug_assert!(stuck == 0 && sound, "{stuck} executions were held back without a reason, sound: {sound}");
        if stuck > 0 || !sound {
            self.healed.fetch_add(stuck as u64 + u64::from(!sound), Ordering::Relaxed);
            tracing::error!(stuck, sound, "executions were held back without a reason: put right");
        }
    }

    /// A running execution without a permit, or the other way round, was found and put right.
    pub(crate) fn was_healed(&self) {
        self.healed.fetch_add(1, Ordering::Relaxed);
    }

    /// Executions at work, those that are ready, and since when the oldest of them waits for the node.
    pub(crate) fn gauges(&self) -> (usize, usize, Option<Timestamp>) {
        let inner = self.lock();
        (inner.counts.running(), inner.ready.len(), inner.ready.oldest_of_all())
    }

    /// The same of one project.
    pub(crate) fn gauges_of(&self, project_id: ProjectId) -> (usize, usize, Option<Timestamp>) {
        let inner = self.lock();
        let (ready, _) = inner.ready.of_project(project_id);
        (inner.counts.running_of_project(project_id), ready, inner.ready.oldest(project_id))
    }

    /// How often something was found and put right.
    pub(crate) fn healed(&self) -> u64 {
        self.healed.load(Ordering::Relaxed)
    }

    fn permit(&self, inner: &mut Inner, claimant: Arc<Claimant>) -> Permit {
        inner.counts.take(&claimant);
        Permit::new(self.clone(), claimant)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
