//! Operators who look at effects: they decide about calls of unknown outcome one by one, and have the other side asked.
//! Some decide without looking, some about calls that are on their way or have an answer.

use moltforge_store::EntryRow;
use moltforge_types::ExecutionId;
use moltforge_types::execution::{EffectDecision, Reason};
use moltforge_types::journal::Entry;
use serde_json::json;

use super::client::Client;
use super::dice::Dice;
use super::state::Promise;
use crate::engine::Command;

/// Calls of an execution that change something and have no answer, by what is durable.
pub(super) fn unanswered(journal: &[EntryRow]) -> Vec<u32> {
    let mut open = Vec::new();
    for entry in journal.iter().filter_map(|row| serde_json::from_slice(&row.payload).ok()) {
        match entry {
            Entry::ToolInvoked { step, effect, .. } if effect.changes() => open.push(step),
            Entry::ToolSucceeded { step, .. } | Entry::ToolFailed { step, .. } => open.retain(|of| *of != step),
            _ => {}
        }
    }
    open
}

/// Decides about an effect, or has it asked about.
pub(super) fn look_at_an_effect(client: &Client, dice: &Dice, n: u64) {
    let live = client.state.memory.live();
    let unknown = |id: &ExecutionId| {
        live.iter().any(|row| row.execution_id == *id && row.columns.reason == Some(Reason::EffectUnknown))
    };
    let all: Vec<_> = live.iter().map(|row| row.execution_id).collect();
    let held: Vec<_> = all.iter().copied().filter(unknown).collect();
    let from = if !held.is_empty() && dice.chance(850) { &held } else { &all };
    let Some(id) = dice.pick(from).copied() else { return };
    let Some(step) = dice.pick(&unanswered(&client.state.journal(id, 0))).copied() else { return };
    if dice.chance(400) {
        tokio::spawn(client.clone().probe(id, step, format!("prober-{n}")));
        return;
    }
    if dice.chance(200) {
        // another one decides, too, perhaps something else
        tokio::spawn(client.clone().decide_effect(id, step, decision(dice), format!("other-{n}")));
    }
    tokio::spawn(client.clone().decide_effect(id, step, decision(dice), format!("operator-{n}")));
}

fn decision(dice: &Dice) -> EffectDecision {
    [EffectDecision::Retry, EffectDecision::Retry, EffectDecision::Fail, EffectDecision::Succeed]
        [usize::try_from(dice.below(4)).unwrap_or(0)]
}

impl Client {
    /// As `Executions::decide_effect` does it.
    pub(super) async fn decide_effect(self, id: ExecutionId, step: u32, decision: EffectDecision, by: String) {
        let output = (decision == EffectDecision::Succeed).then(|| json!("by hand"));
        let command = Command::DecideEffect { step, decision, output, note: None, by: by.clone() };
        match self.apply(id, command).await {
            Ok(_) => self.state.promise(Promise::EffectDecided { id, step, decision, by }),
            Err(error) => self.state.trace(|| format!("{by} about step {step} of {id}: {error}")),
        }
    }

    /// As `Executions::probe_effect` does it: the answer comes later, if the node lives.
    async fn probe(self, id: ExecutionId, step: u32, by: String) {
        let command = Command::Probe { step, by: by.clone() };
        if let Err(error) = self.apply(id, command).await {
            self.state.trace(|| format!("{by} about step {step} of {id}: {error}"));
        }
    }
}
