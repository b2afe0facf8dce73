//! Room for guests: memory and slots of the node, reserved before a guest starts.
//!
//! Who waits is let in by order. One whose project is full is passed by others; one that waits for memory is passed a
//! bounded number of times, so that a large guest is not starved by small ones.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::error::Error;

/// So often others may pass one who waits for memory or a slot of the node.
const PATIENCE: u32 = 64;

/// How full the node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Bytes of memory that are reserved.
    pub memory: u64,
    /// Guests that were let in.
    pub guests: u32,
    /// Guests that wait for room.
    pub waiting: usize,
}

/// The node's room.
#[derive(Debug)]
pub(crate) struct Admission {
    memory: u64,
    guests: u32,
    per_project: u32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    memory: u64,
    guests: u32,
    projects: HashMap<String, u32>,
    queue: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    project: String,
    memory: u64,
    passed: u32,
    enter: oneshot::Sender<Permit>,
}

/// Room for one guest, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    admission: Arc<Admission>,
    project: String,
    memory: u64,
}

impl Admission {
    /// An empty node.
    pub(crate) fn new(memory: u64, guests: u32, per_project: u32) -> Arc<Self> {
        Arc::new(Self { memory, guests, per_project, state: Mutex::default() })
    }

    /// Waits for room.
    pub(crate) async fn enter(self: &Arc<Self>, project: &str, memory: u64) -> Result<Permit, Error> {
        if memory > self.memory || self.guests == 0 || self.per_project == 0 {
            return Err(Error::TooLarge { asked: memory, total: self.memory });
        }
        let (enter, entered) = oneshot::channel();
        self.lock().queue.push_back(Waiting { project: project.to_owned(), memory, passed: 0, enter });
        self.admit();
        entered.await.map_err(|_| Error::Worker("the sandbox is gone".to_owned()))
    }

    /// What is reserved now.
    pub(crate) fn load(&self) -> Load {
        let state = self.lock();
        Load { memory: state.memory, guests: state.guests, waiting: state.queue.len() }
    }

    fn admit(self: &Arc<Self>) {
        let entering = self.choose();
        for waiting in entering {
            let permit = Permit { admission: Arc::clone(self), project: waiting.project, memory: waiting.memory };
            // who no longer waits drops the permit, which lets the next one in
            drop(waiting.enter.send(permit));
        }
    }

    /// Reserves for everybody who can enter now.
    fn choose(&self) -> Vec<Waiting> {
        let mut state = self.lock();
        state.queue.retain(|waiting| !waiting.enter.is_closed());
        let mut entering = Vec::new();
        let mut waits = VecDeque::new();
        let mut closed = false;
        for mut waiting in std::mem::take(&mut state.queue) {
            let here = state.projects.get(&waiting.project).copied().unwrap_or(0);
            let room = state.guests < self.guests && state.memory.saturating_add(waiting.memory) <= self.memory;
            if !closed && here < self.per_project && room {
                state.guests += 1;
                state.memory += waiting.memory;
                state.projects.insert(waiting.project.clone(), here + 1);
                for passed in &mut waits {
                    let passed: &mut Waiting = passed;
                    passed.passed += 1;
                }
                entering.push(waiting);
                continue;
            }
            if here < self.per_project {
                closed |= waiting.passed >= PATIENCE;
            } else {
                // its own project is the reason: it does not grow old
                waiting.passed = 0;
            }
            waits.push_back(waiting);
        }
        state.queue = waits;
        entering
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        {
            let mut state = self.admission.lock();
            state.guests -= 1;
            state.memory -= self.memory;
            if let Some(count) = state.projects.get_mut(&self.project) {
                *count -= 1;
                if *count == 0 {
                    state.projects.remove(&self.project);
                }
            }
        }
        self.admission.admit();
    }
}

#[cfg(test)]
mod tests;
