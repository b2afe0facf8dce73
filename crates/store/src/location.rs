//! Where a store lives, and the lock that keeps a second process out of a data folder.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use moltforge_types::Secret;

use crate::error::Error;

/// Where a store lives.
#[derive(Debug, Clone)]
pub enum Location {
    /// A data folder; made when it is missing, mode 0700. One process at a time.
    Sqlite(PathBuf),
    /// A PostgreSQL database, by its URL. Any number of processes.
    Postgres(Secret),
}

/// The database's file in a data folder.
pub(crate) const DATABASE_FILE: &str = "moltforge.db";

/// Held as long as the store is open; the operating system lets go of it when the process dies.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Makes the folder when it is missing and takes its lock.
    ///
    /// # Errors
    /// `data_folder_unusable`, `data_folder_in_use`.
    pub(crate) fn take(folder: &Path) -> Result<Self, Error> {
        let unusable = |source| Error::DataFolder { folder: folder.display().to_string(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unusable)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(folder.join("lock"))
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // the number is a courtesy: the other process may be about to write it
                let pid = (&file).take(20).read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(Error::DataFolderInUse { folder: folder.display().to_string(), pid });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        file.set_len(0).map_err(unusable)?;
        file.rewind().map_err(unusable)?;
        writeln!(file, "{}", std::process::id()).map_err(unusable)?;
        Ok(Self { _file: file })
    }
}
