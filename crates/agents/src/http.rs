//! `/v1/agents` with everything below it, and `/v1/bundles`.

mod agents;
mod body;
mod bundles;
mod deployments;
mod state;
mod versions;

use std::sync::Arc;

use moltforge_http::ApiError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{Agents, Error};

/// The service's routes. Wrap them in `http::caller::verify_layer` for the audience [`crate::AUDIENCE`].
pub fn router(service: Arc<Agents>) -> OpenApiRouter {
    OpenApiRouter::default()
        .routes(routes!(agents::list, agents::create))
        .routes(routes!(agents::get, agents::put, agents::patch, agents::delete))
        .routes(routes!(versions::list))
        .routes(routes!(versions::get))
        .routes(routes!(versions::diff))
        .routes(routes!(deployments::list, deployments::deploy))
        .routes(routes!(deployments::undeploy))
        .routes(routes!(deployments::rollback))
        .routes(routes!(state::list))
        .routes(routes!(bundles::put, bundles::get))
        .with_state(service)
}

/// A refused configuration names each of its faults.
fn located(error: Error) -> ApiError {
    match error {
        Error::AgentInvalid(items) => ApiError::with_items(Error::AgentInvalid(items.clone()), items),
        Error::BundleInvalid(items) => ApiError::with_items(Error::BundleInvalid(items.clone()), items),
        other => other.into(),
    }
}
