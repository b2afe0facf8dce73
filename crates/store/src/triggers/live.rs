//! What those who fire triggers read, across projects.

use moltforge_types::{Timestamp, TriggerId};

use super::{Trigger, select};
use crate::error::Error;
use crate::sql::{At, Sql};

/// The triggers of all projects: for the service that fires them, and for the URL of a webhook, which names it alone.
#[derive(Debug)]
pub struct LiveTriggers<'c> {
    at: At<'c>,
}

crate::accessor!(live_triggers -> LiveTriggers);

/// Each database reads a list of numbers from JSON in its own way.
const DUE: Sql = Sql::pair(
    select!(
        "FROM trigger WHERE next_at IS NOT NULL AND next_at <= $1 AND shard IN (SELECT value FROM json_each($2)) \
         ORDER BY next_at, trigger_id LIMIT $3"
    ),
    select!(
        "FROM trigger WHERE next_at IS NOT NULL AND next_at <= $1 \
         AND shard = ANY (ARRAY(SELECT value::int8 FROM jsonb_array_elements_text($2::jsonb))) \
         ORDER BY next_at, trigger_id LIMIT $3"
    ),
);

impl LiveTriggers<'_> {
    /// The schedules of these shards whose next run starts at `until` or before, the earliest first.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn due(&mut self, shards: &[u16], until: Timestamp, limit: u32) -> Result<Vec<Trigger>, Error> {
        let shards = serde_json::Value::from(shards.to_vec()).to_string();
        self.at.query(DUE).bind(until).bind(shards).bind(limit).all(|row| Trigger::from_row(&row)).await
    }

    /// The trigger of a URL.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn of_url(&mut self, trigger_id: TriggerId) -> Result<Option<Trigger>, Error> {
        self.at
            .query(select!("FROM trigger WHERE trigger_id = $1"))
            .bind(trigger_id)
            .optional(|row| Trigger::from_row(&row))
            .await
    }

    /// The active triggers that wait for events, in order of their ids, after `after`.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn listening(&mut self, after: Option<TriggerId>, limit: u32) -> Result<Vec<Trigger>, Error> {
        self.at
            .query(select!(
                "FROM trigger WHERE kind = 'event' AND paused = 0 AND inactive = 0 AND trigger_id > $1 ORDER BY trigger_id LIMIT $2"
            ))
            .bind(after.map(|id| id.to_string()).unwrap_or_default())
            .bind(limit)
            .all(|row| Trigger::from_row(&row))
            .await
    }
}
