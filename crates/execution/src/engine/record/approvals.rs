//! What becomes of calls that wait for a person.

use moltforge_types::Timestamp;
use moltforge_types::approval::{Decision, OnExpiry};
use moltforge_types::journal::Entry;

use crate::engine::approval::{Ask, BEGIN_WITHIN, Verdict};
use crate::engine::state::{Execution, PendingState};

impl Execution {
    pub(super) fn record_approval(&mut self, at: Timestamp, entry: &Entry) {
        match entry {
            Entry::ApprovalRequested {
                approval_id,
                step,
                call_sha256,
                approvers,
                due,
                on_expiry,
                escalate_at,
                escalate_to,
                ..
            } => {
                let ask = Ask {
                    approval_id: *approval_id,
                    call_sha256: call_sha256.clone(),
                    approvers: approvers.clone(),
                    due: *due,
                    on_expiry: *on_expiry,
                    escalate_at: *escalate_at,
                    escalate_to: escalate_to.clone(),
                };
                self.set_pending(*step, PendingState::AwaitsApproval(Box::new(ask)));
            }
            Entry::ApprovalDecided { step, .. } => self.decided(at, *step, entry),
            Entry::ApprovalEscalated { step, to, .. } => {
                if let Some(PendingState::AwaitsApproval(ask)) = self.pending_state(*step) {
                    ask.escalate_at = None;
                    if !ask.approvers.is_empty() {
                        ask.approvers.extend(to.iter().cloned());
                    }
                }
            }
            Entry::ApprovalReopened { step, .. } => self.set_pending(*step, PendingState::Open),
            _ => {}
        }
    }

    /// A person decided, or nobody did in time.
    fn decided(&mut self, at: Timestamp, step: u32, entry: &Entry) {
        let Entry::ApprovalDecided { approval_id, decision, by, note, arguments, answer, call_sha256, .. } = entry
        else {
            return;
        };
        let Some(call) = self.pending.iter_mut().find(|call| call.step == step) else { return };
        if let Some(arguments) = arguments {
            call.arguments = arguments.to_string();
            call.edited = true;
        }
        let due = match &call.state {
            PendingState::AwaitsApproval(ask) => ask.due,
            _ => at,
        };
        let pauses = matches!(&call.state, PendingState::AwaitsApproval(ask) if ask.on_expiry == OnExpiry::Pause);
        if *decision == Decision::Expired && pauses {
            // the hold that follows is lifted by a resume, which asks anew
            call.state = PendingState::Open;
            return;
        }
        call.state = PendingState::Decided(Box::new(Verdict {
            approval_id: *approval_id,
            decision: *decision,
            by: by.clone(),
            note: note.clone(),
            answer: answer.clone(),
            call_sha256: call_sha256.clone(),
            begin_by: due.max(at.plus(BEGIN_WITHIN)),
        }));
    }
}
