//! I1: what was acknowledged is never lost, and a key means one thing.

use std::collections::{BTreeMap, HashMap};

use moltforge_types::approval::Decision;
use moltforge_types::journal::Entry;
use moltforge_types::{ApprovalId, ExecutionId};

use super::Told;
use crate::sim::state::{Promise, State};

pub(super) fn check(state: &State, all: &[Told]) {
    let by_id: HashMap<ExecutionId, &Told> = all.iter().map(|told| (told.row.execution_id, told)).collect();
    let mut of_key = BTreeMap::new();
    for promise in state.promises() {
        let id = match &promise {
            Promise::Started { id, .. }
            | Promise::Signalled { id, .. }
            | Promise::Stopped { id }
            | Promise::Paused { id, .. }
            | Promise::Resumed { id, .. }
            | Promise::Decided { id, .. }
            | Promise::EffectDecided { id, .. } => *id,
        };
        let Some(told) = by_id.get(&id) else {
            state.violated("I1", format!("nothing is left of {promise:?}"));
            continue;
        };
        let is_kept = match &promise {
            Promise::Started { project_id, key, .. } => {
                let first = key.as_ref().map(|key| *of_key.entry((*project_id, key.clone())).or_insert(id));
                first.is_none_or(|first| first == id) && told.row.project_id == *project_id
            }
            Promise::Signalled { key, .. } => signals(told, key) == 1,
            Promise::Stopped { .. } => matches!(told.entries.last(), Some((.., Entry::Cancelled { .. }))),
            Promise::Paused { seq, .. } => {
                told.entries.iter().any(|(at, _, entry)| at <= seq && matches!(entry, Entry::Paused { .. }))
            }
            Promise::Resumed { seq, .. } => {
                told.entries.iter().any(|(at, _, entry)| at <= seq && matches!(entry, Entry::Resumed { .. }))
            }
            Promise::Decided { approval_id, approve, by, .. } => decided(told, *approval_id, *approve, by),
            Promise::EffectDecided { step, decision, by, .. } => told.entries.iter().any(|(.., entry)| {
                matches!(entry, Entry::EffectDecided { step: of, decision: as_told, by: who, .. }
                    if (of, as_told, who) == (step, decision, by))
            }),
        };
        if !is_kept {
            state.violated("I1", format!("{promise:?} is not kept"));
        }
    }
    for told in all {
        for (.., entry) in &told.entries {
            let Entry::SignalReceived { dedupe_key: Some(key), .. } = entry else { continue };
            if signals(told, key) > 1 {
                state.violated("I1", format!("the signal {key} came twice to {}", told.row.execution_id));
            }
        }
    }
}

fn decided(told: &Told, id: ApprovalId, approve: bool, who: &str) -> bool {
    let wanted = if approve { Decision::Approved } else { Decision::Rejected };
    told.entries.iter().any(|(.., entry)| {
        matches!(entry, Entry::ApprovalDecided { approval_id, decision, by, .. }
            if *approval_id == id && *decision == wanted && by == who)
    })
}

fn signals(told: &Told, key: &str) -> usize {
    let is_it = |entry: &Entry| matches!(entry, Entry::SignalReceived { dedupe_key: Some(of), .. } if of == key);
    told.entries.iter().filter(|(.., entry)| is_it(entry)).count()
}
