//! The gateway role: the front door and the dashboard behind it.

use axum::Router;
use moltforge_execution::{Executions, Readiness};
use moltforge_gateway::{Error, Gateway, ReadyCheck, Upstream};
use utoipa::openapi::{Info, LicenseBuilder, OpenApi, OpenApiBuilder};

use super::{Ground, Service};
use crate::config::Config;
use crate::error_pages;
use crate::guests::CodeAgents;

/// The whole server as one router.
pub(super) fn router<const N: usize>(
    config: &Config,
    ground: &Ground,
    services: [Service; N],
    executions: &Executions,
    code: &CodeAgents,
) -> Result<Router, Error> {
    let mut gateway = Gateway::builder(config.gateway.clone(), ground.store.clone(), ground.keys.clone())
        .error_pages(error_pages::page)
        .ready_check(owned(executions.clone()))
        .ready_check(ReadyCheck::note("code_agents", {
            let code = code.clone();
            move || code.status()
        }));
    let mut document = document();
    for service in services {
        for prefix in service.prefixes {
            gateway = gateway.route(prefix, service.audience, service.upstream.clone());
        }
        document.merge(service.document);
    }
    let gateway = gateway.openapi(document).build()?;
    let mut dashboard = moltforge_dashboard::Config::new(ground.ambient.clone());
    dashboard.public_url.clone_from(&config.gateway.public_url);
    let dashboard = moltforge_dashboard::router(gateway.api(), dashboard);
    Ok(gateway.router(Upstream::local(dashboard)))
}

/// What stands above the services' own parts.
fn document() -> OpenApi {
    let mut info = Info::new("MoltForge", env!("CARGO_PKG_VERSION"));
    info.license = Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build());
    OpenApiBuilder::new().info(info).build()
}

/// Ready means that every shard has an owner here.
fn owned(executions: Executions) -> ReadyCheck {
    ReadyCheck::new("executions", move || {
        let readiness = executions.readiness();
        async move {
            match readiness {
                Readiness::Ready => Ok(()),
                Readiness::Starting => Err("starting: not every shard is owned here".to_owned()),
                Readiness::Failing(code) => Err(format!("failing: {code}")),
                Readiness::Stopping => Err("stopping".to_owned()),
            }
        }
    })
}
