//! What becomes of a guest's calls: asked for, given up, answered. Its answers are kept in the order of the journal.

use moltforge_types::journal::Entry;
use moltforge_types::{ContentHash, Timestamp};

use crate::engine::state::{Execution, Heard, Made, Pending, PendingState};

impl Execution {
    pub(super) fn guest_asked(&mut self, entry: &Entry) {
        let Entry::GuestAsked { step, calls, cancelled, .. } = entry else { return };
        self.progress();
        let count = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        self.tool_calls = self.tool_calls.saturating_add(count);
        for (call, step) in calls.iter().zip(*step..) {
            self.guest.calls.push(Made {
                id: call.id,
                name: call.name.clone(),
                arguments: ContentHash::of(call.arguments.as_bytes()),
                after: call.after,
            });
            self.pending.push(Pending {
                step,
                call_id: call.id.to_string(),
                tool: call.name.clone(),
                arguments: call.arguments.clone(),
                edited: false,
                state: PendingState::Open,
            });
        }
        self.next_step = step.saturating_add(count);
        for given_up in cancelled {
            self.guest.cancelled.push(*given_up);
            let id = given_up.id.to_string();
            // an effect is seen through; its answer is heard by nobody
            self.pending.retain(|call| call.call_id != id || matches!(call.state, PendingState::Invoked { .. }));
        }
    }

    /// Whether a call is a guest's.
    pub(super) fn is_of_guest(&self) -> bool {
        !self.guest.calls.is_empty()
    }

    /// Keeps the answer of a guest's call for the guest, which hears answers in this order.
    pub(super) fn guest_hears(&mut self, at: Timestamp, step: u32, ok: bool, content: String) {
        let Some(call) = self.pending.iter().find(|call| call.step == step) else { return };
        let id = call.call_id.parse().unwrap_or(0);
        self.pending.retain(|call| call.step != step);
        self.guest.heard.push(Heard { id, at, ok, content });
    }
}
