//! Rows that belong to nobody: the look of the janitor at what should not be there.

use moltforge_types::Timestamp;

use super::Retention;
use crate::error::Error;
use crate::sql::Sql;

/// Rows without the execution that they belong to. All zero, or there is a bug.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Orphans {
    /// Executions of which the journal has entries and `execution` no row, among those that were looked at.
    pub journals: u64,
    /// Inputs.
    pub inputs: u64,
    /// Archived executions whose packed entries are not all there.
    pub incomplete: u64,
    /// Approvals.
    pub approvals: u64,
    /// Fires of triggers that name what they started.
    pub fires: u64,
    /// Old messages to executions. New ones may wait for a receiver that is still to come.
    pub messages: u64,
}

/// Counts rows of a table that name an execution which does not exist.
macro_rules! of_nobody {
    ($table:literal, $column:literal $(, $more:literal)?) => {
        concat!(
            "SELECT count(*) AS n FROM ",
            $table,
            " r WHERE NOT EXISTS (SELECT 1 FROM execution e WHERE e.project_id = r.project_id AND e.execution_id = r.",
            $column,
            ")",
            $($more)?
        )
    };
}

impl Retention<'_> {
    /// Looks for rows that belong to no execution: of the journal the next `limit` entries after `after`, of inputs those
    /// of the same executions and of those between them, of messages those that were sent before `sent_before`, and all of
    /// the other tables. The second part is where to go on, `None` at the end.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn orphans(
        &mut self,
        sent_before: Timestamp,
        after: &str,
        limit: u32,
    ) -> Result<(Orphans, Option<String>), Error> {
        let ids: Vec<String> = self
            .at
            .query(
                "SELECT DISTINCT execution_id FROM (SELECT execution_id FROM journal WHERE execution_id > $1 \
                 ORDER BY execution_id LIMIT $2) next ORDER BY execution_id",
            )
            .bind(after)
            .bind(limit)
            .all(|row| row.get("execution_id"))
            .await?;
        let next = ids.last().cloned();
        let until = next.as_deref().unwrap_or(LAST).to_owned();
        let list = serde_json::Value::from(ids).to_string();
        let journals = self.at.query(LOST).bind(list).bind(after).bind(until.as_str()).one(|row| row.get("n")).await?;
        let inputs = self.at.query(INPUTS).bind(after).bind(until.as_str()).one(|row| row.get("n")).await?;
        let approvals = self.at.query(of_nobody!("approval", "execution_id")).one(|row| row.get("n")).await?;
        let fires = self
            .at
            .query(of_nobody!("fire", "execution_id", " AND r.execution_id IS NOT NULL"))
            .one(|row| row.get("n"))
            .await?;
        let messages = self
            .at
            .query(of_nobody!("message", "recipient", " AND r.recipient LIKE 'exe%' AND r.created_at < $1"))
            .bind(sent_before)
            .one(|row| row.get("n"))
            .await?;
        let incomplete = self
            .at
            .query(
                "SELECT count(*) AS n FROM execution e WHERE e.archived_at IS NOT NULL AND e.last_seq <> \
                 (SELECT coalesce(sum(a.last_seq - a.first_seq + 1), 0) FROM archive a \
                 WHERE a.project_id = e.project_id AND a.execution_id = e.execution_id)",
            )
            .one(|row| row.get("n"))
            .await?;
        Ok((Orphans { journals, inputs, incomplete, approvals, fires, messages }, next))
    }
}

/// Behind every id.
const LAST: &str = "~";

/// Through the projects to the part of `execution` that can hold them: there is no index of ids alone, and the whole table
/// may have millions of rows.
const LOST: Sql = Sql::pair(
    "SELECT count(*) AS n FROM json_each($1) j WHERE j.value NOT IN (SELECT e.execution_id FROM project p \
     CROSS JOIN execution e WHERE e.project_id = p.project_id AND e.execution_id > $2 AND e.execution_id <= $3)",
    "SELECT count(*) AS n FROM jsonb_array_elements_text($1::jsonb) j(value) \
     WHERE j.value NOT IN (SELECT e.execution_id FROM project p \
     CROSS JOIN execution e WHERE e.project_id = p.project_id AND e.execution_id > $2 AND e.execution_id <= $3)",
);

const INPUTS: &str = "SELECT count(*) AS n FROM project p CROSS JOIN execution_input r \
     WHERE r.project_id = p.project_id AND r.execution_id > $1 AND r.execution_id <= $2 AND NOT EXISTS \
     (SELECT 1 FROM execution e WHERE e.project_id = r.project_id AND e.execution_id = r.execution_id)";
