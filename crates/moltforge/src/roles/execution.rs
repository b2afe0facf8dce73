//! The execution role.

use moltforge_bus::Bus;
use moltforge_capabilities::tools::Tools;
use moltforge_execution::triggers::Triggers;
use moltforge_execution::{Executions, Outside};

use super::{Ground, Service, models};
use crate::config::Config;
use crate::output::{Attempt as _, Failure};

/// The names that callers are signed for.
const AUDIENCE: &str = "execution";
const TRIGGERS_AUDIENCE: &str = "triggers";

/// Starts to own executions. Returns at once; readiness comes by itself.
pub(super) fn start(config: &Config, ground: &Ground) -> Result<Executions, Failure> {
    let journal = ground.store.journal().attempt(|| "open the journal".to_owned())?;
    let tools = Tools::new(ground.egress.clone(), ground.store.clone());
    Ok(Executions::start(
        config.execution.clone(),
        ground.store.clone(),
        journal,
        Bus::new(),
        Outside::new(models(config, ground)?, tools),
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
