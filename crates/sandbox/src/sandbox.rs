//! The server's side: compiled images, worker processes, admission.

mod admission;
mod cache;
mod compiler;
mod guest;
mod process;
mod spawn;
mod watch;

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use admission::Load;
pub use guest::{Event, Guest};

use crate::error::Error;
use crate::images::Image;
use crate::limits::Limits;
use crate::protocol::{Completion, File, Start};
use admission::Admission;
use cache::Cache;
use process::Worker;

/// What a [`Sandbox`] needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// The program whose hidden subcommands the processes are. `/proc/self/exe` stays the same when the file is replaced.
    pub program: PathBuf,
    /// Its arguments for a worker: they lead to [`crate::worker::main`].
    pub worker: Vec<OsString>,
    /// Its arguments for a compile process: they lead to [`crate::compile::main`].
    pub compiler: Vec<OsString>,
    /// Where compiled images are kept. Nobody else may write here.
    pub cache: PathBuf,
    /// Bytes of memory for all guests of the node together. Each reserves the memory of its [`Limits`].
    pub memory: u64,
    /// Guests of the node at once.
    pub guests: u32,
    /// Guests of one project at once, at most 5000: a worker has that many slots.
    pub guests_per_project: u32,
    /// A worker without guests is stopped after this.
    pub idle: Duration,
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
    /// Bytes that admission counts for it. `limits.memory` reserves for the worst, less lets more guests in.
    pub reserve: u64,
    /// What it has consumed already, when it is rebuilt.
    pub completions: Vec<Completion>,
}

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
    workers: Mutex<HashMap<String, Arc<Worker>>>,
}

impl Sandbox {
    /// Prepares the cache folder; starts no process yet.
    pub fn new(config: Config) -> Result<Self, Error> {
        let fingerprint = crate::config::fingerprint()?;
        let cache = Cache::open(&config, fingerprint)?;
        let admission = Admission::new(config.memory, config.guests, config.guests_per_project);
        Ok(Self { inner: Arc::new(Inner { config, fingerprint, cache, admission, workers: Mutex::default() }) })
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
        let compiled = self.inner.cache.compiled(&request.project, &request.image).await?;
        let permit = self.inner.admission.enter(&request.project, request.reserve).await?;
        let start = Start {
            image: 0,
            files: request.files,
            entry: request.entry,
            input: request.input,
            seed: request.seed,
            now: request.now,
            limits: request.limits,
            replay: u32::try_from(request.completions.len()).map_err(|error| Error::Start(error.to_string()))?,
        };
        // a worker may end between finding and using it; the second one is new
        let mut start = Some(start);
        loop {
            let worker = self.worker(&request.project)?;
            match worker.start_guest(&compiled, &mut start, &request.completions)? {
                Some(opened) => return Ok(Guest::new(opened, permit)),
                None => self.forget(&request.project, &worker),
            }
        }
    }

    /// How full the node is.
    pub fn load(&self) -> Load {
        self.inner.admission.load()
    }

    fn worker(&self, project: &str) -> Result<Arc<Worker>, Error> {
        let mut workers = self.inner.workers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(worker) = workers.get(project).filter(|worker| worker.is_alive()) {
            return Ok(Arc::clone(worker));
        }
        let worker = spawn::worker(&self.inner.config, self.inner.fingerprint)?;
        workers.insert(project.to_owned(), Arc::clone(&worker));
        Ok(worker)
    }

    fn forget(&self, project: &str, worker: &Arc<Worker>) {
        let mut workers = self.inner.workers.lock().unwrap_or_else(PoisonError::into_inner);
        if workers.get(project).is_some_and(|current| Arc::ptr_eq(current, worker)) {
            workers.remove(project);
        }
    }
}
