//! A store with two projects, and requests as the gateway would sign them.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Uri};
use http_body_util::BodyExt as _;
use moltforge_accounts::{AUDIENCE, Accounts, bootstrap, new_key_secret, router};
use moltforge_http::CallerKeys;
use moltforge_http::caller::{HEADER, Message, body_hash, verify_layer};
use moltforge_testing::TestStore;
use moltforge_types::{Id as _, KeyId, Principal, Scope, Secret};
use serde_json::Value;
use tower::ServiceExt as _;

pub(crate) struct World {
    pub(crate) store: TestStore,
    pub(crate) accounts: Accounts,
    /// Holds every scope in the default project.
    pub(crate) owner: Principal,
    pub(crate) owner_secret: Secret,
    /// Holds every scope in another project.
    pub(crate) stranger: Principal,
    keys: CallerKeys,
    router: Router,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

pub(crate) async fn world() -> World {
    let store = moltforge_testing::store_sqlite().await;
    let secret = new_key_secret(&store.ambient());
    let owner = bootstrap(&store.store(), Some(&secret)).await.unwrap().principal.unwrap();
    let mut tx = store.begin().await.unwrap();
    let organisation = tx.organisations().insert("elsewhere").await.unwrap();
    let project = tx.projects(organisation.organisation_id).insert("other").await.unwrap();
    tx.commit().await.unwrap();
    let stranger = Principal { project_id: project.project_id, ..owner.clone() };
    let keys = CallerKeys::generate(store.ambient());
    let accounts = Accounts::new(store.store());
    let router: Router = router(Arc::new(accounts.clone())).into();
    let router = router.layer(verify_layer(keys.clone(), AUDIENCE, store.ambient()));
    World { accounts, owner, owner_secret: secret, stranger, keys, router, store }
}

impl World {
    pub(crate) async fn ask(&self, by: Option<&Principal>, method: &str, path: &str, body: Option<Value>) -> Answer {
        let (method, uri): (Method, Uri) = (method.parse().unwrap(), path.parse().unwrap());
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let hash = body_hash(body.as_bytes());
        let header = self.keys.sign(&Message { audience: AUDIENCE, method: &method, uri: &uri, body_hash: &hash }, by);
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(HEADER, header)
            .header("content-type", "application/json")
            .body(Body::from(body))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// The owner, with fewer scopes.
    pub(crate) fn limited(&self, scopes: &[Scope]) -> Principal {
        Principal { scopes: scopes.to_vec(), ..self.owner.clone() }
    }
}

impl Answer {
    /// Status and code of a problem, or an empty code.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }
}

/// A key id that nobody has.
pub(crate) fn nobodys_key() -> KeyId {
    KeyId::from_u128(1)
}
