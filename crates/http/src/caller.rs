//! Who asks, from role to role: the gateway authenticates and signs, the service verifies.
//!
//! The header `moltforge-caller` carries the principal under an HMAC over everything that matters of the request
//! (audience, method, path, query, hash of the body), an expiry and a nonce. It is the same in this process and across
//! a socket, so a service need not know which of the two it is behind.

mod keys;
mod layer;
mod principals;
mod replay;

use axum::extract::FromRequestParts;
use http::header::HeaderName;
use http::request::Parts;
use moltforge_types::{Principal, Scope};

use crate::error::Error;
use crate::problem::{ApiError, ApiResult};

pub use keys::{CallerKeys, Message, SentPrincipal, body_hash};
pub use layer::{VerifyLayer, verify_layer};

/// The header. Stripped from whatever comes from outside.
pub const HEADER: HeaderName = HeaderName::from_static("moltforge-caller");

/// How long a signature is good for, in seconds.
pub const LIFETIME_SECONDS: u64 = 30;

/// The verified caller. Extracting it refuses requests without one: 401 `caller_missing`.
#[derive(Debug, Clone)]
pub struct Caller(pub Principal);

impl Caller {
    /// The principal, when it holds `scope`.
    ///
    /// # Errors
    /// 403 `scope_missing`.
    pub fn require(&self, scope: Scope) -> ApiResult<&Principal> {
        if self.0.may(scope) { Ok(&self.0) } else { Err(Error::ScopeMissing(scope.as_str()).into()) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> ApiResult<Self> {
        let verified = parts.extensions.get::<layer::Verified>().ok_or(Error::CallerMissing)?;
        Ok(Self(Principal::clone(&verified.0)))
    }
}
