//! Putting a gateway together.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use moltforge_http::{CallerKeys, Turns};
use moltforge_store::Store;
use moltforge_types::Ambient;
use tokio::sync::Semaphore;
use utoipa::openapi::OpenApi;

use crate::config::{GatewayConfig, LimitsConfig};
use crate::credentials::Credentials;
use crate::error::Error;
use crate::front::Front;
use crate::hosts::Hosts;
use crate::openapi;
use crate::peer::Proxies;
use crate::probes::ReadyCheck;
use crate::rate::Rates;
use crate::request_ids::RequestIds;
use crate::routes::Routes;
use crate::upstream::Upstream;
use crate::waiting::Waiting;

/// Uploads in memory at a time; a dozen mebibytes each.
const UPLOADS: usize = 8;
/// Those of one project: who sends slowly holds a place, and the others keep some.
const UPLOADS_OF_PROJECT: usize = 2;

/// Gives the page of an error code, as Markdown.
pub(crate) type ErrorPages = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What every request needs.
pub(crate) struct Core {
    pub(crate) limits: LimitsConfig,
    pub(crate) hosts: Hosts,
    pub(crate) proxies: Proxies,
    pub(crate) rates: Rates,
    pub(crate) in_flight: Semaphore,
    pub(crate) waiting: Waiting,
    /// Uploads that are in memory at a time.
    pub(crate) uploads: Semaphore,
    /// Those of each project.
    pub(crate) uploads_of: Turns,
    pub(crate) credentials: Credentials,
    pub(crate) store: Store,
    pub(crate) ambient: Ambient,
    pub(crate) request_ids: RequestIds,
    pub(crate) keys: CallerKeys,
    pub(crate) routes: Routes,
    pub(crate) openapi: Option<Bytes>,
    pub(crate) checks: Vec<ReadyCheck>,
    pub(crate) error_pages: Option<ErrorPages>,
}

/// Collects what a gateway stands in front of.
#[must_use]
pub struct GatewayBuilder {
    config: GatewayConfig,
    store: Store,
    keys: CallerKeys,
    routes: Routes,
    openapi: Option<OpenApi>,
    checks: Vec<ReadyCheck>,
    error_pages: Option<ErrorPages>,
}

impl GatewayBuilder {
    /// Sends requests whose path begins with `prefix` (whole segments) to `upstream`, signed for `audience`. They need
    /// credentials.
    pub fn route(mut self, prefix: &'static str, audience: &'static str, upstream: Upstream) -> Self {
        self.routes.add(prefix, audience, upstream);
        self
    }

    /// What `/v1/openapi.json` shows: the documents of all services, merged.
    pub fn openapi(mut self, services: OpenApi) -> Self {
        self.openapi = Some(services);
        self
    }

    /// A further condition of `/readyz`. That the store answers is always one.
    pub fn ready_check(mut self, check: ReadyCheck) -> Self {
        self.checks.push(check);
        self
    }

    /// Where `/docs/errors/{code}` gets its pages.
    pub fn error_pages(mut self, pages: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.error_pages = Some(Arc::new(pages));
        self
    }

    /// The gateway.
    ///
    /// # Errors
    /// `gateway_config_invalid`, naming every fault.
    pub fn build(self) -> Result<Gateway, Error> {
        self.config.check()?;
        let config = self.config;
        let invalid = |fault| Error::ConfigInvalid(vec![fault]);
        let store = self.store.clone();
        let alive = ReadyCheck::new("store", move || {
            let store = store.clone();
            async move { store.ping().await.map_err(|error| error.to_string()) }
        });
        let mut checks = vec![alive];
        checks.extend(self.checks);
        let core = Core {
            hosts: Hosts::new(config.public_url.as_deref(), &config.hosts).map_err(invalid)?,
            proxies: Proxies::new(&config.trusted_proxies).map_err(invalid)?,
            rates: Rates::new(&config.rate),
            in_flight: Semaphore::new(config.limits.in_flight),
            waiting: Waiting::new(&config.limits),
            uploads: Semaphore::new(UPLOADS),
            uploads_of: Turns::new(UPLOADS_OF_PROJECT),
            credentials: Credentials::new(self.store.clone(), Duration::from_secs(config.rate.session_idle_seconds)),
            request_ids: RequestIds::new(self.store.ambient()),
            ambient: self.store.ambient().clone(),
            store: self.store,
            limits: config.limits,
            keys: self.keys,
            routes: self.routes,
            openapi: self.openapi.map(openapi::document),
            checks,
            error_pages: self.error_pages,
        };
        Ok(Gateway(Arc::new(core)))
    }
}

/// The front door. Cheap to clone; clones share limits and caches.
#[derive(Clone)]
pub struct Gateway(Arc<Core>);

impl Gateway {
    /// Begins one: with `keys` it signs callers for the services behind it.
    pub fn builder(config: GatewayConfig, store: Store, keys: CallerKeys) -> GatewayBuilder {
        let routes = Routes::default();
        GatewayBuilder { config, store, keys, routes, openapi: None, checks: Vec::new(), error_pages: None }
    }

    /// The API alone: what the dashboard's own client asks, in this process.
    pub fn api(&self) -> Router {
        Router::new().fallback_service(Front::new(Arc::clone(&self.0), None))
    }

    /// Everything: the API, and every other path for the dashboard. Serve it with
    /// `into_make_service_with_connect_info::<SocketAddr>()`: a request without a socket's address counts as one that a
    /// part of this program makes.
    pub fn router(&self, dashboard: Upstream) -> Router {
        Router::new().fallback_service(Front::new(Arc::clone(&self.0), Some(dashboard)))
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("routes", &self.0.routes).finish_non_exhaustive()
    }
}
