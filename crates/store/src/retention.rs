//! What becomes of executions that have ended: packed into the table `archive`, and deleted after their retention.
//!
//! Each call is one short transaction that leaves everything readable, wherever the process dies. What is asked for is
//! asked of the rows again inside the transaction: only what has ended is packed, only what is packed and past its time
//! is deleted. Two nodes that do the same at once do it once.

mod bundles;
mod orphans;

use moltforge_types::execution::State;
use moltforge_types::{ExecutionId, ProjectId, Timestamp, TriggerId};

use crate::error::Error;
use crate::journal::archive::{MAX_BYTES, MAX_ENTRIES, pack};
use crate::journal::{EntryRow, hot_entries};
use crate::sql::{At, Sql};
use crate::store::Store;

pub use orphans::Orphans;

/// An execution that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Its project.
    pub project_id: ProjectId,
    /// Its id.
    pub execution_id: ExecutionId,
    /// When it ended.
    pub finished_at: Timestamp,
}

/// Executions that have ended, of all projects.
#[derive(Debug)]
pub struct Retention<'c> {
    at: At<'c>,
}

crate::accessor!(retention -> Retention);

/// Each database reads a list of numbers from JSON in its own way.
macro_rules! of_shards {
    ($before:literal, $after:literal) => {
        Sql::pair(
            concat!($before, "shard IN (SELECT value FROM json_each($1))", $after),
            concat!(
                $before,
                "shard = ANY (ARRAY(SELECT value::int8 FROM jsonb_array_elements_text($1::jsonb)))",
                $after
            ),
        )
    };
}

const ENDED: Sql = of_shards!(
    "SELECT project_id, execution_id, finished_at FROM execution \
     WHERE finished_at IS NOT NULL AND archived_at IS NULL AND ",
    " AND finished_at <= $2 AND finished_at >= $4 AND (finished_at, execution_id) > ($4, $5) \
     ORDER BY finished_at, execution_id LIMIT $3"
);

const EXPIRED: Sql = of_shards!(
    "SELECT project_id, execution_id, finished_at FROM execution WHERE archived_at IS NOT NULL AND ",
    " AND finished_at <= $2 AND finished_at >= $4 AND (finished_at, execution_id) > ($4, $5) AND state = $6 \
     ORDER BY finished_at, execution_id LIMIT $3"
);

impl Retention<'_> {
    /// Executions of these shards that ended at `before` or earlier and are not packed yet, the first ones first, behind
    /// `after`.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn ended(
        &mut self,
        shards: &[u16],
        before: Timestamp,
        after: Option<Ended>,
        limit: u32,
    ) -> Result<Vec<Ended>, Error> {
        let (at, id) = mark(after);
        let query = self.at.query(ENDED).bind(json(shards)).bind(before).bind(limit).bind(at).bind(id);
        query.all(|row| ended(&row)).await
    }

    /// Packed executions of these shards that ended in `state` at `before` or earlier, the first ones first, behind
    /// `after`.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn expired(
        &mut self,
        shards: &[u16],
        state: State,
        before: Timestamp,
        after: Option<Ended>,
        limit: u32,
    ) -> Result<Vec<Ended>, Error> {
        let (at, id) = mark(after);
        let query = self.at.query(EXPIRED).bind(json(shards)).bind(before).bind(limit).bind(at).bind(id);
        query.bind(state.as_str()).all(|row| ended(&row)).await
    }

    /// Moves rows into the archive, if the execution has ended and its packed entries end right before them. `last` says
    /// that these are its last ones. Needs a transaction, to be rolled back when this is `false`.
    async fn move_rows(&mut self, of: Ended, rows: &[EntryRow], body: &[u8], last: bool) -> Result<bool, Error> {
        let Ended { project_id, execution_id, .. } = of;
        let now = self.at.tx()?.now();
        // locks the row: of two nodes one waits here and finds it done
        let open = self
            .at
            .query(
                "UPDATE execution SET archived_at = CASE WHEN $3 = 1 THEN $4 END \
                 WHERE project_id = $1 AND execution_id = $2 AND finished_at IS NOT NULL AND archived_at IS NULL",
            )
            .bind(project_id)
            .bind(execution_id)
            .bind(u32::from(last))
            .bind(now)
            .execute()
            .await?;
        if open != 1 {
            return Ok(false);
        }
        self.at
            .query("DELETE FROM snapshot WHERE project_id = $1 AND execution_id = $2")
            .bind(project_id)
            .bind(execution_id)
            .execute()
            .await?;
        let (Some(first), Some(end)) = (rows.first(), rows.last()) else { return Ok(true) };
        self.at
            .query(
                "INSERT INTO archive(project_id, execution_id, first_seq, last_seq, body) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(project_id)
            .bind(execution_id)
            .bind(first.seq)
            .bind(end.seq)
            .bind(body)
            .execute()
            .await?;
        // the numbers of the deleted rows are not given again
        self.at
            .query(
                "UPDATE shard SET lsn = (SELECT max(j.lsn) FROM journal j WHERE j.execution_id = $1 AND j.seq <= $2) \
                 WHERE shard = (SELECT shard FROM execution WHERE project_id = $3 AND execution_id = $1) \
                 AND lsn < (SELECT max(j.lsn) FROM journal j WHERE j.execution_id = $1 AND j.seq <= $2)",
            )
            .bind(execution_id)
            .bind(end.seq)
            .bind(project_id)
            .execute()
            .await?;
        let deleted = self
            .at
            .query("DELETE FROM journal WHERE execution_id = $1 AND seq >= $2 AND seq <= $3")
            .bind(execution_id)
            .bind(first.seq)
            .bind(end.seq)
            .execute()
            .await?;
        Ok(deleted == rows.len() as u64)
    }

    /// Deletes a packed execution that ended in `state` at `before` or earlier, with all that hangs on it: its entries,
    /// its input, its idempotency key, its approvals, messages to it and the fire that started it. What it wrote into its
    /// agent's state is the agent's and stays. Returns whether it was deleted.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn purge(&mut self, of: Ended, state: State, before: Timestamp) -> Result<bool, Error> {
        let Ended { project_id, execution_id, .. } = of;
        // what hangs on it by a foreign key (archive, snapshot) goes with it
        let gone = self
            .at
            .query(
                "DELETE FROM execution WHERE project_id = $1 AND execution_id = $2 AND state = $3 \
                 AND finished_at <= $4 AND archived_at IS NOT NULL RETURNING shard, trigger_id",
            )
            .bind(project_id)
            .bind(execution_id)
            .bind(state.as_str())
            .bind(before)
            .optional(|row| Ok((row.get::<u16>("shard")?, row.get::<Option<TriggerId>>("trigger_id")?)))
            .await?;
        let Some((shard, trigger_id)) = gone else { return Ok(false) };
        for rows in [
            "DELETE FROM execution_input WHERE project_id = $1 AND execution_id = $2",
            "DELETE FROM approval WHERE project_id = $1 AND execution_id = $2",
        ] {
            self.at.query(rows).bind(project_id).bind(execution_id).execute().await?;
        }
        self.at
            .query("DELETE FROM message WHERE shard = $1 AND project_id = $2 AND recipient = $3")
            .bind(shard)
            .bind(project_id)
            .bind(execution_id)
            .execute()
            .await?;
        let Some(trigger_id) = trigger_id else { return Ok(true) };
        for rows in [
            "DELETE FROM fire WHERE project_id = $1 AND trigger_id = $2 AND execution_id = $3",
            "UPDATE trigger SET last_execution_id = NULL \
             WHERE project_id = $1 AND trigger_id = $2 AND last_execution_id = $3",
        ] {
            self.at.query(rows).bind(project_id).bind(trigger_id).bind(execution_id).execute().await?;
        }
        Ok(true)
    }
}

/// Pages that are given back to the file system, PostgreSQL does so by itself.
const SHRINK: Sql = Sql::pair("PRAGMA incremental_vacuum(256)", "SELECT 1");

fn ended(row: &crate::sql::Row<'_>) -> Result<Ended, Error> {
    Ok(Ended {
        project_id: row.get("project_id")?,
        execution_id: row.get("execution_id")?,
        finished_at: row.get("finished_at")?,
    })
}

/// Where a look begins: at the first row, or behind this one.
fn mark(after: Option<Ended>) -> (Timestamp, String) {
    after.map_or((Timestamp::from_micros(i64::MIN), String::new()), |of| (of.finished_at, of.execution_id.to_string()))
}

fn json(shards: &[u16]) -> String {
    serde_json::Value::from(shards.to_vec()).to_string()
}

impl Store {
    /// Packs the next few hundred entries of an execution that has ended. `true` when there is more to do, `false` when
    /// it is packed (or was, or is gone).
    ///
    /// # Errors
    /// [`Error`] of the database; nothing was moved.
    pub async fn archive_next(&self, of: Ended) -> Result<bool, Error> {
        let db = self.db();
        let mut rows = Vec::new();
        let mut bytes = 0;
        // what was packed before is no longer here: the first row is the next one, also after a gap
        let mut after = 0;
        while rows.len() < MAX_ENTRIES && bytes < MAX_BYTES {
            // a page small enough that a page of the largest entries fits into memory
            let page = hot_entries(db, of.execution_id, after, 32).await?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            bytes += page.iter().map(|row| row.payload.len() as u64).sum::<u64>();
            rows.extend(page);
        }
        let found = db
            .query(
                "SELECT last_seq, finished_at, archived_at FROM execution WHERE project_id = $1 AND execution_id = $2",
            )
            .bind(of.project_id)
            .bind(of.execution_id)
            .optional(|row| {
                let open = row.get::<Option<Timestamp>>("finished_at")?.is_some()
                    && row.get::<Option<Timestamp>>("archived_at")?.is_none();
                Ok(open.then_some(row.get::<u64>("last_seq")?))
            })
            .await?;
        let Some(Some(last_seq)) = found else { return Ok(false) };
        let last = rows.last().is_none_or(|row| row.seq >= last_seq);
        let (rows, body) = tokio::task::spawn_blocking(move || pack(&rows).map(|body| (rows, body)))
            .await
            .map_err(std::io::Error::other)
            .and_then(|packed| packed)
            .map_err(|error| Error::Internal { table: "archive", source: error.into() })?;
        let mut tx = self.begin().await?;
        let moved = match tx.retention().move_rows(of, &rows, &body, last).await {
            Err(Error::Unique { .. }) => false,
            other => other?,
        };
        if moved {
            tx.commit().await?;
            return Ok(!last);
        }
        // another node moved them: a look will show what is left
        tx.rollback().await?;
        Ok(true)
    }

    /// Gives some of the free pages of an SQLite file back to the file system. Returns how many are left.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn shrink(&self) -> Result<u64, Error> {
        if !self.is_embedded() {
            return Ok(0);
        }
        let free = || self.query("SELECT freelist_count AS n FROM pragma_freelist_count");
        if free().one(|row| row.get::<u64>("n")).await? == 0 {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        tx.query(SHRINK).execute().await?;
        tx.commit().await?;
        free().one(|row| row.get("n")).await
    }
}
