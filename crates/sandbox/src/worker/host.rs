//! What a guest may ask of its worker: the imports of the world, and wasmtime's questions about limits.

use std::collections::HashMap;
use std::sync::Arc;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use wasmtime::{Result, UpdateDeadline};

use super::agent::Calls;
use super::memory::Memory;
use super::meter::Meter;
use super::report::Report;
use super::wasi::Lines;
use crate::limits::{Limit, Limits};
use crate::protocol::{Call, Cancelled, Completion, Failure, FailureKind, Log, Usage, call};
use crate::world::{self, EngineImports as _};

/// A guest's end, on its way through wasmtime.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub(crate) struct Ended(pub(crate) Failure);

pub(crate) fn ended(kind: FailureKind, message: impl Into<String>) -> wasmtime::Error {
    Ended(Failure { kind, message: message.into(), stack: String::new() }).into()
}

/// Lets the socket be read once, and then everybody run who heard something there. A guest that computes would otherwise be
/// at turn again before each of them, and an answer take four turns: to be read, to be heard, and to be written.
async fn others_first() {
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
}

/// A guest that computes is heard of about this often.
const HEARD_OF: std::time::Duration = std::time::Duration::from_millis(250);

/// The state of one guest.
pub(crate) struct Host {
    pub(crate) limits: Limits,
    pub(crate) report: Report,
    pub(crate) meter: Arc<Meter>,
    /// Microseconds since the epoch.
    pub(crate) now: u64,
    /// Where the random numbers of a virtual WASI come from.
    pub(crate) random: ChaCha20Rng,
    /// Completions that it consumed.
    pub(crate) consumed: u32,
    /// Of a component: its calls and their answers.
    pub(crate) pending: Calls,
    /// Of a component: what it writes to its standard streams.
    pub(crate) lines: Lines,
    inbox: mpsc::UnboundedReceiver<Completion>,
    replay: u32,
    issued: u32,
    /// The open calls with their sizes.
    open: HashMap<u32, usize>,
    open_bytes: usize,
    window: u32,
    window_bytes: usize,
    logged: usize,
    pub(crate) memory: Memory,
    heard_of: std::time::Duration,
}

impl Host {
    /// A guest that has not run yet.
    pub(crate) fn new(
        limits: Limits,
        seed: [u8; 32],
        now: u64,
        replay: u32,
        inbox: mpsc::UnboundedReceiver<Completion>,
        memory: Memory,
        report: Report,
    ) -> Self {
        let random = Sha256::new().chain_update(b"wasi:random").chain_update(seed).finalize();
        Self {
            limits,
            report,
            meter: Arc::default(),
            now,
            random: ChaCha20Rng::from_seed(random.into()),
            consumed: 0,
            pending: Calls::default(),
            lines: Lines::default(),
            inbox,
            replay,
            issued: 0,
            open: HashMap::new(),
            open_bytes: 0,
            window: 0,
            window_bytes: 0,
            logged: 0,
            memory,
            heard_of: std::time::Duration::ZERO,
        }
    }

    /// What it uses, while it runs.
    pub(crate) fn usage(&self) -> Usage {
        Usage { memory: self.memory.bytes(), cpu: self.meter.now() }
    }

    /// Every ten milliseconds while it runs.
    pub(crate) fn tick(&mut self) -> Result<UpdateDeadline> {
        let usage = self.usage();
        if usage.cpu > self.limits.cpu {
            let message = format!("more than {:?} on a processor", self.limits.cpu);
            return Err(ended(FailureKind::Limit(Limit::Cpu), message));
        }
        if usage.cpu > self.heard_of + HEARD_OF {
            self.heard_of = usage.cpu;
            self.report.used(self.consumed, usage);
        }
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(others_first())))
    }

    /// Makes a call with the next id, and answers with that.
    pub(super) fn call(&mut self, name: &str, args: String) -> Result<u32> {
        let id = self.issued.saturating_add(1);
        self.submit(id, name.to_owned(), args)?;
        Ok(id)
    }

    fn command(&mut self, bytes: usize) -> Result<()> {
        self.window += 1;
        self.window_bytes += bytes;
        if self.window > self.limits.window() || self.window_bytes > self.limits.window_bytes() {
            let message = format!("{} calls ({} bytes) without waiting for one", self.window, self.window_bytes);
            return Err(ended(FailureKind::Limit(Limit::Calls), message));
        }
        Ok(())
    }

    fn open(&mut self, id: u32, bytes: usize) -> Result<()> {
        self.open.insert(id, bytes);
        self.open_bytes += bytes;
        if self.open.len() > self.limits.calls as usize || self.open_bytes > self.limits.open_bytes() {
            let message = format!(
                "{} open calls ({} bytes), at most {} ({} bytes)",
                self.open.len(),
                self.open_bytes,
                self.limits.calls,
                self.limits.open_bytes()
            );
            return Err(ended(FailureKind::Limit(Limit::Calls), message));
        }
        Ok(())
    }

    fn close(&mut self, id: u32) -> bool {
        let bytes = self.open.remove(&id);
        self.open_bytes -= bytes.unwrap_or(0);
        bytes.is_some()
    }

    async fn completion(&mut self) -> Result<Completion> {
        if let Ok(completion) = self.inbox.try_recv() {
            return Ok(completion);
        }
        if self.consumed >= self.replay {
            let usage = self.usage();
            self.report.blocked(self.consumed, usage);
        }
        // the sender goes with the task that waits here
        self.inbox.recv().await.ok_or_else(|| ended(FailureKind::Engine, "the guest was stopped"))
    }
}

impl world::EngineImports for Host {
    fn submit(&mut self, id: u32, name: String, args: String) -> Result<()> {
        let bytes = name.len() + args.len();
        if bytes > self.limits.call as usize {
            let message = format!("a call of {bytes} bytes, at most {}", self.limits.call);
            return Err(ended(FailureKind::Limit(Limit::Call), message));
        }
        if Some(id) != self.issued.checked_add(1) {
            return Err(ended(FailureKind::Misuse, format!("call {id} comes after call {}", self.issued)));
        }
        call::name(&name).map_err(|message| ended(FailureKind::Misuse, message))?;
        call::json(&args).map_err(|error| ended(FailureKind::Misuse, format!("arguments of {name}: {error}")))?;
        self.issued = id;
        self.command(bytes)?;
        self.open(id, bytes)?;
        let (after, usage) = (self.consumed, self.usage());
        self.report.add(after, usage, |asked| asked.calls.push(Call { id, name, args, after }), bytes);
        Ok(())
    }

    fn cancel(&mut self, id: u32) -> Result<()> {
        if id == 0 || id > self.issued {
            return Err(ended(FailureKind::Misuse, format!("there is no call {id} to cancel")));
        }
        self.command(0)?;
        if self.close(id) {
            let (after, usage) = (self.consumed, self.usage());
            self.report.add(after, usage, |asked| asked.cancelled.push(Cancelled { id, after }), 8);
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<world::Completion> {
        loop {
            let Completion { id, at, value } = self.completion().await?;
            self.consumed += 1;
            (self.window, self.window_bytes) = (0, 0);
            if id == 0 || id > self.issued {
                let message = format!("there is an answer to call {id}, which was not made");
                return Err(ended(FailureKind::Diverged, message));
            }
            // an answer that came before its call was cancelled is not for the guest
            if self.close(id) {
                self.now = self.now.max(at);
                return Ok(world::Completion { id, at: self.now, value });
            }
        }
    }

    fn log(&mut self, level: u8, message: String) -> Result<()> {
        let bytes = message.len() + 1;
        self.logged += bytes;
        if self.logged > self.limits.logs as usize {
            let message = format!("more than {} bytes logged", self.limits.logs);
            return Err(ended(FailureKind::Limit(Limit::Logs), message));
        }
        let (level, after, usage) = (level.min(3), self.consumed, self.usage());
        self.report.add(after, usage, |asked| asked.logs.push(Log { level, message, after }), bytes);
        Ok(())
    }
}
