//! A provider that speaks the wire format of OpenAI's Chat Completions.

use serde_json::{Value, json};

use crate::server::Step;

pub(crate) const DONE: &str = "data: [DONE]\n\n";
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// The frame of one event.
pub(crate) fn frame(value: &Value) -> String {
    format!("data: {value}\n\n")
}

/// A frame with this delta.
pub(crate) fn delta(delta: &Value) -> String {
    frame(&json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": null }],
    }))
}

/// The frame that ends the reply.
pub(crate) fn finish(reason: &str) -> String {
    frame(
        &json!({ "id": "chatcmpl-1", "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }], "usage": null }),
    )
}

/// The frame with the tokens.
pub(crate) fn usage() -> String {
    frame(&json!({
        "id": "chatcmpl-1", "choices": [],
        "usage": {
            "prompt_tokens": 120, "completion_tokens": 7, "total_tokens": 127,
            "prompt_tokens_details": { "cached_tokens": 100, "audio_tokens": 0 },
            "completion_tokens_details": { "reasoning_tokens": 0 },
        },
    }))
}

/// What a server sends for a text.
pub(crate) fn text(pieces: &[&str]) -> Vec<String> {
    let mut frames = vec![delta(&json!({ "role": "assistant", "content": "", "refusal": null }))];
    frames.extend(pieces.iter().map(|piece| delta(&json!({ "content": piece }))));
    frames.extend([finish("stop"), usage(), DONE.to_owned()]);
    frames
}

/// What a server sends for tool calls, their arguments cut into pieces of so many characters.
pub(crate) fn calls(calls: &[(&str, &str, &str)], size: usize) -> Vec<String> {
    let mut frames = vec![delta(&json!({ "role": "assistant", "content": null }))];
    for (index, (id, name, arguments)) in calls.iter().enumerate() {
        let function = json!({ "name": name, "arguments": "" });
        frames.push(delta(
            &json!({ "tool_calls": [{ "index": index, "id": id, "type": "function", "function": function }] }),
        ));
        let characters: Vec<char> = arguments.chars().collect();
        for piece in characters.chunks(size) {
            let piece: String = piece.iter().collect();
            frames.push(delta(&json!({ "tool_calls": [{ "index": index, "function": { "arguments": piece } }] })));
        }
    }
    frames.extend([finish("tool_calls"), usage(), DONE.to_owned()]);
    frames
}

/// The whole response, each frame in a chunk of its own, sent one by one.
pub(crate) fn stream(frames: &[String]) -> Vec<Step> {
    let mut steps = vec![Step::Write(HEAD.as_bytes().to_vec())];
    steps.extend(frames.iter().map(|frame| Step::Write(chunk(frame.as_bytes()))));
    steps.push(Step::Write(b"0\r\n\r\n".to_vec()));
    steps
}

/// The response up to `at` bytes of its frames; then the connection breaks in the middle of the body.
pub(crate) fn broken(frames: &[String], at: usize) -> Vec<Step> {
    let all = frames.concat();
    vec![Step::Write(HEAD.as_bytes().to_vec()), Step::Write(chunk(&all.as_bytes()[..at])), Step::Close]
}

/// The response up to `at` bytes of its frames; then it ends as if that were all.
pub(crate) fn ended(frames: &[String], at: usize) -> Vec<Step> {
    let mut steps = broken(frames, at);
    steps.pop();
    steps.push(Step::Write(b"0\r\n\r\n".to_vec()));
    steps
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    if bytes.is_empty() {
        return Vec::new();
    }
    [format!("{:x}\r\n", bytes.len()).into_bytes(), bytes.to_vec(), b"\r\n".to_vec()].concat()
}
