//! What must hold of everything that a run brought about, however often a node died.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use moltforge_api::executions::{Execution as View, ListExecutions};
use moltforge_execution::Executions;
use moltforge_types::ExecutionId;
use moltforge_types::execution::Effect;
use moltforge_types::journal::Entry;

use crate::world::World;

/// Checks a whole tree: every journal by itself; no child that nobody asked for, none twice, each end told once. The
/// distinct effects that reached the counting server, by tool.
pub(super) async fn tree(world: &World, node: &Executions, root: ExecutionId) -> BTreeMap<String, usize> {
    let mut effects = BTreeMap::new();
    let tree = node.tree(world.principal.project_id, root).await.expect("there");
    for found in &tree {
        let id: ExecutionId = found.execution_id.parse().expect("an id");
        let entries = world.journal_of(id).await;
        assert!(found.parent_id.is_some() || id == root);
        for (tool, count) in journal(world, &entries) {
            *effects.entry(tool).or_default() += count;
        }
        let below: BTreeSet<ExecutionId> = tree
            .iter()
            .filter(|child| child.parent_id.as_deref() == Some(&found.execution_id))
            .map(|child| child.execution_id.parse().expect("an id"))
            .collect();
        let mut asked = BTreeSet::new();
        let (mut started, mut ended) = (BTreeSet::new(), BTreeSet::new());
        for entry in &entries {
            match entry {
                Entry::ChildRequested { child_id, .. } => assert!(asked.insert(*child_id), "asked for twice"),
                Entry::ChildStarted { child_id, .. } => assert!(started.insert(*child_id), "started twice"),
                Entry::ChildEnded { child_id, state, .. } => {
                    assert!(ended.insert(*child_id), "{child_id} ended twice");
                    let child = tree.iter().find(|child| child.execution_id == child_id.to_string());
                    assert_eq!(child.expect("it exists").state, state.to_string());
                }
                _ => {}
            }
        }
        assert!(below.is_subset(&asked), "{below:?} {asked:?}");
        assert!(started.is_subset(&below), "{started:?} {below:?}");
        if found.state == "completed" {
            assert_eq!(asked, below, "who asked for them went on");
        }
    }
    effects
}

/// What the event of a run started.
pub(super) async fn heard(world: &World, node: &Executions, run: &str) -> Vec<View> {
    let query = ListExecutions { agent: Some("hearer".to_owned()), ..ListExecutions::default() };
    let mut heard = node.list(world.principal.project_id, &query, None, 200).await.expect("listed").items;
    heard.retain(|view| view.input["run"] == run);
    heard
}

/// No step has two outcomes, nothing is decided twice, no `at_most_once` call arrived twice, and every intended effect
/// arrived or is named as unknown.
fn journal(world: &World, entries: &[Entry]) -> BTreeMap<String, usize> {
    let mut answered = HashSet::new();
    for step in entries.iter().filter_map(answered_step) {
        assert!(answered.insert(step), "step {step} has two outcomes");
    }
    let mut decided = HashSet::new();
    for entry in entries {
        if let Entry::ApprovalDecided { approval_id, .. } = entry {
            assert!(decided.insert(*approval_id), "{approval_id} was decided twice");
        }
    }
    let unknown: &[u32] = match entries.last() {
        Some(Entry::Cancelled { unknown_steps, .. }) => unknown_steps,
        _ => &[],
    };
    let mut effects = BTreeMap::new();
    for entry in entries {
        let Entry::ToolInvoked { step, tool, effect, idempotency_key, .. } = entry else { continue };
        let calls = world.server.calls_of(idempotency_key);
        assert!(calls >= 1 || unknown.contains(step), "the effect of {tool} never arrived");
        assert!(*effect == Effect::Keyed || calls <= 1, "{tool} arrived {calls} times");
        *effects.entry(tool.clone()).or_default() += 1;
    }
    effects
}

/// Keys of `at_most_once` calls with an intent and without an answer.
pub(super) fn unanswered_keys(entries: &[Entry]) -> Vec<String> {
    let answered: HashSet<u32> = entries.iter().filter_map(answered_step).collect();
    entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::ToolInvoked { step, effect: Effect::AtMostOnce, idempotency_key, .. }
                if !answered.contains(step) =>
            {
                Some(idempotency_key.clone())
            }
            _ => None,
        })
        .collect()
}

fn answered_step(entry: &Entry) -> Option<u32> {
    match entry {
        Entry::ToolSucceeded { step, .. } | Entry::ToolFailed { step, .. } | Entry::ModelCompleted { step, .. } => {
            Some(*step)
        }
        _ => None,
    }
}
