//! Whole replies, in all the ways in which servers send them.

use moltforge_types::conversation::{ToolCall, Usage};
use serde_json::json;

use crate::provider::{DONE, calls, delta, finish, frame, stream, text, usage};
use crate::server::{Step, response};
use crate::world::ask;

const USAGE: Usage = Usage { input_tokens: 120, cached_tokens: 100, output_tokens: 7 };

fn call(call_id: &str, tool: &str, arguments: &str) -> ToolCall {
    ToolCall { call_id: call_id.to_owned(), tool: tool.to_owned(), arguments: arguments.to_owned() }
}

#[tokio::test]
async fn text_streams_and_is_whole() {
    let (reply, pieces) = ask(stream(&text(&["Hel", "lo, ", "wörld 🦀"]))).await;
    let reply = reply.unwrap();
    assert_eq!((reply.text.as_str(), reply.tool_calls.len(), reply.usage), ("Hello, wörld 🦀", 0, USAGE));
    assert_eq!(pieces, ["Hel", "lo, ", "wörld 🦀"]);
}

#[tokio::test]
async fn arguments_are_put_together_and_passed_as_they_are() {
    let spaced = "{ \"a\": 1.0, \"b\":2e0,\n \"b\": 12345678901234567890123 }";
    for arguments in [spaced, "{\"a\":\"ä\\n🦀\"}", "not json {", "", "[1,", "{\"a\":1}{\"a\":2}"] {
        for size in [1, 3, 1000] {
            let (reply, _) = ask(stream(&calls(&[("call_1", "math_add", arguments)], size))).await;
            assert_eq!(reply.unwrap().tool_calls, [call("call_1", "math.add", arguments)], "{arguments} by {size}");
        }
    }
}

#[tokio::test]
async fn several_calls_keep_their_order_and_names() {
    let three = [("x", "math_add", "{\"a\":1}"), ("y", "http_fetch", "{}"), ("z", "made_up", "{\"c\":3}")];
    let (reply, pieces) = ask(stream(&calls(&three, 2))).await;
    let expected =
        [call("x", "math.add", "{\"a\":1}"), call("y", "http.fetch", "{}"), call("z", "made_up", "{\"c\":3}")];
    assert_eq!(reply.unwrap().tool_calls, expected);
    assert!(pieces.is_empty());

    // their pieces interleaved, and text before them
    let piece = |index: u32, text: &str| json!({ "index": index, "function": { "arguments": text } });
    let start = |index: u32, id: &str| json!({ "index": index, "id": id, "type": "function", "function": { "name": "math_add" } });
    let frames = [
        delta(&json!({ "content": "One moment." })),
        delta(&json!({ "tool_calls": [start(0, "x"), start(1, "y")] })),
        delta(&json!({ "tool_calls": [piece(1, "{\"b\""), piece(0, "{\"a\"")] })),
        delta(&json!({ "tool_calls": [piece(0, ":1}"), piece(1, ":2}")] })),
        finish("tool_calls"),
        DONE.to_owned(),
    ];
    let reply = ask(stream(&frames)).await.0.unwrap();
    assert_eq!(reply.tool_calls, [call("x", "math.add", "{\"a\":1}"), call("y", "math.add", "{\"b\":2}")]);
    assert_eq!((reply.text.as_str(), reply.usage), ("One moment.", Usage::default()));
}

#[tokio::test]
async fn servers_that_number_calls_in_their_own_way_are_understood() {
    let whole = |index: serde_json::Value, id: &str, arguments: &str| {
        delta(
            &json!({ "tool_calls": [{ "index": index, "id": id, "function": { "name": "math_add", "arguments": arguments } }] }),
        )
    };
    // every call has index 0; or none has an index
    for index in [json!(0), json!(null)] {
        let frames = [
            whole(index.clone(), "x", "{\"a\":1}"),
            whole(index, "y", "{\"a\":2}"),
            finish("tool_calls"),
            DONE.to_owned(),
        ];
        let expected = [call("x", "math.add", "{\"a\":1}"), call("y", "math.add", "{\"a\":2}")];
        assert_eq!(ask(stream(&frames)).await.0.unwrap().tool_calls, expected);
    }
    // huge and odd indexes are names, not places
    let frames =
        [whole(json!(4_294_967_295_u32), "x", "{}"), whole(json!(7), "y", "{}"), finish("stop"), DONE.to_owned()];
    assert_eq!(ask(stream(&frames)).await.0.unwrap().tool_calls.len(), 2);
    // no ids, or one id twice: ours
    let frames = [
        whole(json!(0), "", "{}"),
        whole(json!(1), "same", "{}"),
        whole(json!(2), "same", "{}"),
        finish("stop"),
        DONE.to_owned(),
    ];
    let ids: Vec<String> =
        ask(stream(&frames)).await.0.unwrap().tool_calls.into_iter().map(|call| call.call_id).collect();
    assert_eq!(ids, ["call_1_1", "same", "call_1_3"]);
    // every piece repeats id and name; arguments as an object
    let repeated = [whole(json!(0), "x", "{\"a\""), whole(json!(0), "x", ":1}"), finish("tool_calls"), DONE.to_owned()];
    assert_eq!(ask(stream(&repeated)).await.0.unwrap().tool_calls, [call("x", "math.add", "{\"a\":1}")]);
    let object = json!({ "tool_calls": [{ "id": "x", "function": { "name": "math_add", "arguments": { "a": 1 } } }] });
    let reply = ask(stream(&[delta(&object), finish("tool_calls"), DONE.to_owned()])).await.0.unwrap();
    assert_eq!(reply.tool_calls, [call("x", "math.add", "{\"a\":1}")]);
}

#[tokio::test]
async fn ends_are_recognised_with_and_without_usage_and_done() {
    let say = |text: &str| delta(&json!({ "content": text }));
    let endings = [
        vec![finish("stop"), usage(), DONE.to_owned()],
        vec![finish("stop"), usage()],
        vec![finish("stop"), DONE.to_owned()],
        vec![finish("stop")],
        vec![DONE.to_owned()],
        vec!["data:[DONE]\r\n\r\n".to_owned()],
        // usage beside the finish reason
        vec![frame(
            &json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }], "usage": { "prompt_tokens": 120 } }),
        )],
    ];
    for ending in endings {
        let frames: Vec<String> = [say("hi")].into_iter().chain(ending.clone()).collect();
        assert_eq!(ask(stream(&frames)).await.0.unwrap().text, "hi", "{ending:?}");
    }
}

#[tokio::test]
async fn other_fields_and_comments_are_passed_over() {
    let frames = [
        ": keep-alive\n\n".to_owned(),
        "event: message\nid: 7\n".to_owned() + &delta(&json!({ "content": null, "reasoning_content": "hm", "x": [1] })),
        delta(&json!({ "content": [{ "type": "thinking", "thinking": [] }, { "type": "text", "text": "hi" }] })),
        frame(&json!({ "choices": [{ "index": 1, "delta": { "content": "another choice" } }] })),
        frame(&json!({ "choices": null, "usage": null, "error": null })),
        delta(&json!({ "tool_calls": null })),
        delta(&json!({ "tool_calls": [] })),
        finish("stop"),
        DONE.to_owned(),
    ];
    let reply = ask(stream(&frames)).await.0.unwrap();
    assert_eq!((reply.text.as_str(), reply.tool_calls.len()), ("hi", 0));
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_understood() {
    let body = json!({
        "object": "chat.completion",
        "choices": [{ "index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": "hi",
            "tool_calls": [{ "id": "x", "type": "function", "function": { "name": "math_add", "arguments": "{\"a\": 1}" } }],
        } }],
        "usage": { "prompt_tokens": 3, "completion_tokens": 2 },
    });
    let (reply, pieces) = ask(response("200 OK", "content-type: application/json\r\n", &body.to_string())).await;
    let reply = reply.unwrap();
    assert_eq!((reply.text.as_str(), reply.usage.input_tokens, pieces.concat().as_str()), ("hi", 3, "hi"));
    assert_eq!(reply.tool_calls, [call("x", "math.add", "{\"a\": 1}")]);
}

#[tokio::test]
async fn a_refusal_is_the_text() {
    let frames = [delta(&json!({ "refusal": "I cannot." })), finish("stop"), DONE.to_owned()];
    assert_eq!(ask(stream(&frames)).await.0.unwrap().text, "I cannot.");
}

#[tokio::test]
async fn a_text_at_its_limit_says_so_and_calls_at_it_are_refused() {
    let frames = [delta(&json!({ "content": "half a sen" })), finish("length"), DONE.to_owned()];
    let reply = ask(stream(&frames)).await.0.unwrap();
    assert!(reply.text.starts_with("half a sen\n\n[The reply was cut off"), "{}", reply.text);
    let mut cut = calls(&[("x", "math_add", "{\"a\":1")], 4);
    cut.truncate(cut.len() - 3);
    cut.extend([finish("length"), DONE.to_owned()]);
    assert_eq!(ask(stream(&cut)).await.0.unwrap_err().code(), "reply_truncated");
}

#[tokio::test]
async fn an_empty_reply_is_a_reply() {
    let reply = ask(stream(&[finish("stop"), DONE.to_owned()])).await.0.unwrap();
    assert_eq!((reply.text.as_str(), reply.tool_calls.len()), ("", 0));
}

#[tokio::test]
async fn pieces_of_any_size_make_the_same_reply() {
    let all = calls(&[("x", "math_add", "{\"a\":\"ü🦀\"}"), ("y", "math_add", "{}")], 1).concat();
    for size in [1, 2, 7, 100] {
        let mut steps = vec![Step::Write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n".to_vec())];
        steps.extend(all.as_bytes().chunks(size).map(|piece| Step::Write(piece.to_vec())));
        steps.push(Step::Close);
        let expected = [call("x", "math.add", "{\"a\":\"ü🦀\"}"), call("y", "math.add", "{}")];
        assert_eq!(ask(steps).await.0.unwrap().tool_calls, expected, "{size}");
    }
}

#[tokio::test]
async fn nobody_waits_for_a_response_that_does_not_end() {
    let mut steps = stream(&text(&["hi"]));
    steps.pop();
    steps.push(Step::Hang);
    let reply = tokio::time::timeout(std::time::Duration::from_secs(20), ask(steps)).await.unwrap();
    assert_eq!(reply.0.unwrap().text, "hi");
}
