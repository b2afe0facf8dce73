//! The execution service on real stores, with the scripted model and a real HTTP server for its tools.

mod approvals;
mod counting;
mod crash;
mod effects;
mod faulty;
mod flows;
mod guests;
mod holds;
mod long;
mod pressure;
mod recovery;
mod server;
mod steps;
mod stops;
mod story;
mod timers;
mod triggers;
mod world;
