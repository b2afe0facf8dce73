//! The programs of code agents as the store has them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use moltforge_api::AgentConfig;
use moltforge_api::bundles::Bundle as Files;
use moltforge_execution::guests::{Bundle, Bundles, GuestEvent, Image, SourceFile};
use moltforge_manifest::bundle::{self, Language};
use moltforge_sandbox::StripError;
use moltforge_store::Store;
use moltforge_types::journal::ErrorInfo;
use moltforge_types::{Fault as _, ProjectId};

use super::files::{plain, texts};
use super::{CodeAgents, explained};

/// Bytes of programs that are kept in memory.
const KEPT: usize = 64 << 20;

/// The bundles of the store; those that were used last stay in memory, since a program is built again and again.
pub struct StoredBundles {
    store: Store,
    code: CodeAgents,
    kept: Mutex<Kept>,
}

impl std::fmt::Debug for StoredBundles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredBundles").finish_non_exhaustive()
    }
}

impl StoredBundles {
    /// Those of this store. `code` strips the types of TypeScript.
    pub fn new(store: Store, code: CodeAgents) -> Self {
        Self { store, code, kept: Mutex::default() }
    }

    async fn load(&self, project_id: ProjectId, sha256: &str, code: &str) -> Result<Bundle, GuestEvent> {
        let failed = |error: moltforge_store::Error| lost(error.code(), error.to_string());
        let found = self.store.bundles(project_id).find(sha256).await.map_err(failed)?;
        let gone = || missing("bundle_not_found", format!("the files of the program are gone: {sha256}"));
        let (packed, named) = (found.ok_or_else(gone)?.packed, sha256.to_owned());
        let read = move || {
            let bytes = packed.unpack().map_err(|error| damaged(&error.to_string()))?;
            // what runs is what was deployed, whoever could write to the store
            if bundle::hash(&bytes) != named {
                return Err(damaged("their hash is another"));
            }
            bundle::parse(&bytes).map_err(|_| damaged("it is no bundle"))
        };
        // megabytes: not on a thread that others wait for
        let read = tokio::task::spawn_blocking(read).await;
        let whole = read.map_err(|error| lost("internal", error.to_string()))??;
        self.program(project_id, whole, code).await
    }

    async fn program(&self, project_id: ProjectId, mut whole: Files, code: &str) -> Result<Bundle, GuestEvent> {
        let image = match Language::of(code) {
            Some(Language::JavaScript | Language::TypeScript) => Image::JavaScript,
            Some(Language::Python) => Image::Python,
            Some(Language::Component) => {
                let component = whole.files.remove(code).as_ref().and_then(bundle::component);
                let bytes = component.ok_or_else(|| damaged("its component is not there"))?;
                return Ok(Bundle { image: Image::Component(bytes.into()), files: Vec::new(), entry: String::new() });
            }
            None => return Err(damaged("nothing is known about this kind of file")),
        };
        let unavailable = |reason: &str| lost("sandbox_unavailable", reason.to_owned());
        let sandbox = self.code.sandbox().map_err(unavailable)?;
        let plain = plain(sandbox, &project_id.to_string(), texts(whole)).await.map_err(|error| match error {
            StripError::Refused(failure) => GuestEvent::Failed(ErrorInfo::new("guest_syntax", explained(&failure))),
            StripError::Unavailable(reason) => unavailable(&reason),
        })?;
        let files = plain.into_iter().map(|file| SourceFile { name: file.name, text: file.text });
        Ok(Bundle { image, files: files.collect(), entry: code.to_owned() })
    }
}

/// Nothing that another attempt would change.
fn missing(code: &str, message: String) -> GuestEvent {
    GuestEvent::Missing(ErrorInfo::new(code, message))
}

fn damaged(reason: &str) -> GuestEvent {
    missing("bundle_damaged", format!("the files of the program cannot be read: {reason}"))
}

fn lost(code: &str, message: String) -> GuestEvent {
    GuestEvent::Lost(ErrorInfo::new(code, message))
}

#[async_trait]
impl Bundles for StoredBundles {
    async fn bundle(&self, project_id: ProjectId, config: &AgentConfig) -> Result<Arc<Bundle>, GuestEvent> {
        let (Some(sha256), Some(code)) = (&config.bundle, &config.code) else {
            return Err(missing("bundle_not_found", "the version names no program".to_owned()));
        };
        let key = (project_id, sha256.clone(), code.clone());
        if let Some(known) = self.kept().find(&key) {
            return Ok(known);
        }
        let loaded = Arc::new(self.load(project_id, sha256, code).await?);
        self.kept().add(key, Arc::clone(&loaded));
        Ok(loaded)
    }
}

impl StoredBundles {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Key = (ProjectId, String, String);

/// The last one that was used is at the end.
#[derive(Default)]
struct Kept {
    all: VecDeque<(Key, Arc<Bundle>)>,
    bytes: usize,
}

impl Kept {
    fn find(&mut self, key: &Key) -> Option<Arc<Bundle>> {
        let at = self.all.iter().position(|(known, _)| known == key)?;
        let found = self.all.remove(at)?;
        let bundle = Arc::clone(&found.1);
        self.all.push_back(found);
        Some(bundle)
    }

    fn add(&mut self, key: Key, bundle: Arc<Bundle>) {
        // two loads at once: one is kept
        if self.find(&key).is_some() {
            return;
        }
        self.bytes += bytes(&bundle);
        self.all.push_back((key, bundle));
        while self.bytes > KEPT
            && let Some((_, oldest)) = self.all.pop_front()
        {
            self.bytes -= bytes(&oldest);
        }
    }
}

/// About how much memory it takes.
fn bytes(bundle: &Bundle) -> usize {
    let files: usize = bundle.files.iter().map(|file| file.name.len() + file.text.len()).sum();
    let component = if let Image::Component(bytes) = &bundle.image { bytes.len() } else { 0 };
    files + component + 1024
}

#[cfg(test)]
mod tests {
    use moltforge_types::Id as _;

    use super::*;

    fn bundle(bytes: usize) -> Arc<Bundle> {
        let file = SourceFile { name: String::new(), text: "x".repeat(bytes) };
        Arc::new(Bundle { image: Image::JavaScript, files: vec![file], entry: "agent.js".to_owned() })
    }

    #[test]
    fn what_was_used_last_is_kept() {
        let key = |n: u128| (ProjectId::from_u128(n), "hash".to_owned(), "agent.js".to_owned());
        let mut kept = Kept::default();
        for n in 1..=3 {
            kept.add(key(n), bundle(KEPT / 4));
        }
        assert!(kept.find(&key(1)).is_some());
        kept.add(key(4), bundle(KEPT / 4));
        kept.add(key(4), bundle(KEPT / 4));
        let there: Vec<_> = (1..=4).filter(|n| kept.find(&key(*n)).is_some()).collect();
        assert_eq!(there, [1, 3, 4], "the second one was used least lately");
        kept.add(key(5), bundle(2 * KEPT));
        assert!(kept.all.is_empty() && kept.bytes == 0, "one that is too large is not kept");
    }
}
