//! Faults as they leave.

use std::time::Duration;

use axum::response::IntoResponse as _;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http_body_util::BodyExt as _;
use moltforge_api::Problem;
use moltforge_http::{ApiError, Error, request_id};
use moltforge_types::{Fault, Kind};

#[derive(Debug, thiserror::Error)]
#[error("the password is hunter2")]
struct Leaky;

impl Fault for Leaky {
    fn kind(&self) -> Kind {
        Kind::Internal
    }
    fn code(&self) -> &'static str {
        "internal"
    }
}

async fn problem(error: ApiError) -> Problem {
    let bytes = error.into_response().into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn an_internal_fault_keeps_its_text_and_names_the_request() {
    let id = HeaderValue::from_static("req-7");
    let problem = request_id::scope(id, problem(Leaky.into())).await;
    assert_eq!((problem.status, problem.code.as_str()), (500, "internal"));
    assert!(!problem.detail.contains("hunter2"));
    assert_eq!(problem.request_id.as_deref(), Some("req-7"));
}

#[tokio::test]
async fn it_has_the_media_type_and_the_wait_rounded_up() {
    let response = ApiError::from(Error::CursorInvalid).retry_after(Duration::from_millis(1200)).into_response();
    assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    assert_eq!(response.headers()[RETRY_AFTER], "2");
}

#[test]
fn only_sane_request_ids_are_taken_over() {
    let mut headers = http::HeaderMap::new();
    for (id, sane) in [("a-B_9.x", true), ("", false), ("a b", false), ("a\"b", false), (&"x".repeat(101), false)] {
        headers.insert(request_id::HEADER, HeaderValue::from_str(id).unwrap());
        assert_eq!(request_id::sane(&headers).is_some(), sane, "{id}");
    }
}
