//! Settings of the execution service.

use serde::Deserialize;

/// Settings; every field has a default that suits one machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Executions at work at the same time on this node; more wait as `scheduled`. 4096 when absent.
    pub max_running: usize,
    /// Executions that may wait as `scheduled` on this node before new ones are refused (429 `queue_full`). 100000 when
    /// absent.
    pub max_queued: usize,
    /// Lanes (parallel commits) on PostgreSQL, 1 to 16; SQLite always has one. 2 when absent.
    pub lanes: u16,
    /// Seconds for which a node owns its shards without renewing (PostgreSQL only), 5 to 300. 15 when absent.
    pub lease_seconds: u64,
    /// Seconds that calls in flight get to end when the server stops. 5 when absent.
    pub drain_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_running: 4096, max_queued: 100_000, lanes: 2, lease_seconds: 15, drain_seconds: 5 }
    }
}
