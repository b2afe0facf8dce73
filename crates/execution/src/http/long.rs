//! Fork and replay.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use moltforge_api::Problem;
use moltforge_api::executions::{Execution, ForkExecution, ReplayExecution, Replayed};
use moltforge_http::{ApiResult, Caller, IdempotencyKey, Json, Path};
use moltforge_types::Scope;

use super::{execution_id, problem};
use crate::executions::{Executions, Started};

/// Starts a new execution with a copy of this one's steps before a step. What the copied steps did is not done again.
#[utoipa::path(
    post, path = "/v1/executions/{execution}/fork", operation_id = "executions.fork", tag = "executions",
    params(
        ("execution" = String, Path, description = "`exe_...`"),
        ("idempotency-key" = Option<String>, Header, description = "Makes the fork safe to repeat while the new execution exists"),
    ),
    request_body = ForkExecution,
    responses(
        (status = 201, description = "The new execution: durable before this answer", body = Execution),
        (status = 200, description = "The execution that an earlier request with the same key made", body = Execution),
        (status = 400, description = "body_malformed, path_invalid, idempotency_key_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:write`", body = Problem),
        (status = 404, description = "execution_not_found, version_not_found", body = Problem),
        (status = 409, description = "fork_too_long, replay_differs", body = Problem),
        (status = 410, description = "agent_deleted", body = Problem),
        (status = 422, description = "fork_step_invalid, input_invalid, field_invalid, version_invalid, body_invalid, idempotency_key_reused", body = Problem),
        (status = 429, description = "queue_full", body = Problem),
        (status = 503, description = "shard_unowned, draining, commit_timeout", body = Problem),
    )
)]
pub(super) async fn fork(
    State(executions): State<Executions>,
    caller: Caller,
    Path(execution): Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<ForkExecution>,
) -> ApiResult<Response> {
    let principal = caller.require(Scope::ExecutionsWrite)?;
    let id = execution_id(&execution)?;
    let Started { execution, created } = executions.fork(principal, id, body, key).await.map_err(problem)?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let location = HeaderValue::try_from(format!("/v1/executions/{}", execution.execution_id)).ok();
    let mut response = (status, Json(execution)).into_response();
    response.headers_mut().extend(location.map(|location| (header::LOCATION, location)));
    Ok(response)
}

/// Runs the engine over the recorded journal again, and the program of a code agent with the recorded answers, without any
/// effect, and says where they do something else.
#[utoipa::path(
    post, path = "/v1/executions/{execution}/replay", operation_id = "executions.replay", tag = "executions",
    params(("execution" = String, Path, description = "`exe_...`")), request_body = ReplayExecution,
    responses(
        (status = 200, description = "Identical, or the first difference", body = Replayed),
        (status = 400, description = "body_malformed, path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:read`", body = Problem),
        (status = 404, description = "execution_not_found, version_not_found", body = Problem),
        (status = 422, description = "version_invalid, body_invalid", body = Problem),
        (status = 429, description = "queue_full", body = Problem),
        (status = 503, description = "sandbox_unavailable", body = Problem),
    )
)]
pub(super) async fn replay(
    State(executions): State<Executions>,
    caller: Caller,
    Path(execution): Path<String>,
    Json(body): Json<ReplayExecution>,
) -> ApiResult<Json<Replayed>> {
    let principal = caller.require(Scope::ExecutionsRead)?;
    let id = execution_id(&execution)?;
    Ok(Json(executions.replay(principal.project_id, id, body).await.map_err(problem)?))
}
