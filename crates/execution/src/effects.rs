//! The effects of an execution: what its journal says about the calls that change something outside.

use std::time::Duration;

use moltforge_api::approvals::{DecideEffect, Effect, EffectDecided, EffectProbe, Effects};
use moltforge_types::execution::{Effect as Class, EffectDecision, Reason, State};
use moltforge_types::journal::Entry;
use moltforge_types::{ExecutionId, Principal, ProjectId};
use tokio::time::Instant;

use crate::engine::{Command, Recorded};
use crate::error::Error;
use crate::executions::{Executions, check_note};
use crate::shard::load;

/// How long a request for a probe waits for its answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(30);
/// Probes of one effect that are told.
const MAX_PROBES: usize = 20;
/// The longest answer that an operator records, bytes of JSON.
const MAX_OUTPUT: usize = 256 * 1024;
/// Entries read at a time.
const PAGE: u32 = 1_000;

impl Executions {
    /// The effects of an execution, in order.
    pub async fn effects(&self, project_id: ProjectId, id: ExecutionId) -> Result<Effects, Error> {
        Ok(Effects { items: self.ledger(project_id, id, &mut Ledger::default()).await? })
    }

    /// The effects, as far as a ledger and the entries after it tell.
    async fn ledger(&self, project_id: ProjectId, id: ExecutionId, ledger: &mut Ledger) -> Result<Vec<Effect>, Error> {
        let view = self.get(project_id, id).await?;
        let read = load::while_entries(self.shared(), id, ledger.read, PAGE, |recorded, _| {
            ledger.add(recorded);
            Ok(true)
        });
        match read.await {
            // what stands before a damage can be read
            Ok(_) | Err(Error::JournalUnreadable { .. }) => {}
            Err(error) => return Err(error),
        }
        let reason = view.reason.as_deref().and_then(|text| text.parse().ok());
        Ok(ledger.effects(view.state.parse().unwrap_or(State::Running), reason))
    }

    /// Decides about one call of unknown outcome.
    pub async fn decide_effect(
        &self,
        principal: &Principal,
        id: ExecutionId,
        step: u32,
        wanted: DecideEffect,
    ) -> Result<Effect, Error> {
        check_note(wanted.note.as_ref())?;
        let field = |field, message: String| Error::FieldInvalid { field, message };
        let decision: EffectDecision = wanted.decision.parse().map_err(|message| field("/decision", message))?;
        if wanted.output.is_some() && decision != EffectDecision::Succeed {
            return Err(field("/output", "only succeed has an output: leave it out".to_owned()));
        }
        let size = wanted.output.as_ref().map_or(0, |output| output.to_string().len());
        if size > MAX_OUTPUT {
            return Err(field("/output", format!("at most {MAX_OUTPUT} bytes of JSON, got {size}")));
        }
        self.effect(principal.project_id, id, step).await?;
        let by = principal.actor.to_string();
        let command = Command::DecideEffect { step, decision, output: wanted.output, note: wanted.note, by };
        self.apply(principal.project_id, id, command).await?;
        self.effect(principal.project_id, id, step).await
    }

    /// Asks the other side about a call now, and answers with what it said, or after 30 seconds with what is known.
    pub async fn probe_effect(&self, principal: &Principal, id: ExecutionId, step: u32) -> Result<Effect, Error> {
        let mut ledger = Ledger::default();
        let before = one(self.ledger(principal.project_id, id, &mut ledger).await?, id, step)?;
        let mut news = self.watch(id);
        let command = Command::Probe { step, by: principal.actor.to_string() };
        self.apply(principal.project_id, id, command).await?;
        let deadline = Instant::now() + PROBE_TIMEOUT;
        loop {
            let effect = one(self.ledger(principal.project_id, id, &mut ledger).await?, id, step)?;
            let is_new = effect.probes.last().map(|probe| &probe.at) != before.probes.last().map(|probe| &probe.at);
            if is_new || effect.state != before.state || Instant::now() >= deadline {
                return Ok(effect);
            }
            let poll = Instant::now() + Duration::from_secs(1);
            tokio::select! {
                _ = news.next() => {}
                () = tokio::time::sleep_until(poll.min(deadline)) => {}
            }
        }
    }

    async fn effect(&self, project_id: ProjectId, id: ExecutionId, step: u32) -> Result<Effect, Error> {
        one(self.effects(project_id, id).await?.items, id, step)
    }
}

fn one(effects: Vec<Effect>, execution_id: ExecutionId, step: u32) -> Result<Effect, Error> {
    effects.into_iter().find(|effect| effect.step == step).ok_or(Error::EffectNotFound { execution_id, step })
}

/// The effects that entries in a row tell of.
#[derive(Default)]
struct Ledger {
    effects: Vec<Effect>,
    /// The number of the latest entry.
    read: u64,
    /// It was held for a call of unknown outcome, and has not gone on since: a pause in its place hides none of that.
    unknown: bool,
}

impl Ledger {
    /// The effects by now. `state` and `reason` are the execution's own.
    fn effects(&self, state: State, reason: Option<Reason>) -> Vec<Effect> {
        let mut effects = self.effects.clone();
        if state == State::Paused && (self.unknown || reason == Some(Reason::EffectUnknown)) {
            let open = effects.iter_mut().filter(|effect| is_open(effect));
            open.for_each(|effect| "unknown".clone_into(&mut effect.state));
        }
        effects
    }

    /// The next entry.
    fn add(&mut self, recorded: &Recorded) {
        self.read = recorded.seq;
        if matches!(recorded.entry, Entry::Running { .. } | Entry::Resumed { .. }) {
            self.unknown = false;
        }
        let (effects, at) = (&mut self.effects, recorded.at.to_string());
        match &recorded.entry {
            Entry::ToolInvoked { step, tool, effect, idempotency_key, approval_id, .. } if effect.changes() => {
                effects.push(Effect {
                    step: *step,
                    tool: tool.clone(),
                    effect: effect.to_string(),
                    idempotency_key: idempotency_key.clone(),
                    state: "intended".to_owned(),
                    attempts: 1,
                    intended_at: at,
                    finished_at: None,
                    approval_id: approval_id.map(|id| id.to_string()),
                    probes: Vec::new(),
                    decisions: Vec::new(),
                });
            }
            Entry::Paused { reason, .. } => self.unknown |= *reason == Reason::EffectUnknown,
            Entry::ToolSucceeded { step, .. } => end(effects, *step, "succeeded", at),
            Entry::ToolFailed { step, .. } => end(effects, *step, "failed", at),
            Entry::RetryScheduled { step, .. } => {
                again(effects, |effect| effect.step == *step && effect.effect == Class::Keyed.as_str());
            }
            // the owner before may have sent it; this one sends it again
            Entry::Running { recovered: true, .. } => {
                again(effects, |effect| effect.effect == Class::Keyed.as_str());
            }
            Entry::EffectProbed { step, outcome, detail, by } => {
                again(effects, |effect| effect.step == *step && outcome.as_str() == "not_done");
                if let Some(effect) = find(effects, *step) {
                    let (outcome, detail, by) = (outcome.to_string(), detail.clone(), by.clone());
                    effect.probes.push(EffectProbe { at, outcome, detail, by });
                    if effect.probes.len() > MAX_PROBES {
                        effect.probes.remove(0);
                    }
                }
            }
            Entry::EffectDecided { step, decision, note, by, .. } => {
                again(effects, |effect| effect.step == *step && *decision == EffectDecision::Retry);
                if let Some(effect) = find(effects, *step) {
                    let (decision, by, note) = (decision.to_string(), by.clone(), note.clone());
                    effect.decisions.push(EffectDecided { at, decision, by, note, by_resume: false });
                }
            }
            Entry::Resumed { by, unknown_effects: Some(decision), .. } => {
                for effect in effects.iter_mut().filter(|effect| is_open(effect) && effect.effect != "keyed") {
                    effect.attempts += u32::from(decision == "retry");
                    let by = by.clone().unwrap_or_default();
                    let (at, decision) = (at.clone(), decision.clone());
                    effect.decisions.push(EffectDecided { at, decision, by, note: None, by_resume: true });
                }
            }
            Entry::Cancelled { unknown_steps, .. } | Entry::Failed { unknown_steps, .. } => {
                for step in unknown_steps {
                    if let Some(effect) = find(effects, *step) {
                        "unknown".clone_into(&mut effect.state);
                    }
                }
            }
            _ => {}
        }
    }
}

fn is_open(effect: &Effect) -> bool {
    effect.state == "intended"
}

/// The latest ones are asked for.
fn find(effects: &mut [Effect], step: u32) -> Option<&mut Effect> {
    effects.iter_mut().rev().find(|effect| effect.step == step)
}

fn end(effects: &mut [Effect], step: u32, state: &str, at: String) {
    if let Some(effect) = find(effects, step) {
        state.clone_into(&mut effect.state);
        effect.finished_at = Some(at);
    }
}

/// Open effects that are sent once more.
fn again(effects: &mut [Effect], which: impl Fn(&Effect) -> bool) {
    for effect in effects.iter_mut().filter(|effect| is_open(effect) && which(effect)) {
        effect.attempts += 1;
    }
}
