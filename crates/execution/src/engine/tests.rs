//! The engine's rules, driven as an owner drives it: commands in, entries and actions out, no clock, no I/O.

mod calls;
mod harness;
mod limits;
mod properties;
mod stops;
mod waits;
