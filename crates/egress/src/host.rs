//! Hosts as people write them: `api.example.com`, `api.example.com:8443`, `*.example.com`, `[2001:db8::1]:80`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Host;

/// Which hosts and ports a rule covers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostRule {
    pattern: Pattern,
    /// `None`: the schemes' own ports, 80 and 443.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Pattern {
    Any,
    Below(String),
    Exactly(Host<String>),
}

/// One exact host and port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LocalRule {
    /// The host, normalised.
    pub host: Host<String>,
    /// The port.
    pub port: u16,
}

/// A text that is no host rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, got {text:?}")]
pub struct ParseHostError {
    expected: &'static str,
    text: String,
}

impl HostRule {
    /// Exactly this host and port.
    pub fn exact(host: Host<String>, port: u16) -> Self {
        Self { pattern: Pattern::Exactly(host), port: Some(port) }
    }

    /// Whether the rule covers this host and port.
    pub fn covers(&self, host: &Host<String>, port: u16) -> bool {
        let port_fits = match self.port {
            Some(wanted) => port == wanted,
            None => port == 80 || port == 443,
        };
        port_fits
            && match &self.pattern {
                Pattern::Any => true,
                Pattern::Exactly(wanted) => host == wanted,
                Pattern::Below(parent) => match host {
                    Host::Domain(name) => {
                        name.strip_suffix(parent.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
                    }
                    _ => false,
                },
            }
    }
}

impl LocalRule {
    /// Whether the rule names this host and port.
    pub fn covers(&self, host: &Host<String>, port: u16) -> bool {
        self.port == port && self.host == *host
    }

    /// The address, when the rule names one rather than a name.
    pub fn address(&self) -> Option<IpAddr> {
        address_of(&self.host)
    }
}

/// The address that a host spells, when it is no name.
pub(crate) fn address_of(host: &Host<String>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some((*address).into()),
        Host::Ipv6(address) => Some((*address).into()),
    }
}

/// Lower case, punycode, numbers as dotted quads, no trailing dot: what URLs are compared by.
pub(crate) fn normalise(host: Host<String>) -> Option<Host<String>> {
    match host {
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(&name);
            let plain = !name.is_empty()
                && name.len() <= 253
                && name.split('.').all(|label| {
                    (1..=63).contains(&label.len())
                        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                });
            plain.then(|| Host::Domain(name.to_owned()))
        }
        address => Some(address),
    }
}

fn parse_host(text: &str) -> Option<Host<String>> {
    if text.contains(['/', '@', '*', '%']) {
        return None;
    }
    normalise(Host::parse(text).ok()?)
}

/// Splits a port off, if there is one. A bare IPv6 address must be in brackets.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let colon = match text.rfind(']') {
        Some(bracket) => text[bracket..].find(':').map(|at| bracket + at),
        None => text.find(':'),
    };
    match colon {
        None => Some((text, None)),
        Some(at) => {
            let digits = &text[at + 1..];
            let port = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()?;
            (port != 0).then_some((&text[..at], Some(port)))
        }
    }
}

impl FromStr for HostRule {
    type Err = ParseHostError;
    fn from_str(text: &str) -> Result<Self, ParseHostError> {
        let parse = || {
            let (host, port) = split_port(text)?;
            let pattern = if host == "*" {
                Pattern::Any
            } else if let Some(parent) = host.strip_prefix("*.") {
                match parse_host(parent)? {
                    Host::Domain(name) => Pattern::Below(name),
                    _ => return None,
                }
            } else {
                Pattern::Exactly(parse_host(host)?)
            };
            Some(Self { pattern, port })
        };
        parse().ok_or_else(|| ParseHostError {
            expected: "a host, host:port, *.domain or *",
            text: text.chars().take(300).collect(),
        })
    }
}

impl FromStr for LocalRule {
    type Err = ParseHostError;
    fn from_str(text: &str) -> Result<Self, ParseHostError> {
        let parse = || {
            let (host, port) = split_port(text)?;
            Some(Self { host: parse_host(host)?, port: port? })
        };
        parse().ok_or_else(|| ParseHostError { expected: "host:port", text: text.chars().take(300).collect() })
    }
}

impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pattern {
            Pattern::Any => f.write_str("*")?,
            Pattern::Below(parent) => write!(f, "*.{parent}")?,
            Pattern::Exactly(host) => host.fmt(f)?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for LocalRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

macro_rules! serde_as_text {
    ($($name:ident)*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.collect_str(self) }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

serde_as_text!(HostRule LocalRule);

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(rule: &str, host: &str, port: u16) -> bool {
        rule.parse::<HostRule>().unwrap().covers(&parse_host(host).unwrap(), port)
    }

    #[test]
    fn a_rule_covers_what_it_says() {
        assert!(covers("api.test", "API.test.", 443) && covers("api.test", "api.test", 80));
        assert!(!covers("api.test", "api.test", 8080) && !covers("api.test", "a.api.test", 443));
        assert!(covers("api.test:8080", "api.test", 8080) && !covers("api.test:8080", "api.test", 443));
        assert!(covers("*.test", "a.b.test", 443) && !covers("*.test", "test", 443));
        assert!(!covers("*.test", "evil-test", 443) && !covers("*.0.0.1.test", "127.0.0.1", 80));
        assert!(covers("*", "example.org", 443) && !covers("*", "example.org", 22));
        assert!(covers("0x7f.1:80", "127.0.0.1", 80), "numbers are read as URLs read them");
        assert!(covers("bücher.test", "xn--bcher-kva.test", 80));
        assert!(covers("[2001:db8::1]:80", "[2001:db8:0::1]", 80));
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in [
            "",
            "*.",
            "a..b",
            "http://a",
            "a/b",
            "a@b",
            "a:0",
            "a:x",
            "a:+1",
            "a:70000",
            "*.*.b",
            "a b",
            "::1",
            "*.1.2.3.4",
        ] {
            assert!(bad.parse::<HostRule>().is_err(), "{bad}");
        }
        for bad in ["localhost", "*:80", "*.a:80", "localhost:", "localhost:0"] {
            assert!(bad.parse::<LocalRule>().is_err(), "{bad}");
        }
    }

    #[test]
    fn text_round_trips() {
        for text in ["*", "*.a.test", "a.test:1", "[::1]:9", "10.0.0.1"] {
            assert_eq!(text.parse::<HostRule>().unwrap().to_string(), text);
        }
    }
}
