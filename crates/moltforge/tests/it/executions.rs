//! `/v1/executions`: the life of a run.

use futures::StreamExt as _;
use moltforge_api::executions::{
    CancelExecution, ListEvents, ListExecutions, ListSteps, PauseExecution, ResumeExecution, SignalExecution,
};
use moltforge_client::{ExecutionEvent, StartOptions};
use moltforge_types::Fault as _;
use serde_json::json;

use crate::world::{World, agent, greeter, start, waiter, worlds};

worlds! {
    a_run_tells_its_steps_and_events,
    a_signal_moves_what_waits,
    pause_resume_and_cancel,
    a_repeated_start_is_one_execution,
    the_input_must_fit_the_schema,
    executions_are_found_by_state_and_agent,
    a_stream_is_complete_and_ends,
    text_streams_before_it_is_final,
}

async fn a_run_tells_its_steps_and_events(world: World) {
    let add = json!({ "tool": "math.add", "arguments": { "a": 2, "b": 3 } });
    let config =
        agent("adder", json!({ "tools": ["math.add"], "script": [{ "calls": [add] }, { "text": "{{ tools[0] }}" }] }));
    world.deploy(&config).await;
    let execution = world.run("adder", json!(null)).await;
    assert_eq!((execution.state.as_str(), execution.output), ("completed", Some(json!("5"))));

    let client = world.client();
    let steps = client.executions().steps(&execution.execution_id, &ListSteps::default()).await.unwrap().items;
    let told: Vec<_> = steps.iter().map(|s| (s.step, s.kind.as_str(), s.name.as_str(), s.state.as_str())).collect();
    assert_eq!(
        told,
        [
            (1, "model", "scripted", "succeeded"),
            (2, "tool", "math.add", "succeeded"),
            (3, "model", "scripted", "succeeded")
        ]
    );
    let mut page = ListSteps { limit: Some(2), ..ListSteps::default() };
    let first = client.executions().steps(&execution.execution_id, &page).await.unwrap();
    assert_eq!(first.items.len(), 2);
    page.cursor = first.next;
    let second = client.executions().steps(&execution.execution_id, &page).await.unwrap();
    assert_eq!((second.items.len(), second.items[0].step, second.next), (1, 3, None));

    let query = ListEvents { after: None, limit: Some(1000) };
    let events = client.executions().events_page(&execution.execution_id, &query).await.unwrap().items;
    let numbers: Vec<u64> = events.iter().map(|event| event.id.parse().unwrap()).collect();
    assert_eq!(numbers, (1..=execution.seq).collect::<Vec<_>>());
    assert_eq!(events.last().unwrap().event_type, "io.moltforge.execution.completed");
}

async fn a_signal_moves_what_waits(world: World) {
    world.deploy(&waiter("patient")).await;
    let client = world.client();
    let waiting = world.run("patient", json!(null)).await;
    assert_eq!(waiting.state, "suspended");
    assert!(waiting.waiting_for.unwrap().contains("go"));
    let signal = SignalExecution { name: "go".to_owned(), payload: json!({ "x": 1 }) };
    let id = waiting.execution_id.as_str();
    client.executions().signal(id, &signal, Some("s-1")).await.unwrap();
    client.executions().signal(id, &signal, Some("s-1")).await.unwrap();
    let seen = ids(client.executions().events(id, 0)).await;
    assert_eq!(seen.iter().filter(|name| *name == "signal.received").count(), 1);
    let ended = client.executions().get(id).await.unwrap();
    assert_eq!((ended.state.as_str(), ended.output), ("completed", Some(json!("went"))));
    let late = client.executions().signal(id, &signal, None).await.unwrap_err();
    assert_eq!(late.code(), "execution_ended");
}

async fn pause_resume_and_cancel(world: World) {
    world.deploy(&waiter("patient")).await;
    let client = world.client();
    let waiting = world.run("patient", json!(null)).await;
    let id = waiting.execution_id.as_str();
    let paused = client.executions().pause(id, &PauseExecution { note: Some("lunch".to_owned()) }).await.unwrap();
    assert_eq!((paused.state.as_str(), paused.reason.as_deref()), ("paused", Some("operator")));
    // kept while it is paused
    client.executions().signal(id, &SignalExecution { name: "go".to_owned(), payload: json!(1) }, None).await.unwrap();
    assert_eq!(client.executions().get(id).await.unwrap().state, "paused");
    client.executions().resume(id, &ResumeExecution::default()).await.unwrap();
    assert_eq!(ids(client.executions().events(id, 0)).await.last().unwrap(), "execution.completed");
    let again = client.executions().resume(id, &ResumeExecution::default()).await.unwrap_err();
    assert_eq!(again.status(), Some(409), "{again}");

    let other = world.run("patient", json!(null)).await;
    let cancelled = client.executions().cancel(&other.execution_id, &CancelExecution::default()).await.unwrap();
    assert_eq!(cancelled.state, "cancelled");
    let twice = client.executions().cancel(&other.execution_id, &CancelExecution::default()).await;
    assert!(twice.is_err() || twice.unwrap().state == "cancelled");
}

async fn a_repeated_start_is_one_execution(world: World) {
    world.deploy(&greeter("hello")).await;
    let client = world.client();
    let options = StartOptions { idempotency_key: Some("k".to_owned()), wait: None };
    let body = start("hello", json!({ "name": "Ada" }));
    let (first, second) =
        tokio::join!(client.executions().start(&body, &options), client.executions().start(&body, &options));
    let first = first.unwrap();
    assert_eq!(first.execution_id, second.unwrap().execution_id);
    let other = client.executions().start(&start("hello", json!({ "name": "Bob" })), &options).await.unwrap_err();
    assert_eq!(other.code(), "idempotency_key_reused");
}

async fn the_input_must_fit_the_schema(world: World) {
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] });
    world.deploy(&agent("strict", json!({ "input_schema": schema, "script": [{ "text": "ok" }] }))).await;
    let client = world.client();
    let error =
        client.executions().start(&start("strict", json!({ "n": "x" })), &StartOptions::default()).await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("input_invalid", Some(422)));
    assert_eq!(error.items()[0].pointer, "/input/n", "{:?}", error.items());
    assert_eq!(world.run("strict", json!({ "n": 1 })).await.state, "completed");
}

async fn executions_are_found_by_state_and_agent(world: World) {
    world.deploy(&greeter("hello")).await;
    world.deploy(&waiter("patient")).await;
    world.run("hello", json!({ "name": "Ada" })).await;
    world.run("patient", json!(null)).await;
    let client = world.client();
    let found = async |agent: Option<&str>, state: Option<&str>| {
        let filter = ListExecutions {
            agent: agent.map(str::to_owned),
            state: state.map(str::to_owned),
            ..ListExecutions::default()
        };
        let page = client.executions().list(&filter).await.unwrap();
        page.items.into_iter().map(|e| e.agent_name).collect::<Vec<_>>()
    };
    assert_eq!(found(None, None).await, ["patient", "hello"]);
    assert_eq!(found(Some("hello"), None).await, ["hello"]);
    assert_eq!(found(None, Some("live")).await, ["patient"]);
    assert_eq!(found(None, Some("completed")).await, ["hello"]);
    let filter = ListExecutions { state: Some("asleep".to_owned()), ..ListExecutions::default() };
    assert!(matches!(client.executions().list(&filter).await.unwrap_err().status(), Some(400..=422)));
}

async fn a_stream_is_complete_and_ends(world: World) {
    world.deploy(&greeter("hello")).await;
    let execution = world.run("hello", json!({ "name": "Ada" })).await;
    let client = world.client();
    let all = ids(client.executions().events(&execution.execution_id, 0)).await;
    assert_eq!(all.len() as u64, execution.seq);
    let rest = ids(client.executions().events(&execution.execution_id, 1)).await;
    assert_eq!(rest, all[1..]);
    assert!(ids(client.executions().events(&execution.execution_id, execution.seq)).await.is_empty());
}

async fn text_streams_before_it_is_final(world: World) {
    let text = "one two three four five six seven eight nine ten";
    world.deploy(&agent("slow", json!({ "script": [{ "text": text, "delay": "300ms" }] }))).await;
    let client = world.client();
    let execution = client.executions().start(&start("slow", json!(null)), &StartOptions::default()).await.unwrap();
    let mut events = client.executions().events(&execution.execution_id, 0);
    let (mut chunks, mut written) = (0, String::new());
    while let Some(event) = events.next().await {
        if let ExecutionEvent::Chunk(chunk) = event.unwrap() {
            // a stream that was opened late begins in the middle
            if written.is_empty() && chunk.offset > 0 {
                written = text[..usize::try_from(chunk.offset).unwrap()].to_owned();
            }
            assert_eq!(chunk.offset, written.len() as u64);
            written += &chunk.text;
            chunks += 1;
        }
    }
    assert!(chunks > 1, "{chunks} chunks");
    assert_eq!(written, text);
}

/// The events' names, to the end of the stream.
async fn ids(stream: moltforge_client::EventStream) -> Vec<String> {
    stream
        .filter_map(|item| async move {
            match item.unwrap() {
                ExecutionEvent::Event(event) => {
                    Some(event.event_type.strip_prefix("io.moltforge.").unwrap().to_owned())
                }
                _ => None,
            }
        })
        .collect()
        .await
}
