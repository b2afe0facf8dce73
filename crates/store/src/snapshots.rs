//! The table `snapshot`: the folded state of a long execution, so that a load need not read its whole journal.
//!
//! A shortcut and never the truth: a row that is missing, old or unreadable costs time alone. Written outside the
//! fenced commits, after the entries that it covers are durable.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use moltforge_types::{ExecutionId, ProjectId};

use crate::error::Error;
use crate::sql::At;

/// The most that a snapshot may unpack to: a journal at its hard limit and as much again.
const MAX_UNPACKED: u64 = 128 << 20;

/// The state of an execution after entry `seq`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The number of the latest entry that it covers.
    pub seq: u64,
    /// What wrote it: only a reader of the same format may use it.
    pub format: String,
    /// The state in that format, compressed (zlib, with its checksum).
    pub body: Vec<u8>,
}

impl Snapshot {
    /// Compresses a state. Takes some milliseconds for each megabyte: not on a thread that others wait for.
    ///
    /// # Errors
    /// Of the compressor.
    pub fn pack(seq: u64, format: &str, state: &[u8]) -> std::io::Result<Self> {
        let mut out = ZlibEncoder::new(Vec::new(), Compression::fast());
        out.write_all(state)?;
        Ok(Self { seq, format: format.to_owned(), body: out.finish()? })
    }

    /// The state again.
    ///
    /// # Errors
    /// When the body is damaged.
    pub fn unpack(&self) -> std::io::Result<Vec<u8>> {
        let mut state = Vec::new();
        ZlibDecoder::new(self.body.as_slice()).take(MAX_UNPACKED).read_to_end(&mut state)?;
        Ok(state)
    }
}

/// The snapshots of a project's executions.
#[derive(Debug)]
pub struct Snapshots<'c> {
    at: At<'c>,
    project_id: ProjectId,
}

crate::accessor!(snapshots -> Snapshots { project_id: ProjectId });

impl Snapshots<'_> {
    /// Keeps a snapshot in place of an older one. One of an execution that is gone or has ended is not kept: nobody
    /// would read it. Returns whether it was kept.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn put(&mut self, execution_id: ExecutionId, snapshot: &Snapshot) -> Result<bool, Error> {
        let rows = self
            .at
            .query(
                "INSERT INTO snapshot(project_id, execution_id, seq, format, body) \
                 SELECT $1, $2, $3, $4, $5 FROM execution WHERE project_id = $1 AND execution_id = $2 \
                 AND finished_at IS NULL AND last_seq >= $3 \
                 ON CONFLICT (project_id, execution_id) DO UPDATE \
                 SET seq = excluded.seq, format = excluded.format, body = excluded.body \
                 WHERE snapshot.seq < excluded.seq OR snapshot.format <> excluded.format",
            )
            .bind(self.project_id)
            .bind(execution_id)
            .bind(snapshot.seq)
            .bind(snapshot.format.as_str())
            .bind(snapshot.body.as_slice())
            .execute()
            .await?;
        Ok(rows == 1)
    }

    /// The latest snapshot of an execution.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn find(&mut self, execution_id: ExecutionId) -> Result<Option<Snapshot>, Error> {
        self.at
            .query("SELECT seq, format, body FROM snapshot WHERE project_id = $1 AND execution_id = $2")
            .bind(self.project_id)
            .bind(execution_id)
            .optional(|row| Ok(Snapshot { seq: row.get("seq")?, format: row.get("format")?, body: row.get("body")? }))
            .await
    }
}
