//! The execution role.

use std::sync::Arc;

use moltforge_bus::Bus;
use moltforge_capabilities::tools::Tools;
use moltforge_execution::triggers::Triggers;
use moltforge_execution::{Executions, Outside};

use super::guests::{Absent, Sandboxed};
use super::{Ground, Service, models};
use crate::config::Config;
use crate::guests::{CodeAgents, StoredBundles};
use crate::output::{Attempt as _, Failure};

/// The names that callers are signed for.
const AUDIENCE: &str = "execution";
const TRIGGERS_AUDIENCE: &str = "triggers";

/// Starts to own executions. Returns at once; readiness comes by itself.
pub(super) fn start(config: &Config, ground: &Ground, code: &CodeAgents) -> Result<Executions, Failure> {
    let journal = ground.store.journal().attempt(|| "open the journal".to_owned())?;
    let tools = Tools::new(ground.egress.clone(), ground.store.clone());
    let outside = Outside::new(models(config, ground)?, tools);
    let outside = match code.sandbox() {
        Ok(sandbox) => {
            let bundles = Arc::new(StoredBundles::new(ground.store.clone(), code.clone()));
            outside.with_guests(Arc::new(Sandboxed::new(sandbox.clone(), bundles, code.meters().clone())))
        }
        // executions of code agents are tried again with back-off, and say so
        Err(reason) => outside.with_guests(Arc::new(Absent(reason.to_owned()))),
    };
    Ok(Executions::start(
        config.execution.clone(),
        ground.store.clone(),
        journal,
        Bus::new(),
        outside,
        ground.ambient.clone(),
    ))
}

pub(super) fn triggers(ground: &Ground, triggers: Triggers) -> Service {
    let prefixes = &["/v1/triggers", "/v1/hooks", "/v1/events"];
    super::service(ground, prefixes, TRIGGERS_AUDIENCE, moltforge_execution::triggers_router(triggers))
}

pub(super) fn service(ground: &Ground, executions: &Executions) -> Service {
    let prefixes = &["/v1/executions", "/v1/approvals", "/v1/holds"];
    super::service(ground, prefixes, AUDIENCE, moltforge_execution::router(executions.clone()))
}
