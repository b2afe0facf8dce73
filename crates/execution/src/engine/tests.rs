//! The engine's rules, driven as an owner drives it: commands in, entries and actions out, no clock, no I/O.

mod approvals;
mod calls;
mod children;
mod decisions;
mod effects;
mod fork;
mod guest_properties;
mod guests;
mod harness;
mod holds;
mod limits;
mod properties;
mod replay;
mod slots;
mod stops;
mod tool_slots;
mod waits;
