//! What strangers send: each fault its own clear error, and nothing is lost.

use moltforge_api::agents::ListAgents;
use serde_json::json;

use crate::world::{World, greeter, worlds};

worlds! { every_fault_has_its_own_error, a_dead_key_says_why }

/// One request and the refusal that it gets.
struct Case {
    what: &'static str,
    method: &'static str,
    path: &'static str,
    content_type: &'static str,
    body: Vec<u8>,
    status: u16,
    code: &'static str,
}

fn case(
    what: &'static str,
    method: &'static str,
    path: &'static str,
    body: impl Into<Vec<u8>>,
    status: u16,
    code: &'static str,
) -> Case {
    Case { what, method, path, content_type: "application/json", body: body.into(), status, code }
}

fn config(name: &str, extra: &str) -> String {
    format!(r#"{{"config":{{"name":"{name}","kind":"prompt","model":"scripted","script":[{{"text":"x"}}]{extra}}}}}"#)
}

fn cases() -> Vec<Case> {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let mut cases = vec![
        case("no JSON", "POST", "/v1/agents", "{", 400, "body_malformed"),
        case("an empty body", "POST", "/v1/agents", "", 400, "body_malformed"),
        case("another shape", "POST", "/v1/agents", "[]", 422, "body_invalid"),
        case("a field too many", "POST", "/v1/agents", config("a", r#","colour":"red""#), 422, "agent_invalid"),
        case("a bad name", "POST", "/v1/agents", config("Not A Name", ""), 422, "agent_invalid"),
        case("too deep", "POST", "/v1/executions", format!(r#"{{"agent":"a","input":{deep}}}"#), 422, "body_too_deep"),
        case("NUL", "POST", "/v1/executions", r#"{"agent":"a","input":"\u0000"}"#, 422, "text_has_nul"),
        case("not UTF-8", "POST", "/v1/agents", b"{\"config\":\"\xff\"}".to_vec(), 400, "body_malformed"),
        case("too large", "POST", "/v1/executions", vec![b' '; 2 * 1024 * 1024], 413, "body_too_large"),
        case("no such agent", "POST", "/v1/executions", r#"{"agent":"nobody"}"#, 404, "agent_not_found"),
        case("no id", "GET", "/v1/executions/nonsense", "", 404, "execution_not_found"),
        case(
            "an id of nothing",
            "GET",
            "/v1/executions/exe_01h455vb4pex5vsknk084sn02q",
            "",
            404,
            "execution_not_found",
        ),
        case(
            "another kind of id",
            "GET",
            "/v1/executions/agt_01h455vb4pex5vsknk084sn02q",
            "",
            404,
            "execution_not_found",
        ),
        case("a filter too many", "GET", "/v1/agents?colour=red", "", 400, "query_invalid"),
        case("a limit too high", "GET", "/v1/agents?limit=100000", "", 400, "limit_invalid"),
        case("a made-up cursor", "GET", "/v1/agents?cursor=abc", "", 400, "cursor_invalid"),
        case("no such path", "GET", "/v1/nothing", "", 404, "route_not_found"),
        case("another method", "DELETE", "/v1/agents", "", 405, "method_not_allowed"),
    ];
    let toml = b"name = \"a\"\nkind = \"prompt\"\nmodle = \"scripted\"\n".to_vec();
    let mut form = case("another media type", "POST", "/v1/agents", "a=b", 415, "media_type_unsupported");
    form.content_type = "application/x-www-form-urlencoded";
    let mut file = case("a bad agent file", "POST", "/v1/agents", toml, 422, "agent_invalid");
    file.content_type = "application/toml";
    cases.extend([form, file]);
    cases
}

async fn every_fault_has_its_own_error(world: World) {
    world.deploy(&greeter("hello")).await;
    let http = world.http();
    let mut wrong = Vec::new();
    for case in cases() {
        let answer = http.send(case.method, case.path, &[("content-type", case.content_type)], &case.body).await;
        let got = (answer.status, answer.code());
        if got != (case.status, case.code.to_owned()) {
            wrong.push(format!("{}: expected {} {}, got {got:?} {}", case.what, case.status, case.code, answer.text()));
        }
        assert!(moltforge::error_pages::page(&answer.code()).is_some(), "{} has no page", answer.code());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // a located fault of a file
    let toml = "name = \"a\"\nkind = \"prompt\"\nmodle = \"scripted\"\n";
    let answer = http.send("POST", "/v1/agents", &[("content-type", "application/toml")], toml.as_bytes()).await;
    let item = &answer.value()["errors"][0];
    assert_eq!((item["line"].as_u64(), item["column"].as_u64()), (Some(3), Some(1)), "{item}");
    // nothing was lost
    assert_eq!(world.run("hello", json!({ "name": "Ada" })).await.state, "completed");
    assert_eq!(world.client().agents().list(&ListAgents::default()).await.unwrap().items.len(), 1);
}

async fn a_dead_key_says_why(world: World) {
    let unknown = crate::http::Http::new(
        world.server.address(),
        Some(moltforge_accounts::new_key_secret(&moltforge_types::Ambient::system()).expose()),
    );
    assert_eq!(unknown.get("/v1/agents").await.status, 401);
    for garbage in ["mf_", "x", "mf_\u{fc}"] {
        let http = crate::http::Http::new(world.server.address(), Some(garbage));
        assert_eq!(http.get("/v1/agents").await.status, 401, "{garbage}");
    }
    let answer = world.anonymous().get("/v1/agents").await;
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").is_some());
}
