//! Why a command failed: what was attempted, what is wrong, what to do next, and the code that has a page.

use anstyle::Style;
use moltforge_api::ProblemItem;
use moltforge_types::{Fault, Kind};
use serde::Serialize;
use serde_json::json;

use super::{ACCENT, BAD, BOLD, DIM, Exit, PLAIN, hints};

/// A command's failure, ready to be printed. Boxed, because every command may return one.
#[derive(Debug)]
pub struct Failure(Box<Parts>);

#[derive(Debug)]
struct Parts {
    attempted: String,
    detail: String,
    hint: Option<String>,
    code: String,
    items: Vec<Item>,
    /// The faulty places of a file, already drawn.
    snippets: Vec<String>,
    request_id: Option<String>,
    exit: Exit,
}

/// One fault of a request or of a file.
#[derive(Debug, Serialize)]
pub struct Item {
    /// The file on this machine, when the input was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What is wrong, and where.
    #[serde(flatten)]
    pub problem: ProblemItem,
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
        Self(Box::new(Parts {
            attempted,
            detail: chain(error),
            hint: own.and_then(crate::Error::hint).or_else(|| hints::hint(code).map(str::to_owned)),
            code: code.to_owned(),
            items: client.map(sent).or_else(|| own.map(crate::Error::items)).unwrap_or_default(),
            snippets: own.map(crate::Error::snippets).unwrap_or_default(),
            request_id: client.and_then(|e| e.request_id()).map(str::to_owned),
            exit: if own.is_some() && error.kind() == Kind::Invalid { Exit::Usage } else { Exit::Failed },
        }))
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// What the shell is told.
    pub fn exit(&self) -> Exit {
        self.0.exit
    }

    pub(super) fn lines(&self) -> Vec<Vec<(Style, &str)>> {
        let mut first = vec![(BAD, "error: ")];
        if !self.says_itself() {
            first.extend([(BOLD, "cannot "), (BOLD, self.0.attempted.as_str()), (PLAIN, ": ")]);
        }
        first.push((PLAIN, &self.0.detail));
        let mut lines = vec![first];
        for snippet in &self.0.snippets {
            lines.push(vec![(PLAIN, snippet)]);
        }
        // those of a file are drawn above, and a single one may be the detail itself
        let said = |item: &&Item| item.file.is_some() || self.0.detail.ends_with(&item.problem.message);
        for Item { problem, .. } in self.0.items.iter().filter(|item| !said(item)) {
            let place = if problem.pointer.is_empty() { "the whole" } else { &problem.pointer };
            lines.push(vec![(DIM, "  "), (ACCENT, place), (DIM, ": "), (PLAIN, &problem.message)]);
        }
        if let Some(hint) = &self.0.hint {
            lines.push(vec![(ACCENT, "hint: "), (PLAIN, hint)]);
        }
        let mut code =
            vec![(DIM, "code: "), (DIM, &*self.0.code), (DIM, " (moltforge explain "), (DIM, &self.0.code), (DIM, ")")];
        if let Some(request) = &self.0.request_id {
            code.extend([(DIM, ", request "), (DIM, request.as_str())]);
        }
        lines.push(code);
        lines
    }

    /// Some details say themselves what was attempted.
    fn says_itself(&self) -> bool {
        self.0.detail.starts_with("cannot ")
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        let Parts { attempted, detail, .. } = &*self.0;
        let message = if self.says_itself() { detail.clone() } else { format!("cannot {attempted}: {detail}") };
        json!({ "error": {
            "code": self.0.code,
            "message": message,
            "hint": self.0.hint,
            "errors": self.0.items,
            "request_id": self.0.request_id,
        }})
    }
}

/// What the server found.
fn sent(error: &moltforge_client::Error) -> Vec<Item> {
    error.items().iter().map(|problem| Item { file: None, problem: problem.clone() }).collect()
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
