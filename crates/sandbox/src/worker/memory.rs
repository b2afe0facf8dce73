//! The memory of one guest: its limit, and what it was granted so far.
//!
//! A guest that needs more than it was granted waits until the server has room for it. It notices nothing of that.

use async_trait::async_trait;
use tokio::sync::mpsc;
use wasmtime::{ResourceLimiterAsync, Result};

use super::host::{Host, ended};
use crate::config::TABLE_ELEMENTS;
use crate::limits::Limit;
use crate::protocol::{FailureKind, GROWTH};

/// About how much an element of a table takes.
const ELEMENT: usize = 16;

/// What one guest has.
pub(crate) struct Memory {
    /// Bytes of linear memory.
    linear: usize,
    /// Bytes that the server reserves for it: of an engine of ours not those that it begins with, which are shared until
    /// they are written.
    counted: u64,
    granted: u64,
    grants: mpsc::UnboundedReceiver<u64>,
    is_ours: bool,
}

impl Memory {
    /// Of a guest that was granted so much at its start. `is_ours`: it runs in an engine that comes with the program.
    pub(crate) fn new(granted: u64, grants: mpsc::UnboundedReceiver<u64>, is_ours: bool) -> Self {
        Self { linear: 0, counted: 0, granted, grants, is_ours }
    }

    /// Bytes of linear memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.linear as u64
    }
}

impl Host {
    /// Returns when the server has reserved so much more.
    pub(super) async fn reserve(&mut self, bytes: usize) -> Result<()> {
        let most = self.limits.memory;
        let counted = self.memory.counted.saturating_add(bytes as u64);
        if counted > most {
            return Err(too_much(most));
        }
        if counted > self.memory.granted {
            // more than it needs now, so that it need not ask for each page
            let wanted = (counted - self.memory.granted).next_multiple_of(GROWTH).min(most - self.memory.granted);
            let usage = self.usage();
            self.report.grows(wanted, usage);
            let granted = self.memory.grants.recv().await;
            match granted.ok_or_else(|| ended(FailureKind::Engine, "the guest was stopped"))? {
                0 => {
                    let message = format!("{counted} bytes of memory, more than the server has for programs");
                    return Err(ended(FailureKind::Limit(Limit::Memory), message));
                }
                more => self.memory.granted += more,
            }
        }
        self.memory.counted = counted;
        Ok(())
    }
}

fn too_much(most: u64) -> wasmtime::Error {
    ended(FailureKind::Limit(Limit::Memory), format!("more than {most} bytes of memory"))
}

#[async_trait]
impl ResourceLimiterAsync for Host {
    async fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        let growth = desired.saturating_sub(current);
        let linear = self.memory.linear.saturating_add(growth);
        if linear as u64 > self.limits.memory || maximum.is_some_and(|maximum| desired > maximum) {
            return Err(too_much(self.limits.memory));
        }
        if current > 0 || !self.memory.is_ours {
            self.reserve(growth).await?;
        }
        self.memory.linear = linear;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> Result<()> {
        Err(ended(FailureKind::Limit(Limit::Memory), format!("no more memory: {error}")))
    }

    async fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        if desired > TABLE_ELEMENTS {
            return Err(ended(FailureKind::Limit(Limit::Memory), format!("more than {TABLE_ELEMENTS} in a table")));
        }
        if current > 0 || !self.memory.is_ours {
            self.reserve(desired.saturating_sub(current).saturating_mul(ELEMENT)).await?;
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        60
    }

    fn memories(&self) -> usize {
        4
    }

    fn tables(&self) -> usize {
        60
    }
}
