//! What a program usually takes from the air, handed in as a value: time, randomness and, made of both, identity.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::{Rng as _, TryRng as _};

use crate::id::Id;
use crate::time::{Clock, SystemClock, Timestamp};

/// A source of random bytes.
pub trait Random: Send + Sync {
    /// Fills the whole buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's randomness: fit for keys and secrets.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) {
        #[expect(clippy::expect_used, reason = "a machine without randomness cannot make a key; stopping is right")]
        rand::rngs::SysRng.try_fill_bytes(buffer).expect("the operating system gives random bytes");
    }
}

/// Repeatable randomness for tests and simulation. Never for keys.
pub struct SeededRandom(Mutex<StdRng>);

impl SeededRandom {
    /// The same seed gives the same bytes.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Random for SeededRandom {
    fn fill(&self, buffer: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(buffer);
    }
}

/// Time and randomness, cheap to clone.
#[derive(Clone)]
pub struct Ambient {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl fmt::Debug for Ambient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ambient").field("now", &self.now()).finish_non_exhaustive()
    }
}

impl Ambient {
    /// From its two parts.
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { clock, random }
    }

    /// The machine's clock and randomness.
    pub fn system() -> Self {
        Self::new(Arc::new(SystemClock), Arc::new(SystemRandom))
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A new identifier, UUIDv7 of the current time.
    pub fn id<I: Id>(&self) -> I {
        I::from_u128(uuid_v7(self.now(), self.bytes()))
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut buffer = [0; N];
        self.random.fill(&mut buffer);
        buffer
    }
}

/// A UUIDv7 of this time and these random bits: for ids that must follow from what is handed in.
pub fn uuid_v7(now: Timestamp, random: [u8; 10]) -> u128 {
    let millis = u64::try_from(now.as_micros() / 1000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().as_u128()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ExecutionId;
    use crate::time::TestClock;

    #[test]
    fn a_seed_repeats_and_ids_follow_time() {
        let clock = Arc::new(TestClock::new(Timestamp::from_micros(1_700_000_000_000_000)));
        let make = || Ambient::new(clock.clone(), Arc::new(SeededRandom::new(7)));
        let first: ExecutionId = make().id();
        assert_eq!(first, make().id());
        clock.advance(std::time::Duration::from_secs(1));
        assert!(make().id::<ExecutionId>() > first);
    }
}
