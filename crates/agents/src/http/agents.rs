//! `/v1/agents`, `/v1/agents/{agent}`

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use moltforge_api::agents::{Agent, AgentPatch, CreateAgent, DeleteAgent, ListAgents};
use moltforge_api::{Page, Problem};
use moltforge_http::{ApiResult, Caller, IfMatch, Json, Path, Query, cursor, page_limit};
use moltforge_types::Scope;
use serde_json::{Map, Value};

use super::body::{ConfigBody, agent as answer};
use super::located;
use crate::{AgentPosition, Agents, ListedBy};

/// Lists agents in order of name.
#[utoipa::path(
    get, path = "/v1/agents", operation_id = "agents.list", tag = "agents", params(ListAgents),
    responses(
        (status = 200, description = "One page of agents.", body = Page<Agent>),
        (status = 400, description = "`cursor_invalid`, `limit_invalid`, `query_invalid`.", body = Problem),
        (status = 403, description = "`scope_missing`: needs `agents:read`.", body = Problem),
        (status = 422, description = "`environment_invalid`.", body = Problem),
    ),
)]
pub(super) async fn list(
    State(agents): State<Arc<Agents>>,
    caller: Caller,
    Query(query): Query<ListAgents>,
) -> ApiResult<Json<Page<Agent>>> {
    let principal = caller.require(Scope::AgentsRead)?;
    let limit = page_limit(query.limit)?;
    let (mut page, next) = agents.list(principal, &filter(query)?, limit).await?;
    page.next = next.map(|position| cursor::encode(&position));
    Ok(Json(page))
}

fn filter(query: ListAgents) -> ApiResult<ListedBy> {
    let environment = query.environment.map(|text| text.parse()).transpose();
    Ok(ListedBy {
        name_prefix: query.name_prefix,
        environment: environment.map_err(crate::Error::EnvironmentInvalid)?,
        deleted: query.deleted.unwrap_or(false),
        after: query.cursor.as_deref().map(cursor::decode::<AgentPosition>).transpose()?,
    })
}

/// Creates an agent with version 1, from JSON or from an agent file.
#[utoipa::path(
    post, path = "/v1/agents", operation_id = "agents.create", tag = "agents",
    request_body(content((CreateAgent = "application/json"), (String = "application/toml")),
        description = "The configuration, or an agent file."),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to repeat for 24 hours.")),
    responses(
        (status = 201, description = "The agent; `ETag` is its latest version.", body = Agent),
        (status = 403, description = "`scope_missing`: needs `agents:write`.", body = Problem),
        (status = 409, description = "`agent_name_taken`, `idempotency_in_progress`.", body = Problem),
        (status = 415, description = "`media_type_unsupported`.", body = Problem),
        (status = 422, description = "`agent_invalid`: the items name each fault. `body_invalid`.", body = Problem),
    ),
)]
pub(super) async fn create(
    State(agents): State<Arc<Agents>>,
    caller: Caller,
    ConfigBody(config): ConfigBody,
) -> ApiResult<Response> {
    let created = agents.create(caller.require(Scope::AgentsWrite)?, &config).await.map_err(located)?;
    Ok(answer(StatusCode::CREATED, created, None))
}

/// An agent with its latest configuration and what of it is live. As an agent file with `Accept: application/toml`.
#[utoipa::path(
    get, path = "/v1/agents/{agent}", operation_id = "agents.get", tag = "agents",
    params(("agent" = String, Path, description = "Its name, or its id (which finds deleted ones too).")),
    responses(
        (status = 200, description = "The agent; `ETag` is its latest version.",
            content((Agent = "application/json"), (String = "application/toml"))),
        (status = 403, description = "`scope_missing`: needs `agents:read`.", body = Problem),
        (status = 404, description = "`agent_not_found`.", body = Problem),
    ),
)]
pub(super) async fn get(
    State(agents): State<Arc<Agents>>,
    caller: Caller,
    Path(agent): Path<String>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let found = agents.get(caller.require(Scope::AgentsRead)?, &agent).await?;
    Ok(answer(StatusCode::OK, found, headers.get(ACCEPT)))
}

/// Gives an agent this configuration: a new version if it differs from the latest, a new agent if there is none of this
/// name. Safe to repeat.
#[utoipa::path(
    put, path = "/v1/agents/{agent}", operation_id = "agents.put", tag = "agents",
    params(("agent" = String, Path, description = "Its name or id.")),
    request_body(content((CreateAgent = "application/json"), (String = "application/toml")),
        description = "The configuration, or an agent file."),
    responses(
        (status = 200, description = "Nothing changed: the latest version has this content.", body = Agent),
        (status = 201, description = "A new version, or a new agent with version 1.", body = Agent),
        (status = 403, description = "`scope_missing`: needs `agents:write`.", body = Problem),
        (status = 404, description = "`agent_not_found`: by id.", body = Problem),
        (status = 410, description = "`agent_deleted`.", body = Problem),
        (status = 422, description = "`agent_invalid`, `agent_name_immutable`, `body_invalid`.", body = Problem),
    ),
)]
pub(super) async fn put(
    State(agents): State<Arc<Agents>>,
    caller: Caller,
    Path(agent): Path<String>,
    ConfigBody(config): ConfigBody,
) -> ApiResult<Response> {
    let put = agents.put(caller.require(Scope::AgentsWrite)?, &agent, &config).await.map_err(located)?;
    Ok(answer(if put.changed { StatusCode::CREATED } else { StatusCode::OK }, put.agent, None))
}

/// Changes the latest configuration by a JSON Merge Patch (RFC 7396), which makes a new version if anything differs.
#[utoipa::path(
    patch, path = "/v1/agents/{agent}", operation_id = "agents.patch", tag = "agents",
    params(
        ("agent" = String, Path, description = "Its name or id."),
        ("If-Match" = String, Header, description = "The `ETag` of the version that the patch is based on."),
    ),
    request_body(content = AgentPatch, content_type = "application/merge-patch+json",
        description = "The fields of the configuration to change; `null` removes one."),
    responses(
        (status = 200, description = "The agent; the same `ETag` as before when nothing changed.", body = Agent),
        (status = 403, description = "`scope_missing`: needs `agents:write`.", body = Problem),
        (status = 404, description = "`agent_not_found`.", body = Problem),
        (status = 410, description = "`agent_deleted`.", body = Problem),
        (status = 412, description = "`version_changed`: it is not the latest version any more.", body = Problem),
        (status = 422, description = "`agent_invalid`, `agent_name_immutable`.", body = Problem),
        (status = 428, description = "`if_match_required`.", body = Problem),
    ),
)]
pub(super) async fn patch(
    State(agents): State<Arc<Agents>>,
    caller: Caller,
    Path(agent): Path<String>,
    based_on: IfMatch,
    Json(patch): Json<Map<String, Value>>,
) -> ApiResult<Response> {
    let principal = caller.require(Scope::AgentsWrite)?;
    let patched = agents.patch(principal, &agent, based_on.version()?, &Value::Object(patch)).await;
    Ok(answer(StatusCode::OK, patched.map_err(located)?.agent, None))
}

/// Deletes an agent. Its versions, deployments and executions stay readable by its id; its name is free.
#[utoipa::path(
    delete, path = "/v1/agents/{agent}", operation_id = "agents.delete", tag = "agents",
    params(("agent" = String, Path, description = "Its name or id."), DeleteAgent),
    responses(
        (status = 204, description = "It is deleted."),
        (status = 400, description = "`query_invalid`: `executions` can only be `cancel`.", body = Problem),
        (status = 403, description = "`scope_missing`: needs `agents:write`, and `executions:write` to cancel.", body = Problem),
        (status = 404, description = "`agent_not_found`.", body = Problem),
        (status = 409, description = "`agent_has_live_executions`.", body = Problem),
        (status = 410, description = "`agent_deleted`.", body = Problem),
        (status = 503, description = "`executions_not_cancelled`: repeat the request with the agent's id.", body = Problem),
    ),
)]
pub(super) async fn delete(
    State(agents): State<Arc<Agents>>,
    caller: Caller,
    Path(agent): Path<String>,
    Query(query): Query<DeleteAgent>,
) -> ApiResult<StatusCode> {
    let principal = caller.require(Scope::AgentsWrite)?;
    let cancel = cancels(&query)?;
    if cancel {
        caller.require(Scope::ExecutionsWrite)?;
    }
    agents.delete(principal, &agent, cancel).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn cancels(query: &DeleteAgent) -> ApiResult<bool> {
    match query.executions.as_deref() {
        None => Ok(false),
        Some("cancel") => Ok(true),
        Some(_) => Err(moltforge_http::Error::QueryInvalid("expected executions=cancel".to_owned()).into()),
    }
}
