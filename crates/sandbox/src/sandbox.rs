//! The server's side: compiled images, worker processes, admission.

mod admission;
mod cache;
mod compiler;
mod groups;
mod guest;
mod process;
mod resident;
mod spawn;
mod strip;
mod watch;

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use moltforge_jail::{Enforcement, memory as machine_memory};
use tokio::sync::Semaphore;

pub use admission::Load;
pub use guest::{Event, Guest, Meter};
pub use strip::StripError;

use crate::confine::Arguments;
use crate::error::Error;
use crate::images::Image;
use crate::limits::Limits;
use crate::protocol::{Completion, File, Start};
use admission::{Admission, Permit};
use cache::Cache;
use groups::ProcessGroups;
use process::{Expected, Patience, Worker};

/// A worker that was for one guest is stopped this soon after it.
const ALONE: Duration = Duration::from_secs(1);

/// What a [`Sandbox`] needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// The program whose hidden subcommands the processes are. `/proc/self/exe` stays the same when the file is replaced.
    pub program: PathBuf,
    /// Its arguments for a worker: they lead to [`crate::worker::main`], which gets those that follow them.
    pub worker: Vec<OsString>,
    /// Its arguments for a compile process: they lead to [`crate::compile::main`], which gets those that follow them.
    pub compiler: Vec<OsString>,
    /// Where compiled images are kept. Nobody else may write here.
    pub cache: PathBuf,
    /// What becomes of a step of the confinement that the kernel refuses.
    pub enforcement: Enforcement,
    /// Bytes of memory for all guests of the node together.
    pub memory: u64,
    /// Guests of the node at once.
    pub guests: u32,
    /// Guests of one project at once, at most 5000: a worker has that many slots.
    pub guests_per_project: u32,
    /// Thousandths of a processor for all processes together, where the machine can keep that; as many as there are
    /// when absent.
    pub cpu_milli: Option<u32>,
    /// A worker without guests is stopped after this.
    pub idle: Duration,
    /// A worker that owes a word about a guest and says nothing for so long is stopped. A little more for each guest.
    pub silence: Duration,
}

/// What a guest is started with.
#[derive(Debug, Clone)]
pub struct GuestRequest {
    /// Whose guest it is. Guests of different projects never share a process.
    pub project: String,
    /// What it is an instance of.
    pub image: Image,
    /// Its files.
    pub files: Vec<File>,
    /// The name of the file that has `run`.
    pub entry: String,
    /// What `run` gets: JSON.
    pub input: String,
    /// Where all its randomness comes from.
    pub seed: [u8; 32],
    /// Virtual time at its start: microseconds since the epoch.
    pub now: u64,
    /// What it may use.
    pub limits: Limits,
    /// Bytes that admission counts for it at its start. Whatever it needs beyond them is reserved before it gets it.
    pub reserve: u64,
    /// Its worker is its own: one that may have brought others down with it.
    pub alone: bool,
    /// What it has consumed already, when it is rebuilt.
    pub completions: Vec<Completion>,
}

impl GuestRequest {
    /// Which worker it runs in.
    fn worker(&self) -> String {
        if self.alone { format!("{} {}", self.project, hex::encode(self.seed)) } else { self.project.clone() }
    }

    /// About how much there is to send.
    fn bytes(&self) -> usize {
        let size = |value: &Result<String, String>| value.as_ref().map_or_else(String::len, String::len);
        let files: usize = self.files.iter().map(|file| file.name.len() + file.text.len()).sum();
        let completions: usize = self.completions.iter().map(|one| size(&one.value) + 16).sum();
        files + completions + self.input.len()
    }
}

/// Room for one guest. It is free again when this, or the guest in it, is dropped.
#[derive(Debug)]
pub struct Room(Permit);

/// Runs guests in worker processes. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: Config,
    fingerprint: [u8; 32],
    cache: Cache,
    admission: Arc<Admission>,
    groups: ProcessGroups,
    workers: Mutex<HashMap<String, Arc<Worker>>>,
    /// Workers are started one after another: none twice.
    starts: Semaphore,
}

impl Sandbox {
    /// Prepares the cache folder; starts no process yet.
    pub fn new(config: Config) -> Result<Self, Error> {
        let fingerprint = crate::config::fingerprint()?;
        let groups = ProcessGroups::find(config.cpu_milli);
        let cache = Cache::open(&config, groups.clone(), fingerprint)?;
        let admission = Admission::new(config.memory, config.guests, config.guests_per_project);
        let (workers, starts) = (Mutex::default(), Semaphore::new(1));
        Ok(Self { inner: Arc::new(Inner { config, fingerprint, cache, admission, groups, workers, starts }) })
    }

    /// Compiles the image if that has not happened yet. [`Self::run`] does it too.
    pub async fn prepare(&self, project: &str, image: &Image) -> Result<(), Error> {
        self.inner.cache.compiled(project, image).await.map(drop)
    }

    /// Whether the image is compiled and checked, so that a guest would start at once.
    pub fn is_prepared(&self, project: &str, image: &Image) -> bool {
        self.inner.cache.has(project, image)
    }

    /// Starts a guest, as soon as there is room for it.
    pub async fn run(&self, request: GuestRequest) -> Result<Guest, Error> {
        request.limits.check()?;
        self.prepare(&request.project, &request.image).await?;
        let room = self.enter(&request.project, request.now, request.reserve).await?;
        self.run_in(room, request).await
    }

    /// Waits for room, before anything large is held for a guest. Those that `began` before come first in their project.
    pub async fn enter(&self, project: &str, began: u64, reserve: u64) -> Result<Room, Error> {
        self.inner.admission.enter(project, began, reserve).await.map(Room)
    }

    /// Starts a guest in the room that was reserved for it.
    pub async fn run_in(&self, Room(permit): Room, request: GuestRequest) -> Result<Guest, Error> {
        request.limits.check()?;
        let compiled = self.inner.cache.compiled(&request.project, &request.image).await?;
        let (bytes, name, world) = (request.bytes(), request.worker(), request.image.world());
        let start = Start {
            image: 0,
            files: request.files,
            entry: request.entry,
            input: request.input,
            seed: request.seed,
            now: request.now,
            limits: request.limits,
            granted: request.reserve,
            replay: u32::try_from(request.completions.len()).map_err(|error| Error::Start(error.to_string()))?,
        };
        // a worker may end between finding and using it; the second one is new
        let mut start = Some(start);
        loop {
            let worker = self.worker(&name, &request.project).await?;
            if let Some(room) = worker.room(bytes).await
                && let Some(opened) = worker
                    .start_guest((&compiled, world), &mut start, &request.completions, room, &permit)
                    .inspect_err(|error| self.inner.cache.cannot_be_opened(&compiled, error))?
            {
                return Ok(Guest::new(opened, permit));
            }
            self.forget(&name, &worker);
        }
    }

    /// What the kernel limits processes by, besides what they do to themselves, for people.
    pub fn groups(&self) -> String {
        self.inner.groups.words()
    }

    /// How full the node is.
    pub fn load(&self) -> Load {
        self.inner.admission.load()
    }

    /// Guests of a project that were let in, and how many there can be at once.
    pub fn guests_of(&self, project: &str) -> (usize, u32) {
        self.inner.admission.guests_of(project)
    }

    async fn worker(&self, name: &str, project: &str) -> Result<Arc<Worker>, Error> {
        if let Some(worker) = self.alive(name) {
            return Ok(worker);
        }
        let gone = |_| Error::Worker("the sandbox is gone".to_owned());
        let _turn = self.inner.starts.acquire().await.map_err(gone)?;
        // whoever had a turn before may have started it
        if let Some(worker) = self.alive(name) {
            return Ok(worker);
        }
        let config = &self.inner.config;
        let enforcement = config.enforcement.clone();
        let args = Arguments { guests: config.guests_per_project, is_component: false, enforcement };
        let (groups, memory) = (self.inner.groups.clone(), config.memory);
        let link = spawn::start(&config.program, &config.worker, args, move || groups.worker(memory)).await;
        let link = link.map_err(|error| Error::Worker(error.to_string()))?;
        let admission = Arc::clone(&self.inner.admission);
        // what is for one guest is not kept for others
        let idle = if name == project { config.idle } else { config.idle.min(ALONE) };
        let of = (name == project).then(|| project.to_owned());
        let patience = Patience { idle, silence: config.silence };
        let expected =
            Expected { fingerprint: self.inner.fingerprint, confined: config.enforcement == Enforcement::Required };
        let worker = Worker::start(link, of, admission, expected, patience);
        let mut workers = self.workers();
        workers.retain(|_, worker| worker.is_alive());
        workers.insert(name.to_owned(), Arc::clone(&worker));
        Ok(worker)
    }

    fn alive(&self, name: &str) -> Option<Arc<Worker>> {
        self.workers().get(name).filter(|worker| worker.is_alive()).cloned()
    }

    fn forget(&self, name: &str, worker: &Arc<Worker>) {
        let mut workers = self.workers();
        if workers.get(name).is_some_and(|current| Arc::ptr_eq(current, worker)) {
            workers.remove(name);
        }
    }

    fn workers(&self) -> MutexGuard<'_, HashMap<String, Arc<Worker>>> {
        self.inner.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
