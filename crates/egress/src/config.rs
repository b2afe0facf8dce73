//! What the operator grants.

/// The `[egress]` part of the configuration.
#[derive(Debug, Clone, Default)]
pub struct EgressConfig {}
