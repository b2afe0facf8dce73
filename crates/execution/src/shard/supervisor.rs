//! Ownership of shards by this node: registers, takes over what nobody owns, keeps the lease, and starts an owner per
//! lane; anew whenever an owner lost its shards or does not fit the store.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use moltforge_store::{LaneToken, OwnedShard};
use moltforge_types::NodeId;
use moltforge_types::execution::SHARDS;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::health::Health;
use super::inbox::{Inbox, inbox};
use super::lease::Lease;
use super::message::Request;
use super::owner::{Ended, Owner};
use super::router::Router;
use super::shared::Shared;
use crate::error::Error;

/// Between two looks for shards that nobody owns, and before a failed registration is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Whether this node takes requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// Every shard has an owner here.
    Ready,
    /// Starting, or another node owns the shards: this one stands by.
    Starting,
    /// Commits fail at the moment; the code says why.
    Failing(&'static str),
    /// Stopping.
    Stopping,
}

/// One lane as seen from outside.
struct Lane {
    token: LaneToken,
    shards: Vec<u16>,
    requests: Inbox,
    health: watch::Receiver<Health>,
}

#[derive(Clone)]
pub(crate) struct Supervisor {
    lanes: Arc<RwLock<Arc<[Lane]>>>,
    changed: Arc<watch::Sender<u64>>,
    stopping: Arc<watch::Sender<bool>>,
    task: Arc<Mutex<Option<tokio::task::JoinHandle<()>>>>,
}

impl Supervisor {
    pub(crate) fn start(shared: Arc<Shared>) -> Self {
        let this = Self {
            lanes: Arc::new(RwLock::new(Arc::new([]))),
            changed: Arc::new(watch::channel(0).0),
            stopping: Arc::new(watch::channel(false).0),
            task: Arc::new(Mutex::new(None)),
        };
        let task = tokio::spawn(this.clone().run(shared));
        *this.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        this
    }

    /// The inbox of a shard's owner on this node.
    pub(crate) fn owner_of(&self, shard: u16) -> Result<Inbox, Error> {
        if *self.stopping.borrow() {
            return Err(Error::Draining);
        }
        let lanes = self.lanes();
        lanes
            .iter()
            .find(|lane| lane.shards.contains(&shard))
            .map(|lane| lane.requests.clone())
            .ok_or(Error::ShardUnowned)
    }

    /// The shards that this node owns now.
    pub(crate) fn owned_shards(&self) -> Vec<u16> {
        self.lanes().iter().flat_map(|lane| lane.shards.iter().copied()).collect()
    }

    /// What shows in a transaction that the shards are still this node's. A takeover shuts out all of its lanes at once.
    pub(crate) fn token(&self) -> Result<LaneToken, Error> {
        if *self.stopping.borrow() {
            return Err(Error::Draining);
        }
        self.lanes().first().map(|lane| lane.token).ok_or(Error::ShardUnowned)
    }

    /// Waits until all that the owners have staged by now is durable.
    pub(crate) async fn barrier(&self) -> Result<(), Error> {
        let lanes = self.lanes();
        if lanes.is_empty() {
            return Err(Error::ShardUnowned);
        }
        for lane in lanes.iter() {
            let (done, answer) = oneshot::channel();
            lane.requests.send(Request::Barrier { done }).await.map_err(|_| Error::ShardUnowned)?;
            answer.await.map_err(|_| Error::ShardUnowned)?;
        }
        Ok(())
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Waits until the node is told to stop.
    pub(crate) async fn stopped(&self) {
        stopped(&mut self.stopping.subscribe()).await;
    }

    pub(crate) fn readiness(&self) -> Readiness {
        if *self.stopping.borrow() {
            return Readiness::Stopping;
        }
        let lanes = self.lanes();
        let owned: usize = lanes.iter().map(|lane| lane.shards.len()).sum();
        if owned < usize::from(SHARDS) {
            return Readiness::Starting;
        }
        for lane in lanes.iter() {
            match *lane.health.borrow() {
                Health::Ready => {}
                Health::Failing(code) => return Readiness::Failing(code),
                Health::Ended => return Readiness::Starting,
            }
        }
        Readiness::Ready
    }

    pub(crate) async fn ready(&self) {
        let mut changed = self.changed.subscribe();
        while self.readiness() == Readiness::Starting {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// Stops every lane and gives the shards up. Returns once nothing more will be written.
    pub(crate) async fn drain(&self) {
        self.stopping.send_replace(true);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            // a task that panicked has stopped, too
            let _ = task.await;
        }
    }

    /// Ends at once, as a crash would: nothing more is committed, nothing is given up.
    pub(crate) async fn abandon(&self) {
        self.stopping.send_replace(true);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            task.abort();
            let _ = task.await;
        }
    }

    fn lanes(&self) -> Arc<[Lane]> {
        self.lanes.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_lanes(&self, lanes: Vec<Lane>) {
        *self.lanes.write().unwrap_or_else(PoisonError::into_inner) = lanes.into();
        self.changed.send_modify(|changes| *changes += 1);
    }

    async fn run(self, shared: Arc<Shared>) {
        let mut stopping = self.stopping.subscribe();
        while !*stopping.borrow() {
            let term = Term { supervisor: &self, shared: &shared };
            if let Err(error) = term.run(&mut stopping).await {
                tracing::warn!(%error, "cannot own shards at the moment, trying again");
            }
            self.set_lanes(Vec::new());
            tokio::select! {
                biased;
                () = tokio::time::sleep(RETRY) => {}
                () = stopped(&mut stopping) => {}
            }
        }
    }
}

/// One term of ownership: from a registration to the loss of the lease, a fence, or the stop.
struct Term<'a> {
    supervisor: &'a Supervisor,
    shared: &'a Arc<Shared>,
}

impl Term<'_> {
    async fn run(&self, stopping: &mut watch::Receiver<bool>) -> Result<(), Error> {
        let membership = self.shared.journal.membership();
        let node_id: NodeId = self.shared.ambient.id();
        let lanes = if membership.is_embedded() { 1 } else { self.shared.config.lanes.clamp(1, 16) };
        let lease = Duration::from_secs(self.shared.config.lease_seconds.clamp(5, 300));
        let sent = Instant::now();
        let tokens = membership.register(node_id, lanes, lease).await?;
        let mut lease = Lease::new(self.shared.journal.clone(), node_id, lease, sent);
        let Some((tokens, owned)) = self.take_all(&mut lease, tokens, lanes, stopping).await? else {
            return lease.release().await;
        };
        // nothing that is held begins
        self.shared.holds.read(self.shared.journal.reads().holds()).await?;
        // what a recovered execution does first is heard
        self.shared.directory.listen(self.shared).await?;
        let mut owners = self.start_owners(&lease, &tokens, &owned);
        loop {
            tokio::select! {
                biased;
                held = lease.keep() => {
                    if !held {
                        tracing::error!("the lease was lost: this node stops its owners");
                        owners.abort_all();
                        while owners.join_next().await.is_some() {}
                        return Ok(());
                    }
                }
                Some(ended) = owners.join_next() => {
                    tracing::warn!(?ended, "an owner ended: the state is read anew");
                    owners.abort_all();
                    while owners.join_next().await.is_some() {}
                    return lease.release().await;
                }
                () = stopped(stopping) => {
                    self.drain_owners(&mut owners).await;
                    return lease.hand_over().await;
                }
            }
        }
    }

    /// Takes shards until all are this node's. `None` when it is told to stop, or lost its lease, before that.
    async fn take_all(
        &self,
        lease: &mut Lease,
        tokens: Vec<LaneToken>,
        lanes: u16,
        stopping: &mut watch::Receiver<bool>,
    ) -> Result<Option<(Vec<LaneToken>, Vec<OwnedShard>)>, Error> {
        let membership = self.shared.journal.membership();
        let mut handed_over = HashSet::new();
        loop {
            let mut owned = membership.take_over(lease.node_id(), lanes, membership.is_embedded()).await?;
            // said once, by the call that took it
            handed_over.extend(owned.iter().filter(|shard| shard.handed_over).map(|shard| shard.shard));
            if owned.len() == usize::from(SHARDS) {
                for shard in &mut owned {
                    shard.handed_over = handed_over.contains(&shard.shard);
                }
                return Ok(Some((tokens, owned)));
            }
            // somebody else is alive: stand by
            tokio::select! {
                biased;
                held = lease.keep() => if !held { return Ok(None) },
                () = tokio::time::sleep(RETRY) => {}
                () = stopped(stopping) => return Ok(None),
            }
        }
    }

    fn start_owners(&self, lease: &Lease, tokens: &[LaneToken], owned: &[OwnedShard]) -> JoinSet<Ended> {
        let mut owners = JoinSet::new();
        let (mut lanes, mut ready, mut events) = (Vec::new(), Vec::new(), HashMap::new());
        for token in tokens {
            let shards: Vec<u16> =
                owned.iter().filter(|shard| shard.lane == token.lane).map(|shard| shard.shard).collect();
            let (requests, inbox) = inbox(self.shared.config.max_inbox_bytes);
            let (health_in, health) = watch::channel(Health::Ready);
            let router = Router::new(self.supervisor.clone());
            let lane =
                Owner::new(self.shared.clone(), router, lease.authority(), *token, shards.clone(), health_in, inbox);
            events.insert(token.lane, lane.events_in());
            ready.push(lane);
            lanes.push(Lane { token: *token, shards, requests, health });
        }
        let handed_over = owned.iter().all(|shard| shard.handed_over);
        self.shared.handed_over.store(handed_over, Ordering::Release);
        self.shared.fairness.begin_term(events);
        for lane in ready {
            owners.spawn(lane.run());
        }
        self.supervisor.set_lanes(lanes);
        owners
    }

    async fn drain_owners(&self, owners: &mut JoinSet<Ended>) {
        let mut drained = Vec::new();
        for lane in self.supervisor.lanes().iter() {
            let (done, answer) = oneshot::channel();
            if lane.requests.send(Request::Drain { done }).await.is_ok() {
                drained.push(answer);
            }
        }
        // the owners end calls after `drain_seconds`; a commit that cannot succeed must not hold the stop for ever
        let limit = Duration::from_secs(self.shared.config.drain_seconds + 10);
        let all = futures::future::join_all(drained);
        if tokio::time::timeout(limit, all).await.is_err() {
            tracing::error!("the last batch could not be committed in time; nothing in it was acknowledged");
        }
        owners.abort_all();
        while owners.join_next().await.is_some() {}
    }
}

/// Waits until the node is told to stop.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // an error means that the supervisor itself is gone, which is a stop, too
    let _ = stopping.wait_for(|stop| *stop).await;
}
