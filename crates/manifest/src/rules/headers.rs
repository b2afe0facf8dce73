//! Fixed request headers of a declared tool.

use indexmap::IndexMap;

use crate::diagnostic::{Findings, child};

const MAX_HEADERS: usize = 32;
const MAX_VALUE: usize = 4_096;

/// Names that carry credentials, and parts of names that do.
const SECRET_NAMES: [&str; 3] = ["cookie", "set-cookie", "x-auth"];
const SECRET_PARTS: [&str; 8] =
    ["authorization", "api-key", "apikey", "token", "secret", "password", "credential", "signature"];

/// Names that belong to the connection and are set by the client that makes the request.
const MANAGED: [&str; 12] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "idempotency-key",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn check(headers: &IndexMap<String, String>, findings: &mut Findings, pointer: &str) {
    super::count(findings, pointer, headers.len(), MAX_HEADERS);
    for (at, (name, value)) in headers.iter().enumerate() {
        let here = child(pointer, name);
        let lower = name.to_ascii_lowercase();
        if headers.keys().take(at).any(|earlier| earlier.eq_ignore_ascii_case(name)) {
            findings.key(&here, format!("the header `{lower}` is given twice"));
        }
        if let Some(message) = bad_name(&lower) {
            findings.key(&here, message);
        }
        if value.len() > MAX_VALUE || !value.bytes().all(|b| b == b' ' || b == b'\t' || b.is_ascii_graphic()) {
            findings.value(here, format!("expected at most {MAX_VALUE} visible ASCII characters"));
        }
    }
}

fn bad_name(lower: &str) -> Option<String> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if lower.is_empty() || lower.len() > 100 || !lower.bytes().all(token) {
        return Some("expected the name of an HTTP header, e.g. `accept`".to_owned());
    }
    if SECRET_NAMES.contains(&lower) || SECRET_PARTS.iter().any(|part| lower.contains(part)) {
        return Some(format!(
            "`{lower}` carries a credential, and an agent file is no place for secrets: it is stored, shown and compared \
             in clear text; the operator grants credentials to hosts instead"
        ));
    }
    MANAGED.contains(&lower).then(|| format!("`{lower}` is set by MoltForge itself; remove it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["accept", "user-agent", "x-region", "accept-language"] {
            assert_eq!(bad_name(good), None, "{good}");
        }
        let secret =
            ["authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token", "x-amz-security-token"];
        for name in secret {
            assert!(bad_name(name).is_some_and(|message| message.contains("credential")), "{name}");
        }
        for bad in ["", "a b", "a:b", "é", "host", "content-length", "a\r\nb"] {
            assert!(bad_name(bad).is_some(), "{bad}");
        }
    }
}
