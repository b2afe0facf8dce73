//! What becomes of children, and of the steps that wait for them.

use moltforge_types::journal::Entry;
use serde_json::Value;

use crate::engine::state::{Child, ChildEnd, Execution, PendingState};

impl Execution {
    pub(super) fn record_child(&mut self, entry: &Entry) {
        match entry {
            Entry::ChildRequested { step, child_id, agent, input, wait, due, .. } => {
                let child = Child {
                    step: *step,
                    agent: agent.clone(),
                    input: input.clone(),
                    started: false,
                    refused: false,
                    end: None,
                };
                self.children.insert(*child_id, child);
                self.set_pending(*step, PendingState::Child { child_id: *child_id, wait: *wait, due: *due });
            }
            Entry::ChildStarted { step, child_id } => {
                self.progress();
                if let Some(child) = self.children.get_mut(child_id) {
                    child.started = true;
                    child.input = Value::Null;
                }
                let wait = self.pending.iter().find(|call| call.step == *step).and_then(|call| match call.state {
                    PendingState::Child { wait: true, due, .. } => Some(due),
                    _ => None,
                });
                if let Some(due) = wait {
                    self.set_pending(*step, PendingState::Children { children: vec![*child_id], any: false, due });
                }
            }
            Entry::ChildEnded { child_id, state, output, error } => {
                self.progress();
                if let Some(child) = self.children.get_mut(child_id) {
                    child.end = Some(ChildEnd { state: *state, output: output.clone(), error: error.clone() });
                }
            }
            Entry::ChildrenAwaited { step, children, any, due, .. } => {
                self.set_pending(*step, PendingState::Children { children: children.clone(), any: *any, due: *due });
            }
            _ => {}
        }
    }

    /// A step that failed while its child was asked for has none.
    pub(super) fn refuse_child_of(&mut self, step: u32) {
        let Some(call) = self.pending.iter().find(|call| call.step == step) else { return };
        if let PendingState::Child { child_id, .. } = call.state
            && let Some(child) = self.children.get_mut(&child_id)
        {
            child.refused = true;
        }
    }
}
