//! How services become one server: each behind an upstream, the gateway in front of all.
//!
//! Roles share the store and the bus; a call from one to another is the same HTTP message whether it crosses a socket or
//! not. Today all roles run in one process, so every upstream is a router.

mod execution;
mod gateway;
mod guests;
mod monitoring;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use moltforge_accounts::Accounts;
use moltforge_agents::Agents;
use moltforge_capabilities::llm::Models;
use moltforge_egress::Egress;
use moltforge_execution::Executions;
use moltforge_execution::triggers::Triggers;
use moltforge_gateway::Upstream;
use moltforge_http::CallerKeys;
use moltforge_http::caller::verify_layer;
use moltforge_store::{Location, Store};
use moltforge_types::secret::InstallationSecret;
use moltforge_types::{Ambient, ContentHash};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::config::Config;
use crate::first_key;
use crate::guests::CodeAgents;
use crate::output::{Attempt as _, Failure};
use crate::webhook_key;

/// Between two looks at bundles that nothing refers to.
const SWEEP: Duration = Duration::from_hours(1);

/// The parts that have an end of their own.
#[derive(Clone)]
pub struct Parts {
    pub(crate) store: Store,
    executions: Executions,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

impl Parts {
    /// Waits until executions are taken here. A node that stands by for another one waits for as long as that lives.
    pub async fn ready(&self) {
        self.executions.ready().await;
    }

    /// Lets what is at work come to rest.
    pub async fn drain(&self) {
        self.executions.drain().await;
    }

    /// Closes the store. Nothing works any more.
    pub async fn close(&self) {
        self.store.close().await;
    }
}

/// What the parts are made of.
struct Ground {
    ambient: Ambient,
    store: Store,
    egress: Egress,
    /// Sign and verify callers within this process.
    keys: CallerKeys,
}

/// A service behind its upstream, and what it says of itself.
struct Service {
    prefixes: &'static [&'static str],
    audience: &'static str,
    upstream: Upstream,
    document: OpenApi,
}

/// Opens the store and starts every part. The router is the whole server.
pub async fn start(config: Config) -> Result<(Router, Parts), Failure> {
    let ambient = Ambient::system();
    let store = open(&config, &ambient).await?;
    first_key::ensure(&config, &store, &ambient).await?;
    let egress = Egress::new(config.egress.clone());
    let keys = CallerKeys::generate(ambient.clone());
    let mut config = config;
    config.execution.secret = installation_secret(&store, &ambient).await?;
    config.execution.webhook_key = webhook_key::load(&config, &ambient)?;
    let ground = Ground { ambient, store, egress, keys };

    let code = CodeAgents::start(&config.sandbox, &config.data_dir);
    let executions = execution::start(&config, &ground, &code)?;
    let triggers = Triggers::start(executions.clone());
    let services = [
        accounts(&ground),
        agents(&config, &ground, &executions, &code)?,
        execution::service(&ground, &executions),
        execution::triggers(&ground, triggers),
        monitoring::service(&ground, &executions, &code),
    ];
    let router =
        gateway::router(&config, &ground, services, &executions, &code).attempt(|| "start the gateway".to_owned())?;
    Ok((router, Parts { store: ground.store, executions }))
}

/// The secret that every node of the installation has alike; the first one makes it.
async fn installation_secret(store: &Store, ambient: &Ambient) -> Result<InstallationSecret, Failure> {
    let attempted = || "read the installation's secret".to_owned();
    let mut tx = store.begin().await.attempt(attempted)?;
    let secret = tx.installation().secret("effects", ambient.bytes()).await.attempt(attempted)?;
    tx.commit().await.attempt(attempted)?;
    // a secret of another length is hashed to one that fits
    Ok(InstallationSecret::new(secret.try_into().unwrap_or_else(|odd: Vec<u8>| *ContentHash::of(&odd).as_bytes())))
}

async fn open(config: &Config, ambient: &Ambient) -> Result<Store, Failure> {
    let (location, named) = match &config.store.url {
        Some(url) => (Location::Postgres(url.clone()), "PostgreSQL".to_owned()),
        None => (Location::Sqlite(config.data_dir.clone()), config.data_dir.display().to_string()),
    };
    Store::open(location, ambient.clone()).await.attempt(|| format!("open the store ({named})"))
}

fn models(config: &Config, ground: &Ground) -> Result<Models, Failure> {
    Models::new(config.models.clone(), ground.egress.clone()).attempt(|| "set up the models".to_owned())
}

fn accounts(ground: &Ground) -> Service {
    let accounts = Arc::new(Accounts::new(ground.store.clone()));
    let routes = moltforge_accounts::router(accounts);
    let prefixes = &["/v1/keys", "/v1/sessions", "/v1/sign-in-codes"];
    service(ground, prefixes, moltforge_accounts::AUDIENCE, routes)
}

fn agents(config: &Config, ground: &Ground, executions: &Executions, code: &CodeAgents) -> Result<Service, Failure> {
    let models = models(config, ground)?;
    let (executions, owner) = (executions.clone(), executions.clone());
    let agents = Agents::new(
        ground.store.clone(),
        Arc::new(move |model| models.check(model).map_err(|error| error.to_string())),
        Arc::new(move |principal, agent_id| {
            let executions = executions.clone();
            Box::pin(async move { Ok(executions.cancel_agent(&principal, agent_id).await.map(|_| ())?) })
        }),
    );
    let code = code.clone();
    let agents = agents.with_deployed(Arc::new(move || owner.look_for_triggers())).with_program_check(Arc::new(
        move |program| {
            let code = code.clone();
            Box::pin(async move { code.check(program).await })
        },
    ));
    let agents = Arc::new(agents);
    tokio::spawn(sweep_bundles(Arc::clone(&agents)));
    let routes = moltforge_agents::router(agents);
    Ok(service(ground, &["/v1/agents", "/v1/bundles"], moltforge_agents::AUDIENCE, routes))
}

/// Every hour, for as long as the process lives.
async fn sweep_bundles(agents: Arc<Agents>) {
    let mut hours = tokio::time::interval(SWEEP);
    loop {
        hours.tick().await;
        if let Err(error) = agents.sweep_bundles().await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "could not delete bundles that nothing refers to");
        }
    }
}

/// Nothing reaches a service that the gateway did not sign.
fn service(
    ground: &Ground,
    prefixes: &'static [&'static str],
    audience: &'static str,
    routes: OpenApiRouter,
) -> Service {
    let (answers, document) = routes.split_for_parts();
    let verified = answers.layer(verify_layer(ground.keys.clone(), audience, ground.ambient.clone()));
    Service { prefixes, audience, upstream: Upstream::local(verified), document }
}
