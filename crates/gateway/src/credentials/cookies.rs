//! The session cookie: read, set, removed.

use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};

use crate::hosts::ServedHost;

/// The browser keeps it as long as a session can live: seven days.
const MAX_AGE: u32 = 7 * 24 * 3600;

/// The value of a cookie. Two of that name are none: one of them is not ours.
pub(super) fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut found = None;
    for value in headers.get_all(COOKIE) {
        for pair in value.to_str().ok()?.split(';') {
            if let Some((key, value)) = pair.trim().split_once('=')
                && key == name
                && found.replace(value).is_some()
            {
                return None;
            }
        }
    }
    found.filter(|value| !value.is_empty())
}

/// `Set-Cookie` for a new session.
pub(crate) fn set_cookie(host: &ServedHost, token: &str) -> Option<HeaderValue> {
    cookie(host, token, MAX_AGE)
}

/// `Set-Cookie` that removes it.
pub(crate) fn clear_cookie(host: &ServedHost) -> Option<HeaderValue> {
    cookie(host, "", 0)
}

fn cookie(host: &ServedHost, token: &str, max_age: u32) -> Option<HeaderValue> {
    let secure = if host.tls { "; Secure" } else { "" };
    let name = host.cookie_name();
    let text = format!("{name}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age}{secure}");
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cookies: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, HeaderValue::from_static(cookie));
        }
        find(&headers, "moltforge_1").map(str::to_owned)
    }

    #[test]
    fn one_cookie_of_that_name_counts() {
        assert_eq!(of(&["a=b; moltforge_1=token;c=d"]).as_deref(), Some("token"));
        assert_eq!(of(&["a=b", "moltforge_1=token"]).as_deref(), Some("token"));
        assert_eq!(of(&["moltforge_1=a; moltforge_1=b"]), None);
        assert_eq!(of(&["moltforge_1=", "moltforge_2=x"]), None);
        assert_eq!(of(&["moltforge_11=x; xmoltforge_1=y"]), None);
    }

    #[test]
    fn the_attributes_follow_the_host() {
        let local = ServedHost { authority: "localhost:1".to_owned(), tls: false };
        assert_eq!(
            set_cookie(&local, "t").unwrap(),
            "moltforge_1=t; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800"
        );
        let public = ServedHost { authority: "forge.example.com".to_owned(), tls: true };
        assert_eq!(
            clear_cookie(&public).unwrap(),
            "__Host-moltforge=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0; Secure"
        );
    }
}
