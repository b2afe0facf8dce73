//! Every page with made-up data: what the tests check and what `cargo run -p moltforge-dashboard --example samples`
//! shows. Nothing here is reached by the router.

mod agents;
mod approvals;
mod executions;
mod hostile;
mod triggers;

use http::StatusCode;
use moltforge_api::keys::{CreatedKey, Key};
use moltforge_types::{Scope, Timestamp};

use crate::components::layout::Frame;
use crate::flash::Flash;
use crate::pages;
use crate::pages::{View, error_page, keys, sign_in};

/// One page as it would be served.
pub struct Sample {
    /// What it shows.
    pub name: &'static str,
    /// Where it would stand.
    pub path: &'static str,
    /// Its status.
    pub status: StatusCode,
    /// The document.
    pub html: String,
}

/// When the samples were seen: 2026-11-22T12:00:00Z.
const NOW: Timestamp = Timestamp::from_micros(1_795_348_800_000_000);

/// A time so many milliseconds before [`NOW`].
fn before(ms: i64) -> String {
    Timestamp::from_micros(NOW.as_micros() - ms * 1000).to_string()
}

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn sample(name: &'static str, path: &'static str, view: &impl View) -> Sample {
    flashed(name, path, view, None)
}

fn flashed(name: &'static str, path: &'static str, view: &impl View, flash: Option<Flash>) -> Sample {
    let frame = Frame { flash, ..view.frame() };
    Sample { name, path, status: view.status(), html: pages::write(view, &frame, NOW) }
}

/// Serves them, under the dashboard's own headers and beside its assets.
pub fn router() -> axum::Router {
    use axum::response::Html;
    use axum::routing::get;
    let index = all().iter().fold(String::from("<!doctype html><title>Samples</title><ul>"), |index, sample| {
        format!("{index}<li><a href=\"{}\">{}</a>", sample.path, sample.name)
    });
    let app = crate::App {
        api: axum::Router::new(),
        config: std::sync::Arc::new(crate::Config::new(moltforge_types::Ambient::system())),
    };
    let mut pages = axum::Router::new().route("/samples", get(move || async move { Html(index) }));
    for sample in all() {
        pages = pages.route(sample.path, get(move || async move { (sample.status, Html(sample.html)) }));
    }
    pages
        .layer(axum::middleware::from_fn_with_state(app, crate::finish::finish))
        .route(crate::paths::pattern::ASSET, get(crate::assets::serve))
}

/// All of them.
pub fn all() -> Vec<Sample> {
    let mut all = vec![
        sample("sign in", "/sign-in", &sign_in::Page { next: "/".to_owned(), ..Default::default() }),
        sample(
            "one-time URL",
            "/sign-in/code",
            &sign_in::Page { code: Some("c0de".to_owned()), next: "/agents".to_owned(), error: None },
        ),
        sample(
            "sign in failed",
            "/sign-in/failed",
            &sign_in::Page {
                code: None,
                next: "/".to_owned(),
                error: Some("no key has this secret, or it was revoked".to_owned()),
            },
        ),
        sample("keys", "/keys", &keys::Page { keys: key_list(), ..Default::default() }),
        sample("no keys", "/keys/none", &keys::Page::default()),
        sample("key made", "/keys/made", &made_key()),
        sample("key refused", "/keys/refused", &refused_key()),
    ];
    all.extend(errors());
    all.extend(agents::samples());
    all.extend(approvals::samples());
    all.extend(executions::samples());
    all.extend(triggers::samples());
    all.extend(hostile::samples());
    all
}

fn key(name: &str, hint: &str, scopes: &[Scope]) -> Key {
    Key {
        key_id: "key_01h455vb4pex5vsknk084sn02q".to_owned(),
        name: name.to_owned(),
        hint: hint.to_owned(),
        scopes: scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        created_at: before(3 * DAY),
        created_by: "key_01h455vb4pex5vsknk084sn000".to_owned(),
        expires_at: None,
        revoked_at: None,
        last_used_at: Some(before(2 * MINUTE)),
    }
}

fn key_list() -> Vec<Key> {
    vec![
        key("development", "mf_4fK2", &Scope::ALL),
        Key {
            expires_at: Some(before(-80 * DAY)),
            ..key("billing worker", "mf_9sLq", &[Scope::ExecutionsRead, Scope::ExecutionsWrite])
        },
        Key { revoked_at: Some(before(DAY)), last_used_at: None, ..key("old laptop", "mf_1aaP", &[Scope::AgentsRead]) },
        Key { expires_at: Some(before(HOUR)), ..key("demo", "mf_77dx", &[Scope::AgentsRead]) },
    ]
}

fn made_key() -> keys::Page {
    let created = CreatedKey {
        key: key("billing worker", "mf_9sLq", &[Scope::ExecutionsWrite]),
        secret: "mf_9sLqT0example0example0example0example0exam".to_owned(),
    };
    keys::Page { keys: key_list(), created: Some(created), ..Default::default() }
}

fn refused_key() -> keys::Page {
    let item = |pointer: &str, message: &str| moltforge_api::ProblemItem {
        pointer: pointer.to_owned(),
        message: message.to_owned(),
        line: None,
        column: None,
    };
    keys::Page {
        error: Some("the key is not acceptable".to_owned()),
        problems: vec![
            item("/name", "another key has this name"),
            item("/scopes", "you do not have agents:write yourself"),
        ],
        name: "billing worker".to_owned(),
        ..keys::Page::default()
    }
}

fn errors() -> Vec<Sample> {
    let page = |status: StatusCode, code: &str, detail: &str| error_page::Page {
        status,
        code: code.to_owned(),
        detail: detail.to_owned(),
        request_id: Some("req_01h455vb4pex5vsknk084sn02q".to_owned()),
        items: Vec::new(),
    };
    vec![
        sample(
            "not found",
            "/errors/404",
            &page(StatusCode::NOT_FOUND, "agent_not_found", "there is no agent named weather-repotrer"),
        ),
        sample(
            "not allowed",
            "/errors/403",
            &page(StatusCode::FORBIDDEN, "scope_missing", "this needs the scope agents:write"),
        ),
        sample(
            "conflict",
            "/errors/409",
            &page(
                StatusCode::CONFLICT,
                "execution_ended",
                "execution exe_01h455vb4pex5vsknk084sn02q has ended and cannot be paused",
            ),
        ),
        sample(
            "unreachable",
            "/errors/503",
            &page(
                StatusCode::SERVICE_UNAVAILABLE,
                "server_unreachable",
                "GET /v1/agents failed: cannot reach this process",
            ),
        ),
        sample(
            "broken",
            "/errors/500",
            &page(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something broke on the server"),
        ),
    ]
}
