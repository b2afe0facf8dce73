//! Settings of the execution service.

use std::time::Duration;

use moltforge_types::execution::State;
use moltforge_types::secret::InstallationSecret;
use serde::{Deserialize, Deserializer};

use crate::triggers::WebhookKey;

/// Settings; every field has a default that suits one machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Executions at work at the same time on this node; more wait as `scheduled`. 4096 when absent.
    pub max_running: usize,
    /// Executions of one project at work at the same time on this node; no limit of its own when absent.
    pub max_running_per_project: Option<usize>,
    /// Journal bytes of all executions at work together, which is about what their conversations take in memory; above it
    /// nothing more begins until some have ended. 1 GiB when absent.
    pub max_running_bytes: u64,
    /// Executions that may wait as `scheduled` on this node before new ones are refused (429 `queue_full`). 100000 when
    /// absent.
    pub max_queued: usize,
    /// The same for one project; half of `max_queued` when absent, so that one project leaves room for others.
    pub max_queued_per_project: Option<usize>,
    /// Memory of what waits, bytes; one project may take half. 64 MiB when absent.
    pub max_queued_bytes: usize,
    /// Seconds that the oldest ready execution of a project may wait for this node before new ones of that project are
    /// refused (429 `queue_too_old`); 30 when absent.
    pub queue_age_seconds: u64,
    /// Bytes of requests that may wait in front of one lane, inputs included; more wait outside. 32 MiB when absent.
    pub max_inbox_bytes: usize,
    /// Lanes (parallel commits) on PostgreSQL, 1 to 16; SQLite always has one. 2 when absent.
    pub lanes: u16,
    /// Seconds for which a node owns its shards without renewing (PostgreSQL only), 5 to 300. 15 when absent.
    pub lease_seconds: u64,
    /// Seconds that calls in flight get to end when the server stops. 5 when absent.
    pub drain_seconds: u64,
    /// The secret of the installation from which keys of effects are made: the same on every node, for ever. It stands in
    /// the store, not in a configuration file.
    #[serde(skip)]
    pub secret: InstallationSecret,
    /// What secrets of webhooks and tokens of approvals are made with: the same on every node, never in the store. Without
    /// one there are none.
    #[serde(skip)]
    pub webhook_key: Option<WebhookKey>,
    /// Journal entries after which the state of a long execution is kept as a snapshot, so that reading it again is
    /// quick; 4 MiB of entries do the same. 4096 when absent, at least 16.
    pub snapshot_entries: u64,
    /// For tests: whenever an execution of a code agent is suspended or ends, its program is run again with the journal's
    /// answers, and the log says when it does something else. `false` when absent.
    pub replay_at_once: bool,
    /// How long executions that have ended are kept.
    pub retention: Retention,
}

/// `[execution.retention]`: what has ended is packed after `hot`, and deleted with its events, its steps and its
/// idempotency key when the time for its state is over. Executions that have not ended are never touched.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// How long a journal stays unpacked after the end. `24h` when absent.
    #[serde(deserialize_with = "duration")]
    pub hot: Duration,
    /// How long a completed execution is kept. `30d` when absent.
    #[serde(deserialize_with = "duration")]
    pub completed: Duration,
    /// How long a failed execution is kept. `90d` when absent.
    #[serde(deserialize_with = "duration")]
    pub failed: Duration,
    /// How long a cancelled execution is kept. `30d` when absent.
    #[serde(deserialize_with = "duration")]
    pub cancelled: Duration,
}

impl Retention {
    /// How long an execution that ended in this state is kept; `None` for a state that is no end.
    pub(crate) fn of(&self, state: State) -> Option<Duration> {
        match state {
            State::Completed => Some(self.completed),
            State::Failed => Some(self.failed),
            State::Cancelled => Some(self.cancelled),
            _ => None,
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        const DAY: u64 = 24 * 3600;
        let days = |days: u64| Duration::from_secs(days * DAY);
        Self { hot: days(1), completed: days(30), failed: days(90), cancelled: days(30) }
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    moltforge_manifest::parse_duration(&text).map_err(serde::de::Error::custom)
}

impl Config {
    /// How many executions of one project may wait.
    pub(crate) fn queued_per_project(&self) -> usize {
        self.max_queued_per_project.unwrap_or(self.max_queued / 2).min(self.max_queued)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_running: 4096,
            max_running_per_project: None,
            max_running_bytes: 1024 * 1024 * 1024,
            max_queued: 100_000,
            max_queued_per_project: None,
            max_queued_bytes: 64 * 1024 * 1024,
            queue_age_seconds: 30,
            max_inbox_bytes: 32 * 1024 * 1024,
            lanes: 2,
            lease_seconds: 15,
            drain_seconds: 5,
            secret: InstallationSecret::default(),
            webhook_key: None,
            snapshot_entries: 4096,
            replay_at_once: false,
            retention: Retention::default(),
        }
    }
}
