use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use futures::{StreamExt as _, stream};
use moltforge_client::{EventStream, ExecutionEvent};
use moltforge_types::Fault as _;
use serde_json::json;

use crate::server::{Script, json, problem};

fn event(number: u64, name: &str) -> String {
    let data = json!({ "specversion": "1.0", "id": number.to_string(), "source": "/v1/executions/exe_1",
        "type": format!("io.moltforge.{name}"), "time": "2026-01-01T00:00:00.000000Z", "datacontenttype": "application/json",
        "project": "prj_01h455vb4pex5vsknk084sn02q", "data": {} });
    format!("id: {number}\nevent: {name}\ndata: {data}\n\n")
}

fn chunk(text: &str) -> String {
    format!("event: step.chunk\ndata: {}\n\n", json!({ "step": 1, "attempt": 1, "offset": 0, "text": text }))
}

/// Sends `text` in pieces of three bytes; ends as a broken connection when `cut`.
fn sse(text: String, cut: bool) -> impl FnOnce(&Request) -> Response + Send {
    move |_| {
        let parts: Vec<_> = text.as_bytes().chunks(3).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
        // the pause in between makes the server flush what it has before the connection breaks
        let end = stream::once(tokio::task::yield_now())
            .filter_map(move |()| async move { cut.then(|| Err(std::io::Error::other("cut"))) });
        let parts = stream::iter(parts).chain(end);
        let body = Body::from_stream(parts);
        Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
    }
}

fn execution(state: &str, seq: u64) -> impl FnOnce(&Request) -> Response + Send {
    let body = json!({ "execution_id": "exe_1", "agent_id": "agt_1", "agent_name": "a", "version": 1, "state": state,
        "attempt": 1, "seq": seq, "input": null, "created_at": "", "updated_at": "", "tokens": 0 });
    move |_| json(200, &body)
}

async fn read(stream: EventStream) -> Vec<String> {
    stream
        .map(|item| match item {
            Ok(ExecutionEvent::Event(event)) => event.id,
            Ok(ExecutionEvent::Chunk(chunk)) => chunk.text,
            Ok(ExecutionEvent::Reset) => "reset".to_owned(),
            Err(error) => format!("{}: {error}", error.code()),
        })
        .collect()
        .await
}

#[tokio::test]
async fn a_cut_stream_goes_on_after_the_last_event_without_doubles() {
    let first = event(1, "execution.scheduled") + &chunk("Hé") + &event(2, "execution.running");
    let second = event(2, "execution.running") + ": alive\n\n" + &event(3, "execution.completed");
    let script = Script::default().then(sse(first, true)).then(sse(second, false));
    let seen = read(script.serve().await.executions().events("exe_1", 0)).await;
    assert_eq!(seen, ["1", "Hé", "2", "reset", "3"]);
    assert_eq!(script.asked(), vec!["GET /v1/executions/exe_1/events"; 2]);
    assert_eq!(script.header(0, "last-event-id").unwrap(), "0");
    assert_eq!(script.header(1, "last-event-id").unwrap(), "2");
    assert_eq!(script.header(1, "accept").unwrap(), "text/event-stream");
}

#[tokio::test]
async fn a_regular_end_before_the_last_event_is_followed_up() {
    let script = Script::default()
        .then(sse(event(1, "execution.scheduled"), false))
        .then(execution("running", 1))
        .then(sse(event(2, "execution.cancelled"), false));
    assert_eq!(read(script.serve().await.executions().events("exe_1", 0)).await, ["1", "reset", "2"]);
}

#[tokio::test]
async fn following_what_has_ended_ends() {
    let script = Script::default().then(sse(String::new(), false)).then(execution("completed", 7));
    assert_eq!(read(script.serve().await.executions().events("exe_1", 7)).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_gap_is_asked_for_again_and_never_passed_over() {
    let script = Script::default()
        .then(sse(event(1, "execution.scheduled") + &event(3, "execution.completed"), false))
        .then(sse(event(2, "execution.running") + &event(3, "execution.completed"), false));
    assert_eq!(read(script.serve().await.executions().events("exe_1", 0)).await, ["1", "reset", "2", "3"]);
    assert_eq!(script.header(1, "last-event-id").unwrap(), "1");
}

#[tokio::test]
async fn a_problem_ends_the_stream() {
    let script = Script::default().then(|_| problem(404, "execution_not_found", None));
    let seen = read(script.serve().await.executions().events("exe_1", 0)).await;
    assert_eq!(seen, ["execution_not_found: what happened"]);
}
