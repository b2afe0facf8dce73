//! What the requests of a project share: connections at a time, and bytes in a second.
//!
//! A request has its place before anything is looked up or sent. First one of its project, then one of the node, so that
//! a project that is at its limit is in nobody else's way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moltforge_types::ProjectId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use crate::EgressConfig;

/// Projects that are remembered though they send nothing.
const IDLE: usize = 1024;

/// What this long is worth may pass at once, the rest as the rate says.
const BURST: Duration = Duration::from_secs(1);

/// What a request waits for at the moment, for people. Cheap to clone; clones say the same.
#[derive(Debug, Clone, Default)]
pub struct Waits(Arc<Mutex<Option<String>>>);

impl Waits {
    /// In words; nothing when it does not wait.
    pub fn words(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, words: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = words;
    }
}

/// The shares of all projects.
pub(crate) struct Shares {
    connections: u32,
    of_project: u32,
    bytes_per_second: Option<u64>,
    node: Arc<Semaphore>,
    projects: Mutex<HashMap<ProjectId, Arc<Share>>>,
}

/// That of one project.
struct Share {
    places: Arc<Semaphore>,
    /// When the bytes that were let through so far would have been sent at the rate that is allowed.
    paid: Mutex<Instant>,
}

/// The place of one request; it is free again when this is dropped.
pub(crate) struct Place {
    share: Arc<Share>,
    bytes_per_second: Option<u64>,
    waits: Waits,
    _permits: [OwnedSemaphorePermit; 2],
}

impl Shares {
    pub(crate) fn new(config: &EgressConfig) -> Self {
        let connections = config.connections.max(1);
        Self {
            connections,
            of_project: config.connections_per_project.clamp(1, connections),
            bytes_per_second: config.bytes_per_second_per_project,
            node: Arc::new(Semaphore::new(connections as usize)),
            projects: Mutex::default(),
        }
    }

    /// Waits for a place; nothing when there are none any more.
    pub(crate) async fn enter(&self, project: ProjectId, waits: &Waits) -> Option<Place> {
        let share = self.share(project);
        let here = format!("a connection: its project has {}, as many as it may have", self.of_project);
        let first = acquire(&share.places, waits, here).await?;
        let node = format!("a connection: this node has {}, as many as it may have", self.connections);
        let second = acquire(&self.node, waits, node).await?;
        let (bytes_per_second, waits) = (self.bytes_per_second, waits.clone());
        Some(Place { share, bytes_per_second, waits, _permits: [first, second] })
    }

    fn share(&self, project: ProjectId) -> Arc<Share> {
        let mut projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        if projects.len() >= IDLE && !projects.contains_key(&project) {
            let now = Instant::now();
            projects.retain(|_, share| Arc::strong_count(share) > 1 || share.paid() > now);
        }
        let new = || {
            let places = Arc::new(Semaphore::new(self.of_project as usize));
            let now = Instant::now();
            Arc::new(Share { places, paid: Mutex::new(now.checked_sub(BURST).unwrap_or(now)) })
        };
        Arc::clone(projects.entry(project).or_insert_with(new))
    }
}

async fn acquire(places: &Arc<Semaphore>, waits: &Waits, words: String) -> Option<OwnedSemaphorePermit> {
    if let Ok(permit) = Arc::clone(places).try_acquire_owned() {
        waits.set(None);
        return Some(permit);
    }
    waits.set(Some(words));
    let permit = Arc::clone(places).acquire_owned().await.ok();
    // who is dropped here has a deadline that says what it waited for
    waits.set(None);
    permit
}

impl Share {
    fn paid(&self) -> Instant {
        *self.paid.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When bytes that take so long may pass.
    fn pay(&self, cost: Duration) -> Instant {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let from = (*paid).max(now.checked_sub(BURST).unwrap_or(now));
        *paid = from + cost;
        *paid
    }

    /// Bytes that were paid for and have not passed.
    fn give_back(&self, cost: Duration) {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        *paid = paid.checked_sub(cost).unwrap_or(*paid);
    }
}

/// How long so many bytes take.
fn cost(bytes: usize, per_second: u64) -> Duration {
    let nanos = u128::from(bytes as u64) * 1_000_000_000 / u128::from(per_second.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Bytes that wait for their turn: what gives up before owes nothing.
struct Unsent<'a> {
    share: &'a Share,
    cost: Duration,
}

impl Unsent<'_> {
    /// They pass now.
    fn passes(mut self) {
        self.cost = Duration::ZERO;
    }
}

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        if !self.cost.is_zero() {
            self.share.give_back(self.cost);
        }
    }
}

impl Place {
    /// Waits until so many bytes may be sent.
    pub(crate) async fn pass(&self, bytes: usize) {
        let Some(per_second) = self.bytes_per_second else { return };
        let cost = cost(bytes, per_second);
        let unsent = Unsent { share: &self.share, cost };
        self.wait(self.share.pay(cost), per_second).await;
        unsent.passes();
    }

    /// Waits for so many bytes that have come.
    pub(crate) async fn has_come(&self, bytes: usize) {
        let Some(per_second) = self.bytes_per_second else { return };
        self.wait(self.share.pay(cost(bytes, per_second)), per_second).await;
    }

    async fn wait(&self, paid: Instant, per_second: u64) {
        if paid > Instant::now() {
            self.waits.set(Some(format!("its project's share of the network, {per_second} bytes a second")));
            sleep_until(paid).await;
            self.waits.set(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use moltforge_types::Id as _;

    use super::*;

    fn shares(connections: u32, of_project: u32, bytes: Option<u64>) -> Shares {
        Shares::new(&EgressConfig {
            connections,
            connections_per_project: of_project,
            bytes_per_second_per_project: bytes,
            ..EgressConfig::default()
        })
    }

    fn project(n: u128) -> ProjectId {
        ProjectId::from_u128(n)
    }

    #[tokio::test(start_paused = true)]
    async fn a_project_at_its_limit_is_in_nobody_s_way() {
        let shares = shares(3, 2, None);
        let waits = Waits::default();
        let mine = [shares.enter(project(1), &waits).await, shares.enter(project(1), &waits).await];
        let soon = Duration::from_secs(1);
        assert!(tokio::time::timeout(soon, shares.enter(project(1), &waits)).await.is_err());
        assert!(waits.words().unwrap().contains("its project has 2"), "{waits:?}");
        let waits = Waits::default();
        let other = shares.enter(project(2), &waits).await;
        assert!(tokio::time::timeout(soon, shares.enter(project(2), &waits)).await.is_err());
        assert!(waits.words().unwrap().contains("this node has 3"), "{waits:?}");
        drop(mine);
        assert!(shares.enter(project(2), &waits).await.is_some() && waits.words().is_none());
        drop(other);
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_pass_at_the_rate_of_the_project() {
        let shares = shares(10, 10, Some(1000));
        let (one, two) = (Waits::default(), Waits::default());
        let first = shares.enter(project(1), &one).await.unwrap();
        let second = shares.enter(project(1), &two).await.unwrap();
        let began = Instant::now();
        first.pass(1000).await;
        assert_eq!(began.elapsed(), Duration::ZERO, "a second's worth at once");
        second.pass(500).await;
        first.pass(500).await;
        assert_eq!(began.elapsed().as_millis(), 1000, "they share");
        let other = shares.enter(project(2), &one).await.unwrap();
        other.pass(1000).await;
        assert_eq!(began.elapsed().as_millis(), 1000, "others do not wait for them");
    }

    #[tokio::test(start_paused = true)]
    async fn what_gives_up_owes_nothing() {
        let shares = shares(10, 10, Some(1000));
        let waits = Waits::default();
        let place = shares.enter(project(1), &waits).await.unwrap();
        for _ in 0..10 {
            // more than can be sent in its time, tried again and again
            assert!(tokio::time::timeout(Duration::from_secs(30), place.pass(100_000)).await.is_err());
        }
        let began = Instant::now();
        place.pass(500).await;
        assert_eq!(began.elapsed(), Duration::ZERO, "nothing was sent before");
        // what has come has come
        let soon = Duration::from_millis(1);
        assert!(tokio::time::timeout(soon, place.has_come(10_000)).await.is_err());
        place.pass(1).await;
        assert!(began.elapsed() > Duration::from_secs(9), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn projects_that_send_nothing_are_forgotten() {
        let shares = shares(10, 10, Some(1000));
        for n in 0..3000 {
            drop(shares.enter(project(n), &Waits::default()).await);
        }
        assert!(shares.projects.lock().unwrap().len() <= IDLE);
    }
}
