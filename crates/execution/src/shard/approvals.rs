//! The rows of approvals that follow from what a command wrote: a projection, committed with its entries.

use moltforge_store::{ApprovalChange, ApprovalRow, Side};
use moltforge_types::ApprovalId;
use moltforge_types::approval::{ApprovalState, Decision};
use moltforge_types::journal::Entry;

use super::hot::Hot;
use crate::engine::Recorded;
use crate::engine::approval::{REQUEST_TOOL, waiting};

/// `hot` is the execution after the command.
pub(crate) fn rows(hot: &Hot, recorded: &[Recorded]) -> Vec<Side> {
    let mut rows = Vec::new();
    for one in recorded {
        rows.extend(row(hot, one));
    }
    if let Some(last) = recorded.last()
        && hot.execution.state.is_terminal()
    {
        // nobody can decide any more
        for (_, ask) in waiting(&hot.execution) {
            let state = Some(ApprovalState::Cancelled);
            let change = ApprovalChange { state, decided_at: Some(last.at), ..ApprovalChange::default() };
            rows.push(moved(hot, ask.approval_id, change));
        }
    }
    rows
}

fn row(hot: &Hot, recorded: &Recorded) -> Option<Side> {
    let at = recorded.at;
    let (approval_id, change) = match &recorded.entry {
        Entry::ApprovalRequested { .. } => return requested(hot, recorded),
        Entry::ToolSucceeded { step, tool, .. } | Entry::ToolFailed { step, tool, .. } => {
            // the model has been told; only steps that may have had an approval are looked for
            let spec = &hot.execution.spec;
            let (project_id, execution_id, step) = (spec.project_id, hot.execution.id, *step);
            let may_have_one = tool == REQUEST_TOOL || spec.asks_for(tool);
            return may_have_one.then_some(Side::ApprovalCarriedOut { project_id, execution_id, step, at });
        }
        Entry::ApprovalDecided { approval_id, decision, by, note, arguments, answer, .. } => {
            let change = ApprovalChange {
                state: Some(match decision {
                    Decision::Approved => ApprovalState::Approved,
                    Decision::Rejected => ApprovalState::Rejected,
                    Decision::Expired => ApprovalState::Expired,
                }),
                decided_at: Some(at),
                decided_by: Some(by.clone()),
                note: note.clone(),
                edited_arguments: arguments.as_ref().map(ToString::to_string),
                answer: answer.as_ref().map(ToString::to_string),
                ..ApprovalChange::default()
            };
            (*approval_id, change)
        }
        Entry::ApprovalEscalated { approval_id, .. } => {
            let approvers = waiting(&hot.execution)
                .find(|(_, ask)| ask.approval_id == *approval_id)
                .map(|(_, ask)| list(&ask.approvers));
            (*approval_id, ApprovalChange { approvers, escalated_at: Some(at), ..ApprovalChange::default() })
        }
        Entry::ApprovalReopened { approval_id, .. } => {
            (*approval_id, ApprovalChange { state: Some(ApprovalState::Reopened), ..ApprovalChange::default() })
        }
        Entry::ToolInvoked { approval_id: Some(approval_id), .. } => {
            (*approval_id, ApprovalChange { carried_out_at: Some(at), ..ApprovalChange::default() })
        }
        _ => return None,
    };
    Some(moved(hot, approval_id, change))
}

fn requested(hot: &Hot, recorded: &Recorded) -> Option<Side> {
    let Entry::ApprovalRequested {
        approval_id,
        step,
        tool,
        arguments,
        call_sha256,
        approvers,
        due,
        on_expiry,
        escalate_at,
        escalate_to,
        ..
    } = &recorded.entry
    else {
        return None;
    };
    let spec = &hot.execution.spec;
    Some(Side::Approval(Box::new(ApprovalRow {
        project_id: spec.project_id,
        approval_id: *approval_id,
        execution_id: hot.execution.id,
        agent_id: spec.agent_id,
        agent_name: spec.agent_name.to_string(),
        version: spec.version,
        step: *step,
        tool: tool.clone(),
        arguments: arguments.to_string(),
        call_sha256: call_sha256.clone(),
        state: ApprovalState::Pending,
        approvers: list(approvers),
        expires_at: *due,
        on_expiry: on_expiry.to_string(),
        escalate_at: *escalate_at,
        escalate_to: list(escalate_to),
        escalated_at: None,
        created_at: recorded.at,
        decided_at: None,
        decided_by: None,
        note: None,
        edited_arguments: None,
        answer: None,
        carried_out_at: None,
    })))
}

fn moved(hot: &Hot, approval_id: ApprovalId, change: ApprovalChange) -> Side {
    let (project_id, execution_id) = (hot.execution.spec.project_id, hot.execution.id);
    Side::ApprovalMoved { project_id, approval_id, execution_id, change: Box::new(change) }
}

fn list(names: &[String]) -> String {
    serde_json::Value::from(names.to_vec()).to_string()
}
