//! What the service that starts executions for fires reads, across projects.

use moltforge_types::{ProjectId, Timestamp, TriggerId};

use crate::error::Error;
use crate::sql::{At, Row, Sql};

/// A fire that waits, without what it carries: that may be much, and most of those who wait are only looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingFire {
    /// Its project.
    pub project_id: ProjectId,
    /// The trigger.
    pub trigger_id: TriggerId,
    /// Unique in the trigger.
    pub fire_key: String,
    /// The chain depth of the execution that it starts.
    pub chain_depth: u32,
    /// When it came.
    pub created_at: Timestamp,
}

/// The pending fires of all projects.
#[derive(Debug)]
pub struct LiveFires<'c> {
    at: At<'c>,
}

crate::accessor!(live_fires -> LiveFires);

macro_rules! pending {
    ($shards:literal) => {
        concat!(
            "SELECT project_id, trigger_id, fire_key, chain_depth, created_at FROM fire WHERE state = 'pending' \
             AND project_id = $1 AND (created_at, fire_key, trigger_id) > ($2, $3, $4) \
             AND (created_at, fire_key, trigger_id) <= ($5, $6, $7) AND ",
            $shards,
            " ORDER BY created_at, fire_key, trigger_id LIMIT $9"
        )
    };
}

/// Each database reads a list of numbers from JSON in its own way.
const PENDING: Sql = Sql::pair(
    pending!("shard IN (SELECT value FROM json_each($8))"),
    pending!("shard = ANY (ARRAY(SELECT value::int8 FROM jsonb_array_elements_text($8::jsonb)))"),
);

impl LiveFires<'_> {
    /// The fire that came last of each project in which one waits.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn latest(&mut self) -> Result<Vec<PendingFire>, Error> {
        let mut found: Vec<PendingFire> = Vec::new();
        loop {
            // a look at the index for each: there may be many fires, and few projects
            let behind = found.last().map(|fire| fire.project_id.to_string()).unwrap_or_default();
            let next: Option<ProjectId> = self
                .at
                .query(
                    "SELECT project_id FROM fire WHERE state = 'pending' AND project_id > $1 \
                     ORDER BY project_id LIMIT 1",
                )
                .bind(behind)
                .optional(|row| row.get("project_id"))
                .await?;
            let Some(project_id) = next else { return Ok(found) };
            let latest = self
                .at
                .query(
                    "SELECT project_id, trigger_id, fire_key, chain_depth, created_at FROM fire \
                     WHERE state = 'pending' AND project_id = $1 \
                     ORDER BY created_at DESC, fire_key DESC, trigger_id DESC LIMIT 1",
                )
                .bind(project_id)
                .optional(|row| pending(&row))
                .await?;
            // none when it was decided between the two looks
            found.extend(latest);
        }
    }

    /// The fires of a project, of triggers in these shards, that wait: the oldest first, behind `after`, up to `until`.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn pending(
        &mut self,
        shards: &[u16],
        after: Option<&PendingFire>,
        until: &PendingFire,
        limit: u32,
    ) -> Result<Vec<PendingFire>, Error> {
        let shards = serde_json::Value::from(shards.to_vec()).to_string();
        let (at, key, id) = after.map_or_else(Default::default, |fire| {
            (fire.created_at, fire.fire_key.clone(), fire.trigger_id.to_string())
        });
        self.at
            .query(PENDING)
            .bind(until.project_id)
            .bind(at)
            .bind(key)
            .bind(id)
            .bind(until.created_at)
            .bind(until.fire_key.as_str())
            .bind(until.trigger_id)
            .bind(shards)
            .bind(limit)
            .all(|row| pending(&row))
            .await
    }
}

fn pending(row: &Row<'_>) -> Result<PendingFire, Error> {
    Ok(PendingFire {
        project_id: row.get("project_id")?,
        trigger_id: row.get("trigger_id")?,
        fire_key: row.get("fire_key")?,
        chain_depth: row.get("chain_depth")?,
        created_at: row.get("created_at")?,
    })
}
