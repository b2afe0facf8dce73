//! What a provider gets to see.

use moltforge_capabilities::llm::ChunkSink;
use moltforge_types::conversation::{Message, ToolCall};
use serde_json::json;

use crate::provider::{stream, text};
use crate::world::{KEY, agent, models, provider, request, user, world};

#[tokio::test]
async fn a_conversation_is_sent_whole() {
    let (server, models) = world(|_| stream(&text(&["hi"]))).await;
    let config = agent(
        "instructions = \"Be kind.\"\ntools = [\"math.add\", \"weather.to_day\"]\n[parameters]\ntemperature = 0.5\nmax_output_tokens = 99\n\
         [[tool]]\nname = \"weather.to_day\"\ndescription = \"The weather.\"\nurl = \"http://a.test/{city}\"\n\
         parameters = { type = \"object\", properties = { city = { type = \"string\" } }, required = [\"city\"] }\n",
    );
    let call = |id: &str, tool: &str, arguments: &str| ToolCall {
        call_id: id.to_owned(),
        tool: tool.to_owned(),
        arguments: arguments.to_owned(),
    };
    let result = |id: &str, content: &str| Message::Tool {
        call_id: id.to_owned(),
        tool: "math.add".to_owned(),
        content: content.to_owned(),
    };
    let calls = vec![
        call("1", "math.add", "{ \"a\": 1.0 }"),
        call("2", "weather.to_day", ""),
        call("3", "no.such tool", "{oops"),
    ];
    let messages = vec![
        user("hello"),
        Message::Assistant { text: String::new(), tool_calls: calls },
        result("1", "5"),
        result("2", "\"sunny\""),
        result("3", "{\"error\":\"x\"}"),
        Message::Assistant { text: "Done.".to_owned(), tool_calls: Vec::new() },
        user("thanks"),
    ];
    models.complete(request(&config, messages), ChunkSink::none()).await.unwrap();
    let received = server.received().pop().unwrap();
    assert_eq!((received.method.as_str(), received.path.as_str()), ("POST", "/v1/chat/completions"));
    assert_eq!(received.headers["authorization"], format!("Bearer {KEY}"));
    let function = |id: &str, name: &str, arguments: &str| json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } });
    let body = received.json();
    assert_eq!(
        body["messages"],
        json!([
            { "role": "system", "content": "Be kind." },
            { "role": "user", "content": "hello" },
            { "role": "assistant", "content": null, "tool_calls": [
                function("1", "math_add", "{ \"a\": 1.0 }"),
                function("2", "weather_to_day", "{}"),
                function("3", "no_such_tool", "{\"invalid_json\":\"{oops\"}"),
            ] },
            { "role": "tool", "tool_call_id": "1", "content": "5" },
            { "role": "tool", "tool_call_id": "2", "content": "\"sunny\"" },
            { "role": "tool", "tool_call_id": "3", "content": "{\"error\":\"x\"}" },
            { "role": "assistant", "content": "Done." },
            { "role": "user", "content": "thanks" },
        ])
    );
    assert_eq!(body["model"], "gpt-4.1-mini");
    assert_eq!((&body["stream"], &body["stream_options"]), (&json!(true), &json!({ "include_usage": true })));
    assert_eq!((&body["temperature"], &body["max_tokens"]), (&json!(0.5), &json!(99)));
    let tools = body["tools"].as_array().unwrap();
    assert_eq!(
        tools.iter().map(|tool| tool["function"]["name"].as_str().unwrap()).collect::<Vec<_>>(),
        ["math_add", "weather_to_day"]
    );
    assert_eq!(tools[1]["function"]["description"], "The weather.");
    assert_eq!(tools[1]["function"]["parameters"]["required"], json!(["city"]));
}

#[tokio::test]
async fn what_is_not_set_is_not_sent() {
    let (server, models) = world(|_| stream(&text(&["hi"]))).await;
    // a name with slashes and a suffix that means nothing to us
    let config = agent("model = \"test/vendor/some-model-high\"\n");
    models.complete(request(&config, vec![user("hello")]), ChunkSink::none()).await.unwrap();
    let body = server.received()[0].json();
    assert_eq!(body["model"], "vendor/some-model-high");
    let mut fields: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["messages", "model", "stream", "stream_options"]);
}

#[tokio::test]
async fn newer_models_take_their_limit_under_its_new_name() {
    let (server, models) = world(|_| stream(&text(&["hi"]))).await;
    let config = agent("model = \"test/o3-mini\"\n[parameters]\nmax_output_tokens = 5\n");
    models.complete(request(&config, vec![user("hello")]), ChunkSink::none()).await.unwrap();
    let body = server.received()[0].json();
    assert_eq!((&body["max_completion_tokens"], body.get("max_tokens")), (&json!(5), None));
}

#[tokio::test]
async fn a_provider_without_a_key_gets_none_and_connections_are_kept() {
    let (server, _) = world(|_| stream(&text(&["hi"]))).await;
    let mut open = provider("test", &server.url("/v1"));
    open.api_key = None;
    let models = models(vec![open]);
    for _ in 0..20 {
        models.complete(request(&agent(""), vec![user("hello")]), ChunkSink::none()).await.unwrap();
    }
    // the next call may begin before the end of the last response was read
    assert_eq!(server.received().len(), 20);
    assert!(server.connections() <= 4, "{}", server.connections());
    assert!(!server.received()[0].headers.contains_key("authorization"));
}
