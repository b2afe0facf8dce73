//! Holds of agents and of the project.

use axum::extract::State;
use moltforge_api::holds::{Hold, HoldReceipt, SetHold};
use moltforge_api::{Page, Problem};
use moltforge_http::{ApiResult, Caller, Json, Path};
use moltforge_types::Scope;
use moltforge_types::execution::HoldMode;

use super::problem;
use crate::error::Error;
use crate::executions::Executions;

/// Lists what is held.
#[utoipa::path(
    get, path = "/v1/holds", operation_id = "holds.list", tag = "holds",
    responses(
        (status = 200, description = "Every hold that stands, that of the project first", body = Page<Hold>),
        (status = 403, description = "scope_missing: needs `executions:read`", body = Problem),
    )
)]
pub(super) async fn list(State(executions): State<Executions>, caller: Caller) -> ApiResult<Json<Page<Hold>>> {
    let principal = caller.require(Scope::ExecutionsRead)?;
    let items = executions.holds(principal.project_id).await.map_err(problem)?;
    Ok(Json(Page { items, next: None }))
}

/// Pauses an agent, or turns its kill switch on.
#[utoipa::path(
    put, path = "/v1/holds/agents/{agent}", operation_id = "holds.set_agent", tag = "holds",
    params(("agent" = String, Path, description = "Name or `agt_...`")), request_body = SetHold,
    responses(
        (status = 200, description = "It stands: nothing of the agent begins from here", body = HoldReceipt),
        (status = 400, description = "body_malformed, path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:write`", body = Problem),
        (status = 404, description = "agent_not_found", body = Problem),
        (status = 409, description = "kill_switch_on: a pause does not take its place", body = Problem),
        (status = 422, description = "field_invalid, body_invalid", body = Problem),
    )
)]
pub(super) async fn set_agent(
    State(executions): State<Executions>,
    caller: Caller,
    Path(agent): Path<String>,
    Json(body): Json<SetHold>,
) -> ApiResult<Json<HoldReceipt>> {
    let principal = caller.require(Scope::ExecutionsWrite)?;
    let mode = mode(&body.mode).map_err(problem)?;
    Ok(Json(executions.hold(principal, Some(&agent), mode, body.note).await.map_err(problem)?))
}

/// Lifts the hold of an agent.
#[utoipa::path(
    delete, path = "/v1/holds/agents/{agent}", operation_id = "holds.lift_agent", tag = "holds",
    params(("agent" = String, Path, description = "Name or `agt_...`")),
    responses(
        (status = 200, description = "Lifted: what it paused goes on", body = HoldReceipt),
        (status = 400, description = "path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:write`", body = Problem),
        (status = 404, description = "agent_not_found, not_held", body = Problem),
        (status = 503, description = "kill_unfinished: it has not reached everything yet; see `Retry-After`", body = Problem),
    )
)]
pub(super) async fn lift_agent(
    State(executions): State<Executions>,
    caller: Caller,
    Path(agent): Path<String>,
) -> ApiResult<Json<HoldReceipt>> {
    let principal = caller.require(Scope::ExecutionsWrite)?;
    Ok(Json(executions.lift(principal, Some(&agent)).await.map_err(problem)?))
}

/// Pauses the project, or turns its kill switch on.
#[utoipa::path(
    put, path = "/v1/holds/project", operation_id = "holds.set_project", tag = "holds", request_body = SetHold,
    responses(
        (status = 200, description = "It stands: nothing of the project begins from here", body = HoldReceipt),
        (status = 400, description = "body_malformed", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:write`", body = Problem),
        (status = 409, description = "kill_switch_on: a pause does not take its place", body = Problem),
        (status = 422, description = "field_invalid, body_invalid", body = Problem),
    )
)]
pub(super) async fn set_project(
    State(executions): State<Executions>,
    caller: Caller,
    Json(body): Json<SetHold>,
) -> ApiResult<Json<HoldReceipt>> {
    let principal = caller.require(Scope::ExecutionsWrite)?;
    let mode = mode(&body.mode).map_err(problem)?;
    Ok(Json(executions.hold(principal, None, mode, body.note).await.map_err(problem)?))
}

/// Lifts the hold of the project.
#[utoipa::path(
    delete, path = "/v1/holds/project", operation_id = "holds.lift_project", tag = "holds",
    responses(
        (status = 200, description = "Lifted: what it paused goes on", body = HoldReceipt),
        (status = 403, description = "scope_missing: needs `executions:write`", body = Problem),
        (status = 404, description = "not_held", body = Problem),
        (status = 503, description = "kill_unfinished: it has not reached everything yet; see `Retry-After`", body = Problem),
    )
)]
pub(super) async fn lift_project(State(executions): State<Executions>, caller: Caller) -> ApiResult<Json<HoldReceipt>> {
    let principal = caller.require(Scope::ExecutionsWrite)?;
    Ok(Json(executions.lift(principal, None).await.map_err(problem)?))
}

fn mode(text: &str) -> Result<HoldMode, Error> {
    match text {
        "pause" => Ok(HoldMode::Pause),
        "kill" => Ok(HoldMode::Kill),
        _ => Err(Error::FieldInvalid { field: "/mode", message: "expected pause or kill".to_owned() }),
    }
}
