//! Every function of the world once, as it is.

use moltforge_agent::bindings::moltforge::agent::calls::{self, Pending};
use moltforge_agent::bindings::moltforge::agent::{
    agents, approvals, clock, events, http, llm, log, random, signals, state, timers, tools,
};
use serde_json::{Value, json};

/// The answers in the order of the calls.
pub fn every() -> Value {
    let message = |role, content: &str| llm::Message { role, content: content.to_owned() };
    let messages = vec![message(llm::Role::System, "be brief"), message(llm::Role::User, "hi")];
    let bare = llm::Request { messages, system: None, model: None, temperature: None, max_output_tokens: None };
    let full = llm::Request {
        messages: vec![message(llm::Role::User, "a"), message(llm::Role::Assistant, "b")],
        system: Some("s".to_owned()),
        model: Some("m".to_owned()),
        temperature: Some(0.5),
        max_output_tokens: Some(9),
    };
    let get = http::Request { method: None, url: "https://a.test/".to_owned(), headers: Vec::new(), body: None };
    let post = http::Request {
        method: Some("POST".to_owned()),
        headers: vec![("x-a".to_owned(), "1".to_owned())],
        body: Some("text".to_owned()),
        ..get.clone()
    };
    let question =
        approvals::Question { title: "May I?".to_owned(), details: None, form: None, expires: None };
    let whole = approvals::Question {
        title: "May I?".to_owned(),
        details: Some("why".to_owned()),
        form: Some(r#"{"type":"object"}"#.to_owned()),
        expires: Some(60_000),
    };
    let ids = ["exec_1".to_owned(), "exec_2".to_owned()];
    let complete = llm::complete(&bare);
    let chunk = llm::stream(&complete, 1, 2);
    let calls = vec![
        complete,
        chunk,
        llm::complete(&full),
        tools::call("any.tool", r#"{"x": [1, 2.50]}"#),
        http::fetch(&get),
        http::fetch(&post),
        state::get("k"),
        state::set("k", r#"{"b":1,"a":null}"#),
        state::delete("k"),
        events::emit("done", None, None),
        events::emit("done", Some("t"), Some("[1]")),
        agents::call("other", None, None),
        agents::call("other", Some("1"), Some(5000)),
        agents::start("other", Some("{}")),
        agents::wait(&ids, agents::Mode::All, None),
        agents::wait(&ids[..1], agents::Mode::Any, Some(1)),
        approvals::request(&question),
        approvals::request(&whole),
        signals::wait("go", None),
        signals::wait("go", Some(1500)),
        timers::after(7),
    ];
    log::write(log::Level::Warn, "all are made");
    assert!(clock::now() > 0 && random::bytes(3).len() == 3);
    let all: Vec<&Pending> = calls.iter().collect();
    // every answer but that of the timer comes at once, in the order of the calls
    assert_eq!(calls::wait(&all), 0);
    let answers = calls.into_iter().map(|call| match Pending::take(call) {
        Ok(text) => serde_json::from_str(&text).unwrap_or(Value::Null),
        Err(error) => json!({ "error": error.code }),
    });
    Value::Array(answers.collect())
}
