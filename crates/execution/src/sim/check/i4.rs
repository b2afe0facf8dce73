//! I4: a step has one outcome; a call that must not run twice is sent once, and once more for each decision to retry this
//! call. A decision about another call of the same execution excuses nothing. What a probe found had happened.

use std::collections::{BTreeMap, BTreeSet};

use moltforge_types::execution::{Effect, EffectDecision, ProbeOutcome};
use moltforge_types::journal::Entry;

use super::Told;
use crate::sim::state::{Effect as Sent, State};

/// A call with an intent.
struct Call {
    tool: String,
    /// It must not run twice.
    once: bool,
    key: String,
    /// Decisions that allow one sending more.
    retries: u32,
    /// Neither answered nor decided about.
    open: bool,
}

pub(super) fn check(state: &State, effects: &BTreeMap<String, Sent>, told: &Told) {
    let id = told.row.execution_id;
    let mut outcomes = BTreeSet::new();
    let mut calls: BTreeMap<u32, Call> = BTreeMap::new();
    // what a fork copied is the original's
    for (.., entry) in told.own() {
        match entry {
            Entry::ToolSucceeded { step, .. } | Entry::ToolFailed { step, .. } | Entry::ModelCompleted { step, .. } => {
                if !outcomes.insert(*step) {
                    state.violated("I4", format!("step {step} of {id} has two outcomes"));
                }
                calls.entry(*step).and_modify(|call| call.open = false);
            }
            Entry::ToolInvoked { step, effect, idempotency_key, tool, .. } => {
                let once = matches!(effect, Effect::AtMostOnce | Effect::Reconcile);
                let (tool, key) = (tool.clone(), idempotency_key.clone());
                if calls.insert(*step, Call { tool, once, key, retries: 0, open: true }).is_some() {
                    state.violated("I4", format!("step {step} of {id} has two intents"));
                }
            }
            // the decision of a resume is about every call that is open
            Entry::Resumed { unknown_effects: Some(decision), .. } if decision == "retry" => {
                calls.values_mut().filter(|call| call.open).for_each(|call| call.retries += 1);
            }
            Entry::EffectDecided { step, decision, .. } => {
                let Some(call) = calls.get_mut(step).filter(|_| !outcomes.contains(step)) else {
                    state.violated("I4", format!("a decision about step {step} of {id}, which is no open question"));
                    continue;
                };
                call.retries += u32::from(*decision == EffectDecision::Retry);
            }
            Entry::EffectProbed { step, outcome: ProbeOutcome::Done, .. } => {
                let call = calls.get(step);
                if !call.is_some_and(|call| effects.contains_key(&call.key)) {
                    state.violated("I4", format!("step {step} of {id} was found done and was never sent"));
                }
            }
            _ => {}
        }
    }
    for (step, call) in calls.iter().filter(|(_, call)| call.once) {
        let sent = effects.get(&call.key).map_or(0, |effect| effect.sent);
        if sent > 1 + call.retries {
            let (tool, retries) = (&call.tool, call.retries);
            state.violated(
                "I4",
                format!("{tool} of {id} step {step} was sent {sent} times with {retries} decisions to retry it"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use moltforge_types::Timestamp;

    use super::super::{Told, told};
    use super::*;
    use crate::sim::found::{calm, start};

    fn invoked(step: u32) -> Entry {
        Entry::ToolInvoked {
            step,
            call_id: format!("c{step}"),
            tool: "pay".to_owned(),
            effect: Effect::AtMostOnce,
            idempotency_key: format!("key {step}"),
            approval_id: None,
        }
    }

    fn decided(step: u32, decision: EffectDecision) -> Entry {
        Entry::EffectDecided { step, decision, output: None, note: None, by: "me".to_owned() }
    }

    /// What is wrong when step 2 and step 3 were sent so often, by the number of violations.
    async fn violations(decisions: [EffectDecision; 2], sent: [u32; 2]) -> usize {
        let (client, _node) = calm().await;
        let id = start(&client, 0).await;
        let told = told(&client.state).remove(0);
        let [second, third] = decisions;
        let entries = [invoked(2), invoked(3), decided(2, second), decided(3, third)];
        let entries = (1..).zip(entries).map(|(seq, entry)| (seq, Timestamp::default(), entry)).collect();
        let effect = |step: u32, sent| {
            let (tool, arguments) = ("pay".to_owned(), String::new());
            (format!("key {step}"), Sent { id, tool, arguments, sent })
        };
        let effects = [effect(2, sent[0]), effect(3, sent[1])].into();
        check(&client.state, &effects, &Told { entries, ..told });
        client.state.violations().len()
    }

    #[tokio::test(start_paused = true)]
    async fn a_retry_of_one_call_does_not_excuse_another() {
        let (retry, fail) = (EffectDecision::Retry, EffectDecision::Fail);
        assert_eq!(violations([retry, fail], [2, 1]).await, 0);
        assert_eq!(violations([retry, fail], [1, 2]).await, 1);
        assert_eq!(violations([retry, retry], [2, 2]).await, 0);
        assert_eq!(violations([retry, retry], [1, 3]).await, 1);
    }
}
