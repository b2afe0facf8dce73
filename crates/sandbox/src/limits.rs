//! What a guest may use, and what it is called when it used more.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::MEMORY_MAX;
use crate::error::Error;

/// What one guest may use. A violation ends it as a failure that names the [`Limit`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of its linear memory, at most 256 MiB.
    pub memory: u64,
    /// Time on a processor since it was started or rebuilt.
    pub cpu: Duration,
    /// Bytes of its output.
    pub output: u32,
    /// Bytes of everything that it logs.
    pub logs: u32,
    /// Calls that may be open at once.
    pub calls: u32,
    /// Bytes of the name and the arguments of one call.
    pub call: u32,
    /// Bytes of its files together.
    pub bundle: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 64 << 20,
            cpu: Duration::from_secs(30),
            output: 1 << 20,
            logs: 256 << 10,
            calls: 1000,
            call: 1 << 20,
            bundle: 8 << 20,
        }
    }
}

/// Which limit a guest did not keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Linear memory, or tables.
    Memory,
    /// Time on a processor.
    Cpu,
    /// The depth of calls.
    Stack,
    /// The size of the output.
    Output,
    /// The size of everything logged.
    Logs,
    /// Open calls, or commands without a wait between them.
    Calls,
    /// The size of one call.
    Call,
    /// The size of the files.
    Bundle,
}

impl Limit {
    /// The name in messages and in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Stack => "stack",
            Self::Output => "output",
            Self::Logs => "logs",
            Self::Calls => "calls",
            Self::Call => "call",
            Self::Bundle => "bundle",
        }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Limits {
    /// Whether a worker could keep them. Larger ones would break somewhere else first.
    pub(crate) fn check(&self) -> Result<(), Error> {
        const MIB: u64 = 1 << 20;
        let most = [
            (Limit::Memory, self.memory, MEMORY_MAX as u64),
            (Limit::Output, self.output.into(), 16 * MIB),
            (Limit::Logs, self.logs.into(), 16 * MIB),
            (Limit::Calls, self.calls.into(), 100_000),
            (Limit::Call, self.call.into(), 16 * MIB),
            (Limit::Bundle, self.bundle.into(), 32 * MIB),
        ];
        match most.into_iter().find(|(_, asked, most)| asked > most) {
            Some((limit, asked, most)) => Err(Error::Limit { limit, asked, most }),
            None => Ok(()),
        }
    }

    /// Bytes of all open calls together.
    pub(crate) fn open_bytes(&self) -> usize {
        self.call as usize * 16
    }

    /// Commands between two waits. Cancelled calls are not open, and still somebody reads them.
    pub(crate) fn window(&self) -> u32 {
        self.calls.saturating_mul(4)
    }

    /// Bytes of the commands between two waits.
    pub(crate) fn window_bytes(&self) -> usize {
        self.call as usize * 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_have_limits() {
        assert!(Limits::default().check().is_ok());
        let too_much = Limits { memory: 257 << 20, ..Limits::default() };
        assert!(matches!(too_much.check(), Err(Error::Limit { limit: Limit::Memory, .. })));
        assert!(Limits { call: u32::MAX, ..Limits::default() }.check().is_err());
    }
}
