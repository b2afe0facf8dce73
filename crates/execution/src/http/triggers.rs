//! `/v1/triggers`

use axum::extract::State;
use axum::http::StatusCode;
use moltforge_api::triggers::{CreateTrigger, Fire, FireTrigger, ListTriggers, Trigger, TriggerSecret, UpdateTrigger};
use moltforge_api::{Page, PageQuery, Problem};
use moltforge_http::{ApiResult, Caller, IdempotencyKey, Json, Path, Query, cursor, page_limit};
use moltforge_types::{Scope, TriggerId};

use super::problem;
use crate::error::Error;
use crate::triggers::Triggers;

/// An id from a path: text that is no id names no trigger.
fn trigger_id(text: &str) -> Result<TriggerId, Error> {
    text.parse().map_err(|_| Error::TriggerNotFound(text.chars().take(80).collect()))
}

/// Makes a trigger of an agent. The answer to a webhook holds its secret, which is shown this once.
#[utoipa::path(
    post, path = "/v1/triggers", operation_id = "triggers.create", tag = "triggers", request_body = CreateTrigger,
    responses(
        (status = 201, description = "Made", body = TriggerSecret),
        (status = 400, description = "body_malformed", body = Problem),
        (status = 403, description = "scope_missing: needs `agents:write`", body = Problem),
        (status = 404, description = "agent_not_found", body = Problem),
        (status = 409, description = "trigger_name_taken, trigger_limit", body = Problem),
        (status = 422, description = "trigger_invalid, field_invalid, body_invalid", body = Problem),
        (status = 503, description = "webhook_key_missing", body = Problem),
    )
)]
pub(super) async fn create(
    State(triggers): State<Triggers>,
    caller: Caller,
    Json(body): Json<CreateTrigger>,
) -> ApiResult<(StatusCode, Json<TriggerSecret>)> {
    let principal = caller.require(Scope::AgentsWrite)?;
    Ok((StatusCode::CREATED, Json(triggers.create(principal, body).await.map_err(problem)?)))
}

/// Lists triggers, oldest first.
#[utoipa::path(
    get, path = "/v1/triggers", operation_id = "triggers.list", tag = "triggers", params(ListTriggers),
    responses(
        (status = 200, description = "A page, oldest first", body = Page<Trigger>),
        (status = 400, description = "cursor_invalid, limit_invalid, query_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `agents:read`", body = Problem),
        (status = 404, description = "agent_not_found", body = Problem),
    )
)]
pub(super) async fn list(
    State(triggers): State<Triggers>,
    caller: Caller,
    Query(query): Query<ListTriggers>,
) -> ApiResult<Json<Page<Trigger>>> {
    let principal = caller.require(Scope::AgentsRead)?;
    let limit = page_limit(query.limit)?;
    let after = query.cursor.as_deref().map(cursor::decode::<TriggerId>).transpose()?;
    let (mut page, next) = triggers.list(principal.project_id, &query, after, limit).await.map_err(problem)?;
    page.next = next.map(|next| cursor::encode(&next));
    Ok(Json(page))
}

/// Reads one trigger, with its next runs.
#[utoipa::path(
    get, path = "/v1/triggers/{trigger}", operation_id = "triggers.get", tag = "triggers",
    params(("trigger" = String, Path, description = "`trg_...`")),
    responses(
        (status = 200, description = "The trigger", body = Trigger),
        (status = 400, description = "path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `agents:read`", body = Problem),
        (status = 404, description = "trigger_not_found", body = Problem),
    )
)]
pub(super) async fn get(
    State(triggers): State<Triggers>,
    caller: Caller,
    Path(trigger): Path<String>,
) -> ApiResult<Json<Trigger>> {
    let principal = caller.require(Scope::AgentsRead)?;
    Ok(Json(triggers.get(principal.project_id, trigger_id(&trigger)?).await.map_err(problem)?))
}

/// Changes what a trigger says. One that an agent file declares changes with the file.
#[utoipa::path(
    patch, path = "/v1/triggers/{trigger}", operation_id = "triggers.patch", tag = "triggers",
    params(("trigger" = String, Path, description = "`trg_...`")), request_body = UpdateTrigger,
    responses(
        (status = 200, description = "The trigger after it", body = Trigger),
        (status = 400, description = "body_malformed, path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `agents:write`", body = Problem),
        (status = 404, description = "trigger_not_found", body = Problem),
        (status = 409, description = "trigger_declared, trigger_name_taken", body = Problem),
        (status = 422, description = "trigger_invalid, body_invalid", body = Problem),
        (status = 503, description = "commit_timeout: it is so, and what it was starting before may still start", body = Problem),
    )
)]
pub(super) async fn patch(
    State(triggers): State<Triggers>,
    caller: Caller,
    Path(trigger): Path<String>,
    Json(body): Json<UpdateTrigger>,
) -> ApiResult<Json<Trigger>> {
    let principal = caller.require(Scope::AgentsWrite)?;
    Ok(Json(triggers.update(principal, trigger_id(&trigger)?, body).await.map_err(problem)?))
}

/// Deletes a trigger with its history.
#[utoipa::path(
    delete, path = "/v1/triggers/{trigger}", operation_id = "triggers.delete", tag = "triggers",
    params(("trigger" = String, Path, description = "`trg_...`")),
    responses(
        (status = 204, description = "Gone; executions that it started go on"),
        (status = 400, description = "path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `agents:write`", body = Problem),
        (status = 404, description = "trigger_not_found", body = Problem),
        (status = 409, description = "trigger_declared", body = Problem),
        (status = 503, description = "commit_timeout: it is so, and what it was starting before may still start", body = Problem),
    )
)]
pub(super) async fn delete(
    State(triggers): State<Triggers>,
    caller: Caller,
    Path(trigger): Path<String>,
) -> ApiResult<StatusCode> {
    let principal = caller.require(Scope::AgentsWrite)?;
    triggers.delete(principal, trigger_id(&trigger)?).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Holds a trigger: nothing fires it, what waits keeps waiting.
#[utoipa::path(
    post, path = "/v1/triggers/{trigger}/pause", operation_id = "triggers.pause", tag = "triggers",
    params(("trigger" = String, Path, description = "`trg_...`")),
    responses(
        (status = 200, description = "Held (or held already)", body = Trigger),
        (status = 400, description = "path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `agents:write`", body = Problem),
        (status = 404, description = "trigger_not_found", body = Problem),
        (status = 503, description = "commit_timeout: it is so, and what it was starting before may still start", body = Problem),
    )
)]
pub(super) async fn pause(
    State(triggers): State<Triggers>,
    caller: Caller,
    Path(trigger): Path<String>,
) -> ApiResult<Json<Trigger>> {
    let principal = caller.require(Scope::AgentsWrite)?;
    Ok(Json(triggers.pause(principal, trigger_id(&trigger)?).await.map_err(problem)?))
}

/// Lets a trigger go on. Runs whose time passed meanwhile are not made up for.
#[utoipa::path(
    post, path = "/v1/triggers/{trigger}/resume", operation_id = "triggers.resume", tag = "triggers",
    params(("trigger" = String, Path, description = "`trg_...`")),
    responses(
        (status = 200, description = "It goes on", body = Trigger),
        (status = 400, description = "path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `agents:write`", body = Problem),
        (status = 404, description = "trigger_not_found", body = Problem),
        (status = 409, description = "trigger_inactive", body = Problem),
    )
)]
pub(super) async fn resume(
    State(triggers): State<Triggers>,
    caller: Caller,
    Path(trigger): Path<String>,
) -> ApiResult<Json<Trigger>> {
    let principal = caller.require(Scope::AgentsWrite)?;
    Ok(Json(triggers.resume(principal, trigger_id(&trigger)?).await.map_err(problem)?))
}

/// Fires a trigger now, also while it is paused. Its concurrency rule counts.
#[utoipa::path(
    post, path = "/v1/triggers/{trigger}/fire", operation_id = "triggers.fire", tag = "triggers",
    params(
        ("trigger" = String, Path, description = "`trg_...`"),
        ("idempotency-key" = Option<String>, Header, description = "Makes it safe to repeat"),
    ),
    request_body = FireTrigger,
    responses(
        (status = 202, description = "The fire, as far as it has come", body = Fire),
        (status = 400, description = "body_malformed, path_invalid, idempotency_key_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:write`", body = Problem),
        (status = 404, description = "trigger_not_found", body = Problem),
        (status = 409, description = "trigger_inactive", body = Problem),
        (status = 422, description = "field_invalid, body_invalid", body = Problem),
        (status = 429, description = "trigger_queue_full, rate_limited; see `Retry-After`", body = Problem),
    )
)]
pub(super) async fn fire(
    State(triggers): State<Triggers>,
    caller: Caller,
    Path(trigger): Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<FireTrigger>,
) -> ApiResult<(StatusCode, Json<Fire>)> {
    let principal = caller.require(Scope::ExecutionsWrite)?;
    let fire = triggers.fire(principal, trigger_id(&trigger)?, body, key).await.map_err(problem)?;
    Ok((StatusCode::ACCEPTED, Json(fire)))
}

/// Lists the times that a trigger fired, newest first: the latest 200 at least.
#[utoipa::path(
    get, path = "/v1/triggers/{trigger}/fires", operation_id = "triggers.fires", tag = "triggers",
    params(("trigger" = String, Path, description = "`trg_...`"), PageQuery),
    responses(
        (status = 200, description = "A page, newest first", body = Page<Fire>),
        (status = 400, description = "cursor_invalid, limit_invalid, query_invalid, path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `agents:read`", body = Problem),
        (status = 404, description = "trigger_not_found", body = Problem),
    )
)]
pub(super) async fn fires(
    State(triggers): State<Triggers>,
    caller: Caller,
    Path(trigger): Path<String>,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<Fire>>> {
    let principal = caller.require(Scope::AgentsRead)?;
    let limit = page_limit(query.limit)?;
    let before = query.cursor.as_deref().map(cursor::decode).transpose()?;
    let id = trigger_id(&trigger)?;
    let (mut page, next) = triggers.fires(principal.project_id, id, before, limit).await.map_err(problem)?;
    page.next = next.map(|next| cursor::encode(&next));
    Ok(Json(page))
}

/// A new secret for a webhook, shown this once. Requests signed with the one before are accepted for another day.
#[utoipa::path(
    post, path = "/v1/triggers/{trigger}/secret", operation_id = "triggers.rotate", tag = "triggers",
    params(("trigger" = String, Path, description = "`trg_...`")),
    responses(
        (status = 200, description = "The secret", body = TriggerSecret),
        (status = 400, description = "path_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `agents:write`", body = Problem),
        (status = 404, description = "trigger_not_found", body = Problem),
        (status = 409, description = "trigger_not_webhook", body = Problem),
        (status = 503, description = "webhook_key_missing", body = Problem),
    )
)]
pub(super) async fn rotate(
    State(triggers): State<Triggers>,
    caller: Caller,
    Path(trigger): Path<String>,
) -> ApiResult<Json<TriggerSecret>> {
    let principal = caller.require(Scope::AgentsWrite)?;
    Ok(Json(triggers.rotate(principal, trigger_id(&trigger)?).await.map_err(problem)?))
}
