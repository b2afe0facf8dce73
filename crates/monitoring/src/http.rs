//! `/v1/changes` and `/v1/metrics`.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use moltforge_api::changes::Change;
use moltforge_api::{Page, PageQuery, Problem};
use moltforge_http::{ApiResult, Caller, Json, Query, cursor, page_limit};
use moltforge_types::Scope;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::monitoring::Monitoring;

/// The routes of the monitoring service.
pub fn router(monitoring: Monitoring) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(changes)).routes(routes!(metrics)).with_state(monitoring)
}

/// Lists the changes of the project, newest first: the audit log.
#[utoipa::path(
    get, path = "/v1/changes", operation_id = "changes.list", tag = "monitoring", params(PageQuery),
    responses(
        (status = 200, description = "A page", body = Page<Change>),
        (status = 400, description = "cursor_invalid, limit_invalid, query_invalid", body = Problem),
        (status = 403, description = "scope_missing: needs `monitoring:read`", body = Problem),
    )
)]
async fn changes(
    State(monitoring): State<Monitoring>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<Change>>> {
    let project_id = caller.require(Scope::MonitoringRead)?.project_id;
    let limit = page_limit(query.limit)?;
    let before = query.cursor.as_deref().map(cursor::decode::<u64>).transpose()?;
    Ok(Json(monitoring.changes(project_id, before, limit).await?))
}

/// The project's gauges in Prometheus' text format.
#[utoipa::path(
    get, path = "/v1/metrics", operation_id = "metrics.get", tag = "monitoring",
    responses(
        (status = 200, description = "Prometheus text format 0.0.4", body = String, content_type = "text/plain"),
        (status = 403, description = "scope_missing: needs `monitoring:read`", body = Problem),
    )
)]
async fn metrics(State(monitoring): State<Monitoring>, caller: Caller) -> ApiResult<Response> {
    let project_id = caller.require(Scope::MonitoringRead)?.project_id;
    let mut response = monitoring.metrics(project_id).await?.into_response();
    let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    Ok(response)
}
