//! What every service's HTTP side shares: strict extractors, the problem response, cursors, and the signed caller.
//!
//! A handler is `extract -> one service call -> body`; the extractors here refuse everything that a handler should not
//! see, each refusal with a stable code. Start reading at [`problem`] (errors out) and [`caller`] (who asks).
//!
//! **Never here:** a resource, a rule, the store.

pub mod body;
pub mod caller;
pub mod cursor;
mod error;
mod headers;
mod json;
mod path;
pub mod problem;
mod query;
pub mod request_id;
pub mod session;
mod turns;

pub use caller::{Caller, CallerKeys};
pub use cursor::page_limit;
pub use error::Error;
pub use headers::{IdempotencyKey, IfMatch, etag};
pub use json::Json;
pub use path::Path;
pub use problem::{ApiError, ApiResult};
pub use query::Query;
pub use turns::Turns;
