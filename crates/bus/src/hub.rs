//! Hints inside one process: who watches an execution hears of its commits and of its model's text at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use moltforge_types::journal::Entry;
use moltforge_types::{ExecutionId, Timestamp};
use tokio::sync::broadcast;

/// Notices that a slow subscriber may fall behind before it misses some, and the bytes of the largest: whoever watches an
/// execution keeps 1 MiB of memory busy at most, however slowly they read. What is larger is a hint to read the journal.
const BACKLOG: usize = 256;
const MAX_BYTES: usize = 4 * 1024;

/// One committed journal entry.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Its number within the execution.
    pub seq: u64,
    /// Its time.
    pub at: Timestamp,
    /// What it says.
    pub entry: Entry,
}

/// What a subscriber hears.
#[derive(Debug, Clone)]
pub enum Notice {
    /// Entries are durable.
    Committed(Arc<Vec<Committed>>),
    /// A model writes: provisional text of a step.
    Chunk {
        /// The step.
        step: u32,
        /// Which try of it.
        attempt: u32,
        /// Bytes of this try's text before this piece.
        offset: u64,
        /// The piece.
        text: Arc<str>,
    },
    /// Something was missed: read the journal.
    Missed,
}

impl Notice {
    /// Whether it takes so many bytes at most.
    fn fits(&self, bytes: usize) -> bool {
        match self {
            Self::Committed(entries) => {
                let mut left = Left(bytes);
                entries.iter().all(|committed| serde_json::to_writer(&mut left, &committed.entry).is_ok())
            }
            Self::Chunk { text, .. } => text.len() <= bytes,
            Self::Missed => true,
        }
    }
}

/// Counts what is written, and fails as soon as that is too much.
struct Left(usize);

impl std::io::Write for Left {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::FileTooLarge)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The hub of one process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Bus {
    watched: Arc<Mutex<HashMap<ExecutionId, broadcast::Sender<Notice>>>>,
}

impl Bus {
    /// A hub without subscribers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Watches one execution from now on.
    pub fn subscribe(&self, execution_id: ExecutionId) -> Subscription {
        let receiver = self.lock().entry(execution_id).or_insert_with(|| broadcast::channel(BACKLOG).0).subscribe();
        Subscription { bus: self.clone(), execution_id, receiver: Some(receiver) }
    }

    /// Tells the watchers of an execution, if there are any; `notice` is only made then.
    pub fn publish(&self, execution_id: ExecutionId, notice: impl FnOnce() -> Notice) {
        let Some(sender) = self.lock().get(&execution_id).cloned() else { return };
        let notice = notice();
        let notice = if notice.fits(MAX_BYTES) { notice } else { Notice::Missed };
        // an error means that the last watcher has just gone
        let _ = sender.send(notice);
    }

    /// Whether anybody watches an execution.
    pub fn is_watched(&self, execution_id: ExecutionId) -> bool {
        self.lock().contains_key(&execution_id)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ExecutionId, broadcast::Sender<Notice>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One watcher of one execution.
#[derive(Debug)]
pub struct Subscription {
    bus: Bus,
    execution_id: ExecutionId,
    receiver: Option<broadcast::Receiver<Notice>>,
}

impl Subscription {
    /// The next notice. Cancel-safe.
    pub async fn next(&mut self) -> Notice {
        match &mut self.receiver {
            Some(receiver) => receiver.recv().await.unwrap_or(Notice::Missed),
            None => std::future::pending().await,
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.receiver = None;
        let mut watched = self.bus.lock();
        if watched.get(&self.execution_id).is_some_and(|sender| sender.receiver_count() == 0) {
            watched.remove(&self.execution_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use moltforge_types::Id as _;

    fn chunk(text: &str) -> Notice {
        Notice::Chunk { step: 1, attempt: 1, offset: 0, text: text.into() }
    }

    #[tokio::test]
    async fn watchers_hear_and_leave_no_trace() {
        let bus = Bus::new();
        let (one, other) = (ExecutionId::from_u128(1), ExecutionId::from_u128(2));
        bus.publish(one, || unreachable!("nobody watches"));
        let mut first = bus.subscribe(one);
        let mut second = bus.subscribe(one);
        bus.publish(one, || chunk("a"));
        bus.publish(other, || unreachable!("nobody watches"));
        for watcher in [&mut first, &mut second] {
            assert!(matches!(watcher.next().await, Notice::Chunk { text, .. } if &*text == "a"));
        }
        drop(first);
        assert!(bus.is_watched(one));
        drop(second);
        assert!(!bus.is_watched(one));
    }

    #[tokio::test]
    async fn what_is_large_is_a_hint_to_read_the_journal() {
        let bus = Bus::new();
        let id = ExecutionId::from_u128(1);
        let mut watcher = bus.subscribe(id);
        let committed = |bytes: usize| {
            let entry = Entry::Completed { output: serde_json::Value::String("x".repeat(bytes)) };
            Notice::Committed(Arc::new(vec![Committed { seq: 1, at: Timestamp::default(), entry }]))
        };
        bus.publish(id, || committed(MAX_BYTES / 2));
        bus.publish(id, || committed(MAX_BYTES));
        bus.publish(id, || chunk(&"x".repeat(MAX_BYTES + 1)));
        assert!(matches!(watcher.next().await, Notice::Committed(_)));
        assert!(matches!(watcher.next().await, Notice::Missed));
        assert!(matches!(watcher.next().await, Notice::Missed));
    }

    #[tokio::test]
    async fn a_slow_watcher_is_told_that_it_missed_something() {
        let bus = Bus::new();
        let id = ExecutionId::from_u128(1);
        let mut watcher = bus.subscribe(id);
        for _ in 0..=BACKLOG {
            bus.publish(id, || chunk("x"));
        }
        assert!(matches!(watcher.next().await, Notice::Missed));
    }
}
