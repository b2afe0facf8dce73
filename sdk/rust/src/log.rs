//! The log of the execution.

use std::fmt::Display;

use crate::bindings::moltforge::agent::log::{Level, write};

/// Writes a line that helps to find errors.
pub fn debug(message: impl Display) {
    write(Level::Debug, &message.to_string());
}

/// Writes a line.
pub fn info(message: impl Display) {
    write(Level::Info, &message.to_string());
}

/// Writes a line about something that should not be.
pub fn warn(message: impl Display) {
    write(Level::Warn, &message.to_string());
}

/// Writes a line about something that went wrong.
pub fn error(message: impl Display) {
    write(Level::Error, &message.to_string());
}
