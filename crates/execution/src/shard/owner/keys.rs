//! Idempotency keys of starts that the handlers' look-up may not have seen yet.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use moltforge_types::{ExecutionId, ProjectId};
use tokio::time::Instant;

/// How long a key is kept after its start is durable: longer than a request takes from its look-up to the owner. Measured
/// with the monotonic clock, because the other one jumps.
const MEMORY: Duration = Duration::from_mins(1);

pub(super) type Key = (ProjectId, String);

/// What a key stands for: the execution that it started, and the hash of the request.
pub(super) type Known = (ExecutionId, Option<String>);

/// The keys of uncommitted starts, however long their commit takes, and of recent ones.
#[derive(Default)]
pub(super) struct RecentKeys {
    known: HashMap<Key, Known>,
    batches: VecDeque<Keys>,
}

/// The keys of one batch.
struct Keys {
    batch: u64,
    all: Vec<Key>,
    durable_at: Option<Instant>,
}

impl RecentKeys {
    pub(super) fn find(&self, key: &Key) -> Option<&Known> {
        self.known.get(key)
    }

    /// Remembers a start that is staged in this batch.
    pub(super) fn insert(&mut self, key: Key, known: Known, batch: u64) {
        match self.batches.back_mut() {
            Some(last) if last.batch == batch => last.all.push(key.clone()),
            _ => self.batches.push_back(Keys { batch, all: vec![key.clone()], durable_at: None }),
        }
        self.known.insert(key, known);
    }

    /// A batch is durable, and with it those before: keys that have been so for long enough are forgotten.
    pub(super) fn durable(&mut self, batch: u64, now: Instant) {
        for keys in self.batches.iter_mut().rev().filter(|keys| keys.batch <= batch) {
            if keys.durable_at.is_some() {
                break;
            }
            keys.durable_at = Some(now);
        }
        let is_old = |keys: &Keys| keys.durable_at.is_some_and(|at| now.duration_since(at) > MEMORY);
        while let Some(keys) = self.batches.pop_front_if(|keys| is_old(keys)) {
            for key in &keys.all {
                self.known.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use moltforge_types::Ambient;

    use super::*;

    #[test]
    fn a_key_is_known_until_its_start_has_long_been_durable() {
        let ambient = Ambient::system();
        let project: ProjectId = ambient.id();
        let key = |name: &str| (project, name.to_owned());
        let known: Known = (ambient.id(), None);
        let (mut recent, began) = (RecentKeys::default(), Instant::now());
        recent.insert(key("a"), known.clone(), 1);
        recent.insert(key("b"), known.clone(), 2);
        let later = began + MEMORY * 3;
        recent.durable(1, later);
        assert!(recent.find(&key("a")).is_some(), "its commit took long");
        recent.durable(2, later + MEMORY + Duration::from_secs(1));
        assert!(recent.find(&key("a")).is_none());
        assert!(recent.find(&key("b")).is_some());
        recent.durable(9, later + MEMORY * 3);
        assert!(recent.find(&key("b")).is_none() && recent.known.is_empty() && recent.batches.is_empty());
    }
}
