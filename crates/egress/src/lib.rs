//! The only way out: every request to a model, a tool's endpoint or a page goes through [`Egress`].
//!
//! An agent *requests* hosts, the operator *grants* them; private, loopback and metadata addresses need the
//! operator's grant of that very host and port; MoltForge's own ports are never reachable. A host is resolved once,
//! every address is checked, and the connection goes to a checked address. Start reading at [`Egress::send`].
//!
//! **Never here:** what a request is for; retries; the environment's proxies.

pub mod address;
pub mod config;
pub mod error;
pub mod grant;
pub mod host;
pub mod origin;
pub mod request;
pub mod resolve;

mod guard;
mod headers;
mod pool;
mod redirect;
mod send;
mod share;
mod target;
mod tls;

use std::sync::Arc;

pub use config::EgressConfig;
pub use error::Error;
pub use grant::Grant;
pub use host::{HostRule, LocalRule};
pub use origin::OriginClient;
pub use request::{Request, Response};
pub use resolve::{Resolve, SystemResolver};
pub use share::Waits;

/// The guarded client. Cheap to clone; clones share rules and connections.
#[derive(Clone)]
pub struct Egress {
    inner: Arc<Inner>,
}

struct Inner {
    config: EgressConfig,
    resolver: Arc<dyn Resolve>,
    pool: pool::Pool,
    shares: share::Shares,
}

impl Egress {
    /// A client under the operator's rules.
    pub fn new(config: EgressConfig) -> Self {
        Self::with_resolver(config, Arc::new(SystemResolver))
    }

    /// The same, with names looked up by `resolver`. What it answers is checked like any other answer.
    pub fn with_resolver(config: EgressConfig, resolver: Arc<dyn Resolve>) -> Self {
        let (pool, shares) = (pool::Pool::new(&config), share::Shares::new(&config));
        Self { inner: Arc::new(Inner { config, resolver, pool, shares }) }
    }

    /// The operator's rules.
    pub fn config(&self) -> &EgressConfig {
        &self.inner.config
    }
}

impl std::fmt::Debug for Egress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Egress").field("config", &self.inner.config).finish_non_exhaustive()
    }
}
