//! What those who fire triggers read, across projects.

use moltforge_types::{Timestamp, TriggerId};

use super::{Trigger, select};
use crate::error::Error;
use crate::sql::{At, Row, Sql};

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
    /// The schedules of these shards whose next run starts at `until` or before, the earliest first. Those that this
    /// program cannot read are left out.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn due(&mut self, shards: &[u16], until: Timestamp, limit: u32) -> Result<Vec<Trigger>, Error> {
        let shards = serde_json::Value::from(shards.to_vec()).to_string();
        self.at.query(DUE).bind(until).bind(shards).bind(limit).all(|row| Ok(readable(&row))).await.map(some)
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

    /// The active triggers that wait for events, in order of their ids, read `page` at a time. Those that this program
    /// cannot read are left out.
    ///
    /// # Errors
    /// [`Error`] of the database.
    pub async fn listening(&mut self, page: u32) -> Result<Vec<Trigger>, Error> {
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let rows: Vec<(String, Option<Trigger>)> = self
                .at
                .query(select!(
                    "FROM trigger WHERE kind = 'event' AND paused = 0 AND inactive = 0 AND trigger_id > $1 ORDER BY trigger_id LIMIT $2"
                ))
                .bind(after)
                .bind(page)
                .all(|row| Ok((row.get("trigger_id")?, readable(&row))))
                .await?;
            let last = rows.last().filter(|_| rows.len() >= page as usize).map(|(id, _)| id.clone());
            found.extend(rows.into_iter().filter_map(|(_, trigger)| trigger));
            match last {
                Some(last) => after = last,
                None => return Ok(found),
            }
        }
    }
}

/// A trigger, unless its row holds what this program cannot read: that must not stop the others.
pub(super) fn readable(row: &Row<'_>) -> Option<Trigger> {
    let trigger = Trigger::from_row(row);
    trigger.inspect_err(|error| tracing::error!(%error, "a stored trigger cannot be read; it does nothing")).ok()
}

pub(super) fn some(rows: Vec<Option<Trigger>>) -> Vec<Trigger> {
    rows.into_iter().flatten().collect()
}
