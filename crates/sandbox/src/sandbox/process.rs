//! One worker process, as the server sees it.

mod drive;

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::admission::{Account, Admission, Permit};
use super::guest::{Event, Meter, Opened, Unread};
use super::spawn::Link;
use super::watch::Watch;
use crate::error::Error;
use crate::protocol::{Completion, GuestId, Start, ToWorker, World, frame};

/// Bytes of guests that wait to be sent to a worker; who starts another one waits. The rest is a completion or two for
/// each guest, which the engine has in memory anyway. A worker that reads nothing is stopped by the clock.
const UNSENT_MAX: usize = 64 << 20;

/// Words about a guest that may be on their way when it is stopped: its parts, and what it used.
const LATE: u64 = 128;

/// In so much time a guest that computes is heard of, on a machine that is not busy four times.
const TURN: Duration = Duration::from_secs(1);

/// What a worker must say of itself first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    pub(crate) fingerprint: [u8; 32],
    /// Nothing may be missing of its confinement.
    pub(crate) confined: bool,
}

/// How long a worker may be without guests, and how long it may owe a word.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) idle: Duration,
    pub(crate) silence: Duration,
}

/// Bytes that a worker needs for itself, beside the code of its images.
pub(crate) const OWN: u64 = 24 << 20;

/// The process of one project, and its guests.
#[derive(Debug)]
pub(crate) struct Worker {
    process_id: Option<u32>,
    /// Whose use it counts for; nobody's when it is for one guest alone.
    project: Option<String>,
    admission: Arc<Admission>,
    out: mpsc::UnboundedSender<Unsent>,
    room: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    alive: bool,
    /// It has been confined and speaks.
    ready: bool,
    next_guest: GuestId,
    images: HashMap<PathBuf, u32>,
    /// Bytes of these images.
    code: u64,
    guests: HashMap<GuestId, Watched>,
    idle_since: Instant,
    /// So many words about guests that were stopped may still be on their way.
    late: u64,
}

#[derive(Debug)]
struct Watched {
    watch: Watch,
    /// When it was last handed something.
    since: Instant,
    events: mpsc::UnboundedSender<Unread>,
    meter: Meter,
    account: Account,
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
    pub(crate) fn start(
        link: Link,
        project: Option<String>,
        admission: Arc<Admission>,
        expected: Expected,
        patience: Patience,
    ) -> Arc<Self> {
        let (out, queue) = mpsc::unbounded_channel();
        let state = State {
            alive: true,
            ready: false,
            next_guest: 1,
            images: HashMap::new(),
            code: 0,
            guests: HashMap::new(),
            idle_since: Instant::now(),
            late: 0,
        };
        let worker = Arc::new(Self {
            process_id: link.child.id(),
            project,
            admission,
            out,
            room: Arc::new(Semaphore::new(UNSENT_MAX)),
            state: Mutex::new(state),
        });
        tokio::spawn(drive::drive(Arc::clone(&worker), link, queue, expected, patience));
        worker
    }

    /// Whether it takes guests.
    pub(crate) fn is_alive(&self) -> bool {
        self.lock().alive
    }

    pub(crate) fn process_id(&self) -> Option<u32> {
        self.process_id
    }

    /// Whether it has ever been able to run a guest.
    pub(crate) fn was_ready(&self) -> bool {
        self.lock().ready
    }

    fn is_ready(&self) {
        self.lock().ready = true;
    }

    /// Waits until so many bytes may be sent; nothing when the worker is gone.
    pub(crate) async fn room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes.min(UNSENT_MAX)).unwrap_or(u32::MAX);
        Arc::clone(&self.room).acquire_many_owned(bytes).await.ok()
    }

    /// Starts a guest; nothing when the worker is gone, then `start` is untouched.
    pub(crate) fn start_guest(
        self: &Arc<Self>,
        (image, world): (&Path, World),
        start: &mut Option<Start>,
        completions: &[Completion],
        room: OwnedSemaphorePermit,
        permit: &Permit,
    ) -> Result<Option<Opened>, Error> {
        let mut state = self.lock();
        if !state.alive {
            return Ok(None);
        }
        let Some(mut start) = start.take() else { return Ok(None) };
        start.image = self.image(&mut state, image, world)?;
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
        let (meter, account) = (Meter::default(), permit.account());
        let since = Instant::now();
        state.guests.insert(guest, Watched { watch, since, events, meter: meter.clone(), account });
        Ok(Some(Opened { id: guest, worker: Arc::clone(self), events: receiver, meter }))
    }

    /// The number of a compiled image, which the worker loads when it is new.
    fn image(&self, state: &mut State, path: &Path, world: World) -> Result<u32, Error> {
        if let Some(image) = state.images.get(path) {
            return Ok(*image);
        }
        let image = u32::try_from(state.images.len()).map_err(|error| Error::Start(error.to_string()))?;
        let file = File::open(path)
            .map_err(|error| Error::Cache { path: path.display().to_string(), reason: error.to_string() })?;
        state.code += file.metadata().map_or(0, |data| data.len());
        let frame = encode(&ToWorker::Load { image, world })?;
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
        watched.since = Instant::now();
        watched.account.is_idle(false);
        Ok(())
    }

    /// A guest that waited for memory may have it.
    fn grant(&self, guest: GuestId, bytes: u64) {
        if let Some(watched) = self.lock().guests.get_mut(&guest) {
            watched.watch.granted();
            watched.since = Instant::now();
        }
        let _ = self.send(&ToWorker::Granted { guest, bytes });
    }

    /// Nothing more is wanted of a guest.
    pub(crate) fn stop(&self, guest: GuestId) {
        let mut state = self.lock();
        if state.guests.remove(&guest).is_some() {
            state.idle_since = Instant::now();
            state.late = state.late.saturating_add(LATE);
        }
        // also of one that has ended: the worker still has its name
        let _ = self.send(&ToWorker::Stop { guest });
    }

    fn send(&self, message: &ToWorker) -> Result<(), Error> {
        // of a worker that is gone the guests hear by themselves
        let _ = self.out.send(Unsent { frame: encode(message)?, file: None, _room: None });
        Ok(())
    }

    /// Whether it owes a word for too long, when nothing was heard `since`: some guest has something to do, and all of
    /// them had time for it, one after the other.
    fn is_silent(&self, since: Instant, silence: Duration) -> bool {
        let state = self.lock();
        let owed = || state.guests.values().filter(|watched| watched.watch.owes());
        let turns = u32::try_from(owed().count()).unwrap_or(u32::MAX);
        let allowed = silence.saturating_add(TURN.saturating_mul(turns));
        owed().any(|watched| watched.since.max(since).elapsed() > allowed)
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

    /// What its process uses really, nothing when it is gone. What is not its guests' own counts for its project.
    fn is_measured(&self, bytes: Option<u64>) {
        let Some(project) = &self.project else { return };
        let own = self.lock().code + OWN;
        self.admission.uses(project, bytes.unwrap_or(0).saturating_sub(own));
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
