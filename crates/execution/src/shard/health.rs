//! Whether a node can take requests.

use tokio::sync::watch;

/// The state of one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// It takes requests.
    Ready,
    /// Commits fail at the moment; what is staged is kept and tried again. The code says why.
    Failing(&'static str),
    /// It ended: its shards belong to somebody else, or the server stops.
    Ended,
}

pub(crate) type HealthSender = watch::Sender<Health>;
