//! Paths into values: `input.city`, `tools[0]`, `input["a key"][2].x`, and `tools[0] or 0` for what may be absent.

use std::borrow::Cow;

use serde_json::Value;

/// A path, as written and as parsed.
#[derive(Debug)]
pub(in crate::llm::scripted) struct Path {
    text: String,
    pub(super) root: Root,
    steps: Vec<Step>,
    /// What stands there when the path leads nowhere or to null.
    pub(super) default: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    Input,
    Tools,
    Turn,
}

#[derive(Debug)]
enum Step {
    Key(String),
    Index(usize),
}

/// Splits at the `}}` that closes a place; one within a quoted text does not.
pub(super) fn split_place(text: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '}' if !quoted && text[at..].starts_with("}}") => return Some((&text[..at], &text[at + 2..])),
            _ => {}
        }
    }
    None
}

/// A quoted text, which stands for itself: the way to write `{{`.
pub(super) fn literal(place: &str) -> Option<String> {
    let place = place.trim();
    if place.starts_with('"') { serde_json::from_str(place).ok() } else { None }
}

impl Path {
    pub(super) fn parse(place: &str) -> Result<Self, String> {
        let text = place.trim();
        let wrong = |why: &str| {
            let shown: String = text.chars().take(80).collect();
            format!("{{{{ {shown} }}}}: {why}; a place is a path such as input, input.city, tools[0] or turn")
        };
        let end = text.find(['.', '[']).unwrap_or(text.len()).min(text.find(" or ").unwrap_or(text.len()));
        let root = match text[..end].trim() {
            "input" => Root::Input,
            "tools" => Root::Tools,
            "turn" => Root::Turn,
            other => return Err(wrong(&format!("there is no {other:?}"))),
        };
        let mut steps = Vec::new();
        let mut rest = text[end..].trim_start();
        let mut default = None;
        while !rest.is_empty() {
            if let Some(json) = rest.strip_prefix("or ") {
                default = Some(serde_json::from_str(json).map_err(|_| wrong("what follows `or` is not JSON"))?);
                break;
            }
            let (step, after) = step(rest).ok_or_else(|| wrong("it cannot be read"))?;
            steps.push(step);
            rest = after.trim_start();
        }
        Ok(Self { text: text.to_owned(), root, steps, default })
    }

    /// The value that the path leads to.
    pub(super) fn follow<'v>(&self, root: &'v Value) -> Result<&'v Value, String> {
        self.steps.iter().try_fold(root, |value, step| {
            let next = match step {
                Step::Key(key) => value.get(key),
                Step::Index(at) => value.get(at),
            };
            next.ok_or_else(|| self.undefined(step))
        })
    }

    /// The value, when the path ends here.
    pub(super) fn end<'v>(&self, value: Cow<'v, Value>) -> Result<Cow<'v, Value>, String> {
        self.steps.first().map_or(Ok(value), |step| Err(self.undefined(step)))
    }

    fn undefined(&self, step: &Step) -> String {
        match step {
            Step::Key(key) => format!("{{{{ {} }}}} is undefined: there is no {key:?}", self.text),
            Step::Index(at) => format!("{{{{ {} }}}} is undefined: there is no [{at}]", self.text),
        }
    }
}

fn step(text: &str) -> Option<(Step, &str)> {
    if let Some(rest) = text.strip_prefix('.') {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        return (!key.is_empty()).then(|| (Step::Key(key.to_owned()), after));
    }
    let inner = text.strip_prefix('[')?.trim_start();
    if inner.starts_with('"') {
        let mut stream = serde_json::Deserializer::from_str(inner).into_iter::<String>();
        let key = stream.next()?.ok()?;
        let after = inner.get(stream.byte_offset()..)?.trim_start().strip_prefix(']')?;
        return Some((Step::Key(key), after));
    }
    let (digits, after) = inner.split_once(']')?;
    Some((Step::Index(digits.trim().parse().ok()?), after))
}
