//! `/v1/keys`

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use moltforge_api::keys::{CreateKey, CreatedKey, Key};
use moltforge_api::{Page, PageQuery, Problem};
use moltforge_http::{ApiError, ApiResult, Caller, Json, Path, Query, cursor, page_limit};
use moltforge_types::{KeyId, Scope};

use crate::{Accounts, Error};

/// Lists the project's keys, revoked ones too, newest first.
#[utoipa::path(
    get, path = "/v1/keys", operation_id = "keys.list", tag = "keys", params(PageQuery),
    responses(
        (status = 200, description = "One page of keys, without their secrets.", body = Page<Key>),
        (status = 400, description = "`cursor_invalid`, `limit_invalid`, `query_invalid`.", body = Problem),
        (status = 403, description = "`scope_missing`: needs `keys:read`.", body = Problem),
    ),
)]
pub(super) async fn list(
    State(accounts): State<Arc<Accounts>>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<Key>>> {
    let asker = caller.require(Scope::KeysRead)?;
    let before: Option<KeyId> = query.cursor.as_deref().map(cursor::decode).transpose()?;
    let (mut page, next) = accounts.list_keys(asker, before, page_limit(query.limit)?).await?;
    page.next = next.map(|id| cursor::encode(&id));
    Ok(Json(page))
}

/// Makes a key. Its secret is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/v1/keys", operation_id = "keys.create", tag = "keys", request_body = CreateKey,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to repeat for 24 hours.")),
    responses(
        (status = 201, description = "The key and, this one time, its secret.", body = CreatedKey),
        (status = 403, description = "`scope_missing`: needs `keys:write`. `key_scope_exceeds`.", body = Problem),
        (status = 409, description = "`idempotency_in_progress`, `idempotency_secret_shown`.", body = Problem),
        (status = 422, description = "`key_invalid`, `body_invalid`, `idempotency_key_reused`.", body = Problem),
    ),
)]
pub(super) async fn create(
    State(accounts): State<Arc<Accounts>>,
    caller: Caller,
    Json(wanted): Json<CreateKey>,
) -> ApiResult<(StatusCode, Json<CreatedKey>)> {
    let created = accounts.create_key(caller.require(Scope::KeysWrite)?, wanted).await.map_err(located)?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// A key, without its secret.
#[utoipa::path(
    get, path = "/v1/keys/{key}", operation_id = "keys.get", tag = "keys",
    params(("key" = String, Path, description = "`key_...`")),
    responses(
        (status = 200, description = "The key.", body = Key),
        (status = 403, description = "`scope_missing`: needs `keys:read`.", body = Problem),
        (status = 404, description = "`key_not_found`.", body = Problem),
    ),
)]
pub(super) async fn get(
    State(accounts): State<Arc<Accounts>>,
    caller: Caller,
    Path(key_id): Path<KeyId>,
) -> ApiResult<Json<Key>> {
    Ok(Json(accounts.get_key(caller.require(Scope::KeysRead)?, key_id).await?))
}

/// Revokes a key for good, and every session that was opened with it. It is refused everywhere within two seconds.
#[utoipa::path(
    delete, path = "/v1/keys/{key}", operation_id = "keys.revoke", tag = "keys",
    params(("key" = String, Path, description = "`key_...`")),
    responses(
        (status = 204, description = "It is revoked."),
        (status = 403, description = "`scope_missing`: needs `keys:write`.", body = Problem),
        (status = 404, description = "`key_not_found`.", body = Problem),
    ),
)]
pub(super) async fn revoke(
    State(accounts): State<Arc<Accounts>>,
    caller: Caller,
    Path(key_id): Path<KeyId>,
) -> ApiResult<StatusCode> {
    accounts.revoke_key(caller.require(Scope::KeysWrite)?, key_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A refusal of a field names the field.
fn located(error: Error) -> ApiError {
    match error {
        Error::KeyInvalid(item) => ApiError::with_items(Error::KeyInvalid(item.clone()), vec![item]),
        other => other.into(),
    }
}
