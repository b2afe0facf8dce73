//! The monitoring service: what was changed by whom, and how much there is to do.
//!
//! The first slice: the audit log (`/v1/changes`) and the gauges of a project in Prometheus' text format (`/v1/metrics`),
//! under the seed's names, computed from the store when they are asked for.
//!
//! **Never here:** anything that an execution needs to go on.

mod counts;
mod error;
mod http;
mod monitoring;

pub use error::Error;
pub use http::router;
pub use monitoring::{Gauge, Monitoring};

/// The name that callers are signed for.
pub const AUDIENCE: &str = "monitoring";
