//! What the service that starts executions for fires reads, across projects.

use super::{Fire, select};
use crate::error::Error;
use crate::sql::{At, Sql};

/// The pending fires of all projects.
#[derive(Debug)]
pub struct LiveFires<'c> {
    at: At<'c>,
}

crate::accessor!(live_fires -> LiveFires);

/// Each database reads a list of numbers from JSON in its own way.
const PENDING: Sql = Sql::pair(
    select!(
        "FROM fire WHERE state = 'pending' AND (created_at, fire_key, trigger_id) > ($1, $2, $3) \
         AND shard IN (SELECT value FROM json_each($4)) ORDER BY created_at, fire_key, trigger_id LIMIT $5"
    ),
    select!(
        "FROM fire WHERE state = 'pending' AND (created_at, fire_key, trigger_id) > ($1, $2, $3) \
         AND shard = ANY (ARRAY(SELECT value::int8 FROM jsonb_array_elements_text($4::jsonb))) \
         ORDER BY created_at, fire_key, trigger_id LIMIT $5"
    ),
);

impl LiveFires<'_> {
    /// The fires of these shards that wait, the oldest first, after `after`.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn pending(&mut self, shards: &[u16], after: Option<&Fire>, limit: u32) -> Result<Vec<Fire>, Error> {
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
            .all(|row| Fire::from_row(&row))
            .await
    }
}
