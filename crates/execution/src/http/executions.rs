//! Start, read and list.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use moltforge_api::executions::{Execution, ListExecutions, ListSteps, StartExecution, Step, StopReceipt, TreeNode};
use moltforge_api::{Page, Problem};
use moltforge_http::{ApiResult, Caller, IdempotencyKey, Json, Path, Query, cursor, page_limit};
use moltforge_types::{ExecutionId, Scope};

use super::{execution_id, problem};
use crate::executions::{Executions, Started, StepPage};

/// Starts an execution of an agent's live version, or of the version that is named.
#[utoipa::path(
    post, path = "/v1/executions", operation_id = "executions.start", tag = "executions",
    request_body = StartExecution,
    params(
        ("idempotency-key" = Option<String>, Header, description = "Makes the start safe to repeat while the execution exists"),
        ("prefer" = Option<String>, Header, description = "`wait=SECONDS`, at most 300: answer when it has ended or waits"),
    ),
    responses(
        (status = 201, description = "Accepted: durable before this answer", body = Execution),
        (status = 200, description = "The execution that an earlier request with the same key started", body = Execution),
        (status = 400, description = "body_malformed, idempotency_key_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:write`", body = Problem),
        (status = 404, description = "agent_not_found, version_not_found", body = Problem),
        (status = 409, description = "agent_not_deployed", body = Problem),
        (status = 422, description = "input_invalid, field_invalid, body_invalid, idempotency_key_reused", body = Problem),
        (status = 429, description = "queue_full, queue_too_old", body = Problem),
        (status = 503, description = "shard_unowned, draining, commit_timeout", body = Problem),
    )
)]
pub(super) async fn start(
    State(executions): State<Executions>,
    caller: Caller,
    IdempotencyKey(key): IdempotencyKey,
    headers: HeaderMap,
    Json(request): Json<StartExecution>,
) -> ApiResult<Response> {
    let principal = caller.require(Scope::ExecutionsWrite)?;
    let wait = preferred_wait(&headers);
    let Started { execution, created } = executions.accept(principal, request, key, wait).await.map_err(problem)?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let location = HeaderValue::try_from(format!("/v1/executions/{}", execution.execution_id)).ok();
    let mut response = (status, Json(execution)).into_response();
    response.headers_mut().extend(location.map(|location| (header::LOCATION, location)));
    if wait.is_some() {
        response.headers_mut().insert("preference-applied", HeaderValue::from_static("wait"));
    }
    Ok(response)
}

/// `Prefer: wait=SECONDS` (RFC 7240). Anything else in the header is somebody else's preference.
fn preferred_wait(headers: &HeaderMap) -> Option<Duration> {
    headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .find_map(|part| part.trim().strip_prefix("wait=")?.trim().parse().ok())
        .map(Duration::from_secs)
}

/// Lists executions, newest first.
#[utoipa::path(
    get, path = "/v1/executions", operation_id = "executions.list", tag = "executions", params(ListExecutions),
    responses(
        (status = 200, description = "A page", body = Page<Execution>),
        (status = 400, description = "cursor_invalid, limit_invalid, query_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:read`", body = Problem),
        (status = 404, description = "agent_not_found", body = Problem),
        (status = 422, description = "field_invalid", body = Problem),
    )
)]
pub(super) async fn list(
    State(executions): State<Executions>,
    caller: Caller,
    Query(query): Query<ListExecutions>,
) -> ApiResult<Json<Page<Execution>>> {
    let principal = caller.require(Scope::ExecutionsRead)?;
    let limit = page_limit(query.limit)?;
    let before = query.cursor.as_deref().map(cursor::decode::<ExecutionId>).transpose()?;
    let page = executions.list(principal.project_id, &query, before, limit).await.map_err(problem)?;
    Ok(Json(page))
}

/// Reads one execution.
#[utoipa::path(
    get, path = "/v1/executions/{execution}", operation_id = "executions.get", tag = "executions",
    params(("execution" = String, Path, description = "`exe_...`")),
    responses(
        (status = 200, description = "The execution", body = Execution),
        (status = 400, description = "path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:read`", body = Problem),
        (status = 404, description = "execution_not_found", body = Problem),
    )
)]
pub(super) async fn get(
    State(executions): State<Executions>,
    caller: Caller,
    Path(execution): Path<String>,
) -> ApiResult<Json<Execution>> {
    let principal = caller.require(Scope::ExecutionsRead)?;
    Ok(Json(executions.get(principal.project_id, execution_id(&execution)?).await.map_err(problem)?))
}

/// The steps of an execution: oldest first, or newest first with `order=desc`.
#[utoipa::path(
    get, path = "/v1/executions/{execution}/steps", operation_id = "executions.steps", tag = "executions",
    params(("execution" = String, Path, description = "`exe_...`"), ListSteps),
    responses(
        (status = 200, description = "A page of steps", body = Page<Step>),
        (status = 400, description = "cursor_invalid, limit_invalid, query_invalid, path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:read`", body = Problem),
        (status = 404, description = "execution_not_found", body = Problem),
        (status = 422, description = "field_invalid", body = Problem),
    )
)]
pub(super) async fn steps(
    State(executions): State<Executions>,
    caller: Caller,
    Path(execution): Path<String>,
    Query(query): Query<ListSteps>,
) -> ApiResult<Json<Page<Step>>> {
    let principal = caller.require(Scope::ExecutionsRead)?;
    let id = execution_id(&execution)?;
    let limit = page_limit(query.limit)?;
    let place = query.cursor.as_deref().map(cursor::decode).transpose()?;
    let wanted = StepPage::new(query.order.as_deref(), place).map_err(problem)?;
    let (items, next) = executions.steps_page(principal.project_id, id, wanted, limit).await.map_err(problem)?;
    Ok(Json(Page { items, next: next.map(|place| cursor::encode(&place)) }))
}

/// What a stop did to an execution and everything below it.
#[utoipa::path(
    get, path = "/v1/executions/{execution}/receipt", operation_id = "executions.receipt", tag = "executions",
    params(("execution" = String, Path, description = "`exe_...`")),
    responses(
        (status = 200, description = "As the journals say", body = StopReceipt),
        (status = 400, description = "path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:read`", body = Problem),
        (status = 404, description = "execution_not_found", body = Problem),
    )
)]
pub(super) async fn receipt(
    State(executions): State<Executions>,
    caller: Caller,
    Path(execution): Path<String>,
) -> ApiResult<Json<StopReceipt>> {
    let principal = caller.require(Scope::ExecutionsRead)?;
    Ok(Json(executions.receipt(principal.project_id, execution_id(&execution)?).await.map_err(problem)?))
}

/// An execution and everything below it, parents before children. At most 10,000.
#[utoipa::path(
    get, path = "/v1/executions/{execution}/tree", operation_id = "executions.tree", tag = "executions",
    params(("execution" = String, Path, description = "`exe_...`")),
    responses(
        (status = 200, description = "The tree", body = Page<TreeNode>),
        (status = 400, description = "path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:read`", body = Problem),
        (status = 404, description = "execution_not_found", body = Problem),
    )
)]
pub(super) async fn tree(
    State(executions): State<Executions>,
    caller: Caller,
    Path(execution): Path<String>,
) -> ApiResult<Json<Page<TreeNode>>> {
    let principal = caller.require(Scope::ExecutionsRead)?;
    let items = executions.tree(principal.project_id, execution_id(&execution)?).await.map_err(problem)?;
    Ok(Json(Page { items, next: None }))
}
