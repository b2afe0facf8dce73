//! What is wrong with an agent file, and where.

use std::fmt;

use moltforge_api::ProblemItem;

/// One fault of an agent's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// JSON pointer (RFC 6901) into the configuration, e.g. `/limits/wall`; empty for the whole or for a syntax error.
    pub pointer: String,
    /// What is wrong and what is allowed.
    pub message: String,
    /// Line in the source, from 1. Absent when the input was JSON.
    pub line: Option<u32>,
    /// Column in the source, from 1, in characters. Absent when the input was JSON.
    pub column: Option<u32>,
    /// How many characters of the line are concerned, at least 1; 1 when the input was JSON.
    pub width: u32,
}

impl Diagnostic {
    /// A fault without a place in a source text.
    pub fn unplaced(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into(), line: None, column: None, width: 1 }
    }
}

impl fmt::Display for Diagnostic {
    /// `3:9: message`, or `/limits/wall: message` without a place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, "{line}:{column}: {}", self.message),
            _ if self.pointer.is_empty() => f.write_str(&self.message),
            _ => write!(f, "{}: {}", self.pointer, self.message),
        }
    }
}

impl From<Diagnostic> for ProblemItem {
    fn from(fault: Diagnostic) -> Self {
        Self { pointer: fault.pointer, message: fault.message, line: fault.line, column: fault.column }
    }
}

/// A fault as the checks find it: by pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) pointer: String,
    pub(crate) message: String,
    pub(crate) at: At,
    /// It depends on more than the value at its pointer, namely on the tools that are declared and listed.
    pub(crate) cross: bool,
}

/// Which part of a field a finding points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// The field's name.
    Key,
    /// Its value.
    Value,
}

/// Gathers findings.
#[derive(Debug, Default)]
pub(crate) struct Findings(pub(crate) Vec<Finding>);

impl Findings {
    /// A fault of the value at `pointer`.
    pub(crate) fn value(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.0.push(Finding { pointer: pointer.into(), message: message.into(), at: At::Value, cross: false });
    }

    /// A fault of the name of the field at `pointer`.
    pub(crate) fn key(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.0.push(Finding { pointer: pointer.into(), message: message.into(), at: At::Key, cross: false });
    }

    /// A fault of the value at `pointer` that depends on the declared and listed tools.
    pub(crate) fn cross(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.0.push(Finding { pointer: pointer.into(), message: message.into(), at: At::Value, cross: true });
    }
}

/// `pointer` extended by one segment, escaped as RFC 6901 asks.
pub(crate) fn child(pointer: &str, segment: &str) -> String {
    format!("{pointer}/{}", segment.replace('~', "~0").replace('/', "~1"))
}

/// `pointer` extended by the index of a list.
pub(crate) fn item(pointer: &str, index: usize) -> String {
    format!("{pointer}/{index}")
}
