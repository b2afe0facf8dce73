//! Who may ask: API keys, sign-in codes and dashboard sessions, and the organisation and project that they act in.
//!
//! A secret is shown once and stored as its SHA-256 (it has 256 random bits, so a slow hash would add nothing). Keys
//! are made with at most their maker's scopes. Revoking is final and takes effect within two seconds. Start reading at
//! [`Accounts`].
//!
//! **Never here:** agents, executions, cookies. **Never stored or logged:** a secret.

mod accounts;
mod bootstrap;
mod error;
mod http;
mod secrets;

pub use accounts::{Accounts, CODE_LIFETIME, OpenedSession, SESSION_LIFETIME};
pub use bootstrap::{Bootstrap, bootstrap};
pub use error::Error;
pub use http::router;
pub use secrets::new_key_secret;

/// The name that callers are signed for.
pub const AUDIENCE: &str = "accounts";
