//! `/v1/agents/{agent}/state`

use std::sync::Arc;

use axum::extract::State;
use moltforge_api::state::StateEntry;
use moltforge_api::{Page, PageQuery, Problem};
use moltforge_http::{ApiResult, Caller, Json, Path, Query, cursor, page_limit};
use moltforge_types::Scope;

use crate::Agents;

/// Lists an agent's durable state in order of the keys.
#[utoipa::path(
    get, path = "/v1/agents/{agent}/state", operation_id = "state.list", tag = "state",
    params(("agent" = String, Path, description = "The agent's name or id."), PageQuery),
    responses(
        (status = 200, description = "One page of keys and values.", body = Page<StateEntry>),
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
) -> ApiResult<Json<Page<StateEntry>>> {
    let principal = caller.require(Scope::AgentsRead)?;
    let after: Option<String> = query.cursor.as_deref().map(cursor::decode).transpose()?;
    let (mut page, next) = agents.state(principal, &agent, after.as_deref(), page_limit(query.limit)?).await?;
    page.next = next.map(|key| cursor::encode(&key));
    Ok(Json(page))
}
