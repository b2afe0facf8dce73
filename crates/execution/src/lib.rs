//! The execution service: accepts executions, journals every step, runs the tool-calling loop, resumes after a crash.
//!
//! Start reading at [`engine`] (pure rules), then `shard/owner.rs` (the loop that owns executions and commits), then
//! [`Executions`] (what the API asks).
//!
//! **Never here:** SQL; a change of an agent's definition; a request to anything outside (that is `capabilities`).

mod approvals;
mod children;
mod codec;
mod config;
mod effects;
pub mod engine;
mod error;
mod executions;
mod fairness;
pub mod guests;
mod holds;
mod http;
mod live;
mod mutation;
mod shard;
#[cfg(test)]
mod sim;
mod steps;
mod stops;
pub mod triggers;
mod views;

pub use config::{Config, Retention};
pub use error::Error;
pub use executions::{Executions, Gauges, MAX_WAIT, Started, StepPage, StepPlace};
pub use http::{router, triggers_router};
pub use shard::calls::Outside;
pub use shard::janitor::Cleaned;
pub use shard::supervisor::Readiness;
