//! Why a guest was not started.

use crate::component::Refusal;
use crate::limits::Limit;

/// An error of this crate. What happens to a guest that runs is an [`crate::Event`] instead.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The component is not taken. Its author can change that.
    #[error("the component was refused: {reason}")]
    Refused {
        /// What kind of reason.
        refusal: Refusal,
        /// For its author.
        reason: String,
    },
    /// The compile process did not end well.
    #[error("compiling failed: {0}")]
    Compile(String),
    /// The cache of compiled images cannot be used.
    #[error("the cache of compiled images at {path}: {reason}")]
    Cache {
        /// The folder or file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// No worker could be started.
    #[error("no worker: {0}")]
    Worker(String),
    /// The guest asks for more than the node has.
    #[error("a guest with {asked} bytes of memory can never start here: there are {total}")]
    TooLarge {
        /// Bytes asked for.
        asked: u64,
        /// Bytes of the node for all guests.
        total: u64,
    },
    /// A limit that no guest can have.
    #[error("the {limit} limit is {asked}, it can be {most} at most")]
    Limit {
        /// Which one.
        limit: Limit,
        /// What was asked for.
        asked: u64,
        /// The most that it can be.
        most: u64,
    },
    /// The bundle, the input or the completions do not fit into a message.
    #[error("the start of the guest is too large: {0}")]
    Start(String),
}
