//! Compiled images on disk.
//!
//! An image is named by its content and by everything that decides about its code. Images of the program are shared,
//! components of users are kept per project. Nothing is used that was not written here: beside each file lies its
//! authentication code, under a key that is made at the first start and that only the server's user can read.

mod sweep;

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest, Sha256};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use super::Config;
use super::compiler::Compiler;
use super::groups::ProcessGroups;
use crate::component;
use crate::error::Error;
use crate::images::Image;

/// The folder of compiled images.
pub(crate) struct Cache {
    root: PathBuf,
    key: [u8; 32],
    fingerprint: [u8; 32],
    compiler: Compiler,
    /// One at a time: compiling takes all processors there are. No component of a user keeps the engines waiting.
    engines: Semaphore,
    components: Semaphore,
    /// Of the projects that compile or wait for their turn.
    projects: Mutex<HashMap<String, Arc<Semaphore>>>,
    /// Compiled and checked by this process, or refused.
    known: Mutex<HashMap<PathBuf, Arc<One>>>,
}

type Known = Result<(), Error>;

#[derive(Default)]
struct One {
    known: OnceCell<Known>,
    touched: Mutex<Option<Instant>>,
}

impl One {
    /// Whether its file must be told that it is used. It is told now and then.
    fn is_due(&self) -> bool {
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = touched.is_none_or(|last| last.elapsed() > TOUCHES);
        if is_due {
            *touched = Some(Instant::now());
        }
        is_due
    }
}

/// An image that is used says so after this.
const TOUCHES: Duration = Duration::from_hours(1);

/// Images that are known at once, at most: a refused one costs its author little and this a line.
const KNOWN: usize = 10_000;

impl Cache {
    /// Makes the folder and the key.
    pub(crate) fn open(config: &Config, groups: ProcessGroups, fingerprint: [u8; 32]) -> Result<Self, Error> {
        let root = config.cache.clone();
        let key = key(&root).map_err(|error| failed(&root, &error))?;
        let compiler = Compiler {
            program: config.program.clone(),
            subcommand: config.compiler.clone(),
            enforcement: config.enforcement.clone(),
            groups,
        };
        let (engines, components) = (Semaphore::new(1), Semaphore::new(1));
        let (projects, known) = (Mutex::default(), Mutex::default());
        Ok(Self { root, key, fingerprint, compiler, engines, components, projects, known })
    }

    /// The file of the compiled image, which is made if it is not there.
    pub(crate) async fn compiled(&self, project: &str, image: &Image) -> Result<PathBuf, Error> {
        let path = self.path(project, image)?;
        loop {
            let one = self.one(&path);
            one.known.get_or_try_init(|| self.make(project, &path, image)).await?.clone()?;
            if !one.is_due() {
                return Ok(path);
            }
            let used = path.clone();
            if blocking(move || sweep::touch(&used)).await {
                return Ok(path);
            }
            self.forget(&path);
        }
    }

    /// Whether [`Self::compiled`] would answer at once.
    pub(crate) fn has(&self, project: &str, image: &Image) -> bool {
        self.path(project, image).is_ok_and(|path| self.known().get(&path).is_some_and(|one| one.known.initialized()))
    }

    async fn make(&self, project: &str, path: &Path, image: &Image) -> Result<Known, Error> {
        if image.is_shared() {
            let _turn = turn(&self.engines).await?;
            return self.make_now(path, image).await;
        }
        // a project waits in line once, however many components it has
        let own = Arc::clone(self.projects().entry(project.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(1))));
        let made = async {
            let _own = turn(&own).await?;
            let _turn = turn(&self.components).await?;
            self.make_now(path, image).await
        };
        let made = made.await;
        drop(own);
        self.projects().retain(|_, turns| Arc::strong_count(turns) > 1);
        made
    }

    async fn make_now(&self, path: &Path, image: &Image) -> Result<Known, Error> {
        let (checked, key) = (path.to_owned(), self.key);
        if blocking(move || is_ours(&checked, &key)).await {
            return Ok(Ok(()));
        }
        let unpacked = image.clone();
        let wasm = blocking(move || unpacked.wasm()).await.map_err(|error| Error::Compile(error.to_string()))?;
        let code = match self.compiler.compile(&wasm, !image.is_shared()).await {
            Err(refused @ Error::Refused { .. }) => return Ok(Err(refused)),
            code => code?,
        };
        let (target, key) = (path.to_owned(), self.key);
        blocking(move || write(&target, &code, &key)).await.map_err(|error| failed(path, &error))?;
        let root = self.root.clone();
        for gone in blocking(move || sweep::sweep(&root, sweep::MOST, sweep::now())).await {
            self.forget(&gone);
        }
        Ok(Ok(()))
    }

    fn one(&self, path: &Path) -> Arc<One> {
        let mut known = self.known();
        if known.len() >= KNOWN {
            // those that somebody waits for stay; others gave up before it was known
            known.retain(|_, one| Arc::strong_count(one) > 1);
        }
        Arc::clone(known.entry(path.to_owned()).or_default())
    }

    /// Somebody has deleted it, if it is for that.
    pub(crate) fn cannot_be_opened(&self, path: &Path, error: &Error) {
        if matches!(error, Error::Cache { .. }) {
            self.forget(path);
        }
    }

    /// Its file is gone: whoever needs it next makes it anew.
    fn forget(&self, path: &Path) {
        self.known().remove(path);
    }

    fn path(&self, project: &str, image: &Image) -> Result<PathBuf, Error> {
        let mut name = Sha256::new().chain_update(self.fingerprint).chain_update(image.hash());
        if !image.is_shared() {
            // what another release took need not be taken by this one
            name.update(component::TAKEN);
        }
        let name = name.finalize();
        let folder = if image.is_shared() { self.root.join("engines") } else { self.folder_of(project)? };
        Ok(folder.join(format!("{}.image", hex::encode(name))))
    }

    fn folder_of(&self, project: &str) -> Result<PathBuf, Error> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if project.is_empty() || project.len() > 128 || !project.bytes().all(plain) {
            return Err(failed(&self.root, &"the project's id cannot be the name of a folder"));
        }
        Ok(self.root.join("projects").join(project))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<PathBuf, Arc<One>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn projects(&self) -> MutexGuard<'_, HashMap<String, Arc<Semaphore>>> {
        self.projects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn turn(turns: &Semaphore) -> Result<SemaphorePermit<'_>, Error> {
    turns.acquire().await.map_err(|_| Error::Compile("the sandbox is gone".to_owned()))
}

/// So that two files of one process have two names.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("root", &self.root).finish_non_exhaustive()
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn failed(path: &Path, reason: &impl ToString) -> Error {
    Error::Cache { path: path.display().to_string(), reason: reason.to_string() }
}

fn folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// The key of this folder, made when there is none.
fn key(root: &Path) -> io::Result<[u8; 32]> {
    folder(root)?;
    let path = root.join("key");
    loop {
        match fs::read(&path) {
            Ok(bytes) => return bytes.try_into().map_err(|_| io::Error::other("the key is not 32 bytes long")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut key = [0; 32];
        fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
        // whole or not at all; whoever is first wins
        let fresh = put(&path, &key)?;
        // an empty key, as a power cut may leave it, would keep code agents out for good
        let linked =
            fs::File::open(&fresh).and_then(|file| file.sync_all()).and_then(|()| fs::hard_link(&fresh, &path));
        fs::remove_file(&fresh)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
}

/// Bytes of an image that are read at a time.
const PIECE: usize = 256 << 10;

/// Whether the file was written by [`write()`], as it is.
fn is_ours(path: &Path, key: &[u8; 32]) -> bool {
    let (Ok(mut image), Ok(tag)) = (fs::File::open(path), fs::read(tag_of(path))) else { return false };
    let Some(mut mac) = mac(path, key) else { return false };
    // dozens of mebibytes: never in memory as a whole
    let mut piece = vec![0; PIECE];
    loop {
        match image.read(&mut piece) {
            Ok(0) => return mac.verify_slice(&tag).is_ok(),
            Ok(length) => mac.update(&piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}

/// Writes the image and its authentication code. Both appear whole; what dies in between is written again.
fn write(path: &Path, code: &[u8], key: &[u8; 32]) -> io::Result<()> {
    let parent = path.parent().ok_or_else(|| io::Error::other("no folder"))?;
    folder(parent)?;
    let mac = mac(path, key).ok_or_else(|| io::Error::other("no key"))?;
    let tag = mac.chain_update(code).finalize().into_bytes();
    replace(path, code)?;
    replace(&tag_of(path), &tag)
}

/// A file with these bytes in the place of whatever is there.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = put(path, bytes)?;
    fs::rename(&fresh, path).inspect_err(|_| discard(&fresh))
}

/// A full disk must not stay full of what did not fit: it is tried again and again.
fn discard(unfinished: &Path) {
    let _ = fs::remove_file(unfinished);
}

fn tag_of(path: &Path) -> PathBuf {
    path.with_extension("tag")
}

/// Over the name too, and then the code: one image cannot stand in for another.
fn mac(path: &Path, key: &[u8; 32]) -> Option<Hmac<Sha256>> {
    let name = path.file_name()?.as_encoded_bytes();
    Hmac::<Sha256>::new_from_slice(key).ok().map(|mac| mac.chain_update(name).chain_update(b"\0"))
}

/// A new file beside `path`.
fn put(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    let mut name = path.as_os_str().to_owned();
    let count = WRITTEN.fetch_add(1, Ordering::Relaxed);
    name.push(format!(".{}-{count}", std::process::id()));
    let fresh = PathBuf::from(name);
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(bytes).inspect_err(|_| discard(&fresh))?;
    Ok(fresh)
}

#[cfg(test)]
mod tests;
