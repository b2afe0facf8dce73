//! The janitor: packs what has ended, deletes what is past its retention, and gives the space back.
//!
//! One per node, for the shards that the node owns. Each round does a bounded amount in short transactions; a kill
//! between any two of them leaves everything readable, and the next round goes on. What it does is asked of the rows
//! again in each transaction, so that a janitor who is late, or is not alone, does no harm.

use std::time::Duration;

use moltforge_store::{EndedExecution, Store};
use moltforge_types::execution::State;
use moltforge_types::{Ambient, Timestamp};

use super::supervisor::Supervisor;
use crate::config::Retention;
use crate::error::Error;

/// Between two rounds; up to half of it more, so that nodes do not work in step.
const PERIOD: Duration = Duration::from_secs(30);
/// Executions that one round packs, and deletes.
const EXECUTIONS: u32 = 200;
/// Transactions of one round.
const PARTS: u32 = 400;
/// Journal entries whose owner is looked for in one round.
const AUDITED: u32 = 2_000;
/// Rounds between two looks for rows that belong to nobody.
const AUDIT: u32 = 120;
/// After this a message has been taken, or its receiver was found to be missing.
const UNDELIVERED: Duration = Duration::from_hours(1);

/// What a round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Executions that are packed now.
    pub archived: u32,
    /// Executions that are deleted now.
    pub purged: u32,
    /// More is to do than a round does.
    pub more: bool,
}

/// Works until the node stops.
pub(crate) async fn run(store: Store, ambient: Ambient, retention: Retention, supervisor: Supervisor) {
    let mut rounds: u32 = 0;
    let mut after = String::new();
    loop {
        let random = u64::from_le_bytes(ambient.bytes());
        let jitter = Duration::from_millis(random % (u64::try_from(PERIOD.as_millis()).unwrap_or(u64::MAX) / 2));
        tokio::select! {
            () = supervisor.stopped() => return,
            () = tokio::time::sleep(PERIOD + jitter) => {}
        }
        rounds = rounds.wrapping_add(1);
        match round(&store, ambient.now(), &retention, &supervisor.owned_shards(), &|| supervisor.is_stopping()).await {
            Ok(cleaned) if cleaned != Cleaned::default() => tracing::info!(?cleaned, "cleaned up"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "cleaning up failed, trying again"),
        }
        if rounds.is_multiple_of(AUDIT) {
            match store.retention().orphans(before(ambient.now(), UNDELIVERED), &after, AUDITED).await {
                Ok((found, next)) => {
                    after = next.unwrap_or_default();
                    if found != moltforge_store::Orphans::default() {
                        tracing::error!(?found, "rows without the execution that they belong to; please report this");
                    }
                }
                Err(error) => tracing::warn!(%error, "the look for orphans failed"),
            }
        }
    }
}

/// One round for these shards.
pub(crate) async fn round(
    store: &Store,
    now: Timestamp,
    retention: &Retention,
    shards: &[u16],
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Cleaned, Error> {
    let mut cleaned = Cleaned::default();
    if shards.is_empty() {
        return Ok(cleaned);
    }
    // what is deleted soon after its end is packed before: one way for all
    let shortest = State::ALL.iter().filter_map(|state| retention.of(*state)).min().unwrap_or(retention.hot);
    let ended = store.retention().ended(shards, before(now, retention.hot.min(shortest)), EXECUTIONS).await?;
    cleaned.more |= ended.len() >= EXECUTIONS as usize;
    let mut parts = 0;
    for of in ended {
        while parts < PARTS && !stop() && store.archive_next(of).await? {
            parts += 1;
        }
        parts += 1;
        if parts >= PARTS || stop() {
            cleaned.more = true;
            break;
        }
        cleaned.archived += 1;
    }
    for state in State::ALL {
        let Some(kept) = retention.of(*state) else { continue };
        let before = before(now, kept);
        let expired = store.retention().expired(shards, *state, before, EXECUTIONS).await?;
        cleaned.more |= expired.len() >= EXECUTIONS as usize;
        for of in expired {
            if stop() {
                return Ok(cleaned);
            }
            cleaned.purged += u32::from(purge(store, of, *state, before).await?);
        }
    }
    store.shrink().await?;
    Ok(cleaned)
}

async fn purge(store: &Store, of: EndedExecution, state: State, before: Timestamp) -> Result<bool, Error> {
    let mut tx = store.begin().await?;
    let gone = tx.retention().purge(of, state, before).await?;
    tx.commit().await?;
    Ok(gone)
}

fn before(now: Timestamp, age: Duration) -> Timestamp {
    let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.as_micros().saturating_sub(age))
}
