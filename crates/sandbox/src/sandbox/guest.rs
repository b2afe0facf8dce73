//! A guest, as the engine holds it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::admission::Permit;
use super::process::Worker;
use crate::error::Error;
use crate::protocol::{Asked, Completion, End, Failure, GuestId, Usage};

/// What happens to a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It asks for something, or waits.
    Asked(Asked),
    /// It returned. Nothing follows.
    Ended(End),
    /// It failed. Nothing follows.
    Failed {
        /// Why.
        failure: Failure,
        /// What it asked for and logged since it was last heard of.
        last: Asked,
    },
    /// Others needed its room. It can be rebuilt from its completions, and then needs about as much memory as it had.
    /// Nothing follows.
    Evicted {
        /// Bytes that it had.
        memory: u64,
    },
    /// Its worker is gone, for this reason. It can be rebuilt from its completions. Nothing follows.
    Lost(String),
}

/// What a guest uses, for whoever counts. It can still be read when the guest is gone.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    usage: Arc<Mutex<Usage>>,
    grows: Arc<AtomicBool>,
}

impl Meter {
    /// One that says this.
    pub fn of(usage: Usage) -> Self {
        Self { usage: Arc::new(Mutex::new(usage)), grows: Arc::default() }
    }

    /// What it used when it was last heard of.
    pub fn read(&self) -> Usage {
        *self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it waits for memory.
    pub fn waits_for_memory(&self) -> bool {
        self.grows.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, usage: Usage) {
        *self.usage.lock().unwrap_or_else(PoisonError::into_inner) = usage;
    }

    pub(crate) fn set_waits_for_memory(&self, waits: bool) {
        self.grows.store(waits, Ordering::Relaxed);
    }
}

/// An event on its way, with its share of what a worker may have unread.
pub(crate) struct Unread {
    pub(crate) event: Event,
    pub(crate) _weight: Option<OwnedSemaphorePermit>,
}

/// The server's side of a guest that was started.
pub(crate) struct Opened {
    pub(crate) id: GuestId,
    pub(crate) worker: Arc<Worker>,
    pub(crate) events: mpsc::UnboundedReceiver<Unread>,
    pub(crate) meter: Meter,
}

/// A running guest. Dropping it stops the guest and frees everything it has.
pub struct Guest {
    opened: Opened,
    /// Until somebody else may have its room.
    permit: Permit,
    is_evicted: bool,
}

impl Guest {
    pub(crate) fn new(opened: Opened, permit: Permit) -> Self {
        Self { opened, permit, is_evicted: false }
    }

    /// What happens next. After the last event it is `Lost` for ever. Cancel-safe.
    pub async fn next(&mut self) -> Event {
        loop {
            tokio::select! {
                biased;
                unread = self.opened.events.recv() => match unread {
                    Some(unread) => return unread.event,
                    None if std::mem::take(&mut self.is_evicted) => {
                        return Event::Evicted { memory: self.memory() };
                    }
                    None => return Event::Lost("the guest has ended".to_owned()),
                },
                () = self.permit.evicted(), if !self.is_evicted => {
                    // what it said until now counts, then nothing more comes of it
                    self.is_evicted = true;
                    self.opened.worker.stop(self.opened.id);
                }
            }
        }
    }

    /// Hands over the next completion of the journal. Of a guest that is no more nothing is heard but its last event.
    pub fn deliver(&self, completion: Completion) -> Result<(), Error> {
        self.opened.worker.deliver(self.opened.id, completion)
    }

    /// Bytes that are reserved for it.
    pub fn memory(&self) -> u64 {
        self.permit.account().memory()
    }

    /// What it used when it was last heard of.
    pub fn usage(&self) -> Usage {
        self.meter().read()
    }

    /// The same for somebody else.
    pub fn meter(&self) -> Meter {
        self.opened.meter.clone()
    }

    /// Whether its worker was ready for it. One that is lost before has done nothing, and its program is not to blame.
    pub fn has_begun(&self) -> bool {
        self.opened.worker.was_ready()
    }

    /// The process that it runs in.
    pub fn process_id(&self) -> Option<u32> {
        self.opened.worker.process_id()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.opened.worker.stop(self.opened.id);
    }
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guest").field("id", &self.opened.id).finish_non_exhaustive()
    }
}
