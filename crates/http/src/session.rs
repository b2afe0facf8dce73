//! How `accounts` tells the gateway that a session was opened or ended. The gateway alone speaks of cookies: it turns
//! this header into one and lets no header of this kind out.

use http::header::{HeaderName, HeaderValue};

/// In the answer to `POST /v1/sessions` the new session's token; empty in the answer to `DELETE /v1/sessions`.
pub const HEADER: HeaderName = HeaderName::from_static("moltforge-session");

/// The header's value when a session has ended.
pub const ENDED: HeaderValue = HeaderValue::from_static("");
