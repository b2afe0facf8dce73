//! The front door: every request from outside passes here, in the order in which [`front`] lists it.
//!
//! It knows whom a request comes from and where it goes, and nothing of what it means: services stand behind
//! [`Upstream`]s by path prefix, and get the message, the signed caller and nothing else. Start reading at [`front`].
//!
//! **Never here:** agents, executions, rules. **Never past here:** a cookie (except to the dashboard), a key, a
//! `moltforge-*` header from outside.

mod access;
mod config;
mod core;
mod credentials;
mod error;
mod front;
mod headers;
mod hosts;
mod idempotency;
mod openapi;
mod patience;
mod peer;
mod probes;
mod rate;
mod request_ids;
mod routes;
mod upstream;
mod waiting;

pub use config::{GatewayConfig, LimitsConfig, RateConfig};
pub use core::{Gateway, GatewayBuilder};
pub use error::Error;
pub use probes::ReadyCheck;
pub use upstream::Upstream;
