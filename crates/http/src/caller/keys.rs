//! The keys that sign and verify a caller, and what exactly is signed.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::HeaderValue;
use http::{Method, Uri};
use moltforge_types::{Ambient, Principal, Timestamp};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::LIFETIME_SECONDS;
use crate::error::Error;

/// SHA-256 of no bytes: most requests have no body.
const EMPTY_HASH: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];
/// How far the clocks of two machines may be apart.
const SKEW: Duration = Duration::from_secs(5);
/// Longer headers are not ours.
const MAX_HEADER: usize = 4096;

/// SHA-256 of a body. Hash it once and use it for all that needs it.
pub fn body_hash(body: &[u8]) -> [u8; 32] {
    if body.is_empty() { EMPTY_HASH } else { Sha256::digest(body).into() }
}

/// The request that a signature is bound to.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The service that it is for, e.g. `agents`.
    pub audience: &'a str,
    /// The method.
    pub method: &'a Method,
    /// Path and query as they are sent.
    pub uri: &'a Uri,
    /// [`body_hash`] of the body.
    pub body_hash: &'a [u8; 32],
}

/// A principal as it is sent: made once, used for many signatures.
#[derive(Debug, Clone)]
pub struct SentPrincipal {
    /// JSON in base 64.
    text: String,
    /// SHA-256 of the text: what is signed.
    hash: [u8; 32],
}

impl SentPrincipal {
    /// `None`: the gateway let the request through without a principal.
    pub fn of(principal: Option<&Principal>) -> Self {
        let json = serde_json::to_vec(&principal).unwrap_or_default();
        let text = URL_SAFE_NO_PAD.encode(json);
        let hash = body_hash(text.as_bytes());
        Self { text, hash }
    }
}

/// Two active keys: the current one signs, both verify, so that they can be changed without a gap. Cheap to clone;
/// clones share the nonces.
#[derive(Clone)]
pub struct CallerKeys(Arc<Inner>);

struct Inner {
    current: Key,
    previous: Option<Key>,
    /// Random at each start: nonces of two signers never meet.
    signer: u64,
    /// The number of the next signature. Its order lets a verifier remember nonces in a window of fixed size.
    next: AtomicU64,
    ambient: Ambient,
}

/// A key, absorbed once.
struct Key {
    id: u32,
    mac: Hmac<Sha256>,
}

impl Key {
    fn new(secret: &[u8; 32]) -> Self {
        let hash = Sha256::digest([b"moltforge caller key id".as_slice(), secret].concat());
        let id = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
        // HMAC pads a shorter key with zeros to its block of 64 bytes
        let mut block = [0; 64];
        block[..32].copy_from_slice(secret);
        Self { id, mac: Hmac::new(&block.into()) }
    }
}

/// A signature whose MAC and expiry are right. Its nonce is still to be looked at.
pub(super) struct Checked {
    pub(super) signer: u64,
    pub(super) number: u64,
}

impl CallerKeys {
    /// From the secret that signs, and the one that signed before and is still accepted.
    pub fn new(current: &[u8; 32], previous: Option<&[u8; 32]>, ambient: Ambient) -> Self {
        let signer = u64::from_be_bytes(ambient.bytes());
        let previous = previous.map(Key::new);
        Self(Arc::new(Inner { current: Key::new(current), previous, signer, next: AtomicU64::new(1), ambient }))
    }

    /// A fresh secret, for a gateway and services that share a process.
    pub fn generate(ambient: Ambient) -> Self {
        let secret: [u8; 32] = ambient.bytes();
        Self::new(&secret, None, ambient)
    }

    /// The header's value for one request. `None` signs that the gateway let it through without a principal.
    pub fn sign(&self, message: &Message<'_>, principal: Option<&Principal>) -> HeaderValue {
        self.sign_sent(message, &SentPrincipal::of(principal))
    }

    /// As [`CallerKeys::sign`], with the principal's form at hand.
    pub fn sign_sent(&self, message: &Message<'_>, principal: &SentPrincipal) -> HeaderValue {
        let inner = &*self.0;
        let number = inner.next.fetch_add(1, Ordering::Relaxed);
        let expiry = inner.ambient.now().plus(Duration::from_secs(LIFETIME_SECONDS)).as_micros();
        let mac = mac(&inner.current, message, expiry, inner.signer, number, &principal.hash);
        let mut text = String::with_capacity(128 + principal.text.len());
        // writing to a text does not fail
        let _ = write!(text, "{:x}.{expiry:x}.{:x}.{number:x}.", inner.current.id, inner.signer);
        URL_SAFE_NO_PAD.encode_string(mac, &mut text);
        text.push('.');
        text.push_str(&principal.text);
        // base 16 and base 64 are always a valid header value
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("invalid"))
    }

    /// Checks everything but whether the nonce was used before. `principal_hash` is that of [`Sent::principal`].
    pub(super) fn check(
        &self,
        sent: &Sent<'_>,
        principal_hash: &[u8; 32],
        message: &Message<'_>,
        now: Timestamp,
    ) -> Result<Checked, Error> {
        let key = [Some(&self.0.current), self.0.previous.as_ref()].into_iter().flatten().find(|k| k.id == sent.key);
        let key = key.ok_or(Error::CallerInvalid("unknown key"))?;
        let expected = mac(key, message, sent.expiry, sent.signer, sent.number, principal_hash);
        if !bool::from(expected.as_slice().ct_eq(&sent.mac)) {
            return Err(Error::CallerInvalid("signed for another request"));
        }
        let expiry = Timestamp::from_micros(sent.expiry);
        if expiry < now || expiry > now.plus(Duration::from_secs(LIFETIME_SECONDS) + SKEW) {
            return Err(Error::CallerExpired);
        }
        Ok(Checked { signer: sent.signer, number: sent.number })
    }
}

impl fmt::Debug for CallerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallerKeys").field("current", &self.0.current.id).finish_non_exhaustive()
    }
}

/// The header's parts, none of them trusted.
pub(super) struct Sent<'h> {
    key: u32,
    expiry: i64,
    signer: u64,
    number: u64,
    mac: Vec<u8>,
    /// JSON in base 64.
    pub(super) principal: &'h str,
}

impl<'h> Sent<'h> {
    pub(super) fn parse(header: &'h HeaderValue) -> Option<Self> {
        let text = header.to_str().ok().filter(|text| text.len() <= MAX_HEADER)?;
        let mut parts = text.split('.');
        let mut part = || parts.next();
        let sent = Self {
            key: u32::from_str_radix(part()?, 16).ok()?,
            expiry: i64::from_str_radix(part()?, 16).ok()?,
            signer: u64::from_str_radix(part()?, 16).ok()?,
            number: u64::from_str_radix(part()?, 16).ok()?,
            mac: URL_SAFE_NO_PAD.decode(part()?).ok()?,
            principal: part()?,
        };
        parts.next().is_none().then_some(sent)
    }
}

/// Every field with its length before it, so that no two requests read the same.
fn mac(key: &Key, message: &Message<'_>, expiry: i64, signer: u64, number: u64, principal_hash: &[u8; 32]) -> [u8; 32] {
    let mut mac = key.mac.clone();
    let mut field = |bytes: &[u8]| {
        mac.update(&(bytes.len() as u64).to_be_bytes());
        mac.update(bytes);
    };
    field(message.audience.as_bytes());
    field(message.method.as_str().as_bytes());
    field(message.uri.path().as_bytes());
    field(message.uri.query().unwrap_or_default().as_bytes());
    field(message.body_hash);
    field(principal_hash);
    mac.update(&expiry.to_be_bytes());
    mac.update(&signer.to_be_bytes());
    mac.update(&number.to_be_bytes());
    mac.finalize().into_bytes().into()
}
