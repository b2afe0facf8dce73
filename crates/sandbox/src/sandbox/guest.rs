//! A guest, as the engine holds it.

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
    /// Its worker is gone, for this reason. It can be rebuilt from its completions. Nothing follows.
    Lost(String),
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
    pub(crate) usage: Arc<Mutex<Usage>>,
}

/// A running guest. Dropping it stops the guest and frees everything it has.
pub struct Guest {
    opened: Opened,
    /// Until somebody else may have its room.
    _permit: Permit,
}

impl Guest {
    pub(crate) fn new(opened: Opened, permit: Permit) -> Self {
        Self { opened, _permit: permit }
    }

    /// What happens next. After [`Event::Ended`], [`Event::Failed`] or [`Event::Lost`] it is `Lost` for ever.
    pub async fn next(&mut self) -> Event {
        match self.opened.events.recv().await {
            Some(unread) => unread.event,
            None => Event::Lost("the guest has ended".to_owned()),
        }
    }

    /// Hands over the next completion of the journal. Of a guest that is no more nothing is heard but its last event.
    pub fn deliver(&self, completion: Completion) -> Result<(), Error> {
        self.opened.worker.deliver(self.opened.id, completion)
    }

    /// What it used when it was last heard of.
    pub fn usage(&self) -> Usage {
        *self.opened.usage.lock().unwrap_or_else(PoisonError::into_inner)
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
