//! From fires to executions: the concurrency rule, the start under the fire's key, the settled row.

use std::time::Duration;

use moltforge_api::config::TriggerConfig;
use moltforge_api::executions::StartExecution;
use moltforge_api::triggers::TriggerError;
use moltforge_manifest::trigger::{Concurrency, compile};
use moltforge_store::{NewFire, PendingFire, Ran, Settled, Trigger};
use moltforge_types::{Actor, ContentHash, ExecutionId, Fault as _, Kind, Origin, Principal, Timestamp};

use super::{MAX_CHAIN, MAX_PENDING, Triggers, context};
use crate::error::Error;

/// Fires refused at a time.
const PAGE: u32 = 500;
/// Fires of a trigger that are kept as its history.
const KEEP: u32 = 200;
/// Settled fires are kept for this long at least: a delivery that is repeated finds them.
const KEEP_FOR: Duration = Duration::from_mins(15);
/// One in so many settled fires prunes the history of its trigger.
const PRUNE_EVERY: u8 = 32;
/// Begins the key of a fire that somebody asked for.
pub(super) const MANUAL: &str = "manual:";

/// What became of a fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Settled,
    /// It waits, and so do those behind it.
    Waits,
    /// It waits for its trigger to be resumed; those behind it may not have to.
    Rests,
}

/// What is known about those before a fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// There is none.
    First,
    /// They have been decided about.
    Next,
    /// Nothing.
    Unknown,
}

impl Triggers {
    /// The fires of one trigger, in order, up to the first one that waits. Whether one does.
    pub(super) async fn group(&self, fires: Vec<PendingFire>) -> Result<bool, Error> {
        let Some(first) = fires.first() else { return Ok(false) };
        let (project_id, trigger_id) = (first.project_id, first.trigger_id);
        let Some(trigger) = self.inner.store.triggers(project_id).find(trigger_id).await? else {
            // deleted between its fire's commit and now
            let mut tx = self.inner.store.begin().await?;
            tx.triggers(project_id).delete(trigger_id).await?;
            tx.commit().await?;
            return Ok(false);
        };
        let mut rests = false;
        let mut turn = Turn::First;
        for fire in fires {
            // one rested, so they all do but for those that somebody asked for
            if rests && !fire.fire_key.starts_with(MANUAL) {
                continue;
            }
            match self.decide(&trigger, &fire.fire_key, fire.chain_depth, turn).await? {
                Decision::Settled => {}
                Decision::Rests => rests = true,
                Decision::Waits => {
                    self.refuse_newest(&trigger).await?;
                    return Ok(true);
                }
            }
            turn = Turn::Next;
        }
        if rests {
            self.refuse_newest(&trigger).await?;
        }
        Ok(false)
    }

    /// Decides about a fire now, if it may be: what a webhook does before it answers.
    pub(super) async fn dispatch_now(&self, trigger: &Trigger, fire: &NewFire) -> Result<(), Error> {
        if self.inner.executions.owns(trigger.shard) {
            self.decide(trigger, &fire.fire_key, fire.chain_depth, Turn::Unknown).await?;
        }
        Ok(())
    }

    async fn decide(&self, known: &Trigger, fire: &str, chain_depth: u32, turn: Turn) -> Result<Decision, Error> {
        let _alone = self.inner.locks.lock(known.trigger_id).await;
        // as it is now: who paused or changed it and waited for this lock has been answered
        let found = self.inner.store.triggers(known.project_id).find(known.trigger_id).await?;
        // deleted with its fires
        let Some(trigger) = &found else { return Ok(Decision::Settled) };
        let manual = fire.starts_with(MANUAL);
        if trigger.inactive {
            return self.refuse(trigger, fire, &Error::TriggerInactive(trigger.trigger_id.to_string())).await;
        }
        if trigger.paused && !manual {
            return self.rest(trigger, fire, turn).await;
        }
        if chain_depth > MAX_CHAIN {
            return self.refuse(trigger, fire, &Error::ChainTooDeep(chain_depth)).await;
        }
        let config: TriggerConfig = match serde_json::from_str(&trigger.config) {
            Ok(config) => config,
            Err(error) => {
                let fault = (String::new(), format!("it cannot be read: {error}"));
                return self.refuse(trigger, fire, &Error::TriggerInvalid(vec![fault])).await;
            }
        };
        let rule = match compile(&config) {
            Ok(compiled) => compiled.concurrency,
            Err(faults) => return self.refuse(trigger, fire, &Error::TriggerInvalid(faults)).await,
        };
        // an older one may have started something before a crash that nobody noted: it is decided about first
        if turn == Turn::Unknown && rule != Concurrency::Parallel && !self.is_oldest(trigger, fire).await? {
            return Ok(Decision::Waits);
        }
        if let Some(decision) = self.ask_rule(rule, trigger, fire).await? {
            return Ok(decision);
        }
        let found = self.inner.store.fires(trigger.project_id).find(trigger.trigger_id, fire).await?;
        // without what it carried it is settled
        let Some(carried) = found.and_then(|found| found.context) else { return Ok(Decision::Settled) };
        let input = match context::input(&config, &carried) {
            Ok(input) => input,
            Err(error) => return self.refuse(trigger, fire, &error).await,
        };
        let request = StartExecution {
            agent: trigger.agent_id.to_string(),
            input,
            environment: Some(trigger.environment.to_string()),
            version: None,
            priority: None,
            concurrency_key: None,
        };
        let origin = Origin { trigger_id: Some(trigger.trigger_id), chain_depth, ..Origin::default() };
        let key = start_key(trigger, fire);
        match self.inner.executions.start_for(trigger.project_id, request, key, kind_of(&trigger.kind), origin).await {
            Ok(started) => {
                let id: ExecutionId = started.execution.execution_id.parse().map_err(|_| Error::ShardUnowned)?;
                self.settle(trigger, fire, "started", Ran::Started(id)).await
            }
            // started before a crash, and what it says was changed since
            Err(Error::IdempotencyKeyReused(id)) => self.settle(trigger, fire, "started", Ran::Started(id)).await,
            // not the trigger's fault: the fire stays and is tried again
            Err(error) if is_passing(&error) => {
                tracing::warn!(trigger_id = %trigger.trigger_id, %error, "a fire could not start yet");
                Ok(Decision::Waits)
            }
            Err(error) => self.refuse(trigger, fire, &error).await,
        }
    }

    /// What the concurrency rule says. `None`: it may start.
    async fn ask_rule(&self, rule: Concurrency, trigger: &Trigger, fire: &str) -> Result<Option<Decision>, Error> {
        if rule == Concurrency::Parallel {
            return Ok(None);
        }
        let running = || async { self.inner.store.fires(trigger.project_id).running(trigger.trigger_id, 100).await };
        let alive = running().await?;
        if alive.is_empty() {
            return Ok(None);
        }
        match rule {
            Concurrency::Skip => Ok(Some(self.settle(trigger, fire, "skipped", Ran::Skipped).await?)),
            Concurrency::Queue => Ok(Some(Decision::Waits)),
            Concurrency::Replace | Concurrency::Parallel => {
                let principal = Principal { project_id: trigger.project_id, actor: Actor::System, scopes: Vec::new() };
                for id in alive {
                    let note = Some(format!("replaced by the next execution of the trigger {}", trigger.trigger_id));
                    match self.inner.executions.cancel(&principal, id, note).await {
                        Ok(_) | Err(Error::ExecutionEnded(_)) => {}
                        Err(error) => {
                            tracing::warn!(execution_id = %id, %error, "an execution could not be replaced yet");
                            return Ok(Some(Decision::Waits));
                        }
                    }
                }
                Ok(if running().await?.is_empty() { None } else { Some(Decision::Waits) })
            }
        }
    }

    /// A fire of a paused trigger. What it started before a crash is noted all the same: rules count it.
    async fn rest(&self, trigger: &Trigger, fire: &str, turn: Turn) -> Result<Decision, Error> {
        if turn != Turn::First {
            return Ok(Decision::Rests);
        }
        let found = self.inner.store.executions(trigger.project_id).find_by_key(&start_key(trigger, fire)).await?;
        match found {
            Some(row) => self.settle(trigger, fire, "started", Ran::Started(row.execution_id)).await,
            None => Ok(Decision::Rests),
        }
    }

    /// Whether no other fire of the trigger waits for longer.
    async fn is_oldest(&self, trigger: &Trigger, fire: &str) -> Result<bool, Error> {
        let mut fires = self.inner.store.fires(trigger.project_id);
        let oldest = fires.pending_behind(trigger.trigger_id, 0, 1).await?;
        Ok(oldest.first().is_none_or(|oldest| oldest == fire))
    }

    /// Refuses those that came last when more wait than may.
    async fn refuse_newest(&self, trigger: &Trigger) -> Result<(), Error> {
        let _alone = self.inner.locks.lock(trigger.trigger_id).await;
        let mut fires = self.inner.store.fires(trigger.project_id);
        for fire in fires.pending_behind(trigger.trigger_id, MAX_PENDING, PAGE).await? {
            self.refuse(trigger, &fire, &Error::TriggerQueueFull).await?;
        }
        Ok(())
    }

    async fn refuse(&self, trigger: &Trigger, fire: &str, error: &Error) -> Result<Decision, Error> {
        self.settle(trigger, fire, "refused", Ran::Refused(&as_json(error))).await
    }

    async fn settle(&self, trigger: &Trigger, fire: &str, state: &str, ran: Ran<'_>) -> Result<Decision, Error> {
        let (execution_id, error) = match ran {
            Ran::Started(id) => (Some(id), None),
            Ran::Skipped => (None, None),
            Ran::Refused(error) => (None, Some(error)),
        };
        let mut tx = self.inner.store.begin().await?;
        let how = Settled { state, execution_id, error };
        if tx.fires(trigger.project_id).settle(trigger.trigger_id, fire, how).await? {
            tx.triggers(trigger.project_id).ran(trigger.trigger_id, ran).await?;
            if ContentHash::of(fire.as_bytes()).as_bytes()[0].is_multiple_of(PRUNE_EVERY) {
                let micros = i64::try_from(KEEP_FOR.as_micros()).unwrap_or(i64::MAX);
                let before = Timestamp::from_micros(tx.now().as_micros().saturating_sub(micros));
                tx.fires(trigger.project_id).prune(trigger.trigger_id, before, KEEP).await?;
            }
            tx.commit().await?;
        }
        Ok(Decision::Settled)
    }
}

/// An error as triggers and fires keep it.
pub(super) fn as_json(error: &Error) -> String {
    let mut message: String = error.to_string().chars().take(500).collect();
    if let Error::InputInvalid(faults) = error
        && let Some((at, first)) = faults.first()
    {
        message = format!("{message}: {at} {first}").chars().take(500).collect();
    }
    let error = TriggerError { code: error.code().to_owned(), message };
    serde_json::to_string(&error).unwrap_or_default()
}

/// Names the start of a fire: a repeat gives the same execution.
fn start_key(trigger: &Trigger, fire: &str) -> String {
    format!("trigger:{}:{fire}", trigger.trigger_id)
}

/// Worth another try without anybody changing something.
pub(super) fn is_passing(error: &Error) -> bool {
    matches!(error.kind(), Kind::Unavailable | Kind::RateLimited | Kind::Timeout)
        || matches!(error, Error::Store(store) if store.is_retryable())
}

/// As an execution names what started it.
fn kind_of(kind: &str) -> &'static str {
    match kind {
        "schedule" => "schedule",
        "webhook" => "webhook",
        _ => "event",
    }
}
