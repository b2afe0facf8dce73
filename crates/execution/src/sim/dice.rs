//! The only randomness of a run: a small generator per purpose, all made from the seed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A stream of numbers (SplitMix64). Clones share it.
#[derive(Clone)]
pub(super) struct Dice(Arc<AtomicU64>);

impl Dice {
    pub(super) fn new(seed: u64, purpose: u64) -> Self {
        let dice = Self(Arc::new(AtomicU64::new(seed ^ purpose.wrapping_mul(0xA24B_AED4_963E_E407))));
        dice.next();
        dice
    }

    pub(super) fn next(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `limit`.
    pub(super) fn below(&self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// In `thousandths` of all cases.
    pub(super) fn chance(&self, thousandths: u32) -> bool {
        self.below(1000) < u64::from(thousandths)
    }

    /// Between two numbers of milliseconds, the smaller ones far more often.
    pub(super) fn millis(&self, from: u64, to: u64) -> Duration {
        let span = to - from + 1;
        let bits = 64 - span.leading_zeros();
        let reach = (1_u64 << self.below(u64::from(bits) + 1)).min(span);
        Duration::from_millis(from + self.below(reach))
    }

    pub(super) fn pick<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        of.get(usize::try_from(self.below(of.len() as u64)).unwrap_or(0))
    }
}
