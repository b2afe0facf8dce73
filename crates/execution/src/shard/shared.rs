//! What all lanes of a node share.

use std::sync::Arc;

use moltforge_bus::Bus;
use moltforge_capabilities::llm::Models;
use moltforge_capabilities::tools::Tools;
use moltforge_store::{Journal, Store};
use moltforge_types::Ambient;

use super::specs::Specs;
use crate::config::Config;
use crate::engine::Context;
use crate::live::Live;

pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) bus: Bus,
    pub(crate) models: Models,
    pub(crate) tools: Tools,
    pub(crate) ambient: Ambient,
    pub(crate) specs: Specs,
    pub(crate) live: Live,
}

impl Shared {
    /// The time and a random number, for one command.
    pub(crate) fn context(&self) -> Context {
        Context { now: self.ambient.now(), random: u64::from_le_bytes(self.ambient.bytes()) }
    }
}
