//! A configuration in a body: JSON or an agent file.

use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use moltforge_api::AgentConfig;
use moltforge_api::agents::Agent;
use moltforge_http::{ApiError, ApiResult, Json, body, etag};
use serde::Deserialize;
use serde_json::Value;

use super::located;
use crate::error::Error;

const TOML: &str = "application/toml";

/// The configuration of a body: `{"config": {...}}` as `application/json`, or an agent file as `application/toml`. What
/// is wrong with it comes back with pointers, and of an agent file with lines and columns too.
pub(super) struct ConfigBody(pub(super) AgentConfig);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    config: Value,
}

impl<S: Send + Sync> FromRequest<S> for ConfigBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> ApiResult<Self> {
        let (parts, stream) = request.into_parts();
        body::require_media_type(&parts.headers, &["application/json", TOML], "application/json or application/toml")?;
        let bytes = body::read(&parts.headers, stream, body::MAX_BODY).await?;
        if is(&parts.headers, TOML) {
            let parsed = moltforge_manifest::parse_toml_bytes(&bytes);
            return parsed.map(Self).map_err(|faults| located(Error::invalid(faults, "")));
        }
        let Json(Envelope { config }) = Json::from_bytes(&bytes)?;
        let parsed = moltforge_manifest::parse_json(&config);
        parsed.map(Self).map_err(|faults| located(Error::invalid(faults, "/config")))
    }
}

fn is(headers: &HeaderMap, media_type: &str) -> bool {
    let sent = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    sent.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(media_type))
}

/// An agent with its entity tag; as an agent file when the request accepts only that.
pub(super) fn agent(status: StatusCode, agent: Agent, accept: Option<&HeaderValue>) -> Response {
    let tag = etag(agent.latest_version);
    let toml = accept.and_then(|value| value.to_str().ok()).is_some_and(|value| value.trim().starts_with(TOML));
    let mut response = if toml {
        let text = moltforge_manifest::to_toml(&agent.config);
        (status, [(CONTENT_TYPE, "application/toml; charset=utf-8")], text).into_response()
    } else {
        (status, Json(agent)).into_response()
    };
    response.headers_mut().insert(axum::http::header::ETAG, tag);
    response
}
