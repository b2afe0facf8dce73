//! A request in, a status and a problem or value out.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use http::StatusCode;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

pub(crate) async fn ask(router: &Router, request: Request) -> (StatusCode, Value) {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

pub(crate) fn get(uri: &str) -> Request {
    Request::get(uri).body(Body::empty()).unwrap()
}

pub(crate) fn post(body: impl Into<Body>) -> Request {
    Request::post("/").header("content-type", "application/json").body(body.into()).unwrap()
}
