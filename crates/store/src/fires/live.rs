//! What the service that starts executions for fires reads, across projects.

use moltforge_types::{ProjectId, Timestamp, TriggerId};

use crate::error::Error;
use crate::sql::{At, Sql};

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
             AND (created_at, fire_key, trigger_id) > ($1, $2, $3) AND ",
            $shards,
            " ORDER BY created_at, fire_key, trigger_id LIMIT $5"
        )
    };
}

/// Each database reads a list of numbers from JSON in its own way.
const PENDING: Sql = Sql::pair(
    pending!("shard IN (SELECT value FROM json_each($4))"),
    pending!("shard = ANY (ARRAY(SELECT value::int8 FROM jsonb_array_elements_text($4::jsonb)))"),
);

impl LiveFires<'_> {
    /// The fires of these shards that wait, the oldest first, after `after`.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn pending(
        &mut self,
        shards: &[u16],
        after: Option<&PendingFire>,
        limit: u32,
    ) -> Result<Vec<PendingFire>, Error> {
        let shards = serde_json::Value::from(shards.to_vec()).to_string();
        let (at, key, id) = after.map_or_else(Default::default, |fire| {
            (fire.created_at, fire.fire_key.clone(), fire.trigger_id.to_string())
        });
        self.at
            .query(PENDING)
            .bind(at)
            .bind(key)
            .bind(id)
            .bind(shards)
            .bind(limit)
            .all(|row| {
                Ok(PendingFire {
                    project_id: row.get("project_id")?,
                    trigger_id: row.get("trigger_id")?,
                    fire_key: row.get("fire_key")?,
                    chain_depth: row.get("chain_depth")?,
                    created_at: row.get("created_at")?,
                })
            })
            .await
    }
}
