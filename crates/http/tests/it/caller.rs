//! The signed caller: what a service lets through, and everything that it does not.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::routing::any;
use http::{HeaderValue, Method, Uri};
use moltforge_http::caller::{HEADER, Message, body_hash, verify_layer};
use moltforge_http::{ApiResult, Caller, CallerKeys, Json};
use moltforge_types::{
    Actor, Ambient, Id as _, KeyId, Principal, ProjectId, Scope, SystemRandom, TestClock, Timestamp,
};

use crate::support::ask;

struct World {
    clock: Arc<TestClock>,
    ambient: Ambient,
    keys: CallerKeys,
    router: Router,
}

async fn handler(caller: Caller, body: Bytes) -> ApiResult<Json<(String, usize)>> {
    let principal = caller.require(Scope::AgentsRead)?;
    Ok(Json((principal.project_id.to_string(), body.len())))
}

fn service(keys: &CallerKeys, ambient: &Ambient) -> Router {
    Router::new()
        .route("/v1/agents/{agent}", any(handler))
        .route("/open", any(|| async { "open" }))
        .layer(verify_layer(keys.clone(), "agents", ambient.clone()))
}

fn world() -> World {
    let clock = Arc::new(TestClock::new(Timestamp::from_micros(1_800_000_000_000_000)));
    let ambient = Ambient::new(clock.clone(), Arc::new(SystemRandom));
    let keys = CallerKeys::new(&[1; 32], Some(&[2; 32]), ambient.clone());
    World { router: service(&keys, &ambient), clock, ambient, keys }
}

fn principal() -> Principal {
    let actor = Actor::Key(KeyId::from_u128(7));
    Principal { project_id: ProjectId::from_u128(9), actor, scopes: vec![Scope::AgentsRead] }
}

struct Shot<'a> {
    audience: &'a str,
    method: Method,
    uri: &'a str,
    body: &'a str,
}

const SHOT: Shot<'_> = Shot { audience: "agents", method: Method::PUT, uri: "/v1/agents/a?x=1", body: r#"{"a":1}"# };

fn sign(keys: &CallerKeys, shot: &Shot<'_>) -> HeaderValue {
    let uri: Uri = shot.uri.parse().unwrap();
    let hash = body_hash(shot.body.as_bytes());
    let message = Message { audience: shot.audience, method: &shot.method, uri: &uri, body_hash: &hash };
    keys.sign(&message, Some(&principal()))
}

fn send(shot: &Shot<'_>, header: &HeaderValue) -> Request {
    let mut request =
        Request::builder().method(shot.method.clone()).uri(shot.uri).body(Body::from(shot.body.to_owned())).unwrap();
    request.headers_mut().insert(HEADER, header.clone());
    request
}

async fn refusal(router: &Router, request: Request) -> String {
    let (status, problem) = ask(router, request).await;
    assert_eq!(status.as_u16(), 401, "{problem}");
    problem["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_signed_request_arrives_with_its_body() {
    let world = world();
    let (status, answer) = ask(&world.router, send(&SHOT, &sign(&world.keys, &SHOT))).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer, serde_json::json!([principal().project_id.to_string(), 7]));
}

#[tokio::test]
async fn a_signature_fits_one_request_only() {
    let world = world();
    let header = sign(&world.keys, &SHOT);
    for other in [
        Shot { method: Method::DELETE, ..SHOT },
        Shot { uri: "/v1/agents/b?x=1", ..SHOT },
        Shot { uri: "/v1/agents/a?x=2", ..SHOT },
        Shot { uri: "/v1/agents/a", ..SHOT },
        Shot { body: r#"{"a":2}"#, ..SHOT },
        Shot { body: "", ..SHOT },
    ] {
        assert_eq!(refusal(&world.router, send(&other, &header)).await, "caller_invalid");
    }
    let elsewhere = sign(&world.keys, &Shot { audience: "execution", ..SHOT });
    assert_eq!(refusal(&world.router, send(&SHOT, &elsewhere)).await, "caller_invalid");
}

#[tokio::test]
async fn it_works_once() {
    let world = world();
    let header = sign(&world.keys, &SHOT);
    assert_eq!(ask(&world.router, send(&SHOT, &header)).await.0, 200);
    assert_eq!(refusal(&world.router, send(&SHOT, &header)).await, "caller_replayed");
    world.clock.advance(Duration::from_secs(29));
    assert_eq!(refusal(&world.router, send(&SHOT, &header)).await, "caller_replayed");
}

#[tokio::test]
async fn it_expires_and_none_is_from_the_future() {
    let world = world();
    let header = sign(&world.keys, &SHOT);
    world.clock.advance(Duration::from_secs(31));
    assert_eq!(refusal(&world.router, send(&SHOT, &header)).await, "caller_expired");

    let fast = Arc::new(TestClock::new(world.ambient.now().plus(Duration::from_secs(10))));
    let ahead = CallerKeys::new(&[1; 32], None, Ambient::new(fast, Arc::new(SystemRandom)));
    assert_eq!(refusal(&world.router, send(&SHOT, &sign(&ahead, &SHOT))).await, "caller_expired");
}

#[tokio::test]
async fn both_active_keys_verify_and_no_other() {
    let world = world();
    let before = CallerKeys::new(&[2; 32], None, world.ambient.clone());
    assert_eq!(ask(&world.router, send(&SHOT, &sign(&before, &SHOT))).await.0, 200);
    let foreign = CallerKeys::new(&[3; 32], None, world.ambient.clone());
    assert_eq!(refusal(&world.router, send(&SHOT, &sign(&foreign, &SHOT))).await, "caller_invalid");
}

#[tokio::test]
async fn forgeries_are_refused() {
    let world = world();
    let good = sign(&world.keys, &SHOT);
    let parts: Vec<String> = good.to_str().unwrap().split('.').map(str::to_owned).collect();
    let swap = |at: usize, text: &str| {
        let mut parts = parts.clone();
        parts[at] = text.to_owned();
        HeaderValue::from_str(&parts.join(".")).unwrap()
    };
    // every part but the key's name is under the signature
    let later = format!("{:x}", i64::from_str_radix(&parts[1], 16).unwrap() + 1);
    let other = "eyJwcm9qZWN0X2lkIjoicHJqXzAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAxIn0";
    for forged in [swap(1, &later), swap(2, "7"), swap(3, "7"), swap(4, "AAAA"), swap(4, ""), swap(5, other)] {
        assert_eq!(refusal(&world.router, send(&SHOT, &forged)).await, "caller_invalid");
    }
    for junk in ["", "....", "x.y.z", &"a.".repeat(3000), r#"{"project_id":"prj_1"}"#] {
        let junk = HeaderValue::from_str(junk).unwrap();
        assert_eq!(refusal(&world.router, send(&SHOT, &junk)).await, "caller_invalid");
    }
    let mut bare = send(&SHOT, &good);
    bare.headers_mut().remove(HEADER);
    assert_eq!(refusal(&world.router, bare).await, "caller_invalid");
    // the refusals did not use the good one up
    assert_eq!(ask(&world.router, send(&SHOT, &good)).await.0, 200);
}

#[tokio::test]
async fn without_a_principal_only_open_routes_answer() {
    let world = world();
    for (path, status) in [("/open", 200), ("/v1/agents/a", 401)] {
        let uri: Uri = path.parse().unwrap();
        let hash = body_hash(b"");
        let message = Message { audience: "agents", method: &Method::GET, uri: &uri, body_hash: &hash };
        let header = world.keys.sign(&message, None);
        let shot = Shot { method: Method::GET, uri: path, body: "", ..SHOT };
        assert_eq!(ask(&world.router, send(&shot, &header)).await.0.as_u16(), status);
    }
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let world = world();
    let uri: Uri = SHOT.uri.parse().unwrap();
    let hash = body_hash(SHOT.body.as_bytes());
    let message = Message { audience: "agents", method: &SHOT.method, uri: &uri, body_hash: &hash };
    let nobody = Principal { scopes: vec![Scope::KeysWrite], ..principal() };
    let (status, problem) = ask(&world.router, send(&SHOT, &world.keys.sign(&message, Some(&nobody)))).await;
    assert_eq!((status.as_u16(), &problem["code"]), (403, &"scope_missing".into()));
    assert!(problem["detail"].as_str().unwrap().contains("agents:read"));
}
