//! `/v1/hooks` and `/v1/events`: what comes from outside.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use moltforge_api::Problem;
use moltforge_api::triggers::{Fire, PublishEvent, Published};
use moltforge_http::{ApiResult, Caller, Json, Path, body};
use moltforge_types::Scope;

use super::problem;
use crate::triggers::Triggers;
use crate::triggers::hooks::{MAX_BODY, depth};

/// Receives a delivery for a webhook, signed as Standard Webhooks asks. No API key: the signature says who sends.
#[utoipa::path(
    post, path = "/v1/hooks/{trigger}", operation_id = "hooks.receive", tag = "triggers",
    params(
        ("trigger" = String, Path, description = "`trg_...`"),
        ("webhook-id" = String, Header, description = "Names the delivery: a second one with it changes nothing"),
        ("webhook-timestamp" = String, Header, description = "Seconds since 1970, at most five minutes away from now"),
        ("webhook-signature" = String, Header, description = "`v1,` and HMAC-SHA256 of `id.timestamp.body` in base 64; several with spaces between them"),
    ),
    request_body(content = String, description = "JSON (an object) or text, at most 256 KiB", content_type = "application/json"),
    responses(
        (status = 202, description = "Taken: durable before this answer", body = Fire),
        (status = 200, description = "What an earlier delivery with the same id did", body = Fire),
        (status = 400, description = "body_malformed", body = Problem),
        (status = 401, description = "webhook_refused", body = Problem),
        (status = 409, description = "trigger_paused, trigger_inactive, chain_too_deep", body = Problem),
        (status = 413, description = "body_too_large", body = Problem),
        (status = 422, description = "field_invalid, body_invalid", body = Problem),
        (status = 429, description = "trigger_queue_full, rate_limited; see `Retry-After`", body = Problem),
        (status = 503, description = "webhook_key_missing", body = Problem),
    )
)]
pub(super) async fn receive(
    State(triggers): State<Triggers>,
    Path(trigger): Path<String>,
    request: Request<Body>,
) -> ApiResult<(StatusCode, Json<Fire>)> {
    let (parts, stream) = request.into_parts();
    let bytes = body::read(&parts.headers, stream, MAX_BODY).await?;
    let received = triggers.receive(&trigger, &parts.headers, &bytes).await?;
    let status = if received.first { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(received.fire)))
}

/// Publishes an event: a CloudEvent 1.0. Triggers that wait for it fire, durably, before this is answered.
#[utoipa::path(
    post, path = "/v1/events", operation_id = "events.publish", tag = "triggers",
    request_body(content((PublishEvent = "application/json"), (PublishEvent = "application/cloudevents+json"))),
    responses(
        (status = 202, description = "Taken", body = Published),
        (status = 400, description = "body_malformed", body = Problem),
        (status = 403, description = "scope_missing: needs `executions:write`", body = Problem),
        (status = 409, description = "chain_too_deep", body = Problem),
        (status = 415, description = "media_type_unsupported", body = Problem),
        (status = 422, description = "field_invalid, body_invalid", body = Problem),
        (status = 429, description = "trigger_queue_full, rate_limited; see `Retry-After`", body = Problem),
    )
)]
pub(super) async fn publish(
    State(triggers): State<Triggers>,
    caller: Caller,
    request: Request<Body>,
) -> ApiResult<(StatusCode, Json<Published>)> {
    let principal = caller.require(Scope::ExecutionsWrite)?;
    let (parts, stream) = request.into_parts();
    let accepted = ["application/cloudevents+json", "application/json"];
    body::require_media_type(&parts.headers, &accepted, "application/cloudevents+json")?;
    let bytes = body::read(&parts.headers, stream, body::MAX_BODY).await?;
    let event = Json::<PublishEvent>::from_bytes(&bytes)?.0;
    let chain_depth = depth(&parts.headers);
    Ok((StatusCode::ACCEPTED, Json(triggers.publish(principal, event, chain_depth).await.map_err(problem)?)))
}
