//! What becomes of a guest's calls: asked for, given up, answered. Its answers are kept in the order of the journal.

use moltforge_types::journal::{Entry, GuestLog};
use moltforge_types::{ContentHash, Timestamp};
use serde_json::Value;

use crate::engine::state::{Execution, Heard, Made, Pending, PendingState};
use crate::engine::{completion, stream};

impl Execution {
    pub(super) fn guest_asked(&mut self, entry: &Entry) {
        let Entry::GuestAsked { step, calls, cancelled, .. } = entry else { return };
        self.progress();
        let count = u32::try_from(calls.len()).unwrap_or(u32::MAX);
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
        let counted = calls.iter().filter(|call| !self.is_free(&call.name, &call.arguments)).count();
        self.tool_calls = self.tool_calls.saturating_add(u32::try_from(counted).unwrap_or(u32::MAX));
        for given_up in cancelled {
            self.guest.cancelled.push(*given_up);
            let id = given_up.id.to_string();
            // an effect is seen through; its answer is heard by nobody
            self.pending.retain(|call| call.call_id != id || matches!(call.state, PendingState::Invoked { .. }));
        }
    }

    /// What `limits.tool_calls` does not count: model calls have a limit of their own.
    fn is_free(&self, name: &str, arguments: &str) -> bool {
        name == completion::COMPLETE || stream::reads_along(self, name, arguments)
    }

    pub(super) fn guest_logged(&mut self, logs: &[GuestLog]) {
        self.guest.logged = self.guest.logged.saturating_add(u32::try_from(logs.len()).unwrap_or(u32::MAX));
    }

    pub(super) fn guest_ended(&mut self, output: &Value) {
        self.progress();
        self.guest.output = Some(output.clone());
        self.pending.retain(|call| matches!(call.state, PendingState::Invoked { .. }));
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
