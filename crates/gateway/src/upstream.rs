//! A service, as the gateway sees it: something that answers messages.

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use tower::ServiceExt as _;

/// Where requests of a prefix go.
#[derive(Debug, Clone)]
pub struct Upstream(Router);

impl Upstream {
    /// A router in this process.
    pub fn local(router: Router) -> Self {
        Self(router)
    }

    /// Only the message crosses: what this process knows of a request beside it (path parameters, the socket) stays
    /// here, so that a router cannot come to depend on something that a machine away is missing.
    pub(crate) async fn call(&self, mut request: Request) -> Response {
        request.extensions_mut().clear();
        match self.0.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}
