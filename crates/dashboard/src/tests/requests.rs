//! Requests through the router, with an API behind it that only notes what it was asked. The real one stands behind the
//! pages in `tests/browser`.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode, header};
use moltforge_types::Ambient;
use serde_json::json;
use tower::ServiceExt as _;

use crate::{Config, router};

/// What came to the API: method, path with query, and the headers that matter.
pub(super) type Notes = Arc<Mutex<Vec<String>>>;

/// The dashboard before an API that gives the same answer to everything.
pub(super) fn dashboard(answer: fn() -> Response) -> (Router, Notes) {
    let notes = Notes::default();
    let kept = notes.clone();
    let api = Router::new().fallback(move |request: Request| {
        let header = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or("-").to_owned();
        let line = format!(
            "{} {} cookie={} origin={} site={} host={} for={} accept-language={}",
            request.method(),
            request.uri(),
            header("cookie"),
            header("origin"),
            header("sec-fetch-site"),
            header("host"),
            header("x-forwarded-for"),
            header("accept-language"),
        );
        kept.lock().unwrap().push(line);
        async move { answer() }
    });
    (router(api, Config::new(Ambient::system())), notes)
}

fn problem(status: StatusCode, code: &str) -> Response {
    let body = json!({"type": format!("/docs/errors/{code}"), "title": "x", "status": status.as_u16(), "code": code,
        "detail": "it was <b>this</b>", "request_id": "req_7"});
    (status, axum::Json(body)).into_response()
}

fn unauthenticated() -> Response {
    problem(StatusCode::UNAUTHORIZED, "credentials_missing")
}

fn session() -> Response {
    let body = json!({"session_id": "ses_1", "project_id": "prj_1", "expires_at": "2026-11-22T12:00:00.000000Z"});
    (StatusCode::CREATED, [(header::SET_COOKIE, "__Host-session=abc; HttpOnly; SameSite=Strict")], axum::Json(body))
        .into_response()
}

pub(super) async fn ask(app: &Router, method: Method, path: &str, form: &str) -> Response {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost:8420")
        .header("cookie", "s=1")
        .header("origin", "http://localhost:8420")
        .header("sec-fetch-site", "same-origin")
        .header("x-forwarded-for", "192.0.2.7")
        .header("accept-language", "de")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form.to_owned()))
        .unwrap();
    app.clone().oneshot(request).await.unwrap()
}

pub(super) async fn text(response: Response) -> String {
    String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap()
}

fn location(response: &Response) -> &str {
    response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[tokio::test]
async fn the_api_learns_who_asks_and_nothing_else() {
    let (app, notes) = dashboard(unauthenticated);
    ask(&app, Method::GET, "/agents?name=a%20b", "").await;
    let wanted = "GET /v1/agents?name_prefix=a+b cookie=s=1 origin=http://localhost:8420 site=same-origin \
                  host=localhost:8420 for=192.0.2.7 accept-language=-";
    assert_eq!(*notes.lock().unwrap(), [wanted]);
}

#[tokio::test]
async fn whoever_has_no_session_is_sent_to_the_door_and_back() {
    let (app, _) = dashboard(unauthenticated);
    let response = ask(&app, Method::GET, "/executions?state=live", "").await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(location(&response), "/sign-in?next=%2Fexecutions%3Fstate%3Dlive");
    // a form cannot be sent again from there
    let response = ask(&app, Method::POST, "/executions/exe_1/pause", "").await;
    assert_eq!(location(&response), "/sign-in");
    let page = text(ask(&app, Method::GET, "/sign-in?next=https://evil.example", "").await).await;
    assert!(page.contains(r#"name="next" value="/""#), "{page}");
}

#[tokio::test]
async fn opening_the_one_time_url_does_not_use_it() {
    let (app, notes) = dashboard(session);
    let page = text(ask(&app, Method::GET, "/sign-in?code=abc", "").await).await;
    assert!(page.contains(r#"name="code" value="abc""#) && notes.lock().unwrap().is_empty(), "{page}");
    let response = ask(&app, Method::POST, "/sign-in", "code=abc&next=%2Fagents").await;
    assert_eq!((response.status(), location(&response)), (StatusCode::SEE_OTHER, "/agents"));
    assert_eq!(response.headers()[header::SET_COOKIE], "__Host-session=abc; HttpOnly; SameSite=Strict");
    assert!(notes.lock().unwrap()[0].starts_with("POST /v1/sessions "));
}

#[tokio::test]
async fn a_wrong_key_stays_at_the_door() {
    let (app, _) = dashboard(unauthenticated);
    let response = ask(&app, Method::POST, "/sign-in", "key=mf_x").await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = text(response).await;
    assert!(page.contains("it was &lt;b&gt;this&lt;/b&gt;") && !page.contains("mf_x"), "{page}");
}

#[tokio::test]
async fn a_refusal_looks_like_a_page() {
    for (answer, status, words) in [
        ((|| problem(StatusCode::FORBIDDEN, "scope_missing")) as fn() -> Response, 403, "Not allowed"),
        (|| problem(StatusCode::NOT_FOUND, "agent_not_found"), 404, "Not found"),
        (|| problem(StatusCode::SERVICE_UNAVAILABLE, "draining"), 503, "The server cannot be reached"),
        (|| "not ours".into_response(), 502, "The server cannot be reached"),
    ] {
        let (app, _) = dashboard(answer);
        let response = ask(&app, Method::GET, "/agents/hello", "").await;
        assert_eq!(response.status().as_u16(), status);
        let page = text(response).await;
        assert!(page.contains(words) && page.contains("<nav"), "{page}");
    }
}

#[tokio::test]
async fn an_address_that_is_no_page_says_so() {
    let (app, notes) = dashboard(unauthenticated);
    for (method, path) in [(Method::GET, "/nothing"), (Method::GET, "/agents/a/run"), (Method::DELETE, "/keys")] {
        let response = ask(&app, method, path, "").await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(text(response).await.contains("page_not_found"), "{path}");
    }
    assert!(notes.lock().unwrap().is_empty());
}

#[tokio::test]
async fn every_answer_is_careful() {
    let (app, _) = dashboard(unauthenticated);
    for path in ["/sign-in", "/nothing", "/agents"] {
        let headers = ask(&app, Method::GET, path, "").await.headers().clone();
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers[header::REFERRER_POLICY], "same-origin");
    }
}

#[tokio::test]
async fn assets_may_be_kept_for_ever() {
    let (app, notes) = dashboard(unauthenticated);
    let address = crate::assets::catalogue().url("live.js");
    let response = ask(&app, Method::GET, &address, "").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/javascript");
    assert_eq!(ask(&app, Method::GET, "/assets/live.js", "").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(ask(&app, Method::GET, "/assets/..%2f..%2fCargo.toml", "").await.status(), StatusCode::NOT_FOUND);
    assert!(notes.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_form_that_was_taken_leads_to_a_page() {
    fn gone() -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
    let (app, notes) = dashboard(gone);
    let response = ask(&app, Method::POST, "/keys/key_1/revoke", "").await;
    assert_eq!((response.status(), location(&response)), (StatusCode::SEE_OTHER, "/keys?done=revoked"));
    let response = ask(&app, Method::POST, "/agents/hello/undeploy", "environment=staging").await;
    assert_eq!(location(&response), "/agents/hello?done=undeployed");
    assert!(notes.lock().unwrap()[1].starts_with("DELETE /v1/agents/hello/deployments/staging "));
}

#[tokio::test]
async fn a_form_that_cannot_be_read_is_refused() {
    let (app, notes) = dashboard(unauthenticated);
    for form in ["version=abc", "version=%ff%fe=1&&=;version=x"] {
        let response = ask(&app, Method::POST, "/agents/hello/deploy", form).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{form}");
    }
    assert!(notes.lock().unwrap().is_empty());
}
