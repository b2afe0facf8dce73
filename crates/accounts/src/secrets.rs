//! Making secrets and recognising them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use moltforge_types::{Ambient, ContentHash, Secret};

/// Before every key's secret, so that people and secret scanners recognise one.
const KEY_PREFIX: &str = "mf_";
/// Characters of 32 bytes in base 64.
const RANDOM_CHARS: usize = 43;
/// Characters of a key's secret that are kept to recognise it by: 24 of 256 random bits.
const HINT_CHARS: usize = KEY_PREFIX.len() + 4;

/// A new key's secret: `mf_` and 32 random bytes in 43 characters of base64url.
pub fn new_key_secret(ambient: &Ambient) -> Secret {
    Secret::new(format!("{KEY_PREFIX}{}", random(ambient)))
}

/// A session's token or a sign-in code: 32 random bytes.
pub(crate) fn new_token(ambient: &Ambient) -> Secret {
    Secret::new(random(ambient))
}

fn random(ambient: &Ambient) -> String {
    URL_SAFE_NO_PAD.encode(ambient.bytes::<32>())
}

/// What is stored in place of a secret.
pub(crate) fn hash(secret: &str) -> [u8; 32] {
    *ContentHash::of(secret.as_bytes()).as_bytes()
}

/// The characters of a key's secret that are shown in lists.
pub(crate) fn hint(secret: &str) -> String {
    secret.chars().take(HINT_CHARS).collect()
}

/// Whether a text has the form of a key's secret.
pub(crate) fn is_key_secret(text: &str) -> bool {
    text.strip_prefix(KEY_PREFIX).is_some_and(|rest| {
        rest.len() == RANDOM_CHARS && rest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_secret_has_its_form() {
        let (a, b) = (new_key_secret(&Ambient::system()), new_key_secret(&Ambient::system()));
        assert!(is_key_secret(a.expose()) && a.expose() != b.expose());
        assert_eq!(a.expose().len(), 46);
        assert!(hint(a.expose()).len() == 7 && a.expose().starts_with(&hint(a.expose())));
        for bad in [
            "",
            "mf_",
            "sk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            &a.expose()[..45],
            &format!("{}x", a.expose()),
        ] {
            assert!(!is_key_secret(bad), "{bad}");
        }
    }
}
