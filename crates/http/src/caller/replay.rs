//! Nonces that were used, in memory of a fixed size.
//!
//! A nonce is a signer's random number and a counter. Per signer it is enough to remember a window of counters, one bit
//! each, as a receiver of numbered packets does: what lies before the window is refused unseen.

use std::collections::HashMap;
use std::time::Duration;

use moltforge_types::Timestamp;

use super::LIFETIME_SECONDS;
use crate::error::Error;

/// Counters remembered per signer: a gateway may be this many requests ahead of a delayed one. 128 KiB.
const WINDOW: u64 = 1 << 20;
const WORDS: usize = (WINDOW / 64) as usize;
/// Signers remembered at a time. Only holders of the key can be one, so this is gateways that live or lived a minute ago.
const SIGNERS: usize = 64;
/// A signer that was silent for so long has no signature left that is not expired.
const SILENT: Duration = Duration::from_secs(2 * LIFETIME_SECONDS);

#[derive(Default)]
pub(super) struct Nonces {
    signers: HashMap<u64, Window>,
}

struct Window {
    /// The highest counter seen.
    highest: u64,
    /// One bit per counter, at `counter % WINDOW`.
    used: Box<[u64]>,
    last: Timestamp,
}

impl Nonces {
    /// Notes a nonce; a second time is an error.
    pub(super) fn take(&mut self, signer: u64, number: u64, now: Timestamp) -> Result<(), Error> {
        if !self.signers.contains_key(&signer) {
            self.signers.retain(|_, window| now.since(window.last) < SILENT);
            if self.signers.len() >= SIGNERS {
                return Err(Error::CallerInvalid("too many signers at once"));
            }
        }
        self.signers.entry(signer).or_insert_with(|| Window::at(number)).take(number, now)
    }
}

impl Window {
    fn at(number: u64) -> Self {
        Self { highest: number, used: vec![0; WORDS].into_boxed_slice(), last: Timestamp::default() }
    }

    fn take(&mut self, number: u64, now: Timestamp) -> Result<(), Error> {
        if number > self.highest {
            self.forget(self.highest + 1, number);
            self.highest = number;
        } else if self.highest - number >= WINDOW {
            return Err(Error::CallerReplayed);
        }
        let (word, bit) = place(number);
        if self.used[word] & bit != 0 {
            return Err(Error::CallerReplayed);
        }
        self.used[word] |= bit;
        self.last = self.last.max(now);
        Ok(())
    }

    /// Clears the bits that the counters `from..=to` take over from counters that left the window.
    fn forget(&mut self, from: u64, to: u64) {
        if to - from >= WINDOW - 1 {
            self.used.fill(0);
            return;
        }
        let mut at = from;
        while at <= to {
            if at.is_multiple_of(64) && to - at >= 63 {
                self.used[place(at).0] = 0;
                at += 64;
            } else {
                let (word, bit) = place(at);
                self.used[word] &= !bit;
                at += 1;
            }
        }
    }
}

fn place(number: u64) -> (usize, u64) {
    (((number % WINDOW) / 64) as usize, 1 << (number % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn each_nonce_works_once_in_any_order() {
        let mut nonces = Nonces::default();
        for number in [5, 3, 70, 4, 1_000_000, 71, WINDOW + 900_000] {
            assert!(nonces.take(1, number, at(0)).is_ok(), "{number}");
            assert!(nonces.take(1, number, at(0)).is_err(), "{number} again");
        }
        assert!(nonces.take(2, 5, at(0)).is_ok(), "another signer has its own counters");
    }

    #[test]
    fn what_left_the_window_is_refused() {
        let mut nonces = Nonces::default();
        nonces.take(1, WINDOW + 10, at(0)).unwrap();
        assert!(nonces.take(1, 10, at(0)).is_err());
        assert!(nonces.take(1, 11, at(0)).is_ok());
    }

    #[test]
    fn a_dense_run_over_several_windows_is_remembered_exactly() {
        let mut nonces = Nonces::default();
        for number in 0..3 * WINDOW {
            nonces.take(1, number, at(0)).unwrap();
        }
        for number in (2 * WINDOW..3 * WINDOW).step_by(997) {
            assert!(nonces.take(1, number, at(0)).is_err(), "{number}");
        }
    }

    #[test]
    fn a_jump_clears_exactly_what_it_passes() {
        let mut nonces = Nonces::default();
        for number in 0..WINDOW {
            nonces.take(1, number, at(0)).unwrap();
        }
        nonces.take(1, WINDOW + 200, at(0)).unwrap();
        for number in WINDOW..WINDOW + 200 {
            assert!(nonces.take(1, number, at(0)).is_ok(), "{number} is new");
        }
        assert!(nonces.take(1, 201, at(0)).is_err(), "still within the window and used");
    }

    #[test]
    fn silent_signers_make_room() {
        let mut nonces = Nonces::default();
        for signer in 0..SIGNERS as u64 {
            nonces.take(signer, 1, at(0)).unwrap();
        }
        assert!(nonces.take(1000, 1, at(1)).is_err());
        assert!(nonces.take(1000, 1, at(61)).is_ok());
    }
}
