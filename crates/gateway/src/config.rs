//! What an operator can set.

use serde::Deserialize;

use crate::error::Error;
use crate::hosts::Hosts;
use crate::peer::Proxies;

/// The gateway's part of the configuration. Empty is good for a server on loopback.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    /// The address that people use, e.g. `https://forge.example.com`. Its host is served, and with `https` cookies are
    /// `Secure` and writes of browsers must come from that origin. Loopback names are always served.
    pub public_url: Option<String>,
    /// Further host names that are served, without ports. Requests for any other name get 421, which is what stops DNS
    /// rebinding.
    pub hosts: Vec<String>,
    /// Addresses or networks (`10.0.0.0/8`) of proxies whose `Forwarded` and `X-Forwarded-For` say who the client is.
    /// Nobody else's count.
    pub trusted_proxies: Vec<String>,
    /// Limits of one request.
    pub limits: LimitsConfig,
    /// Limits of many.
    pub rate: RateConfig,
}

/// Limits of one request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// The largest body, in bytes; 1048576 when absent, which is also the most that services take.
    pub body_bytes: usize,
    /// Names and values of all headers together, in bytes; 16384 when absent.
    pub header_bytes: usize,
    /// Path and query, in bytes; 8192 when absent.
    pub uri_bytes: usize,
    /// Seconds for the whole body to arrive; 30 when absent.
    pub body_seconds: u64,
    /// Seconds until the answer begins; 330 when absent, since a start may wait for 300. Streams may then go on. A
    /// creation under an `Idempotency-Key` gets 30 at most.
    pub answer_seconds: u64,
    /// Requests at work at a time, streams that have begun not counted; 4096 when absent. More get 503.
    pub in_flight: usize,
    /// Requests with `Prefer: wait` that wait at a time, beside those at work; 4096 when absent. More get 503.
    pub waiting: usize,
    /// The same of one key, the sessions that it opened included; 1024 when absent. More get 429.
    pub waiting_per_key: usize,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            body_bytes: moltforge_http::body::MAX_BODY,
            header_bytes: 16 * 1024,
            uri_bytes: 8 * 1024,
            body_seconds: 30,
            answer_seconds: 330,
            in_flight: 4096,
            waiting: 4096,
            waiting_per_key: 1024,
        }
    }
}

/// Limits of many requests.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateConfig {
    /// Requests per second of one key or session in the long run; 10000 when absent.
    pub requests_per_second: u32,
    /// Requests of one key or session at once; 20000 when absent.
    pub burst: u32,
    /// Failed authentications per minute of one client address (of one /64 network for IPv6) in the long run; 30 when
    /// absent. Above it, credentials from there that were not in use before are refused unseen.
    pub failures_per_minute: u32,
    /// Failed authentications of one client address at once; 60 when absent.
    pub failure_burst: u32,
    /// Deliveries per second to one webhook, and of one client address to all, in the long run; 200 when absent.
    pub deliveries_per_second: u32,
    /// Deliveries to one webhook, and of one client address, at once; 1000 when absent.
    pub delivery_burst: u32,
    /// Seconds without a request after which a dashboard session ends; 43200 (12 hours) when absent.
    pub session_idle_seconds: u64,
}

impl Default for RateConfig {
    fn default() -> Self {
        Self {
            requests_per_second: 10_000,
            burst: 20_000,
            failures_per_minute: 30,
            failure_burst: 60,
            deliveries_per_second: 200,
            delivery_burst: 1_000,
            session_idle_seconds: 12 * 3600,
        }
    }
}

impl GatewayConfig {
    /// Every fault that the shape alone does not show, with its key.
    ///
    /// # Errors
    /// `gateway_config_invalid`.
    pub fn check(&self) -> Result<(), Error> {
        let mut faults = Vec::new();
        faults.extend(Hosts::new(self.public_url.as_deref(), &self.hosts).err());
        faults.extend(Proxies::new(&self.trusted_proxies).err());
        let l = &self.limits;
        let r = &self.rate;
        let max_body = moltforge_http::body::MAX_BODY as u64;
        for (key, value, least, most) in [
            ("limits.body_bytes", l.body_bytes as u64, 1024, max_body),
            ("limits.header_bytes", l.header_bytes as u64, 1024, 256 * 1024),
            ("limits.uri_bytes", l.uri_bytes as u64, 256, 60 * 1024),
            ("limits.body_seconds", l.body_seconds, 1, 3600),
            ("limits.answer_seconds", l.answer_seconds, 1, 3600),
            ("limits.in_flight", l.in_flight as u64, 1, 1_000_000),
            ("limits.waiting", l.waiting as u64, 1, 1_000_000),
            ("limits.waiting_per_key", l.waiting_per_key as u64, 1, 1_000_000),
            ("rate.requests_per_second", r.requests_per_second.into(), 1, 1_000_000),
            ("rate.burst", r.burst.into(), 1, 10_000_000),
            ("rate.failures_per_minute", r.failures_per_minute.into(), 1, 1_000_000),
            ("rate.failure_burst", r.failure_burst.into(), 1, 1_000_000),
            ("rate.deliveries_per_second", r.deliveries_per_second.into(), 1, 1_000_000),
            ("rate.delivery_burst", r.delivery_burst.into(), 1, 10_000_000),
            ("rate.session_idle_seconds", r.session_idle_seconds, 60, 7 * 24 * 3600),
        ] {
            if !(least..=most).contains(&value) {
                faults.push(format!("{key}: expected {least} to {most}, got {value}"));
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::ConfigInvalid(faults)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_good_and_every_fault_is_named() {
        assert!(GatewayConfig::default().check().is_ok());
        let config: GatewayConfig = serde_json::from_str(
            r#"{"public_url":"forge.example.com","hosts":["a:1"],"trusted_proxies":["10.0.0.0/33"],
                "limits":{"body_bytes":0},"rate":{"burst":0}}"#,
        )
        .unwrap();
        let Err(Error::ConfigInvalid(faults)) = config.check() else { panic!("faults") };
        for key in ["public_url", "trusted_proxies", "limits.body_bytes", "rate.burst"] {
            assert!(faults.iter().any(|fault| fault.starts_with(key)), "{key}: {faults:?}");
        }
        assert!(serde_json::from_str::<GatewayConfig>(r#"{"rate":{"bust":1}}"#).is_err());
    }
}
