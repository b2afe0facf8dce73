//! `/v1/executions/{execution}/effects`

use axum::extract::State;
use moltforge_api::Problem;
use moltforge_api::approvals::{DecideEffect, Effect, Effects};
use moltforge_http::{ApiResult, Caller, Json, Path};
use moltforge_types::Scope;

use super::{execution_id, problem};
use crate::executions::Executions;

/// The calls of an execution that change something outside, with their keys, probes and decisions.
#[utoipa::path(
    get, path = "/v1/executions/{execution}/effects", operation_id = "executions.effects", tag = "executions",
    params(("execution" = String, Path, description = "`exe_...`")),
    responses(
        (status = 200, description = "In order of their steps", body = Effects),
        (status = 400, description = "path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:read`", body = Problem),
        (status = 404, description = "execution_not_found", body = Problem),
    )
)]
pub(super) async fn list(
    State(executions): State<Executions>,
    caller: Caller,
    Path(execution): Path<String>,
) -> ApiResult<Json<Effects>> {
    let principal = caller.require(Scope::ExecutionsRead)?;
    Ok(Json(executions.effects(principal.project_id, execution_id(&execution)?).await.map_err(problem)?))
}

/// Asks the other side about a call now. Answers when it has said something, or after 30 seconds.
#[utoipa::path(
    post, path = "/v1/executions/{execution}/effects/{step}/probe", operation_id = "executions.probe_effect",
    tag = "executions",
    params(("execution" = String, Path, description = "`exe_...`"), ("step" = u32, Path, description = "The step")),
    responses(
        (status = 200, description = "The effect with its latest probe", body = Effect),
        (status = 400, description = "path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:write`", body = Problem),
        (status = 404, description = "execution_not_found, effect_not_found", body = Problem),
        (status = 409, description = "effect_not_probed, execution_ended, execution_damaged", body = Problem),
    )
)]
pub(super) async fn probe(
    State(executions): State<Executions>,
    caller: Caller,
    Path((execution, step)): Path<(String, u32)>,
) -> ApiResult<Json<Effect>> {
    let principal = caller.require(Scope::ExecutionsWrite)?;
    Ok(Json(executions.probe_effect(principal, execution_id(&execution)?, step).await.map_err(problem)?))
}

/// Decides about a call whose outcome is not known. An execution that was held for such calls alone goes on with the last
/// decision.
#[utoipa::path(
    post, path = "/v1/executions/{execution}/effects/{step}/decision", operation_id = "executions.decide_effect",
    tag = "executions",
    params(("execution" = String, Path, description = "`exe_...`"), ("step" = u32, Path, description = "The step")),
    request_body = DecideEffect,
    responses(
        (status = 200, description = "Decided", body = Effect),
        (status = 400, description = "body_malformed, path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:write`", body = Problem),
        (status = 404, description = "execution_not_found, effect_not_found", body = Problem),
        (status = 409, description = "effect_not_unknown, execution_ended, execution_damaged", body = Problem),
        (status = 422, description = "field_invalid, body_invalid", body = Problem),
    )
)]
pub(super) async fn decide(
    State(executions): State<Executions>,
    caller: Caller,
    Path((execution, step)): Path<(String, u32)>,
    Json(body): Json<DecideEffect>,
) -> ApiResult<Json<Effect>> {
    let principal = caller.require(Scope::ExecutionsWrite)?;
    Ok(Json(executions.decide_effect(principal, execution_id(&execution)?, step, body).await.map_err(problem)?))
}
