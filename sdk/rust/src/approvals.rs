//! Questions to people.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::Call;
use crate::bindings::moltforge::agent::approvals;
use crate::timers::millis;

/// Asks whether something may be done.
pub fn request(title: &str) -> Call<Decision> {
    Question::new(title).request()
}

/// A question.
#[derive(Debug, Clone)]
pub struct Question {
    inner: approvals::Question,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Decision {
    /// `approved`, `rejected` or `expired`.
    pub decision: String,
    /// Who decided.
    #[serde(default)]
    pub by: Option<String>,
    /// What they said about it.
    #[serde(default)]
    pub note: Option<String>,
    /// What they filled in, when there was a form.
    #[serde(default)]
    pub answer: Option<Value>,
}

impl Decision {
    /// Whether it may be done.
    pub fn is_approved(&self) -> bool {
        self.decision == "approved"
    }
}

impl Question {
    /// With a title of one line.
    pub fn new(title: impl Into<String>) -> Self {
        Self { inner: approvals::Question { title: title.into(), details: None, form: None, expires: None } }
    }

    /// What one must know to decide.
    pub fn details(mut self, details: impl Into<String>) -> Self {
        self.inner.details = Some(details.into());
        self
    }

    /// A JSON Schema of what is filled in.
    pub fn form(mut self, form: &Value) -> Self {
        self.inner.form = Some(form.to_string());
        self
    }

    /// How long it may take.
    pub fn expires(mut self, after: Duration) -> Self {
        self.inner.expires = Some(millis(after));
        self
    }

    /// Asks.
    pub fn request(self) -> Call<Decision> {
        Call::new(approvals::request(&self.inner))
    }
}
