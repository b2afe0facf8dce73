//! What crosses the gateway's line, inwards and outwards.

use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method};

use crate::error::Error;
use crate::hosts::ServedHost;
use crate::peer::{Peer, X_FORWARDED_FOR};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Ours, between the gateway and the services.
const INTERNAL: &str = "moltforge-";
/// Said by a tool call of an execution: how long the chain is that leads to it. Whoever lies gains nothing.
const CHAIN_DEPTH: &str = "moltforge-chain-depth";
/// RFC 9110 7.6.1: for one connection only.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "proxy-authorization",
    "proxy-authenticate",
    "keep-alive",
];
/// What proxies say; replaced by what the gateway found out.
const FORWARDING: [&str; 4] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];

/// Removes what must not pass inwards. Credentials pass to the dashboard alone.
pub(crate) fn strip_inward(headers: &mut HeaderMap, peer: Peer, to_dashboard: bool) {
    strip(headers, |name| FORWARDING.contains(&name) || name == "authorization" || (name == "cookie" && !to_dashboard));
    if let Some(address) = peer.address.and_then(|address| HeaderValue::try_from(address.to_string()).ok()) {
        headers.insert(X_FORWARDED_FOR, address);
    }
}

/// Removes what must not pass outwards.
pub(crate) fn strip_outward(headers: &mut HeaderMap) {
    strip(headers, |_| false);
}

/// One look at the names that are there, which are few, instead of one for each that must not be.
fn strip(headers: &mut HeaderMap, further: impl Fn(&str) -> bool) {
    if let Some(named) = headers.get(header::CONNECTION).and_then(|value| value.to_str().ok()).map(str::to_owned) {
        for name in named.split(',') {
            headers.remove(name.trim());
        }
    }
    let must_go =
        |name: &str| HOP_BY_HOP.contains(&name) || (name.starts_with(INTERNAL) && name != CHAIN_DEPTH) || further(name);
    let gone: Vec<HeaderName> = headers.keys().filter(|name| must_go(name.as_str())).cloned().collect();
    for name in gone {
        headers.remove(name);
    }
}

/// Names and values together, with what stands between them on the wire.
pub(crate) fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

/// Room for what every answer gets, made once.
const FIXED_AT_MOST: usize = 8;

/// The headers that make a browser careful, on every answer that has not chosen its own.
pub(crate) fn secure(headers: &mut HeaderMap, host: Option<&ServedHost>) {
    headers.reserve(FIXED_AT_MOST);
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // `no-referrer` would make browsers send `Origin: null` with our own forms
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if host.is_some_and(|host| host.tls) {
        headers
            .entry(header::STRICT_TRANSPORT_SECURITY)
            .or_insert(HeaderValue::from_static("max-age=31536000; includeSubDomains"));
    }
}

/// Refuses writes that a browser was made to send by another site's page. Such a page can make it send the cookie's
/// request, but not make it lie about where that comes from.
///
/// # Errors
/// `cross_site_write`.
pub(crate) fn check_same_origin(
    method: &Method,
    headers: &HeaderMap,
    host: &ServedHost,
    strict: bool,
) -> Result<(), Error> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    match headers.get(header::ORIGIN) {
        Some(origin) if origin.to_str().is_ok_and(|origin| host.is_origin(origin)) => {}
        Some(_) => return Err(Error::CrossSiteWrite("another origin")),
        None if strict => return Err(Error::CrossSiteWrite("no origin")),
        None => {}
    }
    match headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes) {
        Some(b"same-origin") => Ok(()),
        Some(_) => Err(Error::CrossSiteWrite("sec-fetch-site is not same-origin")),
        None if strict => Err(Error::CrossSiteWrite("no sec-fetch-site")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn nothing_internal_or_secret_passes_inwards() {
        let mut headers = map(&[
            ("moltforge-caller", "forged"),
            ("moltforge-anything", "x"),
            ("authorization", "Bearer x"),
            ("cookie", "a=b"),
            ("connection", "close, x-private"),
            ("x-private", "y"),
            ("x-forwarded-for", "6.6.6.6"),
            ("forwarded", "for=6.6.6.6"),
            ("accept", "*/*"),
        ]);
        let peer = Peer { address: Some("1.2.3.4".parse().unwrap()), in_process: false };
        strip_inward(&mut headers, peer, false);
        assert_eq!(headers, map(&[("accept", "*/*"), ("x-forwarded-for", "1.2.3.4")]));
    }

    #[test]
    fn writes_must_say_that_they_are_ours() {
        let host = ServedHost { authority: "localhost:8420".to_owned(), tls: false };
        let ok = |method, pairs: &[(&'static str, &'static str)], strict| {
            check_same_origin(&method, &map(pairs), &host, strict).is_ok()
        };
        let ours = [("origin", "http://localhost:8420"), ("sec-fetch-site", "same-origin")];
        assert!(ok(Method::POST, &ours, true));
        assert!(ok(Method::GET, &[("origin", "http://evil.example")], true));
        for bad in [
            &[][..],
            &ours[..1],
            &ours[1..],
            &[("origin", "http://evil.example"), ours[1]],
            &[("origin", "null"), ours[1]],
            &[ours[0], ("sec-fetch-site", "same-site")],
            &[ours[0], ("sec-fetch-site", "cross-site")],
            &[ours[0], ("sec-fetch-site", "none")],
        ] {
            assert!(!ok(Method::DELETE, bad, true), "{bad:?}");
        }
        // signing in: programs say nothing, browsers must not say another site
        assert!(ok(Method::POST, &[], false) && ok(Method::POST, &ours, false));
        assert!(!ok(Method::POST, &[("origin", "http://evil.example")], false));
        assert!(!ok(Method::POST, &[("sec-fetch-site", "cross-site")], false));
    }
}
