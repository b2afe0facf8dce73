//! The extractors and the caller's check, through a real axum router.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod caller;
mod extractors;
mod json;
mod problem;
mod support;
