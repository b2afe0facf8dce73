//! The data folder of a development server, with its key and the note that it runs.

use std::fs;
use std::path::{Path, PathBuf};

use moltforge_types::{Ambient, Secret};

use crate::connection::{KEY_FILE, RunningServer, SERVER_FILE};
use crate::{Error, private_file};

/// The folder. An ephemeral one goes away with the value, and so does the note that a server runs.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    ephemeral: bool,
    announced: bool,
}

impl Folder {
    /// The folder at `path`, made (0700) when it is missing.
    pub fn open(path: &Path) -> Result<Self, Error> {
        private_file::folder(path)?;
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        Ok(Self { path, ephemeral: false, announced: false })
    }

    /// A new folder among the system's temporary ones.
    pub fn ephemeral(ambient: &Ambient) -> Result<Self, Error> {
        let path = std::env::temp_dir().join(format!("moltforge-{}", hex::encode(ambient.bytes::<8>())));
        private_file::folder(&path)?;
        Ok(Self { path, ephemeral: true, announced: false })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The key of this folder; made by `make` and kept (0600) when there is none.
    pub fn key(&self, make: impl FnOnce() -> Secret) -> Result<Secret, Error> {
        if let Some(text) = private_file::read(&self.path.join(KEY_FILE))? {
            return Ok(Secret::new(text.trim()));
        }
        let key = make();
        self.keep_key(&key)?;
        Ok(key)
    }

    /// Keeps another key.
    pub fn keep_key(&self, key: &Secret) -> Result<(), Error> {
        private_file::write(&self.path.join(KEY_FILE), format!("{}\n", key.expose()).as_bytes())
    }

    /// Says, for commands in this folder, where the server is.
    pub fn announce(&mut self, url: &str) -> Result<(), Error> {
        let running = RunningServer { url: url.to_owned(), pid: std::process::id() };
        let text = serde_json::to_vec(&running).unwrap_or_default();
        private_file::write(&self.path.join(SERVER_FILE), &text)?;
        self.announced = true;
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.announced {
            let _ = fs::remove_file(self.path.join(SERVER_FILE));
        }
        if self.ephemeral {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_private() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::open(&parent.path().join("a/b")).unwrap();
        let key = folder.key(|| Secret::new("mf_1")).unwrap();
        assert_eq!(folder.key(|| Secret::new("mf_2")).unwrap().expose(), key.expose());
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(folder.path().join(KEY_FILE)), mode(folder.path().to_owned())), (0o600, 0o700));
    }

    #[test]
    fn an_ephemeral_folder_goes_away() {
        let folder = Folder::ephemeral(&Ambient::system()).unwrap();
        let path = folder.path().to_owned();
        folder.key(|| Secret::new("mf_1")).unwrap();
        assert!(path.try_exists().unwrap());
        drop(folder);
        assert!(!path.try_exists().unwrap());
    }

    #[test]
    fn the_note_of_a_running_server_goes_away_with_it() {
        let parent = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(parent.path()).unwrap();
        folder.announce("http://127.0.0.1:1").unwrap();
        let note = parent.path().join(SERVER_FILE);
        assert!(note.try_exists().unwrap());
        drop(folder);
        assert!(!note.try_exists().unwrap() && parent.path().try_exists().unwrap());
    }
}
