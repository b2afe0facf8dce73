//! The dashboard: server-rendered pages, a client of the API like any other.
//!
//! A request becomes a page in three steps: [`browser`] takes the headers that say who is asking, a file of [`pages`]
//! asks the API through the `client` crate and fills a plain view, and the view writes itself with [`components`].
//! [`paths`] lists every address. Pages work without JavaScript; `assets/live.js` only saves reloading them.
//!
//! **Never here:** the store or a service crate, a rule about agents or executions, a secret, an inline script or style,
//! a request to another host.

mod assets;
mod browser;
mod components;
mod error;
mod finish;
mod flash;
mod pages;
mod paths;
#[doc(hidden)]
pub mod samples;
mod text;
mod time;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use moltforge_types::Ambient;

pub use error::Error;
use paths::pattern;

/// The most bytes of a form, as of any body.
const MOST_FORM_BYTES: usize = 1024 * 1024;

/// What the dashboard needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Time and randomness.
    pub ambient: Ambient,
    /// The address that people use, for the commands on the pages, e.g. `https://forge.example.com`. When absent, it is
    /// `http://` and the request's `Host`.
    pub public_url: Option<String>,
}

impl Config {
    /// The usual settings.
    pub fn new(ambient: Ambient) -> Self {
        Self { ambient, public_url: None }
    }
}

/// What every handler shares.
#[derive(Clone)]
struct App {
    api: Router,
    config: Arc<Config>,
}

/// The dashboard. `api` is the part of the gateway that answers `/v1`: it alone decides who is asking, from the
/// browser's own headers.
pub fn router(api: Router, config: Config) -> Router {
    use pages::{
        agent, agents, approval, approvals, execution, executions, keys, overview, sign_in, trigger, triggers, version,
    };
    let app = App { api, config: Arc::new(config) };
    Router::new()
        .route(pattern::OVERVIEW, get(overview::show))
        .route(pattern::SIGN_IN, get(sign_in::show).post(sign_in::open))
        .route(pattern::SIGN_OUT, post(sign_in::close))
        .route(pattern::AGENTS, get(agents::show))
        .route(pattern::AGENT, get(agent::show))
        .route(pattern::RUN, post(agent::run))
        .route(pattern::DEPLOY, post(agent::deploy))
        .route(pattern::ROLLBACK, post(agent::rollback))
        .route(pattern::UNDEPLOY, post(agent::undeploy))
        .route(pattern::HOLD, post(agent::hold))
        .route(pattern::LIFT, post(agent::lift))
        .route(pattern::PROJECT_HOLD, post(overview::hold))
        .route(pattern::PROJECT_LIFT, post(overview::lift))
        .route(pattern::VERSION, get(version::show))
        .route(pattern::DIFF, get(version::diff))
        .route(pattern::EXECUTIONS, get(executions::show))
        .route(pattern::EXECUTION, get(execution::show))
        .route(pattern::TIMELINE, get(execution::live))
        .route(pattern::PAUSE, post(execution::pause))
        .route(pattern::RESUME, post(execution::resume))
        .route(pattern::CANCEL, post(execution::cancel))
        .route(pattern::KILL, post(execution::kill))
        .route(pattern::FORK, post(execution::fork))
        .route(pattern::REPLAY, post(execution::replay))
        .route(pattern::SIGNAL, post(execution::signal))
        .route(pattern::TRIGGERS, get(triggers::show))
        .route(pattern::TRIGGER, get(trigger::show))
        .route(pattern::TRIGGER_PAUSE, post(trigger::pause))
        .route(pattern::TRIGGER_RESUME, post(trigger::resume))
        .route(pattern::TRIGGER_FIRE, post(trigger::fire))
        .route(pattern::TRIGGER_SECRET, post(trigger::rotate))
        .route(pattern::PROBE, post(execution::probe))
        .route(pattern::EFFECT_DECISION, post(execution::decide_effect))
        .route(pattern::APPROVALS, get(approvals::show))
        .route(pattern::APPROVAL, get(approval::show))
        .route(pattern::DECISION, post(approval::decide))
        .route(pattern::KEYS, get(keys::show).post(keys::create))
        .route(pattern::REVOKE, post(keys::revoke))
        .fallback(pages::not_found)
        .method_not_allowed_fallback(pages::not_found)
        .layer(DefaultBodyLimit::max(MOST_FORM_BYTES))
        .layer(from_fn_with_state(app.clone(), finish::finish))
        .route(pattern::ASSET, get(assets::serve))
        .with_state(app)
}
