//! What goes wrong with a provider: whether it may work later, when, and in which words.

use std::time::Duration;

use moltforge_capabilities::llm::{ChunkSink, ModelError};
use serde_json::json;

use crate::provider::{DONE, delta, finish, frame, stream};
use crate::server::{Step, response};
use crate::world::{KEY, agent, ask, models, provider, request, user, world};

/// Code, whether it is transient, and the wait.
async fn outcome(steps: Vec<Step>) -> (&'static str, bool, Option<Duration>, String) {
    match ask(steps).await.0.unwrap_err() {
        ModelError::Transient { code, message, retry_after } => (code, true, retry_after, message),
        ModelError::Permanent { code, message } => (code, false, None, message),
    }
}

#[tokio::test]
async fn statuses_are_sorted() {
    for (status, code, transient) in [
        ("400 Bad Request", "model_request_refused", false),
        ("401 Unauthorized", "model_credentials_refused", false),
        ("402 Payment Required", "model_request_refused", false),
        ("403 Forbidden", "model_credentials_refused", false),
        ("404 Not Found", "model_request_refused", false),
        ("408 Request Timeout", "model_unavailable", true),
        ("413 Payload Too Large", "model_request_refused", false),
        ("422 Unprocessable Entity", "model_request_refused", false),
        ("429 Too Many Requests", "model_rate_limited", true),
        ("500 Internal Server Error", "model_unavailable", true),
        ("502 Bad Gateway", "model_unavailable", true),
        ("503 Service Unavailable", "model_unavailable", true),
        ("529 Site is overloaded", "model_unavailable", true),
        ("302 Found", "model_request_refused", false),
    ] {
        let body = json!({ "error": { "message": "the reason", "type": "x" } }).to_string();
        let headers = "content-type: application/json\r\nlocation: http://127.0.0.1:1/\r\n";
        let found = outcome(response(status, headers, &body)).await;
        assert_eq!((found.0, found.1), (code, transient), "{status}");
        assert!(found.3.contains("the reason") || status.starts_with('3'), "{}", found.3);
    }
}

#[tokio::test]
async fn the_wait_that_a_provider_asks_for_is_passed_on() {
    let date = "date: Sun, 22 Nov 2026 12:00:00 GMT\r\n";
    for (headers, wait) in [
        ("retry-after: 7\r\n".to_owned(), Some(7)),
        (format!("retry-after: Sun, 22 Nov 2026 12:01:00 GMT\r\n{date}"), Some(60)),
        ("retry-after: 999999\r\n".to_owned(), Some(3600)),
        (String::new(), None),
    ] {
        for status in ["429 Too Many Requests", "503 Service Unavailable"] {
            assert_eq!(outcome(response(status, &headers, "")).await.2, wait.map(Duration::from_secs), "{headers}");
        }
    }
}

#[tokio::test]
async fn words_of_a_provider_are_cut_and_scrubbed() {
    let long = "x ".repeat(10_000);
    let said = format!("bad key {KEY}, also sk-live-abc and\u{1b}[31m ctl\n{long}");
    for body in
        [json!({ "error": { "message": said } }).to_string(), json!({ "detail": said }).to_string(), said.clone()]
    {
        for status in ["401 Unauthorized", "400 Bad Request", "500 Oops"] {
            let message = outcome(response(status, "", &body)).await.3;
            assert!(message.contains("bad key ***"), "{message}");
            assert!(
                !message.contains(KEY) && !message.contains("sk-live") && !message.contains(char::is_control),
                "{message}"
            );
            assert!(message.len() < 800, "{}", message.len());
        }
    }
}

#[tokio::test]
async fn an_error_in_the_stream_is_no_reply() {
    let error = frame(&json!({ "error": { "message": "overloaded, try later", "code": 503 } }));
    let found = outcome(stream(&[delta(&json!({ "content": "half" })), error, DONE.to_owned()])).await;
    assert_eq!((found.0, found.1), ("model_unavailable", true));
    assert!(found.3.contains("overloaded, try later"));
    let found =
        outcome(stream(&[delta(&json!({ "content": "half" })), finish("content_filter"), DONE.to_owned()])).await;
    assert_eq!((found.0, found.1), ("model_reply_filtered", false));
}

#[tokio::test]
async fn what_is_no_completion_is_not_taken_for_one() {
    for (steps, code) in [
        (stream(&["data: {not json}\n\n".to_owned()]), "model_reply_malformed"),
        (stream(&["data: [1,2]\n\n".to_owned(), DONE.to_owned()]), "model_reply_malformed"),
        (stream(&[frame(&json!({ "choices": [{ "delta": { "content": { "x": 1 } } }] }))]), "model_reply_malformed"),
        (stream(&["<html><body>Welcome to the hotel's network</body></html>".to_owned()]), "model_stream_cut"),
        (stream(&[]), "model_stream_cut"),
        (stream(&[DONE.to_owned()]), "model_stream_cut"),
        (response("200 OK", "content-type: text/html\r\n", "<html></html>\n\n"), "model_stream_cut"),
        (response("200 OK", "content-type: application/json\r\n", "[]"), "model_stream_cut"),
        (response("200 OK", "content-type: application/json\r\n", "{}"), "model_stream_cut"),
        (vec![Step::Close], "model_stream_cut"),
        (vec![Step::Write(b"nonsense\r\n\r\n".to_vec()), Step::Close], "model_stream_cut"),
    ] {
        let found = outcome(steps).await;
        assert_eq!((found.0, found.1), (code, true), "{}", found.3);
    }
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_unreachable() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let models = models(vec![provider("test", &format!("http://127.0.0.1:{port}/v1"))]);
    let error = models.complete(request(&agent(""), vec![user("hello")]), ChunkSink::none()).await.unwrap_err();
    assert!(matches!(error, ModelError::Transient { code: "model_unreachable", .. }), "{error:?}");
}

#[tokio::test]
async fn a_slow_provider_runs_into_the_time_limit() {
    let piece = frame(&json!({ "choices": [{ "delta": { "content": "a" } }] }));
    let half = stream(&[piece])[..2].to_vec();
    for steps in [vec![Step::Hang], [half, vec![Step::Hang]].concat()] {
        let (server, _) = world(move |_| steps.clone()).await;
        let mut slow = provider("test", &server.url("/v1"));
        slow.timeout_seconds = 1;
        let models = models(vec![slow]);
        let error = models.complete(request(&agent(""), vec![user("hello")]), ChunkSink::none()).await.unwrap_err();
        assert!(matches!(error, ModelError::Transient { code: "model_timeout", .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_reply_that_falls_silent_is_cut() {
    let piece = frame(&json!({ "choices": [{ "delta": { "content": "a" } }] }));
    let half = stream(&[piece])[..2].to_vec();
    let steps = [half, vec![Step::Hang]].concat();
    let (server, _) = world(move |_| steps.clone()).await;
    let mut silent = provider("test", &server.url("/v1"));
    silent.silence_seconds = 1;
    let models = models(vec![silent]);
    let error = models.complete(request(&agent(""), vec![user("hello")]), ChunkSink::none()).await.unwrap_err();
    assert!(matches!(error, ModelError::Transient { code: "model_stream_cut", .. }), "{error:?}");
}
