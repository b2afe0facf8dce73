//! `/v1/bundles/{sha256}`

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use moltforge_api::Problem;
use moltforge_api::bundles::{Bundle, BundleQuery, StoredBundle};
use moltforge_http::{ApiResult, Caller, Json, Path, Query, body};
use moltforge_types::Scope;

use super::located;
use crate::Agents;

/// Stores the files of a code agent under the SHA-256 of the body, byte for byte, in hexadecimal digits. An agent whose
/// `bundle` is this hash is made of them. What no agent names is deleted after a day. Safe to repeat.
#[utoipa::path(
    put, path = "/v1/bundles/{sha256}", operation_id = "bundles.put", tag = "bundles",
    params(("sha256" = String, Path, description = "The SHA-256 of the body, in lower-case hexadecimal digits.")),
    request_body = Bundle,
    responses(
        (status = 200, description = "The project has this bundle already.", body = StoredBundle),
        (status = 201, description = "It is stored.", body = StoredBundle),
        (status = 403, description = "`scope_missing`: needs `agents:write`.", body = Problem),
        (status = 409, description = "`bundle_limit`.", body = Problem),
        (status = 413, description = "`body_too_large`: more than 12 MiB.", body = Problem),
        (status = 415, description = "`media_type_unsupported`.", body = Problem),
        (status = 422, description = "`bundle_invalid`, `bundle_hash_mismatch`.", body = Problem),
    ),
)]
pub(super) async fn put(
    State(agents): State<Arc<Agents>>,
    caller: Caller,
    Path(sha256): Path<String>,
    request: Request,
) -> ApiResult<(StatusCode, Json<StoredBundle>)> {
    let principal = caller.require(Scope::AgentsWrite)?;
    let (parts, stream) = request.into_parts();
    body::require_media_type(&parts.headers, &["application/json"], "application/json")?;
    let bytes = body::read(&parts.headers, stream, body::limit_of(parts.uri.path())).await?;
    let (stored, is_new) = agents.put_bundle(principal, &sha256, bytes.to_vec()).await.map_err(located)?;
    Ok((if is_new { StatusCode::CREATED } else { StatusCode::OK }, Json(stored)))
}

/// The files of a bundle: their names and sizes, and the text of one.
#[utoipa::path(
    get, path = "/v1/bundles/{sha256}", operation_id = "bundles.get", tag = "bundles",
    params(("sha256" = String, Path, description = "The bundle's hash, as in `config.bundle` of a version."), BundleQuery),
    responses(
        (status = 200, description = "The bundle.", body = StoredBundle),
        (status = 400, description = "`query_invalid`.", body = Problem),
        (status = 403, description = "`scope_missing`: needs `agents:read`.", body = Problem),
        (status = 404, description = "`bundle_not_found`.", body = Problem),
    ),
)]
pub(super) async fn get(
    State(agents): State<Arc<Agents>>,
    caller: Caller,
    Path(sha256): Path<String>,
    Query(query): Query<BundleQuery>,
) -> ApiResult<Json<StoredBundle>> {
    Ok(Json(agents.bundle(caller.require(Scope::AgentsRead)?, &sha256, query.file.as_deref()).await?))
}
