//! Which headers may be sent, and which survive a redirect to somebody else.

use http::HeaderMap;
use http::header::{self, HeaderName};

use crate::error::Error;

const MAX_HEADERS: usize = 64;
const MAX_HEADER_BYTES: usize = 32 * 1024;
const MAX_RESPONSE_HEADER_BYTES: usize = 64 * 1024;

/// They belong to the connection or are computed from the request.
const TRANSPORT: [HeaderName; 10] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::EXPECT,
    header::ACCEPT_ENCODING,
    header::PROXY_AUTHORIZATION,
];

/// They say nothing about who asks: all that another origin gets to see.
const ANONYMOUS: [HeaderName; 5] =
    [header::ACCEPT, header::ACCEPT_LANGUAGE, header::CONTENT_TYPE, header::CONTENT_LANGUAGE, header::USER_AGENT];

pub(crate) fn check_request(headers: &HeaderMap) -> Result<(), Error> {
    if headers.len() > MAX_HEADERS || size(headers) > MAX_HEADER_BYTES {
        let limit = format!("at most {MAX_HEADERS} headers with {MAX_HEADER_BYTES} bytes together");
        return Err(Error::HeaderNotAllowed(limit));
    }
    for name in headers.keys() {
        if TRANSPORT.contains(name) || matches!(name.as_str(), "keep-alive" | "proxy-connection" | "http2-settings") {
            return Err(Error::HeaderNotAllowed(format!("{name} belongs to the transport")));
        }
    }
    Ok(())
}

pub(crate) fn check_response(headers: &HeaderMap) -> Result<(), Error> {
    if size(headers) > MAX_RESPONSE_HEADER_BYTES {
        return Err(Error::ResponseTooLarge { limit: MAX_RESPONSE_HEADER_BYTES });
    }
    Ok(())
}

/// Drops whatever may identify or authorise: credentials, cookies, keys, idempotency keys and all unknown names.
pub(crate) fn forget_credentials(headers: &mut HeaderMap) {
    let kept: HeaderMap =
        headers.iter().filter(|(name, _)| ANONYMOUS.contains(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
    *headers = kept;
}

/// Drops what describes a body that is not sent any more.
pub(crate) fn forget_body(headers: &mut HeaderMap) {
    for name in [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LANGUAGE, header::CONTENT_LOCATION] {
        headers.remove(name);
    }
}

fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}
