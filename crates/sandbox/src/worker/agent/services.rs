//! What is answered at once: the log, the time, random numbers.

use chacha20::rand_core::Rng as _;
use wasmtime::Result;

use crate::protocol::FailureKind;
use crate::worker::guest::cut;
use crate::worker::host::{Host, ended};
use crate::world::EngineImports as _;
use crate::world::agent::moltforge::agent::{clock, log, random};

/// A component may ask for so many random bytes at once.
const RANDOM_MAX: u32 = 1 << 16;

impl log::Host for Host {
    fn write(&mut self, level: log::Level, message: String) -> Result<()> {
        let level = match level {
            log::Level::Debug => 0,
            log::Level::Info => 1,
            log::Level::Warn => 2,
            log::Level::Error => 3,
        };
        self.log(level, message)
    }

    fn fatal(&mut self, message: String) -> Result<()> {
        Err(ended(FailureKind::Exception, cut(message, 8 << 10)))
    }
}

impl clock::Host for Host {
    fn now(&mut self) -> Result<u64> {
        Ok(self.now)
    }
}

impl random::Host for Host {
    fn bytes(&mut self, count: u32) -> Result<Vec<u8>> {
        if count > RANDOM_MAX {
            return Err(ended(FailureKind::Misuse, format!("{count} random bytes at once, at most {RANDOM_MAX}")));
        }
        let mut bytes = vec![0; count as usize];
        self.random.fill_bytes(&mut bytes);
        Ok(bytes)
    }
}
