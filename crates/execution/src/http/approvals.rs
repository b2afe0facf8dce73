//! `/v1/approvals`

use axum::extract::State;
use moltforge_api::approvals::{Approval, ApprovalCount, CallbackDecision, DecideApproval, ListApprovals};
use moltforge_api::{Page, Problem};
use moltforge_http::{ApiResult, Caller, Json, Path, Query, cursor, page_limit};
use moltforge_types::{ApprovalId, Principal, Scope};

use super::problem;
use crate::approvals::approval_id;
use crate::executions::Executions;

/// Who decides must see what about.
fn reader(caller: &Caller) -> ApiResult<&Principal> {
    caller.require(Scope::ApprovalsDecide).or_else(|_| caller.require(Scope::ExecutionsRead))
}

/// Lists approvals, newest first.
#[utoipa::path(
    get, path = "/v1/approvals", operation_id = "approvals.list", tag = "approvals", params(ListApprovals),
    responses(
        (status = 200, description = "A page", body = Page<Approval>),
        (status = 400, description = "cursor_invalid, limit_invalid, query_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:read` or `approvals:decide`", body = Problem),
        (status = 404, description = "agent_not_found, execution_not_found", body = Problem),
        (status = 422, description = "field_invalid", body = Problem),
    )
)]
pub(super) async fn list(
    State(executions): State<Executions>,
    caller: Caller,
    Query(query): Query<ListApprovals>,
) -> ApiResult<Json<Page<Approval>>> {
    let principal = reader(&caller)?;
    let limit = page_limit(query.limit)?;
    let before = query.cursor.as_deref().map(cursor::decode::<ApprovalId>).transpose()?;
    Ok(Json(executions.approvals(principal.project_id, &query, before, limit).await.map_err(problem)?))
}

/// Counts the calls that wait for a person.
#[utoipa::path(
    get, path = "/v1/approvals/count", operation_id = "approvals.count", tag = "approvals",
    responses(
        (status = 200, description = "How many", body = ApprovalCount),
        (status = 403, description = "scope_missing: needs `executions:read` or `approvals:decide`", body = Problem),
    )
)]
pub(super) async fn count(State(executions): State<Executions>, caller: Caller) -> ApiResult<Json<ApprovalCount>> {
    let principal = reader(&caller)?;
    Ok(Json(executions.approval_count(principal.project_id).await.map_err(problem)?))
}

/// Reads one approval; with a decision URL for callers who may decide about it.
#[utoipa::path(
    get, path = "/v1/approvals/{approval}", operation_id = "approvals.get", tag = "approvals",
    params(("approval" = String, Path, description = "`apr_...`")),
    responses(
        (status = 200, description = "The approval", body = Approval),
        (status = 400, description = "path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:read` or `approvals:decide`", body = Problem),
        (status = 404, description = "approval_not_found", body = Problem),
    )
)]
pub(super) async fn get(
    State(executions): State<Executions>,
    caller: Caller,
    Path(approval): Path<String>,
) -> ApiResult<Json<Approval>> {
    let principal = reader(&caller)?;
    Ok(Json(executions.approval(principal, approval_id(&approval)?).await.map_err(problem)?))
}

/// Decides about a call that waits. Durable with its consequence before it is answered; the same decision again is
/// answered the same.
#[utoipa::path(
    post, path = "/v1/approvals/{approval}/decision", operation_id = "approvals.decide", tag = "approvals",
    params(("approval" = String, Path, description = "`apr_...`")), request_body = DecideApproval,
    responses(
        (status = 200, description = "Decided", body = Approval),
        (status = 400, description = "body_malformed, path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `approvals:decide`; approver_required", body = Problem),
        (status = 404, description = "approval_not_found", body = Problem),
        (status = 409, description = "approval_decided, approval_changed, approval_expired, execution_damaged", body = Problem),
        (status = 422, description = "field_invalid, body_invalid", body = Problem),
        (status = 503, description = "shard_unowned, draining, commit_timeout", body = Problem),
    )
)]
pub(super) async fn decide(
    State(executions): State<Executions>,
    caller: Caller,
    Path(approval): Path<String>,
    Json(body): Json<DecideApproval>,
) -> ApiResult<Json<Approval>> {
    let principal = caller.require(Scope::ApprovalsDecide)?;
    Ok(Json(executions.decide_approval(principal, approval_id(&approval)?, body).await.map_err(problem)?))
}

/// Decides with the token of an approval's `callback` in place of a key.
#[utoipa::path(
    post, path = "/v1/approvals/{approval}/callback", operation_id = "approvals.callback", tag = "approvals",
    params(("approval" = String, Path, description = "`apr_...`")), request_body = CallbackDecision,
    responses(
        (status = 200, description = "Decided", body = Approval),
        (status = 400, description = "body_malformed, path_invalid", body = Problem),
        (status = 403, description = "callback_invalid, approver_required", body = Problem),
        (status = 409, description = "approval_decided, approval_expired, execution_damaged", body = Problem),
        (status = 422, description = "field_invalid, body_invalid", body = Problem),
        (status = 503, description = "shard_unowned, draining, commit_timeout", body = Problem),
    ),
    security(())
)]
pub(super) async fn callback(
    State(executions): State<Executions>,
    Path(approval): Path<String>,
    Json(body): Json<CallbackDecision>,
) -> ApiResult<Json<Approval>> {
    Ok(Json(executions.call_back(approval_id(&approval)?, body).await.map_err(problem)?))
}
