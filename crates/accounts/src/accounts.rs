//! The service: keys, sign-in codes, sessions.

mod keys;
mod sessions;

use std::time::Duration;

use moltforge_store::Store;

pub use sessions::OpenedSession;

/// A session ends after this, however much it is used.
pub const SESSION_LIFETIME: Duration = Duration::from_hours(7 * 24);
/// A sign-in code works for this long.
pub const CODE_LIFETIME: Duration = Duration::from_mins(5);

/// The accounts service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Accounts {
    store: Store,
}

impl Accounts {
    /// On an open store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}
