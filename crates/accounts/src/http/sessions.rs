//! `/v1/sessions`, `/v1/sign-in-codes`

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use moltforge_api::Problem;
use moltforge_api::sessions::{OpenSession, Session, SignInCode};
use moltforge_http::{ApiResult, Caller, Json, session};

use crate::Accounts;

/// Signs in: exchanges a key or a one-time code for a session. The answer sets the cookie. Needs no credentials.
#[utoipa::path(
    post, path = "/v1/sessions", operation_id = "sessions.open", tag = "sessions", request_body = OpenSession,
    security(()),
    responses(
        (status = 201, description = "The session; its token is in the cookie alone.", body = Session),
        (status = 401, description = "`key_unknown`, `key_expired`, `key_revoked`, `sign_in_code_refused`.", body = Problem),
        (status = 422, description = "`session_credential_invalid`, `body_invalid`.", body = Problem),
        (status = 429, description = "`rate_limited`: too many failed attempts.", body = Problem),
    ),
)]
pub(super) async fn open(
    State(accounts): State<Arc<Accounts>>,
    Json(with): Json<OpenSession>,
) -> ApiResult<(StatusCode, HeaderMap, Json<Session>)> {
    let opened = accounts.open_session(with).await?;
    let mut headers = HeaderMap::new();
    // base64url is always a valid header value
    headers.insert(session::HEADER, HeaderValue::try_from(opened.token.expose()).unwrap_or(session::ENDED));
    Ok((StatusCode::CREATED, headers, Json(opened.session)))
}

/// Signs out: ends the session whose cookie the request carries.
#[utoipa::path(
    delete, path = "/v1/sessions", operation_id = "sessions.close", tag = "sessions",
    responses(
        (status = 204, description = "The session has ended; the answer removes the cookie."),
        (status = 422, description = "`session_absent`: the request was made with a key.", body = Problem),
    ),
)]
pub(super) async fn close(State(accounts): State<Arc<Accounts>>, caller: Caller) -> ApiResult<(StatusCode, HeaderMap)> {
    accounts.close_session(&caller.0).await?;
    Ok((StatusCode::NO_CONTENT, HeaderMap::from_iter([(session::HEADER, session::ENDED)])))
}

/// Makes a code for a one-time URL `/sign-in?code=...`, good for one session with the caller's key within five minutes.
#[utoipa::path(
    post, path = "/v1/sign-in-codes", operation_id = "sign_in_codes.create", tag = "sessions",
    responses((status = 201, description = "The code.", body = SignInCode)),
)]
pub(super) async fn create_code(
    State(accounts): State<Arc<Accounts>>,
    caller: Caller,
) -> ApiResult<(StatusCode, Json<SignInCode>)> {
    Ok((StatusCode::CREATED, Json(accounts.create_sign_in_code(&caller.0).await?)))
}
