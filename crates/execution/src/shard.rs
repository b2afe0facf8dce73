//! The imperative shell around the engine: who owns what, commits, effects, timers, recovery.
//!
//! One [`owner::Owner`] per lane is the only writer of the executions on its shards. It applies commands in memory,
//! gathers their entries in a batch, commits one batch at a time, and only then lets the batch's actions out (the gate).

pub(crate) mod approvals;
pub(crate) mod authority;
pub(crate) mod batch;
pub(crate) mod calls;
pub(crate) mod effects;
pub(crate) mod guests;
pub(crate) mod health;
pub(crate) mod hot;
pub(crate) mod inbox;
pub(crate) mod janitor;
pub(crate) mod kept;
pub(crate) mod lease;
pub(crate) mod load;
pub(crate) mod message;
pub(crate) mod owner;
pub(crate) mod router;
pub(crate) mod shared;
pub(crate) mod snapshot;
pub(crate) mod specs;
pub(crate) mod streams;
pub(crate) mod supervisor;
pub(crate) mod timers;

/// A hash map whose order depends on nothing but what is put in: a run is a function of its seed. For keys that no
/// stranger chooses.
pub(crate) type Map<K, V> = std::collections::HashMap<K, V, std::hash::BuildHasherDefault<std::hash::DefaultHasher>>;
