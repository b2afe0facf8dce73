//! The hosts that an agent asks to reach.

use moltforge_api::AgentConfig;

use super::count;
use crate::diagnostic::{Findings, item};

const MAX_HOSTS: usize = 64;

pub(super) fn check(config: &AgentConfig, findings: &mut Findings) {
    count(findings, "/hosts", config.hosts.len(), MAX_HOSTS);
    for (at, text) in config.hosts.iter().enumerate() {
        let pointer = item("/hosts", at);
        if config.hosts.iter().take(at).any(|earlier| earlier == text) {
            findings.value(pointer, format!("{text:?} is listed twice"));
        } else if !is_host(text) {
            let shown: String = text.chars().take(80).collect();
            findings.value(
                pointer,
                format!(
                    "expected a host, or a host and a port, in lower case and without a scheme, path or wildcard, e.g. \
                     \"api.example.com\" or \"127.0.0.1:8080\", got {shown:?}"
                ),
            );
        }
    }
}

/// Whether `text` is `host` or `host:port`, written exactly as a URL would write the two.
fn is_host(text: &str) -> bool {
    let Ok(parsed) = url::Url::parse(&format!("http://{text}/")) else { return false };
    let Some(host) = parsed.host_str() else { return false };
    let port = parsed.port_or_known_default().unwrap_or(80);
    // whatever else the text had (user, path, upper case, an odd spelling of an address) makes the two differ
    text.len() <= 260
        && !host.contains('%')
        && !host.contains('*')
        && (text == host || text == format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for good in ["example.com", "example.com:8443", "127.0.0.1:80", "[::1]:8080", "localhost", "a_b.internal"] {
            assert!(is_host(good), "{good}");
        }
        let bad = ["", "http://example.com", "example.com/", "Example.com", "*.example.com", "a b", "u@example.com"];
        for text in bad.into_iter().chain(["example.com:99999", "example.com:", "127.1", "exämple.com", "a?b", "a#b"])
        {
            assert!(!is_host(text), "{text}");
        }
    }
}
