//! The Rust SDK of MoltForge: a typed client of `/v1`, over HTTP or straight into a router of the same process.
//!
//! Start at [`Client`]. Each resource of the API is one file with the API's own verbs:
//! [`Client::agents`], [`Client::executions`], [`Client::keys`], [`Client::sessions`], [`Client::sign_in_codes`].
//!
//! **Never here:** rules of the server, a dependency on a server crate, a retry of a request that is not safe to repeat.

mod agents;
mod approvals;
mod bundles;
mod error;
mod events;
mod executions;
mod holds;
mod keys;
mod pages;
mod request;
mod sessions;
mod transport;
mod triggers;

pub use agents::Agents;
pub use approvals::Approvals;
pub use bundles::Bundles;
pub use error::Error;
pub use events::{EventStream, ExecutionEvent};
pub use executions::{Executions, StartOptions};
pub use holds::Holds;
pub use keys::Keys;
pub use sessions::{ClosedSession, OpenedSession, Sessions, SignInCodes};
pub use triggers::Triggers;

pub use moltforge_api as api;

use std::sync::Arc;

use http::HeaderMap;
use moltforge_types::Secret;

use crate::transport::{InProcess, Remote, Transport};

/// A client of one server, as one caller. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Arc<Transport>,
}

impl Client {
    /// A client that speaks HTTP to `base_url` (`http://127.0.0.1:8420`), with an API key unless the caller has none.
    ///
    /// Time limits: 10 s to connect, 60 s for an answer (longer where the request itself asks to wait). Requests that
    /// are safe to repeat are tried up to four times.
    pub fn remote(base_url: &str, key: Option<&Secret>) -> Result<Self, Error> {
        Ok(Self { transport: Arc::new(Transport::Remote(Remote::new(base_url, key)?)) })
    }

    /// A client that calls a router in this process, without a socket. `headers` go with every request: the browser's
    /// `Cookie`, `Origin`, `Host` and `Sec-Fetch-Site` when it acts for one. The router sees only the message: its
    /// extensions are empty. Nothing is retried.
    pub fn in_process(router: axum::Router, headers: HeaderMap) -> Self {
        Self { transport: Arc::new(Transport::InProcess(InProcess::new(router, headers))) }
    }

    /// `/v1/agents`, with their versions and deployments.
    pub fn agents(&self) -> Agents<'_> {
        Agents { client: self }
    }

    /// `/v1/approvals`
    pub fn approvals(&self) -> Approvals<'_> {
        Approvals { client: self }
    }

    /// `/v1/bundles`
    pub fn bundles(&self) -> Bundles<'_> {
        Bundles { client: self }
    }

    /// `/v1/executions`, with their steps and events.
    pub fn executions(&self) -> Executions<'_> {
        Executions { client: self }
    }

    /// `/v1/holds`
    pub fn holds(&self) -> Holds<'_> {
        Holds { client: self }
    }

    /// `/v1/keys`
    pub fn keys(&self) -> Keys<'_> {
        Keys { client: self }
    }

    /// `/v1/triggers`, with `/v1/events`.
    pub fn triggers(&self) -> Triggers<'_> {
        Triggers { client: self }
    }

    /// `/v1/sessions`
    pub fn sessions(&self) -> Sessions<'_> {
        Sessions { client: self }
    }

    /// `/v1/sign-in-codes`
    pub fn sign_in_codes(&self) -> SignInCodes<'_> {
        SignInCodes { client: self }
    }

    /// `GET /v1/metrics`: the project's metrics in the text format of OpenMetrics.
    pub async fn metrics(&self) -> Result<String, Error> {
        self.text(request::Request::get(&["v1", "metrics"])?).await
    }

    /// Whether the server answers `GET /readyz` with success: it is up and reaches its store.
    pub async fn ready(&self) -> Result<bool, Error> {
        let response = self.send(request::Request::get(&["readyz"])?.once()).await?;
        Ok(response.status.is_success())
    }
}
