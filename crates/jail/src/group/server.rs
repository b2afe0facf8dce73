//! The groups of one server, below one that is its own: what a killed server left behind is found by that.
//!
//! A server holds a lock on the folder of its group for as long as it lives. The kernel gives it back when it dies.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FlockOperation, flock};

use super::{GroupLimits, Groups, Place, v1, v2};
use crate::error::{AtStep as _, JailError, Step};

/// How the folders of servers begin.
const NAME: &str = "moltforge-node-";

/// Servers of this process.
static SERVERS: AtomicU64 = AtomicU64::new(0);

/// The folders of a server's own group, locked, and gone when this is dropped.
#[derive(Debug)]
pub(super) struct Own {
    folders: Vec<PathBuf>,
    _locks: Vec<File>,
}

impl Drop for Own {
    fn drop(&mut self) {
        for folder in &self.folders {
            // one with a process in it stays until the next start
            let _ = fs::remove_dir(folder);
        }
    }
}

impl Groups {
    /// Makes a group of this server's own, with limits for all groups in it together, and removes those of servers that
    /// have ended.
    ///
    /// # Errors
    /// There is no place for it, or a limit cannot be set. Nothing needs it to work.
    pub fn of_server(limits: &GroupLimits) -> Result<Self, JailError> {
        Self::find()?.own(limits)
    }

    fn own(self, limits: &GroupLimits) -> Result<Self, JailError> {
        for folder in self.folders() {
            sweep(&folder);
        }
        let name = format!("{NAME}{}-{}", std::process::id(), SERVERS.fetch_add(1, Ordering::Relaxed));
        let made = match &self.place {
            Place::V1(controllers) => controllers.make(&name, limits),
            Place::V2(folder) => v2::make(folder, &name, limits),
        };
        let folders = made.at(Step::Group, "make that of the server")?.all;
        let locks: io::Result<Vec<File>> = folders.iter().map(|folder| lock(folder)).collect();
        let own = Own { _locks: locks.at(Step::Group, "lock that of the server")?, folders };
        let place = match self.place {
            Place::V1(controllers) => Place::V1(controllers.below(&name)),
            Place::V2(folder) => Place::V2(v2::prepare(folder.join(&name)).at(Step::Group, "hand controllers on")?),
        };
        Ok(Self { place, made: AtomicU64::new(0), _own: Some(own) })
    }

    /// Where groups are made.
    fn folders(&self) -> Vec<PathBuf> {
        match &self.place {
            Place::V1(controllers) => controllers.folders(),
            Place::V2(folder) => vec![folder.clone()],
        }
    }
}

/// Takes the lock of a folder; an error when somebody has it.
fn lock(folder: &Path) -> io::Result<File> {
    let file = File::open(folder)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    Ok(file)
}

/// Removes what servers left there that are no more. Whatever cannot be removed is left to the next start.
fn sweep(folder: &Path) {
    for left in folders_in(folder) {
        let is_servers = left.file_name().is_some_and(|name| name.to_string_lossy().starts_with(NAME));
        if !is_servers || lock(&left).is_err() {
            continue;
        }
        for group in folders_in(&left) {
            let _ = fs::remove_dir(group);
        }
        let _ = fs::remove_dir(left);
    }
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let is_folder = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    entries.flatten().filter(is_folder).map(|entry| entry.path()).collect()
}

/// The names of controllers of version 1 that are there.
pub(super) fn words(place: &Place) -> String {
    match place {
        Place::V1(controllers) => format!("control groups of version 1 ({})", controllers.words()),
        Place::V2(_) => "control groups of version 2 (memory, pids, cpu)".to_owned(),
    }
}

impl v1::Controllers {
    /// Those of a group in each of these.
    fn below(self, name: &str) -> Self {
        self.map(|folder| folder.join(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_server_left_is_removed_and_what_a_live_one_has_is_not() {
        let place = std::env::temp_dir().join(format!("moltforge-sweep-{}", std::process::id()));
        let at = |name: &str| place.join(name);
        for name in ["moltforge-node-1/moltforge-1-0", "moltforge-node-2/moltforge-2-7", "moltforge-server", "other/x"]
        {
            fs::create_dir_all(at(name)).unwrap();
        }
        let alive = lock(&at("moltforge-node-2")).unwrap();
        sweep(&place);
        assert!(!at("moltforge-node-1").try_exists().unwrap());
        assert!(at("moltforge-node-2/moltforge-2-7").try_exists().unwrap());
        assert!(at("moltforge-server").try_exists().unwrap() && at("other/x").try_exists().unwrap());
        drop(alive);
        sweep(&place);
        assert!(!at("moltforge-node-2").try_exists().unwrap());
        fs::remove_dir_all(place).unwrap();
    }
}
