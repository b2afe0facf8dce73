//! The templates of a script: text with places such as `{{ input.city }}`, `{{ tools[0].body["a b"] }}`, `{{ turn }}`
//! and, for what may be absent or null, `{{ tools[0] or 0 }}` with JSON after the `or`.
//!
//! Places are paths and nothing else, so that a template can neither loop nor grow: its cost is that of its length and
//! of the values that it names.

mod path;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::Arc;

use moltforge_types::conversation::Message;
use serde_json::Value;

use path::{Path, Root};

/// The longest text or arguments that a template may give, bytes.
pub(super) const MAX_RENDERED: usize = 1024 * 1024;

/// A text, compiled.
#[derive(Debug)]
pub(super) enum Text {
    /// No places.
    Literal(String),
    /// One place and nothing around it: keeps the value's type.
    Whole(Path),
    /// Places among literals.
    Mixed(Vec<Piece>),
}

#[derive(Debug)]
pub(super) enum Piece {
    Literal(String),
    Place(Path),
}

/// What places can name.
pub(super) struct Scope<'r> {
    input: &'r Value,
    messages: &'r [Arc<Message>],
    turn: u32,
    /// The results of the latest tool calls, parsed when the first place asks for them.
    tools: OnceCell<Value>,
}

impl Text {
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (place, after) =
                path::split_place(after).ok_or_else(|| format!("a place is not closed: {{{{{}", cut(after)))?;
            if !before.is_empty() {
                pieces.push(Piece::Literal(before.to_owned()));
            }
            pieces.push(match path::literal(place) {
                Some(text) => Piece::Literal(text),
                None => Piece::Place(Path::parse(place)?),
            });
            rest = after;
        }
        if pieces.is_empty() {
            return Ok(Self::Literal(text.to_owned()));
        }
        if !rest.is_empty() {
            pieces.push(Piece::Literal(rest.to_owned()));
        }
        if pieces.len() == 1 {
            return Ok(match pieces.remove(0) {
                Piece::Literal(text) => Self::Literal(text),
                Piece::Place(path) => Self::Whole(path),
            });
        }
        Ok(Self::Mixed(pieces))
    }

    /// The text with its places filled: texts as they are, other values as JSON.
    pub(super) fn render(&self, scope: &Scope<'_>) -> Result<String, String> {
        let mut out = String::new();
        match self {
            Self::Literal(text) => out.push_str(text),
            Self::Whole(path) => append(&mut out, &*scope.find(path)?)?,
            Self::Mixed(pieces) => {
                for piece in pieces {
                    match piece {
                        Piece::Literal(text) => out.push_str(text),
                        Piece::Place(path) => append(&mut out, &*scope.find(path)?)?,
                    }
                    if out.len() > MAX_RENDERED {
                        break;
                    }
                }
            }
        }
        if out.len() > MAX_RENDERED { Err(format!("the text has more than {MAX_RENDERED} bytes")) } else { Ok(out) }
    }

    /// The value: of its own type when the template is one place, else the text.
    pub(super) fn value(&self, scope: &Scope<'_>) -> Result<Value, String> {
        match self {
            Self::Whole(path) => scope.find(path).map(Cow::into_owned),
            text => text.render(scope).map(Value::String),
        }
    }
}

fn append(out: &mut String, value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) => out.push_str(text),
        value => out.push_str(&serde_json::to_string(value).map_err(|error| error.to_string())?),
    }
    Ok(())
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

impl<'r> Scope<'r> {
    pub(super) fn new(input: &'r Value, messages: &'r [Arc<Message>], turn: u32) -> Self {
        Self { input, messages, turn, tools: OnceCell::new() }
    }

    fn find(&self, path: &Path) -> Result<Cow<'_, Value>, String> {
        let root = match path.root {
            Root::Turn => return path.end(Cow::Owned(Value::from(self.turn))),
            Root::Input => self.input,
            Root::Tools => self.tools.get_or_init(|| self.latest_results()),
        };
        match (path.follow(root), &path.default) {
            (Err(_) | Ok(Value::Null), Some(default)) => Ok(Cow::Owned(default.clone())),
            (found, _) => found.map(Cow::Borrowed),
        }
    }

    /// The results at the end of the conversation, in order.
    fn latest_results(&self) -> Value {
        let results = self.messages.iter().rev().map_while(|message| match &**message {
            Message::Tool { content, .. } => Some(content),
            _ => None,
        });
        let mut results: Vec<Value> = results
            .map(|content| serde_json::from_str(content).unwrap_or_else(|_| Value::String(content.clone())))
            .collect();
        results.reverse();
        Value::Array(results)
    }
}

#[cfg(test)]
mod tests;
