//! A deterministic simulation of the whole engine: real supervisors, owners and rules on a simulated journal, clock,
//! network, models and tools, with faults at every seam. A run is a function of its seed.
//!
//! `cargo xtask sim` runs many seeds; `MOLTFORGE_SIM_SEED=<n>` replays one and prints all that happens. Start reading
//! at [`run`], then [`plan`] (what a seed means), then [`check`] (what must hold).
#![allow(clippy::print_stdout, clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "tests")]
#![allow(clippy::format_push_string, clippy::similar_names, clippy::allow_attributes, reason = "tests")]

mod agents;
mod check;
mod client;
mod clock;
mod deciders;
mod dice;
mod expired;
mod forks;
mod found;
mod guests;
mod holds;
mod journal;
mod logs;
mod mutations;
mod node;
mod operators;
mod outside;
mod panics;
mod plan;
pub(crate) mod pokes;
mod run;
mod seeds;
mod settle;
mod state;
mod watch;
