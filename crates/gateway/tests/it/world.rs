//! A gateway, and requests to it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, Method};
use http_body_util::BodyExt as _;
use moltforge_accounts::{Accounts, bootstrap, new_key_secret};
use moltforge_gateway::{Gateway, GatewayConfig, ReadyCheck, Upstream};
use moltforge_http::CallerKeys;
use moltforge_http::caller::verify_layer;
use moltforge_store::NewKey;
use moltforge_testing::TestStore;
use moltforge_types::{Actor, ContentHash, Principal, Scope};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::service::{Calls, dashboard, service};

pub(crate) const HOST: &str = "127.0.0.1:8420";
pub(crate) const ORIGIN: &str = "http://127.0.0.1:8420";

pub(crate) struct World {
    pub(crate) store: TestStore,
    pub(crate) calls: Arc<Calls>,
    pub(crate) owner: Principal,
    /// The owner's key.
    pub(crate) secret: String,
    pub(crate) gateway: Gateway,
    pub(crate) router: Router,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

pub(crate) async fn world() -> World {
    world_with(GatewayConfig::default()).await
}

pub(crate) async fn world_with(config: GatewayConfig) -> World {
    let store = moltforge_testing::store_sqlite().await;
    let secret = new_key_secret(&store.ambient());
    let owner = bootstrap(&store.store(), Some(&secret)).await.unwrap().principal.unwrap();
    let keys = CallerKeys::generate(store.ambient());
    let behind =
        |router: Router, audience| Upstream::local(router.layer(verify_layer(keys.clone(), audience, store.ambient())));
    let calls = Arc::new(Calls::new());
    let (accounts, openapi) = moltforge_accounts::router(Arc::new(Accounts::new(store.store()))).split_for_parts();
    let accounts = behind(accounts, moltforge_accounts::AUDIENCE);
    let gateway = Gateway::builder(config, store.store(), keys.clone())
        .route("/v1/keys", moltforge_accounts::AUDIENCE, accounts.clone())
        .route("/v1/sessions", moltforge_accounts::AUDIENCE, accounts.clone())
        .route("/v1/sign-in-codes", moltforge_accounts::AUDIENCE, accounts)
        .route("/v1/agents", "agents", behind(service(Arc::clone(&calls)), "agents"))
        .route("/v1/bundles", "agents", behind(service(Arc::clone(&calls)), "agents"))
        .route("/v1/mistaken", "agents", behind(service(Arc::clone(&calls)), "execution"))
        .openapi(openapi)
        .ready_check(ReadyCheck::new("shards", || async { Ok(()) }))
        .error_pages(|code| (code == "key_unknown").then(|| "# key_unknown\n".to_owned()))
        .build()
        .unwrap();
    let router = gateway.router(behind(dashboard(), "dashboard"));
    World { calls, owner, secret: secret.expose().to_owned(), router, gateway, store }
}

/// A request being put together, from a socket and for a served host.
pub(crate) struct Ask<'w> {
    world: &'w World,
    request: Request,
}

impl World {
    pub(crate) fn ask(&self, method: &str, path: &str) -> Ask<'_> {
        let mut request = Request::builder()
            .method(method.parse::<Method>().unwrap())
            .uri(path)
            .header("host", HOST)
            .body(Body::empty())
            .unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 5))));
        Ask { world: self, request }
    }

    /// With the owner's key.
    pub(crate) fn with_key(&self, method: &str, path: &str) -> Ask<'_> {
        self.ask(method, path).bearer(&self.secret)
    }

    /// A key of another project.
    pub(crate) async fn stranger(&self) -> String {
        let mut tx = self.store.begin().await.unwrap();
        let organisation = tx.organisations().insert("elsewhere").await.unwrap();
        let project = tx.projects(organisation.organisation_id).insert("other").await.unwrap();
        let secret = "mf_stranger";
        let secret_hash = *ContentHash::of(secret.as_bytes()).as_bytes();
        let new = NewKey {
            name: "stranger",
            secret_hash: &secret_hash,
            hint: "mf_stra",
            scopes: &Scope::ALL,
            created_by: Actor::System,
            expires_at: None,
        };
        tx.keys(project.project_id).insert(new).await.unwrap();
        tx.commit().await.unwrap();
        secret.to_owned()
    }

    /// The cookie of a new session, as a browser sends it.
    pub(crate) async fn sign_in(&self) -> String {
        let answer = self.ask("POST", "/v1/sessions").json(&json!({"key": self.secret})).send().await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }
}

impl Ask<'_> {
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.request.headers_mut().append(name, value.parse().unwrap());
        self
    }

    pub(crate) fn host(mut self, host: &str) -> Self {
        self.request.headers_mut().insert("host", host.parse().unwrap());
        self
    }

    pub(crate) fn bearer(self, secret: &str) -> Self {
        self.header("authorization", &format!("Bearer {secret}"))
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        *self.request.body_mut() = Body::from(body.to_string());
        self.header("content-type", "application/json")
    }

    pub(crate) fn raw(mut self, body: impl Into<Body>) -> Self {
        *self.request.body_mut() = body.into();
        self.header("content-type", "application/json")
    }

    /// As a browser does on our own pages.
    pub(crate) fn same_origin(self, cookie: &str) -> Self {
        self.header("cookie", cookie).header("origin", ORIGIN).header("sec-fetch-site", "same-origin")
    }

    pub(crate) fn from(mut self, address: [u8; 4]) -> Self {
        self.request.extensions_mut().insert(ConnectInfo(SocketAddr::from((address, 5))));
        self
    }

    pub(crate) fn into_request(self) -> Request {
        self.request
    }

    pub(crate) async fn send(self) -> Answer {
        send(&self.world.router, self.request).await
    }
}

pub(crate) async fn send(router: &Router, request: Request) -> Answer {
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Answer { status: parts.status.as_u16(), headers: parts.headers, text, body }
}

impl Answer {
    /// Status and code of a problem, or an empty code.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// A header that the service got.
    pub(crate) fn got(&self, name: &str) -> Option<&str> {
        let headers = self.body["headers"].as_array()?;
        headers.iter().find(|pair| pair[0] == name).and_then(|pair| pair[1].as_str())
    }
}
