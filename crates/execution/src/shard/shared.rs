//! What all lanes of a node share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use moltforge_bus::Bus;
use moltforge_store::Journal;
use moltforge_types::Ambient;

use super::calls::Calls;
use super::specs::Specs;
use super::streams::Streams;
use crate::config::Config;
use crate::engine::{Context, Spec};
use crate::fairness::Fairness;
use crate::fairness::calls::Gates;
use crate::holds::Holds;
use crate::live::Directory;
use crate::triggers::Listeners;

pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) bus: Bus,
    pub(crate) calls: Arc<dyn Calls>,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) ambient: Ambient,
    pub(crate) specs: Specs,
    pub(crate) fairness: Fairness,
    pub(crate) gates: Gates,
    pub(crate) streams: Streams,
    pub(crate) holds: Holds,
    pub(crate) listeners: Listeners,
    /// The owner before this node stopped in order.
    pub(crate) handed_over: AtomicBool,
}

impl Shared {
    /// The time, a random number, whether there is a slot, and what holds the execution, and how its owner before ended, for one
    /// command.
    pub(crate) fn context(&self, slot: bool, spec: &Spec) -> Context {
        let hold = self.holds.of(spec.project_id, spec.agent_id);
        let handed_over = self.handed_over.load(Ordering::Acquire);
        Context { now: self.ambient.now(), random: u64::from_le_bytes(self.ambient.bytes()), slot, hold, handed_over }
    }
}
