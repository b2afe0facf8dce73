//! Watchers: what a node tells them is durable, and in order. What another node wrote between two terms of this one is
//! not told here: whoever follows sees the gap in the numbers and reads the journal (`http/events.rs`).

use std::sync::Arc;

use moltforge_bus::Notice;
use moltforge_types::ExecutionId;

use super::agents::CREDENTIAL;
use super::node::Node;
use super::state::State;

/// Follows an execution on one node until that process dies or the execution ends.
pub(super) async fn watch(state: Arc<State>, node: Node, id: ExecutionId) {
    let mut subscription = node.shared.bus.subscribe(id);
    let mut last = None;
    loop {
        let notice = tokio::select! {
            biased;
            notice = subscription.next() => notice,
            () = tokio::time::sleep(std::time::Duration::from_mins(2)) => return,
        };
        if node.process.is_dead() {
            return;
        }
        if format!("{notice:?}").contains(CREDENTIAL) {
            state.violated("I11", format!("a watcher of {id} was told a credential"));
        }
        let Notice::Committed(entries) = notice else { continue };
        let Some(first) = entries.first() else { continue };
        let journal = state.journal(id, first.seq - 1);
        for told in entries.iter() {
            if last.is_some_and(|last| told.seq <= last) {
                state.violated("I9", format!("a watcher of {id} was told {} after {last:?}", told.seq));
            }
            last = Some(told.seq);
            let at = usize::try_from(told.seq - first.seq).unwrap_or(usize::MAX);
            let durable = journal.get(at).map(|row| row.payload.as_slice());
            if durable != serde_json::to_vec(&told.entry).ok().as_deref() {
                state.violated("I9", format!("a watcher of {id} was told an entry {} that is not durable", told.seq));
            }
        }
        if journal.last().is_some_and(|row| Some(row.seq) == last && matches!(row.kind, 14..=16)) {
            return;
        }
    }
}
