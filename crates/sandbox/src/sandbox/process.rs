//! One worker process, as the server sees it.

mod drive;

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::guest::{Event, Opened, Unread};
use super::spawn::Link;
use super::watch::Watch;
use crate::error::Error;
use crate::protocol::{Completion, GuestId, Start, ToWorker, Usage, frame};

/// Bytes of guests that wait to be sent to a worker; who starts another one waits. The rest is a completion or two for
/// each guest, which the engine has in memory anyway. A worker that reads nothing is stopped by the clock.
const UNSENT_MAX: usize = 64 << 20;

/// The process of one project, and its guests.
#[derive(Debug)]
pub(crate) struct Worker {
    process_id: Option<u32>,
    out: mpsc::UnboundedSender<Unsent>,
    room: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    alive: bool,
    next_guest: GuestId,
    images: HashMap<PathBuf, u32>,
    guests: HashMap<GuestId, Watched>,
    idle_since: Instant,
}

#[derive(Debug)]
struct Watched {
    watch: Watch,
    events: mpsc::UnboundedSender<Unread>,
    usage: Arc<Mutex<Usage>>,
}

/// A message on its way.
pub(crate) struct Unsent {
    frame: Vec<u8>,
    /// Goes with the first byte.
    file: Option<OwnedFd>,
    _room: Option<OwnedSemaphorePermit>,
}

impl Worker {
    /// Begins to speak with a process that was just started.
    pub(crate) fn start(link: Link, fingerprint: [u8; 32], idle: Duration) -> Arc<Self> {
        let (out, queue) = mpsc::unbounded_channel();
        let state = State {
            alive: true,
            next_guest: 1,
            images: HashMap::new(),
            guests: HashMap::new(),
            idle_since: Instant::now(),
        };
        let worker = Arc::new(Self {
            process_id: link.child.id(),
            out,
            room: Arc::new(Semaphore::new(UNSENT_MAX)),
            state: Mutex::new(state),
        });
        tokio::spawn(drive::drive(Arc::clone(&worker), link, queue, fingerprint, idle));
        worker
    }

    /// Whether it takes guests.
    pub(crate) fn is_alive(&self) -> bool {
        self.lock().alive
    }

    pub(crate) fn process_id(&self) -> Option<u32> {
        self.process_id
    }

    /// Waits until so many bytes may be sent; nothing when the worker is gone.
    pub(crate) async fn room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes.min(UNSENT_MAX)).unwrap_or(u32::MAX);
        Arc::clone(&self.room).acquire_many_owned(bytes).await.ok()
    }

    /// Starts a guest; nothing when the worker is gone, then `start` is untouched.
    pub(crate) fn start_guest(
        self: &Arc<Self>,
        image: &Path,
        start: &mut Option<Start>,
        completions: &[Completion],
        room: OwnedSemaphorePermit,
    ) -> Result<Option<Opened>, Error> {
        let mut state = self.lock();
        if !state.alive {
            return Ok(None);
        }
        let Some(mut start) = start.take() else { return Ok(None) };
        start.image = self.image(&mut state, image)?;
        let guest = state.next_guest;
        state.next_guest += 1;
        let mut watch = Watch::new(start.limits.clone());
        // whatever does not fit into a message must be seen before the first of them is sent
        let mut frame = encode(&ToWorker::Start { guest, start: Box::new(start) })?;
        for completion in completions {
            watch.deliver(completion.id);
            frame.extend(encode(&ToWorker::Deliver { guest, completion: completion.clone() })?);
        }
        let _ = self.out.send(Unsent { frame, file: None, _room: Some(room) });
        let (events, receiver) = mpsc::unbounded_channel();
        let usage = Arc::default();
        state.guests.insert(guest, Watched { watch, events, usage: Arc::clone(&usage) });
        Ok(Some(Opened { id: guest, worker: Arc::clone(self), events: receiver, usage }))
    }

    /// The number of a compiled image, which the worker loads when it is new.
    fn image(&self, state: &mut State, path: &Path) -> Result<u32, Error> {
        if let Some(image) = state.images.get(path) {
            return Ok(*image);
        }
        let image = u32::try_from(state.images.len()).map_err(|error| Error::Start(error.to_string()))?;
        let file = File::open(path)
            .map_err(|error| Error::Cache { path: path.display().to_string(), reason: error.to_string() })?;
        let frame = encode(&ToWorker::Load { image })?;
        let _ = self.out.send(Unsent { frame, file: Some(file.into()), _room: None });
        state.images.insert(path.to_owned(), image);
        Ok(image)
    }

    /// Hands a completion over.
    pub(crate) fn deliver(&self, guest: GuestId, completion: Completion) -> Result<(), Error> {
        let mut state = self.lock();
        let Some(watched) = state.guests.get_mut(&guest) else { return Ok(()) };
        let id = completion.id;
        self.send(&ToWorker::Deliver { guest, completion })?;
        watched.watch.deliver(id);
        Ok(())
    }

    /// Nothing more is wanted of a guest.
    pub(crate) fn stop(&self, guest: GuestId) {
        let mut state = self.lock();
        if state.guests.remove(&guest).is_some() {
            state.idle_since = Instant::now();
        }
        // also of one that has ended: the worker still has its name
        let _ = self.send(&ToWorker::Stop { guest });
    }

    fn send(&self, message: &ToWorker) -> Result<(), Error> {
        // of a worker that is gone the guests hear by themselves
        let _ = self.out.send(Unsent { frame: encode(message)?, file: None, _room: None });
        Ok(())
    }

    /// Takes no more guests.
    fn refuse(&self) {
        self.lock().alive = false;
        self.room.close();
    }

    /// The guests that it had hear the reason.
    fn close(&self, reason: &str) {
        let guests = std::mem::take(&mut self.lock().guests);
        for watched in guests.into_values() {
            let _ = watched.events.send(Unread { event: Event::Lost(reason.to_owned()), _weight: None });
        }
    }

    /// Takes no more guests if there was none for so long.
    fn close_if_idle(&self, idle: Duration) -> bool {
        let mut state = self.lock();
        if state.guests.is_empty() && state.idle_since.elapsed() >= idle {
            state.alive = false;
        }
        !state.alive
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn encode(message: &ToWorker) -> Result<Vec<u8>, Error> {
    frame::encode(message).map_err(|error| Error::Start(error.to_string()))
}
