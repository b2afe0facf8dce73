//! Snapshots of long executions: the fold so far, so that a load reads the entries after it alone.
//!
//! Written after the entries that they cover are durable and outside the commits; whatever goes wrong with one costs a
//! longer read. The format names the program's version: one that folds in another way reads the journal.

use std::sync::Arc;

use moltforge_store::{ExecutionRow, Snapshot};
use moltforge_types::execution::State;

use super::shared::Shared;
use crate::engine::{Execution, Spec};

/// Raised when the state or the fold changes; a release does so by its own number.
const FORMAT: &str = concat!("3/", env!("CARGO_PKG_VERSION"));
/// Bytes of entries after which a snapshot is due.
const BYTES: u64 = 4 * 1024 * 1024;
/// The part of both limits that is enough for an execution that now sleeps.
const ASLEEP: u64 = 16;
/// Shorter journals are read as quickly as a snapshot.
const SHORTEST: u64 = 64;

/// How much of a journal a snapshot covers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Covered {
    pub(crate) seq: u64,
    pub(crate) bytes: u64,
}

impl Covered {
    /// All of an execution as it stands.
    pub(crate) fn of(execution: &Execution) -> Self {
        Self { seq: execution.seq, bytes: execution.bytes }
    }

    /// Whether so much came after it that another one is due.
    pub(crate) fn is_due(self, execution: &Execution, entries: u64) -> bool {
        let part = if execution.state == State::Suspended { ASLEEP } else { 1 };
        let entries = entries.max(ASLEEP) / part;
        let come = execution.seq.saturating_sub(self.seq);
        let live = !execution.state.is_terminal() && execution.damaged.is_none();
        live && come >= SHORTEST.min(entries)
            && (come >= entries || execution.bytes.saturating_sub(self.bytes) >= BYTES / part)
    }
}

/// The state that the latest snapshot holds, if there is one that this program can use.
pub(crate) async fn find(shared: &Shared, row: &ExecutionRow, spec: &Arc<Spec>) -> Option<Execution> {
    if row.last_seq < ASLEEP {
        return None;
    }
    let id = row.execution_id;
    let snapshot = match shared.journal.reads().snapshot(row.project_id, id).await {
        Ok(found) => found?,
        Err(error) => {
            tracing::warn!(execution_id = %id, %error, "cannot look for a snapshot, reading the whole journal");
            return None;
        }
    };
    if snapshot.format != FORMAT || snapshot.seq > row.last_seq {
        return None;
    }
    let read = tokio::task::spawn_blocking(move || {
        let state = snapshot.unpack().map_err(|error| error.to_string())?;
        let execution: Execution = serde_json::from_slice(&state).map_err(|error| error.to_string())?;
        if execution.id == id && execution.seq == snapshot.seq { Ok(execution) } else { Err("another's".to_owned()) }
    });
    match read.await {
        Ok(Ok(mut execution)) => {
            execution.spec = spec.clone();
            Some(execution)
        }
        Ok(Err(error)) => {
            tracing::warn!(execution_id = %id, %error, "a snapshot cannot be used, reading the whole journal");
            None
        }
        // the reader panicked: the journal says it better
        Err(_) => None,
    }
}

/// Keeps a snapshot in the background.
pub(crate) fn keep(shared: &Arc<Shared>, execution: Execution) {
    let shared = shared.clone();
    tokio::spawn(async move {
        let (id, project_id) = (execution.id, execution.spec.project_id);
        let packed = tokio::task::spawn_blocking(move || {
            let state = serde_json::to_vec(&execution).map_err(std::io::Error::other)?;
            Snapshot::pack(execution.seq, FORMAT, &state)
        });
        let kept = match packed.await {
            Ok(Ok(snapshot)) => shared.journal.reads().keep_snapshot(project_id, id, &snapshot).await.map(|_| ()),
            Ok(Err(error)) => return tracing::warn!(execution_id = %id, %error, "cannot pack a snapshot"),
            Err(_) => return,
        };
        if let Err(error) = kept {
            tracing::warn!(execution_id = %id, %error, "cannot keep a snapshot; reading this execution again is slow");
        }
    });
}
