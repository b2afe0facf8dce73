//! Why a command failed: what was attempted, what is wrong, what to do next, and the code that has a page.

use anstyle::Style;
use moltforge_api::ProblemItem;
use moltforge_types::{Fault, Kind};
use serde_json::json;

use super::{ACCENT, BAD, BOLD, DIM, Exit, PLAIN, hints};

/// A command's failure, ready to be printed.
#[derive(Debug)]
pub struct Failure {
    attempted: String,
    detail: String,
    hint: Option<String>,
    code: String,
    items: Vec<ProblemItem>,
    /// The faulty places of a file, already drawn.
    snippets: Vec<String>,
    request_id: Option<String>,
    exit: Exit,
}

/// Adds what was attempted to an error.
pub trait Attempt<T> {
    /// `attempted` continues "cannot ...".
    fn attempt(self, attempted: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: Fault + 'static> Attempt<T> for Result<T, E> {
    fn attempt(self, attempted: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(attempted(), &error))
    }
}

impl Failure {
    /// From any crate's error.
    pub fn new<E: Fault + 'static>(attempted: String, error: &E) -> Self {
        let fault: &(dyn std::error::Error + 'static) = error;
        let client = fault.downcast_ref::<moltforge_client::Error>();
        let own = fault.downcast_ref::<crate::Error>();
        let code = error.code();
        Self {
            attempted,
            detail: chain(error),
            hint: own.and_then(crate::Error::hint).or_else(|| hints::hint(code).map(str::to_owned)),
            code: code.to_owned(),
            items: client.map(|e| e.items().to_vec()).unwrap_or_default(),
            snippets: own.map(crate::Error::snippets).unwrap_or_default(),
            request_id: client.and_then(|e| e.request_id()).map(str::to_owned),
            exit: if own.is_some() && error.kind() == Kind::Invalid { Exit::Usage } else { Exit::Failed },
        }
    }

    /// What to do next, where more is known than the code tells.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What the shell is told.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    pub(super) fn lines(&self) -> Vec<Vec<(Style, &str)>> {
        let mut first = vec![(BAD, "error: ")];
        // some say themselves what was attempted
        if !self.detail.starts_with("cannot ") {
            first.extend([(BOLD, "cannot "), (BOLD, self.attempted.as_str()), (PLAIN, ": ")]);
        }
        first.push((PLAIN, &self.detail));
        let mut lines = vec![first];
        for snippet in &self.snippets {
            lines.push(vec![(PLAIN, snippet)]);
        }
        for item in &self.items {
            let place = if item.pointer.is_empty() { "the whole" } else { &item.pointer };
            lines.push(vec![(DIM, "  "), (ACCENT, place), (DIM, ": "), (PLAIN, &item.message)]);
        }
        if let Some(hint) = &self.hint {
            lines.push(vec![(ACCENT, "hint: "), (PLAIN, hint)]);
        }
        let mut code =
            vec![(DIM, "code: "), (DIM, &*self.code), (DIM, " (moltforge explain "), (DIM, &self.code), (DIM, ")")];
        if let Some(request) = &self.request_id {
            code.extend([(DIM, ", request "), (DIM, request.as_str())]);
        }
        lines.push(code);
        lines
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        json!({ "error": {
            "code": self.code,
            "message": format!("cannot {}: {}", self.attempted, self.detail),
            "hint": self.hint,
            "errors": self.items,
            "request_id": self.request_id,
        }})
    }
}

/// The error and its causes, each said once.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}
