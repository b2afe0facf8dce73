//! Room for guests: memory and places of the node, reserved before a guest starts and before its memory grows.
//!
//! [`ledger`] decides. Who has room and has to give it up is told so ([`Permit::evicted`]), and is rebuilt later.

mod ledger;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use self::ledger::{Decision, Ledger, Node, Ticket};
use crate::error::Error;

/// How full the node is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// Bytes of memory that are taken.
    pub memory: u64,
    /// Bytes that there are.
    pub memory_total: u64,
    /// Guests that were let in.
    pub guests: usize,
    /// Places for guests.
    pub guests_total: u32,
    /// Guests that wait for room, to start or to grow.
    pub waiting: usize,
}

/// The node's room.
#[derive(Debug)]
pub(crate) struct Admission {
    node: Node,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    ledger: Ledger,
    /// Who waits at the door.
    entering: HashMap<Ticket, oneshot::Sender<()>>,
    growing: HashMap<Ticket, oneshot::Sender<()>>,
    /// How those inside are told to leave.
    inside: HashMap<Ticket, oneshot::Sender<()>>,
}

/// Room for one guest, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    account: Account,
    evicted: oneshot::Receiver<()>,
}

/// The same room, for whoever hears what the guest does.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    admission: Arc<Admission>,
    project: Arc<str>,
    began: u64,
    ticket: Ticket,
}

/// More memory for a guest that is inside.
#[derive(Debug)]
pub(crate) enum Growth {
    /// It may have it.
    Now,
    /// As soon as this says so. It never does when the guest has to leave instead.
    Later(oneshot::Receiver<()>),
    /// The guest has to leave instead.
    Leaves,
    /// The node does not have so much.
    Never,
}

impl Admission {
    /// An empty node.
    pub(crate) fn new(memory: u64, guests: u32, per_project: u32) -> Arc<Self> {
        let node = Node { memory, guests, per_project };
        let (entering, growing, inside) = (HashMap::new(), HashMap::new(), HashMap::new());
        let state = State { ledger: Ledger::new(node), entering, growing, inside };
        Arc::new(Self { node, state: Mutex::new(state) })
    }

    /// Waits for room. Older guests, those that `began` before, come first within their project.
    pub(crate) async fn enter(self: &Arc<Self>, project: &str, began: u64, memory: u64) -> Result<Permit, Error> {
        if memory > self.node.memory || self.node.guests == 0 || self.node.per_project == 0 {
            return Err(Error::TooLarge { asked: memory, total: self.node.memory });
        }
        let (enter, entered) = oneshot::channel();
        let (evict, evicted) = oneshot::channel();
        let permit = {
            let mut state = self.lock();
            let ticket = state.ledger.wants(project, began, memory);
            state.entering.insert(ticket, enter);
            state.inside.insert(ticket, evict);
            let account = Account { admission: Arc::clone(self), project: project.into(), began, ticket };
            state.settle();
            Permit { account, evicted }
        };
        // who stops waiting drops the permit, which takes it out of the line
        entered.await.map_err(|_| Error::Worker("the sandbox is gone".to_owned()))?;
        Ok(permit)
    }

    /// What is taken now.
    pub(crate) fn load(&self) -> Load {
        let (memory, guests, waiting) = self.lock().ledger.load();
        Load { memory, memory_total: self.node.memory, guests, guests_total: self.node.guests, waiting }
    }

    /// Guests of a project that were let in, and how many there can be at once.
    pub(crate) fn guests_of(&self, project: &str) -> (usize, u32) {
        (self.lock().ledger.guests_of(project), self.node.per_project)
    }

    /// So many bytes do the guests of a project really use.
    pub(crate) fn uses(&self, project: &str, bytes: u64) {
        let mut state = self.lock();
        state.ledger.uses(project, bytes);
        state.settle();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn settle(&mut self) {
        for decision in self.ledger.settle() {
            let told = match decision {
                Decision::Enters(ticket) => self.entering.remove(&ticket),
                Decision::Grows(ticket) => self.growing.remove(&ticket),
                Decision::Leaves(ticket) => {
                    self.growing.remove(&ticket);
                    self.inside.remove(&ticket)
                }
            };
            // one that is gone meanwhile gives its room back by itself
            let _ = told.map(|told| told.send(()));
        }
    }
}

impl Permit {
    /// For whoever hears what the guest does.
    pub(crate) fn account(&self) -> Account {
        self.account.clone()
    }

    /// Returns when its room is wanted for others.
    pub(crate) async fn evicted(&mut self) {
        if !self.evicted.is_terminated() {
            let _ = (&mut self.evicted).await;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Account { admission, project, began, ticket } = &self.account;
        let mut state = admission.lock();
        state.ledger.leaves(project, *began, *ticket);
        state.entering.remove(ticket);
        state.growing.remove(ticket);
        state.inside.remove(ticket);
        state.settle();
    }
}

impl Account {
    /// The guest waits for an answer, or no longer.
    pub(crate) fn is_idle(&self, idle: bool) {
        let mut state = self.admission.lock();
        state.ledger.is_idle(self.ticket, idle);
        if idle && state.ledger.is_waited_for() {
            state.settle();
        }
    }

    /// Asks for so many bytes more.
    pub(crate) fn grow(&self, bytes: u64) -> Growth {
        let mut state = self.admission.lock();
        if state.ledger.wants_more(self.ticket, bytes).is_none() {
            return Growth::Never;
        }
        let (grow, mut granted) = oneshot::channel();
        state.growing.insert(self.ticket, grow);
        state.settle();
        match granted.try_recv() {
            Ok(()) => Growth::Now,
            Err(TryRecvError::Empty) => Growth::Later(granted),
            Err(TryRecvError::Closed) => Growth::Leaves,
        }
    }

    /// Bytes that it has.
    pub(crate) fn memory(&self) -> u64 {
        self.admission.lock().ledger.memory_of(self.ticket)
    }
}

#[cfg(test)]
mod tests;
