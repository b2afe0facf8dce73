//! What can go wrong in the monitoring service.

use moltforge_types::{Fault, Kind};

/// A failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] moltforge_store::Error),
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
        }
    }
}
