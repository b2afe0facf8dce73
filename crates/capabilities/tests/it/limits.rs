//! Replies without end.

use serde_json::json;

use crate::provider::{delta, finish, stream};
use crate::server::{Step, response};
use crate::world::ask;

#[tokio::test]
async fn a_huge_reply_is_refused_and_not_read_on() {
    let piece = "x".repeat(64 * 1024);
    let texts: Vec<String> = (0..150).map(|_| delta(&json!({ "content": piece }))).collect();
    let calls: Vec<String> = (0..150)
        .map(|_| delta(&json!({ "tool_calls": [{ "index": 0, "function": { "arguments": piece } }] })))
        .collect();
    let one_line = vec![format!("data: {}", "x".repeat(9 * 1024 * 1024))];
    for frames in [texts, calls, one_line] {
        assert_eq!(ask(stream(&frames)).await.0.unwrap_err().code(), "model_reply_too_large");
    }
    let body = "x".repeat(9 * 1024 * 1024);
    let whole = response("200 OK", "content-type: application/json\r\n", &body);
    assert_eq!(ask(whole).await.0.unwrap_err().code(), "model_reply_too_large");
}

#[tokio::test]
async fn a_large_reply_in_small_pieces_is_put_together_in_time() {
    let arguments = "x".repeat(100_000);
    let frames = crate::provider::calls(&[("c", "math_add", &arguments)], 8);
    let all = frames.concat();
    assert!(all.len() < 8 * 1024 * 1024, "{}", all.len());
    let steps = response("200 OK", "content-type: text/event-stream\r\n", &all);
    assert_eq!(ask(steps).await.0.unwrap().tool_calls[0].arguments, arguments);
}

#[tokio::test]
async fn a_reply_with_too_many_calls_is_refused() {
    let call = |n: u32| {
        delta(&json!({ "tool_calls": [{ "index": n, "id": format!("c{n}"), "function": { "name": "math_add" } }] }))
    };
    let mut frames: Vec<String> = (0..128).map(call).collect();
    frames.push(finish("tool_calls"));
    assert_eq!(ask(stream(&frames)).await.0.unwrap().tool_calls.len(), 128);
    frames.insert(128, call(128));
    assert_eq!(ask(stream(&frames)).await.0.unwrap_err().code(), "model_reply_too_large");
}

#[tokio::test]
async fn a_huge_error_is_not_read_to_its_end() {
    let steps = vec![Step::Write(b"HTTP/1.1 500 Oops\r\n\r\n".to_vec()), Step::Write(vec![b'x'; 1 << 20]), Step::Hang];
    assert_eq!(ask(steps).await.0.unwrap_err().code(), "model_unavailable");
}
