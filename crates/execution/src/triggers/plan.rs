//! Schedules: what is due becomes fires, and the schedule moves on, in one transaction.

use std::time::Duration;

use moltforge_manifest::trigger::schedule::Planned;
use moltforge_manifest::trigger::{Source, compile};
use moltforge_store::{NewFire, Trigger};
use moltforge_types::Timestamp;
use serde_json::Map;

use super::dispatch::is_passing;
use super::{POLL, Triggers, context};
use crate::error::Error;

/// Schedules planned at a time.
const PAGE: u32 = 200;

impl Triggers {
    /// Plans what is due. How long until the next schedule is, a poll at most.
    pub(super) async fn plan(&self, shards: &[u16]) -> Result<Duration, Error> {
        let inner = &*self.inner;
        loop {
            let now = inner.ambient.now();
            let rows = inner.store.live_triggers().due(shards, now.plus(POLL), PAGE).await?;
            let whole_page = rows.len() == PAGE as usize;
            let mut moved = false;
            for row in &rows {
                match row.next_at {
                    Some(at) if at <= now => match self.plan_one(row, now).await {
                        Ok(did) => moved |= did,
                        Err(error) if is_passing(&error) => return Err(error),
                        Err(error) => {
                            tracing::error!(trigger_id = %row.trigger_id, %error, "a schedule cannot be planned");
                        }
                    },
                    // in the order of their time
                    Some(at) => return Ok(at.since(inner.ambient.now())),
                    None => {}
                }
            }
            if !(whole_page && moved) {
                return Ok(POLL);
            }
        }
    }

    /// Whether the schedule moved.
    async fn plan_one(&self, row: &Trigger, now: Timestamp) -> Result<bool, Error> {
        let (Some(planned), Some(due)) = (row.planned_at, row.next_at) else { return Ok(false) };
        let schedule = match serde_json::from_str(&row.config).ok().and_then(|config| compile(&config).ok()) {
            Some(trigger) => match trigger.source {
                Source::Schedule(schedule) => Some(schedule),
                _ => None,
            },
            None => None,
        };
        let Some(schedule) = schedule else {
            // what an older or newer server accepted: it rests until somebody changes it
            tracing::error!(trigger_id = %row.trigger_id, "a stored schedule cannot be read; it rests");
            let mut tx = self.inner.store.begin().await?;
            let moved = tx.triggers(row.project_id).advance(row.trigger_id, planned, None, 0).await?;
            tx.commit().await?;
            return Ok(moved);
        };
        let id = row.trigger_id.to_string();
        let due = schedule.due(&id, Planned { planned, due }, now);
        let next = due.next.map(|next| (next.planned, next.due));
        let mut tx = self.inner.store.begin().await?;
        // compared first: whoever moves the schedule writes its fires
        if !tx.triggers(row.project_id).advance(row.trigger_id, planned, next, due.left_out).await? {
            return Ok(false);
        }
        for run in due.runs {
            let fire = NewFire {
                project_id: row.project_id,
                trigger_id: row.trigger_id,
                fire_key: format!("schedule:{run}"),
                shard: row.shard,
                planned_at: run,
                chain_depth: 0,
                context: context::context(row, run, Map::new()),
                created_at: now,
            };
            tx.fires(row.project_id).insert(&fire).await?;
        }
        tx.commit().await?;
        self.hint();
        Ok(true)
    }
}
