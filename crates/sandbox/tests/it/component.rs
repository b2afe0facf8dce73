//! Components of the world `moltforge:agent`, through real compile and worker processes. The one that tries everything is
//! built from `guests/agent` by `cargo xtask images components`.

mod bad;
pub(crate) mod forged;

use std::sync::Arc;
use std::time::Duration;

use moltforge_sandbox::{Component, GuestRequest, Image};
use serde_json::{Value, json};

use crate::driver::{End, Journal, go_on, run};
use crate::world::{agent, sandbox};

const AGENT: &[u8] = include_bytes!("../components/agent.wasm");

/// The agent that tries this.
fn tries(what: &str) -> GuestRequest {
    of(AGENT.to_vec(), &json!(what))
}

pub(crate) fn of(component: Vec<u8>, input: &Value) -> GuestRequest {
    let image = Image::Component(Arc::new(Component::new(component)));
    GuestRequest { image, files: vec![], entry: String::new(), input: input.to_string(), ..agent("") }
}

#[tokio::test]
async fn every_capability_is_the_call_that_it_is_of_a_tool() {
    let (end, journal) = run(&sandbox(), tries("every")).await;
    let message = |role: &str, content: &str| json!({ "role": role, "content": content });
    let form = json!({ "type": "object" });
    let expected = [
        ("llm.complete", json!({ "messages": [message("system", "be brief"), message("user", "hi")] })),
        ("llm.chunk", json!({ "call": 1, "attempt": 1, "from": 2 })),
        (
            "llm.complete",
            json!({ "system": "s", "model": "m", "temperature": 0.5, "max_output_tokens": 9,
                    "messages": [message("user", "a"), message("assistant", "b")] }),
        ),
        ("any.tool", json!({ "x": [1, 2.5] })),
        ("http.fetch", json!({ "url": "https://a.test/" })),
        (
            "http.fetch",
            json!({ "url": "https://a.test/", "method": "POST", "headers": { "x-a": "1" }, "body": "text" }),
        ),
        ("state.get", json!({ "key": "k" })),
        ("state.set", json!({ "key": "k", "value": { "b": 1, "a": null } })),
        ("state.delete", json!({ "key": "k" })),
        ("events.emit", json!({ "type": "done" })),
        ("events.emit", json!({ "type": "done", "topic": "t", "data": [1] })),
        ("agents.call", json!({ "agent": "other" })),
        ("agents.call", json!({ "agent": "other", "input": 1, "timeout": "5000ms" })),
        ("agents.start", json!({ "agent": "other", "input": {} })),
        ("agents.wait", json!({ "executions": ["exec_1", "exec_2"] })),
        ("agents.wait", json!({ "executions": ["exec_1"], "mode": "any", "timeout": "1ms" })),
        ("approvals.request", json!({ "title": "May I?" })),
        ("approvals.request", json!({ "title": "May I?", "details": "why", "form": form, "expires": "60000ms" })),
        ("signals.wait", json!({ "name": "go" })),
        ("signals.wait", json!({ "name": "go", "timeout": "1500ms" })),
        ("timer", json!({ "ms": 7 })),
    ];
    let made: Vec<_> = journal.calls.iter().map(|call| (call.id, call.name.as_str(), call.args.as_str())).collect();
    let expected: Vec<_> = (1..).zip(&expected).map(|(id, (name, args))| (id, *name, args.to_string())).collect();
    let expected: Vec<_> = expected.iter().map(|(id, name, args)| (*id, *name, args.as_str())).collect();
    // a number of the author's stays as it was written
    assert_eq!(made[3].2, r#"{"x": [1, 2.50]}"#);
    for (made, expected) in made.iter().zip(&expected).filter(|(made, _)| made.1 != "any.tool") {
        assert_eq!(made, expected);
    }
    assert_eq!(made.len(), expected.len());
    let output = end.output();
    assert_eq!(output[6]["args"], json!({ "key": "k" }));
    assert_eq!(output[20], Value::Null);
    assert_eq!((journal.logs[0].level, journal.logs[0].message.as_str()), (2, "all are made"));
}

#[tokio::test]
async fn calls_are_parallel_and_time_is_virtual() {
    let (end, journal) = run(&sandbox(), tries("parallel")).await;
    assert_eq!(end.output(), json!({ "at": [30, 10, 20], "slept": 3600 }));
    let heard: Vec<_> = journal.completions.iter().map(|completion| completion.id).collect();
    assert_eq!(heard, [2, 3, 1, 4]);
    assert_eq!(journal.logs[0].message, "slept 3600 s");
}

#[tokio::test]
async fn a_call_that_is_dropped_is_given_up() {
    let (end, journal) = run(&sandbox(), tries("given up")).await;
    assert_eq!(end.output(), json!(true));
    let cancelled: Vec<_> = journal.cancelled.iter().map(|cancelled| (cancelled.id, cancelled.after)).collect();
    assert_eq!(cancelled, [(1, 1), (3, 2)]);
}

#[tokio::test]
async fn errors_of_calls_and_of_its_own() {
    let sandbox = sandbox();
    let refused = run(&sandbox, tries("refused")).await.0.output();
    assert_eq!(refused["Err"], json!({ "code": "tool_refused", "message": "no", "details": null }));
    let odd = run(&sandbox, tries("odd")).await.0.failure();
    assert!(odd.message.starts_with("answer_unexpected: "), "{odd:?}");
    let own = run(&sandbox, tries("own error")).await.0.failure();
    assert_eq!((own.message.as_str(), own.stack.as_str()), ("too_cold: it freezes", r#"{"n":1}"#));
}

#[tokio::test]
async fn a_reply_comes_in_pieces() {
    let (end, _) = run(&sandbox(), tries("stream")).await;
    let pieces = json!([["one ", "one ", false], ["uno ", "uno ", true], ["due", "uno due", false]]);
    assert_eq!(end.output(), json!({ "pieces": pieces, "text": "uno due" }));
}

#[tokio::test]
async fn a_standard_library_finds_a_world_without_anything() {
    let (end, journal) = run(&sandbox(), tries("wasi")).await;
    let expected = json!({
        "written": [true, true, true, true, true], "environment": 0, "directories": 0, "seconds": 1_700_000_000,
        "random": 4, "differ": true,
    });
    assert_eq!(end.output(), expected);
    let logs: Vec<_> = journal.logs.iter().map(|log| (log.level, log.message.as_str())).collect();
    assert_eq!(logs, [(1, "one"), (1, "two"), (2, "warned"), (1, "three")]);
}

#[tokio::test]
async fn rebuilt_at_every_point_it_is_the_same() {
    let sandbox = sandbox();
    for what in ["same", "parallel", "given up", "stream", "wasi"] {
        let (end, whole) = run(&sandbox, tries(what)).await;
        let answers = whole.completions.len();
        for cut in 0..=answers {
            let mut journal = Journal::default();
            let (_, first) = go_on(&sandbox, tries(what), &mut journal, cut).await;
            drop(first);
            let (again, _) = go_on(&sandbox, tries(what), &mut journal, usize::MAX).await;
            assert_eq!(again, end, "{what}, rebuilt after {cut}");
            assert_eq!((journal.completions.len(), journal.divergences.len()), (answers, 0), "{what}");
        }
    }
}

#[tokio::test]
async fn another_seed_is_another_run() {
    let sandbox = sandbox();
    let first = run(&sandbox, tries("same")).await.0.output();
    assert_eq!(run(&sandbox, tries("same")).await.0.output(), first);
    let other = run(&sandbox, GuestRequest { seed: [8; 32], ..tries("same") }).await.0.output();
    assert_ne!(other, first);
}

#[tokio::test]
async fn many_projects_many_guests() {
    let sandbox = sandbox();
    let mut all = Vec::new();
    for n in 0..20 {
        let (sandbox, project) = (sandbox.clone(), format!("proj_{}", n % 3));
        let request = GuestRequest { project, ..tries("parallel") };
        all.push(tokio::spawn(async move { run(&sandbox, request).await.0 }));
    }
    for one in all {
        let end = tokio::time::timeout(Duration::from_mins(5), one).await.unwrap().unwrap();
        assert!(matches!(end, End::Output(_)), "{end:?}");
    }
}
