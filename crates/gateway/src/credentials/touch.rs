//! `last_used_at`: written at most once a minute per key or session, one write at a time, never on a request's way.

use std::sync::Arc;
use std::time::Duration;

use moltforge_store::{Error, Store};
use moltforge_types::{KeyId, ProjectId, SessionId, Timestamp};
use tokio::sync::Semaphore;

use super::Credential;

/// What is more recent is recent enough.
const EVERY: Duration = Duration::from_mins(1);

pub(super) struct Toucher {
    store: Store,
    /// One write at a time. Whoever comes meanwhile leaves it to the next request.
    free: Arc<Semaphore>,
}

struct Used {
    project_id: ProjectId,
    key_id: KeyId,
    session_id: Option<SessionId>,
    at: Timestamp,
}

impl Toucher {
    pub(super) fn new(store: Store) -> Self {
        Self { store, free: Arc::new(Semaphore::new(1)) }
    }

    pub(super) fn touch(&self, credential: &Credential, now: Timestamp) {
        let last =
            credential.session.as_ref().map_or(credential.key.last_used_at, |session| Some(session.last_used_at));
        if last.is_some_and(|last| now.since(last) < EVERY) {
            return;
        }
        let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() else { return };
        let store = self.store.clone();
        let used = Used {
            project_id: credential.key.project_id,
            key_id: credential.key.key_id,
            session_id: credential.session.as_ref().map(|session| session.session_id),
            at: now,
        };
        tokio::spawn(async move {
            if let Err(error) = write(&store, &used).await {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(key_id = %used.key_id, error, "could not note the use of a key");
            }
            drop(permit);
        });
    }
}

async fn write(store: &Store, used: &Used) -> Result<(), Error> {
    let mut tx = store.begin().await?;
    tx.keys(used.project_id).touch(used.key_id, used.at).await?;
    if let Some(session_id) = used.session_id {
        tx.sessions(used.project_id).touch(session_id, used.at).await?;
    }
    tx.commit().await
}
