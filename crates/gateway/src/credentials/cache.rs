//! What the store said of a secret, for a second: so that a busy key costs one read per second, and a revoked one is
//! refused within two.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moltforge_types::Timestamp;

use super::Credential;

/// Older entries are read again, by one request; the others go on with what is there.
const FRESH: Duration = Duration::from_secs(1);
/// Older entries are not used at all.
const USABLE: Duration = Duration::from_millis(1800);
/// Entries at a time.
const MAX: usize = 10_000;

/// By the hash of the secret; whether it is a session's is part of the key, so that one cannot pass for the other.
#[derive(Default)]
pub(super) struct Cache(Mutex<HashMap<([u8; 32], bool), Entry>>);

struct Entry {
    credential: Arc<Credential>,
    read_at: Timestamp,
    /// Somebody is reading it again.
    refreshing: bool,
}

pub(super) enum Found {
    /// Use it.
    Fresh(Arc<Credential>),
    /// Read it again. It was good a moment ago.
    Stale,
    /// Nothing is known.
    Unknown,
}

impl Cache {
    pub(super) fn find(&self, hash: &[u8; 32], is_session: bool, now: Timestamp) -> Found {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = entries.get_mut(&(*hash, is_session)) else { return Found::Unknown };
        // a clock that was set back makes every age look like zero
        let age = if entry.read_at > now { Duration::MAX } else { now.since(entry.read_at) };
        if age <= FRESH || (age <= USABLE && entry.refreshing) {
            return Found::Fresh(Arc::clone(&entry.credential));
        }
        entry.refreshing = true;
        Found::Stale
    }

    pub(super) fn put(&self, hash: [u8; 32], is_session: bool, credential: Arc<Credential>, now: Timestamp) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX && !entries.contains_key(&(hash, is_session)) {
            entries.retain(|_, entry| entry.read_at <= now && now.since(entry.read_at) <= USABLE);
            if entries.len() >= MAX {
                entries.clear();
            }
        }
        entries.insert((hash, is_session), Entry { credential, read_at: now, refreshing: false });
    }

    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
