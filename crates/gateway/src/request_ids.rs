//! Ids for requests that bring none: as unique as any, without asking the operating system for randomness each time.

use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderValue;
use moltforge_types::{Ambient, Id as _, RequestId};

/// Odd, so that steps of it visit every number before they repeat one.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A random beginning and a step per request, mixed so that neighbours look nothing alike. Not secret: an id names a
/// request and opens nothing.
pub(crate) struct RequestIds {
    next: AtomicU64,
    /// Keeps two gateways apart.
    salt: u64,
}

impl RequestIds {
    pub(crate) fn new(ambient: &Ambient) -> Self {
        let next = AtomicU64::new(u64::from_be_bytes(ambient.bytes()));
        Self { next, salt: u64::from_be_bytes(ambient.bytes()) }
    }

    /// A UUIDv7 of the current time.
    pub(crate) fn make(&self, ambient: &Ambient) -> HeaderValue {
        let bits = mix(self.next.fetch_add(STEP, Ordering::Relaxed));
        let millis = u128::try_from(ambient.now().as_micros() / 1000).unwrap_or(0) & 0xffff_ffff_ffff;
        let version = 0x7000 | u128::from((bits ^ self.salt) & 0xfff);
        let variant = 0x8000_0000_0000_0000 | u128::from(bits.rotate_left(32).wrapping_add(self.salt) >> 2);
        let id = RequestId::from_u128((millis << 80) | (version << 64) | variant);
        // an id is always a valid header value
        HeaderValue::try_from(id.to_string()).unwrap_or(HeaderValue::from_static("none"))
    }
}

/// The finisher of SplitMix64: a bijection.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_well_formed() {
        let ambient = Ambient::system();
        let (one, two) = (RequestIds::new(&ambient), RequestIds::new(&ambient));
        let mut seen = HashSet::new();
        for _ in 0..50_000 {
            for ids in [&one, &two] {
                let text = ids.make(&ambient).to_str().unwrap().to_owned();
                let id: RequestId = text.parse().unwrap();
                assert_eq!((id.as_u128() >> 76) & 0xf, 7, "version");
                assert_eq!((id.as_u128() >> 62) & 0x3, 2, "variant");
                assert!(seen.insert(text));
            }
        }
    }
}
