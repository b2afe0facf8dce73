//! `/v1/agents/{agent}/versions`

use std::sync::Arc;

use axum::extract::State;
use moltforge_api::versions::{DiffQuery, Version, VersionDiff};
use moltforge_api::{Page, PageQuery, Problem};
use moltforge_http::{ApiResult, Caller, Json, Path, Query, cursor, page_limit};
use moltforge_types::Scope;

use crate::Agents;

/// Lists an agent's versions, the newest first.
#[utoipa::path(
    get, path = "/v1/agents/{agent}/versions", operation_id = "versions.list", tag = "versions",
    params(("agent" = String, Path, description = "The agent's name or id."), PageQuery),
    responses(
        (status = 200, description = "One page of versions.", body = Page<Version>),
        (status = 400, description = "`cursor_invalid`, `limit_invalid`, `query_invalid`.", body = Problem),
        (status = 403, description = "`scope_missing`: needs `agents:read`.", body = Problem),
        (status = 404, description = "`agent_not_found`.", body = Problem),
    ),
)]
pub(super) async fn list(
    State(agents): State<Arc<Agents>>,
    caller: Caller,
    Path(agent): Path<String>,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<Version>>> {
    let principal = caller.require(Scope::AgentsRead)?;
    let before = query.cursor.as_deref().map(cursor::decode).transpose()?;
    let (mut page, next) = agents.versions(principal, &agent, before, page_limit(query.limit)?).await?;
    page.next = next.map(|version| cursor::encode(&version));
    Ok(Json(page))
}

/// One version of an agent.
#[utoipa::path(
    get, path = "/v1/agents/{agent}/versions/{version}", operation_id = "versions.get", tag = "versions",
    params(
        ("agent" = String, Path, description = "The agent's name or id."),
        ("version" = u32, Path, description = "The version's number."),
    ),
    responses(
        (status = 200, description = "The version.", body = Version),
        (status = 400, description = "`path_invalid`.", body = Problem),
        (status = 403, description = "`scope_missing`: needs `agents:read`.", body = Problem),
        (status = 404, description = "`agent_not_found`, `version_not_found`.", body = Problem),
    ),
)]
pub(super) async fn get(
    State(agents): State<Arc<Agents>>,
    caller: Caller,
    Path((agent, version)): Path<(String, u32)>,
) -> ApiResult<Json<Version>> {
    Ok(Json(agents.version(caller.require(Scope::AgentsRead)?, &agent, version).await?))
}

/// What differs between two versions, field by field and as unified text.
#[utoipa::path(
    get, path = "/v1/agents/{agent}/versions/{version}/diff", operation_id = "versions.diff", tag = "versions",
    params(
        ("agent" = String, Path, description = "The agent's name or id."),
        ("version" = u32, Path, description = "The version's number."),
        DiffQuery,
    ),
    responses(
        (status = 200, description = "The difference, from the older to the newer version.", body = VersionDiff),
        (status = 400, description = "`path_invalid`, `query_invalid`.", body = Problem),
        (status = 403, description = "`scope_missing`: needs `agents:read`.", body = Problem),
        (status = 404, description = "`agent_not_found`, `version_not_found`.", body = Problem),
    ),
)]
pub(super) async fn diff(
    State(agents): State<Arc<Agents>>,
    caller: Caller,
    Path((agent, version)): Path<(String, u32)>,
    Query(query): Query<DiffQuery>,
) -> ApiResult<Json<VersionDiff>> {
    let principal = caller.require(Scope::AgentsRead)?;
    Ok(Json(agents.diff(principal, &agent, version, query.against).await?))
}
