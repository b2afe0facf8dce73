//! Configurations in bodies: JSON and agent files, good and bad.

use moltforge_testing::World;
use serde_json::{Value, json};

use crate::service::{Service, hello};

moltforge_testing::worlds! { an_agent_file_is_taken, an_agent_is_given_as_a_file, faults_of_a_file_have_places, faults_of_json_have_pointers, other_bodies_are_refused }

const FILE: &str = "name = 'hello'\nkind = 'prompt'\nmodel = 'scripted'\n\n[[script]]\ntext = 'hi'\n";

async fn an_agent_file_is_taken(world: &World) {
    let service = Service::new(world).await;
    let created = service.ask("POST", "/v1/agents").toml(FILE).send().await;
    assert_eq!(created.status, 201, "{}", created.body);
    // the same content, however it is written, is the same version
    let put = service.ask("PUT", "/v1/agents/hello").json(&json!({ "config": hello("hello") })).send().await;
    assert_eq!((put.status, put.etag()), (200, "\"1\""), "{}", put.body);
    let put = service.ask("PUT", "/v1/agents/hello").toml(FILE.replace("hi", "ho")).send().await;
    assert_eq!((put.status, put.etag()), (201, "\"2\""), "{}", put.body);
}

async fn an_agent_is_given_as_a_file(world: &World) {
    let service = Service::new(world).await;
    service.create("hello").await;
    let file = service.ask("GET", "/v1/agents/hello").header("accept", "application/toml").send().await;
    assert_eq!((file.status, file.etag()), (200, "\"1\""));
    assert!(file.headers["content-type"].to_str().unwrap().starts_with("application/toml"));
    let text = file.body.as_str().unwrap().to_owned();
    let put = service.ask("PUT", "/v1/agents/hello").toml(text).send().await;
    assert_eq!(put.status, 200, "what was given comes back unchanged: {}", put.body);
}

async fn faults_of_a_file_have_places(world: &World) {
    let service = Service::new(world).await;
    let bad = FILE.replace("model", "modle").replace("text = 'hi'", "text = 'hi'\ndelay = 'soon'");
    for (method, path) in [("POST", "/v1/agents"), ("PUT", "/v1/agents/hello")] {
        let answer = service.ask(method, path).toml(bad.clone()).send().await;
        assert_eq!(answer.refusal(), (422, "agent_invalid"), "{}", answer.body);
        let places = |item: &Value| (item["line"].as_u64(), item["column"].as_u64(), item["pointer"].clone());
        let found: Vec<_> = answer.body["errors"].as_array().unwrap().iter().map(places).collect();
        let expected = [(Some(3), Some(1), json!("/modle")), (Some(7), Some(9), json!("/script/0/delay"))];
        assert_eq!(found, expected);
        assert!(answer.body["errors"][0]["message"].as_str().unwrap().contains("did you mean `model`?"));
    }
    let latin1 = service.ask("POST", "/v1/agents").toml(b"name = '\xe9'".as_slice()).send().await;
    assert_eq!((latin1.refusal(), &latin1.body["errors"][0]["column"]), ((422, "agent_invalid"), &json!(9)));
    assert_eq!(service.get("/v1/agents").await.body["items"], json!([]));
}

async fn faults_of_json_have_pointers(world: &World) {
    let service = Service::new(world).await;
    let mut config = hello("hello");
    config["limits"] = json!({ "turns": 0 });
    config["tools"] = json!(["math.ad"]);
    let answer = service.ask("POST", "/v1/agents").json(&json!({ "config": config })).send().await;
    assert_eq!(answer.refusal(), (422, "agent_invalid"), "{}", answer.body);
    let pointers: Vec<_> = answer.body["errors"].as_array().unwrap().iter().map(|item| &item["pointer"]).collect();
    assert_eq!(pointers, ["/config/limits/turns", "/config/tools/0"]);
    assert!(answer.body["detail"].as_str().unwrap().contains("and one more fault"), "{}", answer.body);
}

async fn other_bodies_are_refused(world: &World) {
    let service = Service::new(world).await;
    let post = || service.ask("POST", "/v1/agents");
    let config = hello("hello");
    for (body, refusal) in [
        (json!({ "config": config, "x": 1 }), (422, "body_invalid")),
        (json!({}), (422, "body_invalid")),
        (json!([]), (422, "body_invalid")),
        (json!({ "config": null }), (422, "agent_invalid")),
        (json!({ "config": "hello" }), (422, "agent_invalid")),
        (json!({ "config": { "name": "a\0" } }), (422, "text_has_nul")),
    ] {
        let answer = post().json(&body).send().await;
        assert_eq!(answer.refusal(), refusal, "{body}: {}", answer.body);
    }
    let text = post().json(&config).header("content-type", "text/plain").send().await;
    assert_eq!(text.refusal(), (415, "media_type_unsupported"));
    assert_eq!(post().send().await.refusal(), (415, "media_type_unsupported"));
    let cut = post().toml("{").header("content-type", "application/json").send().await;
    assert_eq!(cut.refusal(), (400, "body_malformed"));
    let huge = post().toml(vec![b'#'; 300 * 1024]).send().await;
    assert_eq!(huge.refusal(), (422, "agent_invalid"), "{}", huge.body);
    let larger = post().toml(vec![b'#'; 2 * 1024 * 1024]).send().await;
    assert_eq!(larger.refusal(), (413, "body_too_large"));
}
