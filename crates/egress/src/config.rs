//! What the operator grants, and the limits of every request.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::host::{HostRule, LocalRule};

/// The `[egress]` part of the configuration. The default grants nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EgressConfig {
    /// Hosts that agents may reach when they ask for them: `api.example.com` (ports 80 and 443), `api.example.com:8443`
    /// (that port alone), `*.example.com` (every name below it, not itself) or `*` (every public host). Only public
    /// addresses: for others see `allow_local`.
    pub allow: Vec<HostRule>,
    /// Hosts at private, loopback or link-local addresses that agents may reach when they ask for them, each as exact
    /// `host:port`, e.g. `127.0.0.1:9000`. Cloud metadata addresses must be named as addresses.
    pub allow_local: Vec<LocalRule>,
    /// The longest wait for a connection, seconds, 1 to 300.
    pub connect_timeout_seconds: u64,
    /// How long an unused connection is kept, seconds, at most 3600.
    pub idle_timeout_seconds: u64,
    /// Unused connections kept per agent and host, at most 1024.
    pub idle_connections: usize,
    /// Requests of agents on their way at once; more wait for at most their own time limit. 1024 when absent.
    pub connections: u32,
    /// The same of one project; 256 when absent.
    pub connections_per_project: u32,
    /// Bytes per second of one project's requests and answers, after a second's worth at once; no limit when absent.
    pub bytes_per_second_per_project: Option<u64>,
    /// The ports that MoltForge itself listens on. On this machine they are never reachable, whatever is granted.
    /// Set by the program, not by a file.
    #[serde(skip)]
    pub own_ports: Vec<u16>,
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            allow_local: Vec::new(),
            connect_timeout_seconds: 10,
            idle_timeout_seconds: 60,
            idle_connections: 64,
            connections: 1024,
            connections_per_project: 256,
            bytes_per_second_per_project: None,
            own_ports: Vec::new(),
        }
    }
}

impl EgressConfig {
    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_secs(self.connect_timeout_seconds.clamp(1, 300))
    }

    pub(crate) fn idle_timeout(&self) -> Duration {
        Duration::from_secs(self.idle_timeout_seconds.min(3600))
    }

    pub(crate) fn idle_connections(&self) -> usize {
        self.idle_connections.min(1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_it_writes_and_refuses_what_it_does_not_know() {
        let text = "allow = [\"*.example.com\", \"api.test:8443\"]\nallow_local = [\"localhost:9000\"]\n";
        let config: EgressConfig = toml::from_str(text).unwrap();
        assert_eq!(config.connect_timeout_seconds, 10);
        assert_eq!(toml::from_str::<EgressConfig>(&toml::to_string(&config).unwrap()).unwrap(), config);
        for bad in ["alow = []", "own_ports = [1]", "allow = [\"http://a.test\"]", "allow_local = [\"localhost\"]"] {
            assert!(toml::from_str::<EgressConfig>(bad).is_err(), "{bad}");
        }
    }
}
