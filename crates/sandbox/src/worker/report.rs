//! What a guest asked for and said since the server last heard of it.

use tokio::sync::mpsc;

use crate::protocol::{Asked, EACH, FromWorker, GuestId, PART, Usage};

/// Collects, and sends when the guest blocks or when it is much.
pub(crate) struct Report {
    guest: GuestId,
    out: mpsc::UnboundedSender<FromWorker>,
    asked: Asked,
    weight: usize,
}

impl Report {
    /// Of one guest.
    pub(crate) fn new(guest: GuestId, out: mpsc::UnboundedSender<FromWorker>) -> Self {
        Self { guest, out, asked: Asked::default(), weight: 0 }
    }

    /// Adds something; sends a part when there is enough of it.
    pub(crate) fn add(&mut self, consumed: u32, usage: Usage, add: impl FnOnce(&mut Asked), weight: usize) {
        add(&mut self.asked);
        self.weight += weight + EACH;
        if self.weight > PART {
            let asked = self.take(consumed, false);
            self.send(FromWorker::Asked { guest: self.guest, asked, usage });
        }
    }

    /// The guest waits.
    pub(crate) fn blocked(&mut self, consumed: u32, usage: Usage) {
        let asked = self.take(consumed, true);
        self.send(FromWorker::Asked { guest: self.guest, asked, usage });
    }

    /// The guest computes for long. What it asked for and logged before is not kept back until it waits.
    pub(crate) fn used(&mut self, consumed: u32, usage: Usage) {
        if self.weight > 0 {
            let asked = self.take(consumed, false);
            self.send(FromWorker::Asked { guest: self.guest, asked, usage });
        } else {
            self.send(FromWorker::Used { guest: self.guest, usage });
        }
    }

    /// The guest needs so many bytes more.
    pub(crate) fn grows(&self, bytes: u64, usage: Usage) {
        self.send(FromWorker::Grow { guest: self.guest, bytes, usage });
    }

    /// The last message of the guest.
    pub(crate) fn end(mut self, consumed: u32, message: impl FnOnce(GuestId, Asked) -> FromWorker) {
        let last = self.take(consumed, false);
        self.send(message(self.guest, last));
    }

    fn take(&mut self, consumed: u32, blocked: bool) -> Asked {
        self.weight = 0;
        Asked { consumed, blocked, ..std::mem::take(&mut self.asked) }
    }

    fn send(&self, message: FromWorker) {
        // without a server the process ends anyway
        let _ = self.out.send(message);
    }
}
