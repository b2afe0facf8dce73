//! Rows beside the journal: messages, approvals, and the holds of agents and projects.

use moltforge_types::approval::ApprovalState;
use moltforge_types::execution::{HoldMode, State};
use moltforge_types::{AgentId, ExecutionId, ProjectId};

use super::{Data, Memory};
use crate::approvals::{ApprovalChange, ApprovalRow};
use crate::holds::Hold;
use crate::journal::Side;

impl Memory {
    /// Every approval, by project and age.
    pub fn approvals(&self) -> Vec<ApprovalRow> {
        self.data().approvals.values().cloned().collect()
    }

    /// Every hold, and the marks of lifted ones.
    pub fn held(&self) -> Vec<Hold> {
        self.data().holds.values().cloned().collect()
    }

    /// Sets a hold, in place of one that is there.
    pub fn set_hold(&self, hold: Hold) {
        self.data().holds.insert((hold.project_id, hold.agent_id), hold);
    }

    /// Takes the mark of a lifted hold away, unless somebody has held it again.
    pub fn lift_hold(&self, project_id: ProjectId, agent_id: Option<AgentId>) {
        let mut data = self.data();
        if data.holds.get(&(project_id, agent_id)).is_some_and(|hold| hold.mode == HoldMode::Release) {
            data.holds.remove(&(project_id, agent_id));
        }
    }

    /// The executions of a project, or of one of its agents, in a state, after `after`, at most `limit`.
    pub fn ids_in(
        &self,
        project_id: ProjectId,
        state: State,
        agent_id: Option<AgentId>,
        after: Option<ExecutionId>,
        limit: u32,
    ) -> Vec<ExecutionId> {
        let data = self.data();
        let wanted = data.executions.values().filter(|row| {
            row.project_id == project_id
                && row.columns.state == state
                && agent_id.is_none_or(|agent| row.agent_id == agent)
                && after.is_none_or(|after| row.execution_id > after)
        });
        wanted.take(limit as usize).map(|row| row.execution_id).collect()
    }
}

impl Data {
    pub(super) fn write_beside(&mut self, row: &Side) {
        match row {
            Side::Message(message) => {
                self.messages.entry(message.message_id).or_insert_with(|| message.clone());
            }
            Side::MessageTaken { message_id, .. } => {
                self.messages.remove(message_id);
            }
            Side::Approval(row) => {
                self.approvals.entry((row.project_id, row.approval_id)).or_insert_with(|| (**row).clone());
            }
            Side::ApprovalMoved { project_id, approval_id, execution_id, change } => {
                let row = self.approvals.get_mut(&(*project_id, *approval_id));
                // one of another execution, of which this one is a fork, stays as it is
                if let Some(row) = row.filter(|row| row.execution_id == *execution_id) {
                    move_approval(row, change);
                }
            }
            Side::ApprovalCarriedOut { project_id, execution_id, step, at } => {
                let decided =
                    |state| matches!(state, ApprovalState::Approved | ApprovalState::Rejected | ApprovalState::Expired);
                let of_step = self.approvals.values_mut().filter(|row| {
                    row.project_id == *project_id && row.execution_id == *execution_id && row.step == *step
                });
                for row in of_step.filter(|row| decided(row.state) && row.carried_out_at.is_none()) {
                    row.carried_out_at = Some(*at);
                }
            }
            // there are no triggers here
            Side::Fire(_) => {}
        }
    }
}

fn move_approval(row: &mut ApprovalRow, change: &ApprovalChange) {
    let ApprovalChange { state, approvers, escalated_at, decided_at, .. } = change.clone();
    let ApprovalChange { decided_by, note, edited_arguments, answer, carried_out_at, .. } = change.clone();
    row.state = state.unwrap_or(row.state);
    row.approvers = approvers.unwrap_or_else(|| std::mem::take(&mut row.approvers));
    row.escalated_at = escalated_at.or(row.escalated_at);
    row.decided_at = decided_at.or(row.decided_at);
    row.decided_by = decided_by.or_else(|| row.decided_by.take());
    row.note = note.or_else(|| row.note.take());
    row.edited_arguments = edited_arguments.or_else(|| row.edited_arguments.take());
    row.answer = answer.or_else(|| row.answer.take());
    row.carried_out_at = carried_out_at.or(row.carried_out_at);
}
