//! What says that a request from outside is meant: secrets of webhooks and tokens of approvals, derived from a key that is
//! not in the database (ADR 0010).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use moltforge_types::{ProjectId, Secret, TriggerId};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// The prefix of a secret, from the Standard Webhooks specification.
const PREFIX: &str = "whsec_";
/// Signatures looked at in one request: two secrets may sign while one is changed, more say nothing.
const MAX_SIGNATURES: usize = 8;

/// What the secrets of all webhooks of an installation, and the tokens of its approvals, are derived from.
#[derive(Clone)]
pub struct WebhookKey(Secret);

impl WebhookKey {
    /// From at least 32 random bytes in base 64.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &Secret) -> Result<Self, String> {
        match STANDARD.decode(text.expose().trim()) {
            Ok(bytes) if bytes.len() >= 32 => Ok(Self(Secret::new(text.expose().trim()))),
            Ok(bytes) => Err(format!("expected at least 32 bytes in base 64, got {}", bytes.len())),
            Err(_) => Err("expected base 64".to_owned()),
        }
    }

    /// From 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Secret::new(STANDARD.encode(bytes)))
    }

    /// The text that [`parse`](Self::parse) reads, to be kept.
    pub fn to_text(&self) -> Secret {
        self.0.clone()
    }

    /// The tag of a text that this server alone makes, for one purpose.
    pub(crate) fn tag(&self, purpose: &str, text: &str) -> [u8; 32] {
        let key = STANDARD.decode(self.0.expose()).unwrap_or_default();
        tag(&key, &[b"moltforge ", purpose.as_bytes(), b"\n", text.as_bytes()])
    }

    /// The bytes that sign requests to a webhook; each generation has its own.
    fn signing_key(&self, project_id: ProjectId, trigger_id: TriggerId, generation: u32) -> [u8; 32] {
        self.tag("webhook", &format!("{project_id}\n{trigger_id}\n{generation}"))
    }

    /// The secret as the sender gets it.
    pub(super) fn secret(&self, project_id: ProjectId, trigger_id: TriggerId, generation: u32) -> Secret {
        let bytes = self.signing_key(project_id, trigger_id, generation);
        Secret::new(format!("{PREFIX}{}", STANDARD.encode(bytes)))
    }

    /// Whether one of the signatures is right for one of the generations. Takes as long either way.
    pub(super) fn verifies(
        &self,
        project_id: ProjectId,
        trigger_id: TriggerId,
        generations: [u32; 2],
        parts: &[&[u8]],
        signatures: &str,
    ) -> bool {
        let expected = generations.map(|generation| tag(&self.signing_key(project_id, trigger_id, generation), parts));
        let mut good = subtle::Choice::from(0);
        for signature in signatures.split(' ').take(MAX_SIGNATURES) {
            let Some(signature) = signature.strip_prefix("v1,") else { continue };
            let given = STANDARD.decode(signature).unwrap_or_default();
            for tag in &expected {
                good |= tag.as_slice().ct_eq(&given);
            }
        }
        good.into()
    }
}

impl PartialEq for WebhookKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose().as_bytes().ct_eq(other.0.expose().as_bytes()).into()
    }
}

impl Eq for WebhookKey {}

impl std::fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookKey(***)")
    }
}

fn tag(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use moltforge_types::Id as _;

    fn sign(secret: &Secret, parts: &[&[u8]]) -> String {
        let key = STANDARD.decode(secret.expose().strip_prefix(PREFIX).unwrap()).unwrap();
        format!("v1,{}", STANDARD.encode(tag(&key, parts)))
    }

    #[test]
    fn standard_webhooks_agrees() {
        // the example of the specification's own libraries
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let made = tag(&key, &[b"msg_p5jXN8AQM9LWM0D4loKWxJek", b".", b"1614265330", b".", body]);
        assert_eq!(STANDARD.encode(made), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn only_the_right_secret_signs() {
        let key = WebhookKey::new([7; 32]);
        let (project, trigger) = (ProjectId::from_u128(1), TriggerId::from_u128(2));
        let parts: [&[u8]; 3] = [b"id", b".", b"body"];
        let verifies = |text: &str| key.verifies(project, trigger, [2, 1], &parts, text);
        let current = sign(&key.secret(project, trigger, 2), &parts);
        let previous = sign(&key.secret(project, trigger, 1), &parts);
        let older = sign(&key.secret(project, trigger, 3), &parts);
        let other = sign(&key.secret(project, TriggerId::from_u128(3), 2), &parts);
        assert!(verifies(&current) && verifies(&previous));
        assert!(verifies(&format!("v1a,x {other} {current}")), "any of several");
        let changed = sign(&key.secret(project, trigger, 2), &[b"id", b".", b"bodY"]);
        for bad in ["", "v1,", "v1,AAAA", "v2,x", &older, &other, &changed, current.trim_start_matches("v1,")] {
            assert!(!verifies(bad), "{bad}");
        }
        let many = format!("{}{current}", "v1,AAAA ".repeat(MAX_SIGNATURES));
        assert!(!verifies(&many), "bounded work");
        let another = WebhookKey::new([8; 32]);
        assert!(!another.verifies(project, trigger, [2, 1], &parts, &current), "a dump without the key forges nothing");
    }

    #[test]
    fn keys_are_read_and_never_printed() {
        let key = WebhookKey::new([7; 32]);
        assert_eq!(WebhookKey::parse(&key.to_text()).unwrap().to_text().expose(), key.to_text().expose());
        assert!(!format!("{key:?}").contains("Bwc"));
        assert!(WebhookKey::parse(&Secret::new("abc!")).is_err());
        assert!(WebhookKey::parse(&Secret::new("AAAA")).is_err());
        assert_ne!(key, WebhookKey::new([8; 32]));
    }

    #[test]
    fn each_purpose_has_tags_of_its_own() {
        let key = WebhookKey::new([7; 32]);
        assert_eq!(key.tag("a", "x"), key.clone().tag("a", "x"));
        assert_ne!(key.tag("a", "x"), key.tag("b", "x"));
        assert_ne!(key.tag("a", "x"), WebhookKey::new([8; 32]).tag("a", "x"));
    }
}
