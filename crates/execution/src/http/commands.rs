//! Pause, resume, cancel, signal. Each is durable before it is answered.

use axum::extract::State;
use moltforge_api::Problem;
use moltforge_api::executions::{CancelExecution, Execution, PauseExecution, ResumeExecution, SignalExecution};
use moltforge_http::{ApiResult, Caller, IdempotencyKey, Json, Path};
use moltforge_types::Scope;

use super::{execution_id, problem};
use crate::executions::Executions;

/// Holds an execution until it is resumed.
#[utoipa::path(
    post, path = "/v1/executions/{execution}/pause", operation_id = "executions.pause", tag = "executions",
    params(("execution" = String, Path, description = "`exe_...`")), request_body = PauseExecution,
    responses(
        (status = 200, description = "Held (or held already)", body = Execution),
        (status = 400, description = "body_malformed, path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:write`", body = Problem),
        (status = 404, description = "execution_not_found", body = Problem),
        (status = 409, description = "execution_ended, execution_stopping", body = Problem),
        (status = 422, description = "body_invalid", body = Problem),
    )
)]
pub(super) async fn pause(
    State(executions): State<Executions>,
    caller: Caller,
    Path(execution): Path<String>,
    Json(body): Json<PauseExecution>,
) -> ApiResult<Json<Execution>> {
    let principal = caller.require(Scope::ExecutionsWrite)?;
    Ok(Json(executions.pause(principal, execution_id(&execution)?, body.note).await.map_err(problem)?))
}

/// Lets a paused execution go on.
#[utoipa::path(
    post, path = "/v1/executions/{execution}/resume", operation_id = "executions.resume", tag = "executions",
    params(("execution" = String, Path, description = "`exe_...`")), request_body = ResumeExecution,
    responses(
        (status = 200, description = "It goes on", body = Execution),
        (status = 400, description = "body_malformed, path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:write`", body = Problem),
        (status = 404, description = "execution_not_found", body = Problem),
        (status = 409, description = "execution_ended, execution_not_paused, execution_held, execution_stopping, execution_damaged, unknown_effects", body = Problem),
        (status = 422, description = "field_invalid, body_invalid", body = Problem),
    )
)]
pub(super) async fn resume(
    State(executions): State<Executions>,
    caller: Caller,
    Path(execution): Path<String>,
    Json(body): Json<ResumeExecution>,
) -> ApiResult<Json<Execution>> {
    let principal = caller.require(Scope::ExecutionsWrite)?;
    let id = execution_id(&execution)?;
    Ok(Json(executions.resume(principal, id, body.unknown_effects.as_deref()).await.map_err(problem)?))
}

/// Stops an execution and everything below it for good, from any state. Once this is answered nothing new is dispatched;
/// calls with a durable intent may end, for 30 seconds at most.
#[utoipa::path(
    post, path = "/v1/executions/{execution}/cancel", operation_id = "executions.cancel", tag = "executions",
    params(("execution" = String, Path, description = "`exe_...`")), request_body = CancelExecution,
    responses(
        (status = 200, description = "Cancelled (or cancelled already)", body = Execution),
        (status = 400, description = "body_malformed, path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:write`", body = Problem),
        (status = 404, description = "execution_not_found", body = Problem),
        (status = 409, description = "execution_ended: it completed or failed before", body = Problem),
        (status = 422, description = "body_invalid", body = Problem),
    )
)]
pub(super) async fn cancel(
    State(executions): State<Executions>,
    caller: Caller,
    Path(execution): Path<String>,
    Json(body): Json<CancelExecution>,
) -> ApiResult<Json<Execution>> {
    let principal = caller.require(Scope::ExecutionsWrite)?;
    Ok(Json(executions.cancel(principal, execution_id(&execution)?, body.note).await.map_err(problem)?))
}

/// Stops an execution and everything below it at once: calls are aborted, whatever they are.
#[utoipa::path(
    post, path = "/v1/executions/{execution}/kill", operation_id = "executions.kill", tag = "executions",
    params(("execution" = String, Path, description = "`exe_...`")), request_body = CancelExecution,
    responses(
        (status = 200, description = "Killed, with a receipt of what was reaped", body = Execution),
        (status = 400, description = "body_malformed, path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:write`", body = Problem),
        (status = 404, description = "execution_not_found", body = Problem),
        (status = 409, description = "execution_ended: it completed or failed before", body = Problem),
        (status = 422, description = "body_invalid", body = Problem),
    )
)]
pub(super) async fn kill(
    State(executions): State<Executions>,
    caller: Caller,
    Path(execution): Path<String>,
    Json(body): Json<CancelExecution>,
) -> ApiResult<Json<Execution>> {
    let principal = caller.require(Scope::ExecutionsWrite)?;
    Ok(Json(executions.kill(principal, execution_id(&execution)?, body.note).await.map_err(problem)?))
}

/// Hands an execution a signal. It is kept until a step takes it.
#[utoipa::path(
    post, path = "/v1/executions/{execution}/signals", operation_id = "executions.signal", tag = "executions",
    params(
        ("execution" = String, Path, description = "`exe_...`"),
        ("idempotency-key" = Option<String>, Header, description = "A second signal with the same key changes nothing"),
    ),
    request_body = SignalExecution,
    responses(
        (status = 200, description = "Durable", body = Execution),
        (status = 400, description = "body_malformed, path_invalid, idempotency_key_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:write`", body = Problem),
        (status = 404, description = "execution_not_found", body = Problem),
        (status = 409, description = "execution_ended, execution_damaged", body = Problem),
        (status = 422, description = "field_invalid, body_invalid", body = Problem),
        (status = 429, description = "signal_buffer_full", body = Problem),
    )
)]
pub(super) async fn signal(
    State(executions): State<Executions>,
    caller: Caller,
    Path(execution): Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<SignalExecution>,
) -> ApiResult<Json<Execution>> {
    let principal = caller.require(Scope::ExecutionsWrite)?;
    let id = execution_id(&execution)?;
    Ok(Json(executions.signal(principal, id, body.name, body.payload, key).await.map_err(problem)?))
}
