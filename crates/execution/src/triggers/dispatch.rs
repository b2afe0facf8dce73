//! From fires to executions: the concurrency rule, the start under the fire's key, the settled row.

use std::time::Duration;

use futures::StreamExt as _;
use moltforge_api::config::TriggerConfig;
use moltforge_api::executions::StartExecution;
use moltforge_api::triggers::TriggerError;
use moltforge_manifest::trigger::{Concurrency, compile};
use moltforge_store::{NewFire, PendingFire, Ran, Settled, Trigger};
use moltforge_types::{Actor, ContentHash, ExecutionId, Fault as _, Kind, Origin, Principal, Timestamp};

use super::{MAX_CHAIN, MAX_PENDING, Triggers, context};
use crate::error::Error;

/// Fires read at a time.
const PAGE: u32 = 500;
/// Triggers worked on at a time.
const PARALLEL: usize = 16;
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
}

impl Triggers {
    /// Starts what may be started.
    pub(super) async fn dispatch(&self, shards: &[u16]) -> Result<(), Error> {
        let mut after: Option<PendingFire> = None;
        loop {
            let page = self.inner.store.live_fires().pending(shards, after.as_ref(), PAGE).await?;
            let last = page.len() < PAGE as usize;
            after = page.last().cloned();
            let mut groups: Vec<Vec<PendingFire>> = Vec::new();
            for fire in page {
                match groups.iter_mut().find(|group| group.first().is_some_and(|f| f.trigger_id == fire.trigger_id)) {
                    Some(group) => group.push(fire),
                    None => groups.push(vec![fire]),
                }
            }
            let each = groups.into_iter().map(|group| self.group(group));
            let mut worked = futures::stream::iter(each).buffer_unordered(PARALLEL);
            while let Some(result) = worked.next().await {
                result?;
            }
            if last {
                return Ok(());
            }
        }
    }

    /// The fires of one trigger, in order, up to the first one that waits.
    async fn group(&self, fires: Vec<PendingFire>) -> Result<(), Error> {
        let Some(first) = fires.first() else { return Ok(()) };
        let (project_id, trigger_id) = (first.project_id, first.trigger_id);
        let Some(trigger) = self.inner.store.triggers(project_id).find(trigger_id).await? else {
            // deleted between its fire's commit and now
            let mut tx = self.inner.store.begin().await?;
            tx.triggers(project_id).delete(trigger_id).await?;
            tx.commit().await?;
            return Ok(());
        };
        for fire in fires {
            if self.decide(&trigger, &fire.fire_key, fire.chain_depth).await? == Decision::Waits {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Decides about a fire now, if it may be: what a webhook does before it answers.
    pub(super) async fn dispatch_now(&self, trigger: &Trigger, fire: &NewFire) -> Result<(), Error> {
        if self.inner.executions.owns(trigger.shard) {
            self.decide(trigger, &fire.fire_key, fire.chain_depth).await?;
        }
        Ok(())
    }

    async fn decide(&self, trigger: &Trigger, fire: &str, chain_depth: u32) -> Result<Decision, Error> {
        let _alone = self.stripe(trigger).lock().await;
        let manual = fire.starts_with(MANUAL);
        if trigger.inactive {
            return self.refuse(trigger, fire, &Error::TriggerInactive(trigger.trigger_id.to_string())).await;
        }
        if trigger.paused && !manual {
            return Ok(Decision::Waits);
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
        let key = format!("trigger:{}:{fire}", trigger.trigger_id);
        match self.inner.executions.start_for(trigger.project_id, request, key, kind_of(&trigger.kind), origin).await {
            Ok(started) => {
                let id: ExecutionId = started.execution.execution_id.parse().map_err(|_| Error::ShardUnowned)?;
                self.settle(trigger, fire, "started", Ran::Started(id)).await
            }
            // started before a crash, and what it says was changed since
            Err(Error::IdempotencyKeyReused(id)) => self.settle(trigger, fire, "started", Ran::Started(id)).await,
            // not the trigger's fault: the fire stays and is tried again
            Err(error) if is_passing(&error) => {
                if let Some(refused) = self.refuse_overflow(trigger, fire).await? {
                    return Ok(refused);
                }
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
            Concurrency::Queue => Ok(self.refuse_overflow(trigger, fire).await?.or(Some(Decision::Waits))),
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

    /// Refuses a fire that would have to wait when as many wait as may.
    async fn refuse_overflow(&self, trigger: &Trigger, fire: &str) -> Result<Option<Decision>, Error> {
        let mut fires = self.inner.store.fires(trigger.project_id);
        let waiting = fires.count_pending(trigger.trigger_id, MAX_PENDING + 1).await?;
        if waiting <= u64::from(MAX_PENDING) {
            return Ok(None);
        }
        self.refuse(trigger, fire, &Error::TriggerQueueFull).await.map(Some)
    }

    async fn refuse(&self, trigger: &Trigger, fire: &str, error: &Error) -> Result<Decision, Error> {
        let mut message: String = error.to_string().chars().take(500).collect();
        if let Error::InputInvalid(faults) = error
            && let Some((at, first)) = faults.first()
        {
            message = format!("{message}: {at} {first}").chars().take(500).collect();
        }
        let error = TriggerError { code: error.code().to_owned(), message };
        let text = serde_json::to_string(&error).unwrap_or_default();
        self.settle(trigger, fire, "refused", Ran::Refused(&text)).await
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

/// Worth another try without anybody changing something.
fn is_passing(error: &Error) -> bool {
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
