//! `/v1/keys`, `/v1/sessions`, `/v1/sign-in-codes`.

mod keys;
mod sessions;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Accounts;

/// The service's routes. Wrap them in `http::caller::verify_layer` for the audience [`crate::AUDIENCE`].
pub fn router(service: Arc<Accounts>) -> OpenApiRouter {
    OpenApiRouter::default()
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::get, keys::revoke))
        .routes(routes!(sessions::open, sessions::close))
        .routes(routes!(sessions::create_code))
        .with_state(service)
}
