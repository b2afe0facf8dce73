//! The janitor: packs what has ended, deletes what is past its retention, and gives the space back.
//!
//! One per node, for the shards that the node owns. Each round does a bounded amount in short transactions, and a pass
//! goes on until nothing is left to do: what ends in a minute may be more than a round. A kill between any two
//! transactions leaves everything readable, and the next round goes on. What it does is asked of the rows again in each
//! transaction, so that a janitor who is late, or is not alone, does no harm. What cannot be packed or deleted is logged,
//! and tried again in the next pass.

use std::collections::HashMap;
use std::time::Duration;

use moltforge_store::{EndedExecution, Store};
use moltforge_types::execution::State;
use moltforge_types::{Ambient, Timestamp};

use super::supervisor::Supervisor;
use crate::config::Retention;
use crate::error::Error;

/// Between two passes; up to half of it more, so that nodes do not work in step.
const PERIOD: Duration = Duration::from_secs(30);
/// Between two rounds of a pass: whoever commits is not kept waiting by it.
const BREATH: Duration = Duration::from_millis(20);
/// Executions that one round packs, and deletes.
const EXECUTIONS: u32 = 200;
/// Transactions of one round.
const PARTS: u32 = 400;
/// Transactions of one execution: more than the longest journal takes.
const TRIES: u32 = 256;
/// Journal entries whose owner is looked for in one round.
const AUDITED: u32 = 2_000;
/// Passes between two looks for rows that belong to nobody.
const AUDIT: u32 = 120;
/// After this a message has been taken, or its receiver was found to be missing.
const UNDELIVERED: Duration = Duration::from_hours(1);

/// What a pass did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Executions that are packed now.
    pub archived: u32,
    /// Executions that are deleted now.
    pub purged: u32,
    /// It was told to stop before the end.
    pub more: bool,
}

/// Works until the node stops.
pub(crate) async fn run(store: Store, ambient: Ambient, retention: Retention, supervisor: Supervisor) {
    let mut passes: u32 = 0;
    let mut after = String::new();
    loop {
        let random = u64::from_le_bytes(ambient.bytes());
        let jitter = Duration::from_millis(random % (u64::try_from(PERIOD.as_millis()).unwrap_or(u64::MAX) / 2));
        tokio::select! {
            () = supervisor.stopped() => return,
            () = tokio::time::sleep(PERIOD + jitter) => {}
        }
        passes = passes.wrapping_add(1);
        match pass(&store, &ambient, &retention, &supervisor).await {
            Ok(cleaned) if cleaned != Cleaned::default() => tracing::info!(?cleaned, "cleaned up"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "cleaning up failed, trying again"),
        }
        if passes.is_multiple_of(AUDIT) {
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

/// Rounds until nothing is left to do.
pub(crate) async fn pass(
    store: &Store,
    ambient: &Ambient,
    retention: &Retention,
    supervisor: &Supervisor,
) -> Result<Cleaned, Error> {
    let stop = || supervisor.is_stopping();
    let (mut all, mut marks) = (Cleaned::default(), Marks::default());
    loop {
        let round = Round { store, now: ambient.now(), retention, shards: &supervisor.owned_shards(), stop: &stop };
        let cleaned = round.run(&mut marks).await?;
        all.archived = all.archived.saturating_add(cleaned.archived);
        all.purged = all.purged.saturating_add(cleaned.purged);
        all.more = cleaned.more;
        if !all.more || stop() {
            return Ok(all);
        }
        // a real wait: others write in between
        tokio::time::sleep(BREATH).await;
    }
}

/// Where the next round of a pass begins: behind what this one looked at, whatever became of it.
#[derive(Default)]
struct Marks {
    archived: Option<EndedExecution>,
    purged: HashMap<State, EndedExecution>,
}

/// A bounded amount of work.
struct Round<'a> {
    store: &'a Store,
    now: Timestamp,
    retention: &'a Retention,
    shards: &'a [u16],
    stop: &'a (dyn Fn() -> bool + Sync),
}

impl Round<'_> {
    async fn run(&self, marks: &mut Marks) -> Result<Cleaned, Error> {
        let mut cleaned = Cleaned::default();
        if !self.shards.is_empty() {
            self.archive(&mut marks.archived, &mut cleaned).await?;
            self.purge(&mut marks.purged, &mut cleaned).await?;
            self.store.shrink().await?;
        }
        Ok(cleaned)
    }

    async fn archive(&self, mark: &mut Option<EndedExecution>, cleaned: &mut Cleaned) -> Result<(), Error> {
        let retention = self.retention;
        // what is deleted soon after its end is packed before: one way for all
        let shortest = State::ALL.iter().filter_map(|state| retention.of(*state)).min().unwrap_or(retention.hot);
        let before = before(self.now, retention.hot.min(shortest));
        let ended = self.store.retention().ended(self.shards, before, *mark, EXECUTIONS).await?;
        cleaned.more |= ended.len() >= EXECUTIONS as usize;
        let mut parts = 0;
        for of in ended {
            let mut tries = 0;
            loop {
                if parts >= PARTS || (self.stop)() {
                    // the rest of this one is for the next round
                    cleaned.more = true;
                    return Ok(());
                }
                (parts, tries) = (parts + 1, tries + 1);
                match self.store.archive_next(of).await {
                    Ok(true) if tries < TRIES => {}
                    Ok(true) => {
                        tracing::error!(execution_id = %of.execution_id, "its entries do not go into the archive");
                        break;
                    }
                    Ok(false) => {
                        cleaned.archived += 1;
                        break;
                    }
                    Err(error) => {
                        skip(of, "packed", error)?;
                        break;
                    }
                }
            }
            *mark = Some(of);
        }
        Ok(())
    }

    async fn purge(&self, marks: &mut HashMap<State, EndedExecution>, cleaned: &mut Cleaned) -> Result<(), Error> {
        for state in State::ALL {
            let Some(kept) = self.retention.of(*state) else { continue };
            let (before, mark) = (before(self.now, kept), marks.get(state).copied());
            let expired = self.store.retention().expired(self.shards, *state, before, mark, EXECUTIONS).await?;
            cleaned.more |= expired.len() >= EXECUTIONS as usize;
            for of in expired {
                if (self.stop)() {
                    cleaned.more = true;
                    return Ok(());
                }
                match purge(self.store, of, *state, before).await {
                    Ok(gone) => cleaned.purged += u32::from(gone),
                    Err(error) => skip(of, "deleted", error)?,
                }
                marks.insert(*state, of);
            }
        }
        Ok(())
    }
}

/// One that cannot be packed or deleted does not stop those behind it. A database that is not there does.
fn skip(of: EndedExecution, what: &str, error: moltforge_store::Error) -> Result<(), Error> {
    if error.is_retryable() {
        return Err(error.into());
    }
    tracing::error!(execution_id = %of.execution_id, %error, "an execution that has ended cannot be {what}");
    Ok(())
}

async fn purge(
    store: &Store,
    of: EndedExecution,
    state: State,
    before: Timestamp,
) -> Result<bool, moltforge_store::Error> {
    let mut tx = store.begin().await?;
    let gone = tx.retention().purge(of, state, before).await?;
    tx.commit().await?;
    Ok(gone)
}

fn before(now: Timestamp, age: Duration) -> Timestamp {
    let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.as_micros().saturating_sub(age))
}
