//! What single pages say: links that stay right when a name changes hands, reasons, and counts.

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use moltforge_types::Ambient;
use moltforge_types::execution::State;
use serde_json::json;

use super::requests::{ask, text};
use crate::pages::overview::counts;
use crate::{Config, router, samples};

const AGENT: &str = "agt_01h455vb4pex5vsknk084sn02q";

fn html(name: &str) -> String {
    samples::all().into_iter().find(|sample| sample.name == name).unwrap_or_else(|| panic!("no sample {name}")).html
}

#[test]
fn what_ran_is_found_by_the_agents_id() {
    for name in ["running", "failed", "paused"] {
        let page = html(name);
        assert!(page.contains(&format!(r#"href="/agents/{AGENT}/versions/3""#)), "{name}: {page}");
        assert!(!page.contains("/agents/release-notes"), "{name}: {page}");
    }
    assert!(html("agent").contains(&format!(r#"href="/executions?agent={AGENT}""#)));
    // a deleted agent's name may be another's by now
    let deleted = html("deleted agent");
    assert!(deleted.contains(&format!(r#"href="/agents/{AGENT}/versions/4""#)), "{deleted}");
    assert!(deleted.contains(&format!(r#"href="/agents/{AGENT}/versions/4/diff?against=3""#)), "{deleted}");
    assert!(!deleted.contains("/agents/release-notes"), "{deleted}");
}

#[test]
fn a_deleted_agents_version_offers_nothing_that_would_be_refused() {
    let (alive, deleted) = (html("version"), html("version of a deleted agent"));
    assert!(alive.contains("/agents/release-notes/deploy") && deleted.contains("release-notes"));
    assert!(!deleted.contains("/deploy") && !deleted.contains("/agents/release-notes"), "{deleted}");
}

#[test]
fn a_paused_execution_says_why_itself() {
    let page = html("retries exhausted");
    assert!(page.contains("the provider answered 503 five times"), "{page}");
    assert!(page.contains(r#"href="/docs/errors/model_unavailable""#), "{page}");
    // it has no step at all, and it is not over
    assert!(!page.contains("failed step") && page.contains("Not yet: it stands here"), "{page}");
    // a call whose error the model has seen is not why; a step that was tried again and again is
    assert!(!html("retries exhausted without an error").contains("failed step"));
    assert!(html("retries exhausted in a step").contains("The failed step says why."));
}

#[test]
fn a_divergence_shows_both_sides() {
    let page = html("diverged");
    assert!(page.contains("before: call 1 of state.set (0f5a31c2)"), "{page}");
    assert!(page.contains("now: call 1 of state.set (98d0c1be) after 0 answers: {&quot;key&quot;"), "{page}");
    // and a replay shows them as they stand in the journal
    let page = html("replayed otherwise");
    assert!(page.contains("http.fetch") && page.contains("github.pulls"), "{page}");
}

#[test]
fn what_was_under_way_ends_with_its_execution() {
    // an hour ago, after 9.4 seconds: its last call has no end of its own
    let page = html("cancelled while it waited");
    let (_, step) = page.split_once("id=\"step-2\"").unwrap();
    let (_, took) = step.split_once("class=\"step-took\">").unwrap();
    let took = took.split_once('<').unwrap().0;
    assert!(took.ends_with(" s"), "{took}");
}

#[test]
fn counts_are_those_of_the_metrics() {
    let metrics = "# TYPE executions_count gauge\nexecutions_count{state=\"scheduled\"} 12408\n\
                   executions_count{state=\"running\"} 3\nexecutions_count{state=\"suspended\"} 250\n\
                   executions_count{state=\"backing_off\"} 0\nexecutions_count{state=\"paused\"} 1\n\
                   executions_count{state=\"completed\"} 99\n";
    let wanted = [
        (State::Scheduled, 12_408),
        (State::Running, 3),
        (State::Suspended, 250),
        (State::BackingOff, 0),
        (State::Paused, 1),
    ];
    assert_eq!(counts(metrics).as_deref(), Some(&wanted[..]));
    for bad in ["", "<html>", "executions_count{state=\"scheduled\"} many\n", "executions_count{state=\"running\"} 3\n"]
    {
        assert_eq!(counts(bad), None, "{bad}");
    }
}

/// The dashboard before an API without agents and executions, and with these metrics.
fn dashboard(metrics: fn() -> Response) -> (Router, super::requests::Notes) {
    let notes = super::requests::Notes::default();
    let kept = notes.clone();
    let api = Router::new().fallback(move |request: Request| {
        let cookie = request.headers().get("cookie").and_then(|cookie| cookie.to_str().ok()).unwrap_or("-").to_owned();
        kept.lock().unwrap().push(format!("{} cookie={cookie}", request.uri()));
        let answer = match request.uri().path() {
            "/v1/metrics" => metrics(),
            _ => axum::Json(json!({ "items": [] })).into_response(),
        };
        async move { answer }
    });
    (router(api, Config::new(Ambient::system())), notes)
}

#[tokio::test]
async fn the_overview_counts_without_loading_what_it_counts() {
    let (app, notes) = dashboard(|| {
        let line = |state: &State| format!("executions_count{{state=\"{state}\"}} 12345\n");
        State::ALL.iter().map(line).collect::<String>().into_response()
    });
    let page = text(ask(&app, http::Method::GET, "/", "").await).await;
    assert_eq!(page.matches(&crate::text::grouped(12_345)).count(), 5, "{page}");
    let mut asked = notes.lock().unwrap().clone();
    asked.sort();
    let paths = ["/v1/agents?limit=20", "/v1/approvals/count", "/v1/executions?limit=10", "/v1/holds", "/v1/metrics"];
    assert_eq!(asked, paths.map(|path| format!("{path} cookie=s=1")));
}

#[tokio::test]
async fn the_overview_does_without_metrics() {
    for answer in [(|| StatusCode::FORBIDDEN.into_response()) as fn() -> Response, || "not metrics".into_response()] {
        let (app, _) = dashboard(answer);
        let response = ask(&app, http::Method::GET, "/", "").await;
        assert_eq!(response.status(), StatusCode::OK);
        let page = text(response).await;
        assert!(page.contains("monitoring:read") && page.contains("Latest executions"), "{page}");
    }
}
