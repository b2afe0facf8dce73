//! Journal entries as bytes: JSON with the kind's name inside and its number beside.

use moltforge_store::{EntryRow, NewEntry};
use moltforge_types::ExecutionId;
use moltforge_types::journal::Entry;

use crate::engine::Recorded;
use crate::error::Error;

/// An entry for the journal.
pub(crate) fn encode(shard: u16, execution_id: ExecutionId, recorded: &Recorded) -> NewEntry {
    NewEntry {
        shard,
        execution_id,
        seq: recorded.seq,
        kind: recorded.entry.code(),
        at: recorded.at,
        // entries are plain data with text keys: they always encode
        payload: serde_json::to_vec(&recorded.entry).unwrap_or_default(),
    }
}

/// An entry of the journal.
pub(crate) fn decode(execution_id: ExecutionId, row: &EntryRow) -> Result<Recorded, Error> {
    let unreadable = |message: String| Error::JournalUnreadable { execution_id, seq: row.seq, message };
    let entry: Entry = serde_json::from_slice(&row.payload).map_err(|error| unreadable(error.to_string()))?;
    if entry.code() != row.kind {
        return Err(unreadable(format!("the column says kind {}, the payload kind {}", row.kind, entry.code())));
    }
    Ok(Recorded { seq: row.seq, at: row.at, entry })
}
