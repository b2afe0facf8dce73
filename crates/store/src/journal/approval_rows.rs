//! The statements that write the projection of approvals.

use moltforge_types::approval::ApprovalState;
use moltforge_types::{ApprovalId, ExecutionId, ProjectId, Timestamp};

use super::batch::no_nul;
use crate::approvals::{ApprovalChange, ApprovalRow};
use crate::sql::Value;

const PUT: &str = "INSERT INTO approval(project_id, approval_id, execution_id, agent_id, agent_name, version, step, tool, \
    arguments, call_sha256, state, approvers, expires_at, on_expiry, escalate_at, escalate_to, created_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
    ON CONFLICT (project_id, approval_id) DO NOTHING";

const MOVE: &str = "UPDATE approval SET state = COALESCE($1, state), approvers = COALESCE($2, approvers), \
    escalated_at = COALESCE($3, escalated_at), decided_at = COALESCE($4, decided_at), \
    decided_by = COALESCE($5, decided_by), note = COALESCE($6, note), \
    edited_arguments = COALESCE($7, edited_arguments), answer = COALESCE($8, answer), \
    carried_out_at = COALESCE($9, carried_out_at) \
    WHERE project_id = $10 AND approval_id = $11 AND execution_id = $12";

const CARRIED_OUT: &str = "UPDATE approval SET carried_out_at = $1 WHERE project_id = $2 AND execution_id = $3 \
    AND step = $4 AND state IN ('approved', 'rejected', 'expired') AND carried_out_at IS NULL";

/// Says when the consequence of a decision began, once.
pub(super) fn carried_out(
    project_id: ProjectId,
    execution_id: ExecutionId,
    step: u32,
    at: Timestamp,
) -> (&'static str, Vec<Value>) {
    (CARRIED_OUT, vec![time(Some(at)), text(project_id), text(execution_id), Value::Integer(Some(step.into()))])
}

/// Writes a new approval. One with its id stays as it is.
pub(super) fn put(row: &ApprovalRow) -> (&'static str, Vec<Value>) {
    let values = vec![
        text(row.project_id),
        text(row.approval_id),
        text(row.execution_id),
        text(row.agent_id),
        text(&row.agent_name),
        Value::Integer(Some(row.version.into())),
        Value::Integer(Some(row.step.into())),
        text(&row.tool),
        text(&row.arguments),
        text(&row.call_sha256),
        text(row.state),
        text(&row.approvers),
        time(Some(row.expires_at)),
        text(&row.on_expiry),
        time(row.escalate_at),
        text(&row.escalate_to),
        time(Some(row.created_at)),
    ];
    (PUT, values)
}

/// Changes an approval of an execution. One of another execution (of which this one is a fork) stays as it is.
pub(super) fn change(
    project_id: ProjectId,
    approval_id: ApprovalId,
    execution_id: ExecutionId,
    change: &ApprovalChange,
) -> (&'static str, Vec<Value>) {
    let values = vec![
        Value::Text(change.state.map(ApprovalState::as_str).map(str::to_owned)),
        Value::Text(change.approvers.clone()),
        time(change.escalated_at),
        time(change.decided_at),
        Value::Text(change.decided_by.clone()),
        Value::Text(change.note.clone()),
        Value::Text(change.edited_arguments.clone()),
        Value::Text(change.answer.clone()),
        time(change.carried_out_at),
        text(project_id),
        text(approval_id),
        text(execution_id),
    ];
    (MOVE, values)
}

pub(super) fn check(row: &ApprovalRow) -> Result<(), String> {
    [&row.agent_name, &row.tool, &row.arguments, &row.approvers, &row.escalate_to]
        .into_iter()
        .try_for_each(|text| no_nul(text))
}

pub(super) fn check_change(change: &ApprovalChange) -> Result<(), String> {
    let texts = [&change.approvers, &change.decided_by, &change.note, &change.edited_arguments, &change.answer];
    texts.into_iter().flatten().try_for_each(|text| no_nul(text))
}

fn text(text: impl std::fmt::Display) -> Value {
    Value::Text(Some(format!("{text}")))
}

fn time(at: Option<Timestamp>) -> Value {
    Value::Integer(at.map(Timestamp::as_micros))
}
