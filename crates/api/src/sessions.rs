//! `/v1/sessions`: how the dashboard signs in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /v1/sessions`: exactly one of the two.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenSession {
    /// An API key's secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The code of a one-time sign-in URL (5 minutes, one use).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// Answer of `POST /v1/sessions`. The gateway sets the cookie; the token is not in the body.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// `ses_...`
    pub session_id: String,
    /// The project.
    pub project_id: String,
    /// When it ends.
    pub expires_at: String,
}

/// Answer of `POST /v1/sign-in-codes`: a code for a one-time URL `/sign-in?code=...`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct SignInCode {
    /// The code.
    pub code: String,
    /// When it ceases to work.
    pub expires_at: String,
}
