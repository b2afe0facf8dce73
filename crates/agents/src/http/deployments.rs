//! `/v1/agents/{agent}/deployments`, `/v1/agents/{agent}/rollback`

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use moltforge_api::deployments::{Deploy, Deployment, ListDeployments, Rollback};
use moltforge_api::{Page, Problem};
use moltforge_http::{ApiResult, Caller, Json, Path, Query, cursor, page_limit};
use moltforge_types::Scope;

use crate::Agents;

/// Lists an agent's deployments with its history, the newest first.
#[utoipa::path(
    get, path = "/v1/agents/{agent}/deployments", operation_id = "deployments.list", tag = "deployments",
    params(("agent" = String, Path, description = "The agent's name or id."), ListDeployments),
    responses(
        (status = 200, description = "One page of deployments.", body = Page<Deployment>),
        (status = 400, description = "`cursor_invalid`, `limit_invalid`, `query_invalid`.", body = Problem),
        (status = 403, description = "`scope_missing`: needs `agents:read`.", body = Problem),
        (status = 404, description = "`agent_not_found`.", body = Problem),
        (status = 422, description = "`environment_invalid`.", body = Problem),
    ),
)]
pub(super) async fn list(
    State(agents): State<Arc<Agents>>,
    caller: Caller,
    Path(agent): Path<String>,
    Query(query): Query<ListDeployments>,
) -> ApiResult<Json<Page<Deployment>>> {
    let principal = caller.require(Scope::AgentsRead)?;
    let before = query.cursor.as_deref().map(cursor::decode).transpose()?;
    let (limit, environment) = (page_limit(query.limit)?, query.environment.as_deref());
    let (mut page, next) = agents.deployments(principal, &agent, environment, before, limit).await?;
    page.next = next.map(|n| cursor::encode(&n));
    Ok(Json(page))
}

/// Makes a version live in an environment, in place of the one that is. New executions take it; running ones keep theirs.
#[utoipa::path(
    post, path = "/v1/agents/{agent}/deployments", operation_id = "deployments.deploy", tag = "deployments",
    params(
        ("agent" = String, Path, description = "The agent's name or id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to repeat for 24 hours."),
    ),
    request_body = Deploy,
    responses(
        (status = 200, description = "Nothing changed: this version is live there already.", body = Deployment),
        (status = 201, description = "The version is live.", body = Deployment),
        (status = 403, description = "`scope_missing`: needs `agents:write`.", body = Problem),
        (status = 404, description = "`agent_not_found`, `version_not_found`.", body = Problem),
        (status = 409, description = "`environment_limit`, `idempotency_in_progress`.", body = Problem),
        (status = 410, description = "`agent_deleted`.", body = Problem),
        (status = 422, description = "`model_unknown`, `environment_invalid`, `body_invalid`.", body = Problem),
    ),
)]
pub(super) async fn deploy(
    State(agents): State<Arc<Agents>>,
    caller: Caller,
    Path(agent): Path<String>,
    Json(wanted): Json<Deploy>,
) -> ApiResult<(StatusCode, Json<Deployment>)> {
    let (live, changed) = agents.deploy(caller.require(Scope::AgentsWrite)?, &agent, &wanted).await?;
    Ok((status(changed), Json(live)))
}

/// Takes an agent out of an environment. Its running executions go on.
#[utoipa::path(
    delete, path = "/v1/agents/{agent}/deployments/{environment}", operation_id = "deployments.undeploy",
    tag = "deployments",
    params(
        ("agent" = String, Path, description = "The agent's name or id."),
        ("environment" = String, Path, description = "The environment's name."),
    ),
    responses(
        (status = 204, description = "Nothing of the agent is live there."),
        (status = 403, description = "`scope_missing`: needs `agents:write`.", body = Problem),
        (status = 404, description = "`agent_not_found`, `deployment_not_found`.", body = Problem),
        (status = 410, description = "`agent_deleted`.", body = Problem),
    ),
)]
pub(super) async fn undeploy(
    State(agents): State<Arc<Agents>>,
    caller: Caller,
    Path((agent, environment)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    agents.undeploy(caller.require(Scope::AgentsWrite)?, &agent, &environment).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes an earlier version live again: the one that was live before the live one, or the one that is named.
#[utoipa::path(
    post, path = "/v1/agents/{agent}/rollback", operation_id = "deployments.rollback", tag = "deployments",
    params(
        ("agent" = String, Path, description = "The agent's name or id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to repeat for 24 hours."),
    ),
    request_body = Rollback,
    responses(
        (status = 200, description = "Nothing changed: this version is live there already.", body = Deployment),
        (status = 201, description = "The earlier version is live.", body = Deployment),
        (status = 403, description = "`scope_missing`: needs `agents:write`.", body = Problem),
        (status = 404, description = "`agent_not_found`.", body = Problem),
        (status = 409, description = "`no_earlier_deployment`, `idempotency_in_progress`.", body = Problem),
        (status = 410, description = "`agent_deleted`.", body = Problem),
        (status = 422, description = "`model_unknown`, `environment_invalid`, `body_invalid`.", body = Problem),
    ),
)]
pub(super) async fn rollback(
    State(agents): State<Arc<Agents>>,
    caller: Caller,
    Path(agent): Path<String>,
    Json(wanted): Json<Rollback>,
) -> ApiResult<(StatusCode, Json<Deployment>)> {
    let (live, changed) = agents.rollback(caller.require(Scope::AgentsWrite)?, &agent, &wanted).await?;
    Ok((status(changed), Json(live)))
}

fn status(changed: bool) -> StatusCode {
    if changed { StatusCode::CREATED } else { StatusCode::OK }
}
