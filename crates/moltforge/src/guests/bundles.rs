//! The programs of code agents as the store has them.

mod kept;

use std::sync::Arc;

use async_trait::async_trait;
use moltforge_api::AgentConfig;
use moltforge_api::bundles::Bundle as Files;
use moltforge_execution::guests::{Bundle, Bundles, GuestEvent, Image, SourceFile};
use moltforge_manifest::bundle::{self, Language};
use moltforge_sandbox::{Failure, FailureKind, StripError};
use moltforge_store::Store;
use moltforge_types::journal::ErrorInfo;
use moltforge_types::{ContentHash, Fault as _, ProjectId};
use tokio::sync::Semaphore;

use self::kept::Kept;
use super::files::{plain, texts};
use super::{CodeAgents, explained};

/// Bundles that are read at a time: each takes several times its size meanwhile.
const READS: usize = 4;

/// The bundles of the store; those that were used last stay in memory, since a program is built again and again.
pub struct StoredBundles {
    store: Store,
    code: CodeAgents,
    kept: Kept,
    reads: Semaphore,
}

impl std::fmt::Debug for StoredBundles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredBundles").finish_non_exhaustive()
    }
}

impl StoredBundles {
    /// Those of this store. `code` strips the types of TypeScript.
    pub fn new(store: Store, code: CodeAgents) -> Self {
        Self { store, code, kept: Kept::default(), reads: Semaphore::new(READS) }
    }

    async fn load(&self, project_id: ProjectId, sha256: &str, code: &str) -> Result<Bundle, GuestEvent> {
        let whole = self.read(project_id, sha256).await?;
        self.program(project_id, whole, code).await
    }

    async fn read(&self, project_id: ProjectId, sha256: &str) -> Result<Files, GuestEvent> {
        let failed = |error: moltforge_store::Error| lost(error.code(), error.to_string());
        let _turn = self.reads.acquire().await.map_err(|error| lost("internal", error.to_string()))?;
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
        blocking(read).await?
    }

    async fn program(&self, project_id: ProjectId, mut whole: Files, code: &str) -> Result<Bundle, GuestEvent> {
        let image = match Language::of(code) {
            Some(Language::JavaScript | Language::TypeScript) => Image::JavaScript,
            Some(Language::Python) => Image::Python,
            Some(Language::Component) => {
                let file = whole.files.remove(code);
                let unpack = move || {
                    let bytes: Arc<[u8]> = file.as_ref().and_then(bundle::component)?.into();
                    Some(Image::Component { sha256: *ContentHash::of(&bytes).as_bytes(), bytes })
                };
                let image = blocking(unpack).await?.ok_or_else(|| damaged("its component is not there"))?;
                return Ok(Bundle { image, files: Vec::new(), entry: String::new() });
            }
            None => return Err(damaged("nothing is known about this kind of file")),
        };
        let unavailable = |reason: &str| lost("sandbox_unavailable", reason.to_owned());
        let sandbox = self.code.sandbox().map_err(unavailable)?;
        let plain = plain(sandbox, &project_id.to_string(), texts(whole)).await.map_err(|error| match error {
            StripError::Refused(failure) => GuestEvent::Failed(not_stripped(&failure)),
            StripError::Unavailable(reason) => unavailable(&reason),
        })?;
        let files = plain.into_iter().map(|file| SourceFile { name: file.name, text: file.text });
        Ok(Bundle { image, files: files.collect(), entry: code.to_owned() })
    }
}

/// Megabytes: not on a thread that others wait for.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, GuestEvent> {
    tokio::task::spawn_blocking(work).await.map_err(|error| lost("internal", error.to_string()))
}

/// Its author can change that.
fn not_stripped(failure: &Failure) -> ErrorInfo {
    let code = match failure.kind {
        FailureKind::Syntax => "guest_syntax",
        _ => "bundle_size_limit",
    };
    ErrorInfo::new(code, explained(failure))
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
        self.kept.find_or(key, self.load(project_id, sha256, code)).await
    }
}

#[cfg(test)]
mod tests {
    use moltforge_sandbox::Limit;

    use super::*;

    #[test]
    fn what_is_too_much_to_be_stripped_is_no_fault_of_syntax() {
        let of = |kind| Failure { kind, message: "m".to_owned(), stack: String::new() };
        assert_eq!(not_stripped(&of(FailureKind::Syntax)).code, "guest_syntax");
        assert_eq!(not_stripped(&of(FailureKind::Limit(Limit::Memory))).code, "bundle_size_limit");
    }
}
