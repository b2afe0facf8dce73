//! Hot reload: an agent file that changes is checked and made live again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use moltforge_client::Client;
use moltforge_types::ContentHash;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use crate::commands::difference;
use crate::output::{ACCENT, DIM, GOOD, Output, PLAIN, WARN};
use crate::{Error, agent_files};

/// Editors write a file in several steps; what happens within this time is one change.
const SETTLE: Duration = Duration::from_millis(60);

/// Watches a folder until it is dropped.
#[derive(Debug)]
pub struct Watch {
    _watcher: RecommendedWatcher,
    changes: mpsc::Receiver<()>,
    folder: PathBuf,
    /// What each file said when it was last looked at.
    seen: BTreeMap<PathBuf, ContentHash>,
}

impl Watch {
    /// Begins to watch. What the files say now counts as seen.
    pub fn start(folder: &Path) -> Result<Self, Error> {
        // one waiting note is enough: it says "look", not what changed
        let (sender, changes) = mpsc::channel(1);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                let _ = sender.try_send(());
            }
        })
        .map_err(|e| Error::start("the file watcher", e))?;
        watcher.watch(folder, RecursiveMode::Recursive).map_err(|e| Error::start("the file watcher", e))?;
        Ok(Self { _watcher: watcher, changes, folder: folder.to_owned(), seen: contents(folder) })
    }

    /// Deploys what changes, for ever. A broken file is reported, and the version that is live stays.
    pub async fn run(mut self, client: Client, out: Output) {
        while self.changes.recv().await.is_some() {
            while tokio::time::timeout(SETTLE, self.changes.recv()).await.is_ok_and(|note| note.is_some()) {}
            for path in self.changed() {
                reload(&client, out, &path).await;
            }
        }
    }

    /// The files whose content is new.
    fn changed(&mut self) -> Vec<PathBuf> {
        let now = contents(&self.folder);
        let changed = now.iter().filter(|(path, hash)| self.seen.get(*path) != Some(*hash));
        let changed = changed.map(|(path, _)| path.clone()).collect();
        self.seen = now;
        changed
    }
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, ContentHash> {
    let files = agent_files::find(folder).unwrap_or_default();
    // a file that is gone again has nothing to deploy
    files.into_iter().filter_map(|path| Some((path.clone(), agent_files::fingerprint(&path)?))).collect()
}

async fn reload(client: &Client, out: Output, path: &Path) {
    let shown = path.display().to_string();
    match super::deploy(client, path).await {
        Ok(deployed) if !deployed.changed => out.notes(&[(DIM, "unchanged "), (DIM, &shown)]),
        Ok(deployed) => {
            let version = deployed.version.map(|version| format!(" v{version}")).unwrap_or_default();
            out.notes(&[(GOOD, "reloaded "), (ACCENT, &deployed.agent), (PLAIN, &version), (DIM, "  "), (DIM, &shown)]);
            difference::note(out, &deployed.changes);
        }
        Err(failure) => {
            out.notes(&[(WARN, "not reloaded "), (PLAIN, &shown), (DIM, " (the version that is live stays)")]);
            out.failure(&failure);
        }
    }
}
