//! Paths and methods.

use crate::world::world;

#[tokio::test]
async fn unknown_routes_are_problems() {
    let world = world().await;
    for path in ["/v1", "/v1/", "/v1/nothing", "/v1/agentsmith", "/v1/agents/a/b/c", "/v1/%61gents"] {
        assert_eq!(world.with_key("GET", path).send().await.refusal(), (404, "route_not_found"), "{path}");
        assert_eq!(world.ask("GET", path).send().await.refusal(), (401, "credentials_missing"), "{path}");
    }
}

#[tokio::test]
async fn wrong_methods_say_which_are_right() {
    let world = world().await;
    let answer = world.with_key("DELETE", "/v1/agents").send().await;
    assert_eq!(answer.refusal(), (405, "method_not_allowed"));
    assert_eq!(answer.header("allow"), "GET,HEAD,POST");
    let answer = world.with_key("POST", "/v1/openapi.json").send().await;
    assert_eq!((answer.refusal(), answer.header("allow")), ((405, "method_not_allowed"), "GET, HEAD"));
}

#[tokio::test]
async fn everything_else_is_the_dashboards() {
    let world = world().await;
    for path in ["/", "/agents", "/%76%31/agents", "//v1/agents", "/V1/agents", "/v1agents"] {
        let answer = world.ask("GET", path).send().await;
        assert_eq!((answer.status, answer.body["uri"].as_str()), (200, Some(path)));
    }
}

#[tokio::test]
async fn the_api_alone_has_no_pages() {
    let world = world().await;
    let answer = crate::world::send(&world.gateway.api(), world.ask("GET", "/").into_request()).await;
    assert_eq!(answer.refusal(), (404, "route_not_found"));
}

#[tokio::test]
async fn an_absolute_target_is_forwarded_as_a_path() {
    let world = world().await;
    let answer = world.with_key("GET", "http://127.0.0.1:8420/v1/agents?x=1").send().await;
    assert_eq!(answer.body["uri"], "/v1/agents?x=1");
}
