//! The only way out: every request to a model, a tool's endpoint or a page goes through [`Egress`].
//!
//! An agent *requests* hosts, the operator *grants* them; private, loopback and metadata addresses need the
//! operator's grant of that very host and port; MoltForge's own ports are never reachable. A host is resolved once,
//! every address is checked, and the connection goes to a checked address.
//!
//! **Never here:** what a request is for; retries; the environment's proxies.

pub mod config;

pub use config::EgressConfig;

/// The guarded client. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Egress;

impl Egress {
    /// A client under the operator's rules.
    pub fn new(_config: EgressConfig) -> Self {
        Self
    }
}
