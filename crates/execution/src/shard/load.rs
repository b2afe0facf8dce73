//! From the journal back to a hot execution.

use std::sync::Arc;

use moltforge_store::ExecutionRow;
use moltforge_types::conversation::Usage;
use moltforge_types::journal::Entry;
use moltforge_types::{ExecutionId, ProjectId};

use super::message::Loaded;
use super::shared::Shared;
use super::snapshot::{self, Covered};
use super::specs::VersionRef;
use crate::codec;
use crate::engine::replay::Journaled;
use crate::engine::{Execution, Recorded, Spec};
use crate::error::Error;

/// Entries read at a time.
const PAGE: u32 = 1_000;

/// Reads one execution of a project. `known` is its row as somebody else read it: it is of use as long as the journal
/// ends where it says.
pub(crate) async fn load(
    shared: &Shared,
    project_id: ProjectId,
    id: ExecutionId,
    known: Option<Box<ExecutionRow>>,
) -> Result<Loaded, Error> {
    if let Some(row) = known.filter(|row| row.project_id == project_id && row.execution_id == id)
        && let (loaded, None) = fold(shared, &row).await?
    {
        return Ok(loaded);
    }
    let row = shared.journal.reads().execution(project_id, id).await?;
    let row = row.ok_or_else(|| Error::ExecutionNotFound(id.to_string()))?;
    let (mut loaded, damage) = fold(shared, &row).await?;
    if let Some(detail) = damage {
        stand_in(&mut loaded.execution, &row, detail);
    }
    Ok(loaded)
}

/// The fold of the journal, and what is wrong when it does not end where the row says.
async fn fold(shared: &Shared, row: &ExecutionRow) -> Result<(Loaded, Option<String>), Error> {
    let (reads, project_id, id) = (shared.journal.reads(), row.project_id, row.execution_id);
    let version = VersionRef { project_id, agent_id: row.agent_id, version_id: row.version_id, version: row.version };
    let spec = match shared.specs.get(reads, version).await? {
        Ok(spec) => spec,
        Err(error) => Spec::missing(project_id, row.agent_id, row.version_id, row.version, &row.agent_name, error),
    };
    let kept = snapshot::find(shared, row, &spec).await;
    let snapshot = kept.as_ref().map(Covered::of).unwrap_or_default();
    let mut execution = kept.unwrap_or_else(|| Execution::empty(id, spec));
    let read = for_each_entry(shared, id, execution.seq, |recorded, bytes| {
        execution.record(recorded);
        execution.bytes += bytes;
        Ok(())
    });
    let damage = match read.await {
        Ok(()) if execution.seq == row.last_seq => None,
        Ok(()) => Some(format!("entries after {} are missing: it stands at {}", execution.seq, row.last_seq)),
        Err(Error::JournalUnreadable { seq, message, .. }) => Some(format!("entry {seq} cannot be read: {message}")),
        Err(error) => return Err(error),
    };
    Ok((Loaded { execution, shard: row.shard, environment: row.environment.clone(), snapshot }, damage))
}

/// What is left of an execution whose journal cannot be read to its end: its first part, and what its row says.
fn stand_in(execution: &mut Execution, row: &ExecutionRow, detail: String) {
    tracing::error!(execution_id = %row.execution_id, detail, "a journal is damaged; the execution is held");
    execution.seq = row.last_seq;
    execution.state = row.columns.state;
    execution.reason = row.columns.reason;
    execution.attempt = row.columns.attempt;
    execution.finished_at = row.columns.finished_at;
    execution.created_at = row.created_at;
    execution.updated_at = row.updated_at;
    execution.usage = Usage { input_tokens: row.columns.tokens, ..Usage::default() };
    if let Ok(input) = serde_json::from_str(&row.input) {
        execution.input = Arc::new(input);
    }
    execution.damaged = Some(detail);
}

/// Where a journal cannot be read.
#[derive(Debug)]
pub(crate) struct Damage {
    pub(crate) seq: u64,
    pub(crate) message: String,
}

/// The whole journal of an execution with the bytes of each entry, as far as it can be read; at most 50 MiB, which is
/// where an execution is held, and what one command wrote beyond.
pub(crate) async fn journaled(shared: &Shared, id: ExecutionId) -> Result<(Vec<Journaled>, Option<Damage>), Error> {
    let mut all = Vec::new();
    let read = for_each_entry(shared, id, 0, |recorded, bytes| {
        all.push(Journaled { recorded: recorded.clone(), bytes });
        Ok(())
    });
    match read.await {
        Ok(()) => Ok((all, None)),
        Err(Error::JournalUnreadable { seq, message, .. }) => Ok((all, Some(Damage { seq, message }))),
        Err(error) => Err(error),
    }
}

async fn for_each_entry(
    shared: &Shared,
    id: ExecutionId,
    after: u64,
    mut each: impl FnMut(&Recorded, u64) -> Result<(), Error>,
) -> Result<(), Error> {
    while_entries(shared, id, after, PAGE, |recorded, bytes| each(recorded, bytes).map(|()| true)).await.map(|_| ())
}

/// The entries after `after`, `page` at a time, until `each` has enough of them. Returns whether it never had.
pub(crate) async fn while_entries(
    shared: &Shared,
    id: ExecutionId,
    mut after: u64,
    page: u32,
    mut each: impl FnMut(&Recorded, u64) -> Result<bool, Error>,
) -> Result<bool, Error> {
    loop {
        let rows = shared.journal.reads().entries(id, after, page).await?;
        for row in &rows {
            if row.seq != after + 1 {
                let message = format!("entry {} follows entry {after}", row.seq);
                return Err(Error::JournalUnreadable { execution_id: id, seq: after + 1, message });
            }
            after = row.seq;
            let recorded = codec::decode(id, row)?;
            if row.seq == 1 && !matches!(recorded.entry, Entry::Scheduled { .. }) {
                let message = "the first entry is not scheduled".to_owned();
                return Err(Error::JournalUnreadable { execution_id: id, seq: 1, message });
            }
            if !each(&recorded, row.payload.len() as u64)? {
                return Ok(false);
            }
        }
        if rows.len() < page as usize {
            return Ok(true);
        }
    }
}
