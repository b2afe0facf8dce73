//! What the server knows of a guest, and what its worker may therefore say about it.
//!
//! A worker runs what strangers wrote, so it is believed nothing. What a worker of ours would never send is a violation:
//! the worker is killed.

use std::collections::{HashMap, VecDeque};

use crate::limits::Limits;
use crate::protocol::{Asked, Call, Cancelled, End, Failure, PART, Usage, call};

/// What is wrong with a message.
pub(crate) type Violation = String;

/// A worker speaks of a computing guest four times in a second of processor time; a little less is tolerated.
const HEARD_OF: std::time::Duration = std::time::Duration::from_millis(200);

/// A guest is looked at every ten milliseconds of its time, but not within a call of the worker.
const OVER: std::time::Duration = std::time::Duration::from_secs(10);

/// What a failure may say.
const MESSAGE_MAX: usize = 9 << 10;
const STACK_MAX: usize = 33 << 10;

/// One guest, as its messages must be.
#[derive(Debug)]
pub(crate) struct Watch {
    limits: Limits,
    /// Calls that it made.
    issued: u32,
    /// The open ones with their sizes.
    open: HashMap<u32, usize>,
    open_bytes: usize,
    /// Calls whose completions were delivered and not yet consumed.
    delivered: VecDeque<u32>,
    consumed: u32,
    window: u32,
    window_bytes: usize,
    logged: usize,
    waits: bool,
    /// Bytes that it asked for, and how often.
    grown: u64,
    growths: u64,
    /// It waits for memory.
    is_growing: bool,
    used: Usage,
    /// When it last spoke of a computing guest, in the guest's time.
    heard_of: std::time::Duration,
}

impl Watch {
    /// A guest that was just started.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            issued: 0,
            open: HashMap::new(),
            open_bytes: 0,
            delivered: VecDeque::new(),
            consumed: 0,
            window: 0,
            window_bytes: 0,
            logged: 0,
            waits: false,
            grown: 0,
            growths: 0,
            is_growing: false,
            used: Usage::default(),
            heard_of: std::time::Duration::ZERO,
        }
    }

    /// A completion is sent to it.
    pub(crate) fn deliver(&mut self, id: u32) {
        self.delivered.push_back(id);
    }

    /// It asks or waits.
    pub(crate) fn asked(&mut self, asked: &Asked, usage: Usage) -> Result<(), Violation> {
        // a little is said only by one that computes for long
        if !asked.blocked && call::weight(asked) <= PART {
            self.hear_of(usage).map_err(|_| "a part that is too small".to_owned())?;
        }
        self.words(asked, usage)?;
        self.waits = asked.blocked;
        Ok(())
    }

    /// Whether it has something to do, so that something will be heard of it.
    pub(crate) fn owes(&self) -> bool {
        !self.is_waiting() && !self.is_growing
    }

    /// It computes.
    pub(crate) fn used(&mut self, usage: Usage) -> Result<(), Violation> {
        self.hear_of(usage)?;
        self.usage(usage)
    }

    fn hear_of(&mut self, usage: Usage) -> Result<(), Violation> {
        if usage.cpu < self.heard_of + HEARD_OF {
            return Err("usage that is not new".to_owned());
        }
        self.heard_of = usage.cpu;
        Ok(())
    }

    /// It needs memory.
    pub(crate) fn grows(&mut self, bytes: u64, usage: Usage) -> Result<(), Violation> {
        const PAGE: u64 = 64 << 10;
        self.grown = self.grown.saturating_add(bytes);
        self.growths += 1;
        let most = self.limits.memory;
        if self.is_waiting() || self.is_growing || bytes == 0 || self.grown > most || self.growths > most / PAGE + 1 {
            return Err(format!("a growth that cannot be: {bytes}"));
        }
        self.is_growing = true;
        self.usage(usage)
    }

    /// It may have what it needs, or hears that it never can.
    pub(crate) fn granted(&mut self) {
        self.is_growing = false;
    }

    /// Whether it does nothing until it hears an answer.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waits && self.delivered.is_empty()
    }

    /// It returned.
    pub(crate) fn ended(&mut self, end: &End, usage: Usage) -> Result<(), Violation> {
        self.words(&end.last, usage)?;
        if end.output.len() > self.limits.output as usize {
            return Err(format!("an output of {} bytes", end.output.len()));
        }
        call::json(&end.output)
    }

    /// It failed.
    pub(crate) fn failed(&mut self, failure: &Failure, last: &Asked, usage: Usage) -> Result<(), Violation> {
        self.words(last, usage)?;
        if failure.message.len() > MESSAGE_MAX || failure.stack.len() > STACK_MAX {
            return Err("a failure that says too much".to_owned());
        }
        Ok(())
    }

    fn words(&mut self, asked: &Asked, usage: Usage) -> Result<(), Violation> {
        if self.is_waiting() || self.is_growing {
            return Err("a guest that waits spoke".to_owned());
        }
        self.usage(usage)?;
        let (mut calls, mut cancelled) = (asked.calls.iter().peekable(), asked.cancelled.iter().peekable());
        loop {
            // both are in the order of their times; a call comes before what cancels it
            let next = match (calls.peek(), cancelled.peek()) {
                (Some(call), Some(cancel)) => call.after <= cancel.after,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => break,
            };
            if next {
                calls.next().map_or(Ok(()), |call| self.call(call))?;
            } else {
                cancelled.next().map_or(Ok(()), |cancel| self.cancelled(*cancel))?;
            }
        }
        self.advance(asked.consumed)?;
        self.closed_window()?;
        let mut after = 0;
        for log in &asked.logs {
            self.logged += log.message.len() + 1;
            if log.level > 3 || log.after < after || log.after > asked.consumed {
                return Err("a log from another time".to_owned());
            }
            after = log.after;
        }
        if self.logged > self.limits.logs as usize {
            return Err(format!("{} bytes of logs", self.logged));
        }
        Ok(())
    }

    fn usage(&mut self, usage: Usage) -> Result<(), Violation> {
        let most = self.limits.cpu.saturating_add(OVER);
        if usage.memory > self.limits.memory || usage.cpu < self.used.cpu || usage.cpu > most {
            return Err(format!("a usage that cannot be: {usage:?}"));
        }
        self.used = usage;
        Ok(())
    }

    fn call(&mut self, made: &Call) -> Result<(), Violation> {
        self.advance(made.after)?;
        if Some(made.id) != self.issued.checked_add(1) {
            return Err(format!("call {} comes after call {}", made.id, self.issued));
        }
        let bytes = made.name.len() + made.args.len();
        if bytes > self.limits.call as usize {
            return Err(format!("a call of {bytes} bytes"));
        }
        call::name(&made.name)?;
        call::json(&made.args)?;
        self.issued = made.id;
        self.open.insert(made.id, bytes);
        self.open_bytes += bytes;
        self.command(bytes)
    }

    fn cancelled(&mut self, cancelled: Cancelled) -> Result<(), Violation> {
        self.advance(cancelled.after)?;
        if !self.close(cancelled.id) {
            return Err(format!("call {} is cancelled and not open", cancelled.id));
        }
        self.command(0)
    }

    fn command(&mut self, bytes: usize) -> Result<(), Violation> {
        self.window += 1;
        self.window_bytes += bytes;
        if self.window > self.limits.window() || self.window_bytes > self.limits.window_bytes() {
            return Err(format!("{} commands ({} bytes) at once", self.window, self.window_bytes));
        }
        Ok(())
    }

    /// The guest has consumed so many completions.
    fn advance(&mut self, consumed: u32) -> Result<(), Violation> {
        if consumed == self.consumed {
            return Ok(());
        }
        if consumed < self.consumed || consumed > self.consumed.saturating_add(self.in_flight()) {
            return Err(format!("{consumed} completions are consumed, {} before", self.consumed));
        }
        self.closed_window()?;
        for _ in self.consumed..consumed {
            if let Some(id) = self.delivered.pop_front() {
                self.close(id);
            }
        }
        self.consumed = consumed;
        (self.window, self.window_bytes) = (0, 0);
        Ok(())
    }

    fn in_flight(&self) -> u32 {
        u32::try_from(self.delivered.len()).unwrap_or(u32::MAX)
    }

    fn closed_window(&self) -> Result<(), Violation> {
        if self.open.len() > self.limits.calls as usize || self.open_bytes > self.limits.open_bytes() {
            return Err(format!("{} open calls ({} bytes)", self.open.len(), self.open_bytes));
        }
        Ok(())
    }

    fn close(&mut self, id: u32) -> bool {
        let bytes = self.open.remove(&id);
        self.open_bytes -= bytes.unwrap_or(0);
        bytes.is_some()
    }
}

#[cfg(test)]
mod tests;
