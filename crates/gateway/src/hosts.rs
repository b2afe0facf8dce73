//! The names that this server answers to, and what follows from the name: scheme, origin, cookie.
//!
//! A page of another site can make a browser ask any address, and by changing its own name's address make that look
//! like the same origin (DNS rebinding). The name in `Host` gives it away.

use std::collections::HashSet;

use http::header::{HOST, HeaderValue};
use http::{HeaderMap, Uri};

/// Names that always mean this machine.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The allow-list.
#[derive(Debug)]
pub(crate) struct Hosts {
    /// Lower case, without ports.
    names: HashSet<String>,
    /// People reach the served names (not loopback) over TLS.
    tls: bool,
}

/// A name that is served, as a request wrote it.
#[derive(Debug, Clone)]
pub(crate) struct ServedHost {
    /// With its port, as a browser repeats it in `Origin`.
    pub(crate) authority: String,
    pub(crate) tls: bool,
}

impl Hosts {
    /// # Errors
    /// The fault, in words that begin with the key.
    pub(crate) fn new(public_url: Option<&str>, further: &[String]) -> Result<Self, String> {
        let mut names = HashSet::new();
        let mut tls = false;
        if let Some(url) = public_url {
            let wrong = || format!("public_url: expected https://host or http://host, got {url:?}");
            let uri: Uri = url.parse().map_err(|_| wrong())?;
            tls = match uri.scheme_str() {
                Some("https") => true,
                Some("http") => false,
                _ => return Err(wrong()),
            };
            names.insert(uri.host().ok_or_else(wrong)?.to_ascii_lowercase());
        }
        for name in further {
            if split(name).is_none_or(|(_, port)| port.is_some()) {
                return Err(format!("hosts: expected a host name without a port, got {name:?}"));
            }
            names.insert(name.to_ascii_lowercase());
        }
        Ok(Self { names, tls })
    }

    /// The name that a request came to, if it is served; else what it said.
    pub(crate) fn of(&self, uri: &Uri, headers: &HeaderMap, in_process: bool) -> Result<ServedHost, String> {
        // HTTP/2 and absolute-form targets have it in the target, and there it wins
        let mut values = headers.get_all(HOST).iter();
        let authority = match (uri.authority(), values.next().map(HeaderValue::to_str), values.next()) {
            (Some(authority), ..) => authority.as_str(),
            (None, Some(Ok(one)), None) => one,
            // no browser has a part in what this program asks by itself
            (None, None, _) if in_process => "localhost",
            (None, None, _) => return Err(String::new()),
            _ => return Err("several or unreadable".to_owned()),
        };
        let named = || authority.chars().take(100).collect::<String>();
        let (name, _) = split(authority).ok_or_else(named)?;
        if LOOPBACK.iter().any(|loopback| name.eq_ignore_ascii_case(loopback)) {
            // a public URL on loopback without TLS is still no TLS
            return Ok(ServedHost { authority: authority.to_owned(), tls: false });
        }
        if self.names.contains(&name.to_ascii_lowercase()) {
            return Ok(ServedHost { authority: authority.to_owned(), tls: self.tls });
        }
        Err(named())
    }
}

impl ServedHost {
    /// Whether `origin` is the origin of pages that came from this name.
    pub(crate) fn is_origin(&self, origin: &str) -> bool {
        let scheme = if self.tls { "https://" } else { "http://" };
        origin.strip_prefix(scheme).is_some_and(|authority| authority.eq_ignore_ascii_case(&self.authority))
    }

    /// The session cookie's name. Cookies do not know ports, so on loopback the port is part of the name: two servers
    /// on one machine do not sign each other's people out.
    pub(crate) fn cookie_name(&self) -> String {
        if self.tls {
            return "__Host-moltforge".to_owned();
        }
        let port = split(&self.authority).and_then(|(_, port)| port).unwrap_or("80");
        format!("moltforge_{port}")
    }
}

/// Name and port of an authority; `None` when it is none.
fn split(authority: &str) -> Option<(&str, Option<&str>)> {
    let end = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (name, rest) = authority.split_at(end);
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => None,
        Some(port) if !port.is_empty() && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit()) => Some(port),
        _ => return None,
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b':' | b'[' | b']');
    (!name.is_empty() && name.bytes().all(plain)).then_some((name, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        Hosts::new(Some("https://Forge.example.com"), &["forge.lan".to_owned()]).unwrap()
    }

    fn asked(uri: &'static str, names: &[&str], in_process: bool) -> Result<ServedHost, String> {
        let headers = names.iter().map(|name| (HOST, HeaderValue::from_str(name).unwrap())).fold(
            HeaderMap::new(),
            |mut headers, (name, value)| {
                headers.append(name, value);
                headers
            },
        );
        hosts().of(&Uri::from_static(uri), &headers, in_process)
    }

    fn of(host: &str) -> Result<ServedHost, String> {
        asked("/", &[host], false)
    }

    #[test]
    fn only_our_names_are_served() {
        for good in
            ["localhost", "LocalHost:8420", "127.0.0.1:1", "[::1]:8420", "[::1]", "forge.example.com", "FORGE.lan:443"]
        {
            assert!(of(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "forge.example.com.evil.example",
            "localhost.evil.example",
            "127.0.0.2",
            "localhost:",
            "localhost:x",
            "localhost:123456",
            "[::1",
            "a@localhost",
            "localhost/x",
            "evil.example:80",
            "0.0.0.0",
        ] {
            assert!(of(bad).is_err(), "{bad}");
        }
        assert!(asked("/", &["localhost", "evil.example"], true).is_err());
        assert!(asked("http://evil.example/", &["localhost"], false).is_err(), "the target wins");
        assert!(asked("/", &[], false).is_err());
        assert!(asked("/", &[], true).is_ok(), "the program itself");
        assert!(asked("/", &["evil.example"], true).is_err(), "the program on behalf of a browser");
    }

    #[test]
    fn origins_and_cookies_follow_the_name() {
        let local = of("127.0.0.1:8420").unwrap();
        assert_eq!(local.cookie_name(), "moltforge_8420");
        assert!(local.is_origin("http://127.0.0.1:8420"));
        for other in
            ["https://127.0.0.1:8420", "http://127.0.0.1:8421", "http://127.0.0.1", "http://localhost:8420", "null", ""]
        {
            assert!(!local.is_origin(other), "{other}");
        }
        let public = of("forge.example.com").unwrap();
        assert_eq!(public.cookie_name(), "__Host-moltforge");
        assert!(public.is_origin("https://forge.example.com") && !public.is_origin("http://forge.example.com"));
    }

    #[test]
    fn wrong_settings_are_named() {
        assert!(Hosts::new(Some("forge.example.com"), &[]).unwrap_err().starts_with("public_url"));
        assert!(Hosts::new(Some("ftp://forge.example.com"), &[]).is_err());
        assert!(Hosts::new(None, &["a:80".to_owned()]).unwrap_err().starts_with("hosts"));
    }
}
