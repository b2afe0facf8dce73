//! The event bus: what the journals say, as events, and hints that something new is there.
//!
//! The journal is the outbox. A [`Subscription`] only shortens the delay: who must not miss anything subscribes first,
//! then reads the journal, then follows, and reads the journal again after a [`Notice::Missed`].
//!
//! **Never here:** state that cannot be had again from the journal.

mod hub;
mod project;

pub use hub::{Bus, Committed, Notice, Subscription};
pub use project::execution_event;
