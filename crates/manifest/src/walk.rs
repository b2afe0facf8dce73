//! Compares a tree with a shape and reports everything that does not fit.
//!
//! What fits is kept, what does not is replaced by a harmless stand-in, so that the rules can still look at the rest;
//! the pointers of the stand-ins are remembered, so that no rule complains about them a second time.

use serde_json::{Map, Number, Value};

use crate::diagnostic::{Findings, child, item};
use crate::node::{Content, Entry, Node};
use crate::shape::{AGENT, Field, NOT_YET, Needed, Shape};
use crate::{MAX_NESTING, suggest};

/// The outcome of a comparison.
pub(crate) struct Walked {
    /// The configuration with stand-ins for what did not fit.
    pub(crate) value: Value,
    /// What did not fit.
    pub(crate) findings: Findings,
    /// Pointers of the stand-ins.
    pub(crate) replaced: Vec<String>,
}

/// Compares a whole configuration.
pub(crate) fn walk(root: &Node) -> Walked {
    let mut walker = Walker { findings: Findings::default(), replaced: Vec::new() };
    let value = walker.value(root, &AGENT, "", 0);
    Walked { value, findings: walker.findings, replaced: walker.replaced }
}

struct Walker {
    findings: Findings,
    replaced: Vec<String>,
}

impl Walker {
    fn value(&mut self, node: &Node, shape: &Shape, pointer: &str, depth: usize) -> Value {
        if depth > MAX_NESTING {
            return self.refuse(shape, pointer, format!("nested deeper than {MAX_NESTING} levels"));
        }
        if let Content::Foreign(advice) = node.content {
            return self.refuse(shape, pointer, advice.to_owned());
        }
        match (shape, &node.content) {
            (Shape::Text, Content::Text(text)) => self.text(text, shape, pointer),
            (Shape::Choice(choices), Content::Text(text)) if choices.contains(&text.as_str()) => text.as_str().into(),
            (Shape::Integer(range), Content::Number(number)) if number.as_u64().is_some_and(|n| range.contains(&n)) => {
                Value::Number(number.clone())
            }
            (Shape::Number, Content::Number(number)) => Value::Number(number.clone()),
            (Shape::Flag, Content::Bool(flag)) => (*flag).into(),
            (Shape::List(of), Content::List(items)) => self.list(items, of, pointer, depth),
            (Shape::Table(fields), Content::Table(entries)) => self.table(entries, fields, pointer, depth),
            (Shape::Texts, Content::Table(entries)) => self.map(entries, &Shape::Text, pointer, depth),
            (Shape::Schema, Content::Table(entries)) => self.map(entries, &Shape::Any, pointer, depth),
            (Shape::Any, content) => self.any(content, pointer, depth),
            (shape, _) => self.refuse(shape, pointer, format!("expected {}, got {}", wanted(shape), node.describe())),
        }
    }

    fn refuse(&mut self, shape: &Shape, pointer: &str, message: String) -> Value {
        self.findings.value(pointer, message);
        self.replaced.push(pointer.to_owned());
        stand_in(shape)
    }

    fn text(&mut self, text: &str, shape: &Shape, pointer: &str) -> Value {
        if text.contains('\0') {
            return self.refuse(shape, pointer, "a text cannot contain the NUL character".to_owned());
        }
        text.into()
    }

    fn list(&mut self, items: &[Node], of: &Shape, pointer: &str, depth: usize) -> Value {
        let each = items.iter().enumerate();
        each.map(|(at, node)| self.value(node, of, &item(pointer, at), depth + 1)).collect()
    }

    fn map(&mut self, entries: &[Entry], of: &Shape, pointer: &str, depth: usize) -> Value {
        let mut map = Map::new();
        for entry in entries {
            let at = child(pointer, &entry.key);
            if entry.key.contains('\0') {
                self.findings.key(&at, "a name cannot contain the NUL character");
                self.replaced.push(at);
                continue;
            }
            let value = self.value(&entry.node, of, &at, depth + 1);
            map.insert(entry.key.clone(), value);
        }
        Value::Object(map)
    }

    fn any(&mut self, content: &Content, pointer: &str, depth: usize) -> Value {
        match content {
            Content::Null => self.refuse(
                &Shape::Any,
                pointer,
                "null is not allowed: agent files are TOML, which has none; leave the field out".to_owned(),
            ),
            Content::Bool(flag) => (*flag).into(),
            Content::Number(number) if number.is_u64() && !number.is_i64() => {
                self.refuse(&Shape::Any, pointer, format!("expected an integer of at most {}, got {number}", i64::MAX))
            }
            Content::Number(number) => Value::Number(number.clone()),
            Content::Text(text) => self.text(text, &Shape::Any, pointer),
            Content::List(items) => self.list(items, &Shape::Any, pointer, depth),
            Content::Table(entries) => self.map(entries, &Shape::Any, pointer, depth),
            Content::Foreign(advice) => self.refuse(&Shape::Any, pointer, (*advice).to_owned()),
        }
    }

    fn table(&mut self, entries: &[Entry], fields: &'static [Field], pointer: &str, depth: usize) -> Value {
        let mut map = Map::new();
        // fields that a misspelt name most likely meant: they are not reported as missing as well
        let mut meant = Vec::new();
        for entry in entries {
            let at = child(pointer, &entry.key);
            if let Some(field) = fields.iter().find(|field| field.name == entry.key) {
                // absent and null are the same for a value that may be anything
                if !matches!((&field.shape, &entry.node.content), (Shape::Any, Content::Null)) {
                    let value = self.value(&entry.node, &field.shape, &at, depth + 1);
                    map.insert(entry.key.clone(), value);
                }
            } else {
                meant.extend(suggest::nearest(&entry.key, fields.iter().map(|field| field.name)));
                self.findings.key(at, unknown(&entry.key, fields, pointer.is_empty()));
            }
        }
        for field in fields {
            let needed = match field.needed {
                Needed::Always => true,
                Needed::Never => false,
                Needed::When(beside, text) => map.get(beside).and_then(Value::as_str) == Some(text),
            };
            if !needed || map.contains_key(field.name) {
                continue;
            }
            let at = child(pointer, field.name);
            if !meant.contains(&field.name) {
                self.findings.value(&at, format!("`{}` is missing: expected {}", field.name, wanted(&field.shape)));
            }
            map.insert(field.name.to_owned(), stand_in(&field.shape));
            self.replaced.push(at);
        }
        Value::Object(map)
    }
}

fn unknown(key: &str, fields: &[Field], top: bool) -> String {
    let shown: String = key.chars().take(60).collect();
    if top && NOT_YET.contains(&key) {
        return format!("`{shown}` is not supported yet: this server would not obey it; remove it");
    }
    let names = || fields.iter().map(|field| field.name);
    let allowed = names().collect::<Vec<_>>().join(", ");
    match suggest::nearest(key, names()) {
        Some(near) => format!("unknown field `{shown}`, did you mean `{near}`? allowed here: {allowed}"),
        None => format!("unknown field `{shown}`; allowed here: {allowed}"),
    }
}

/// What a shape takes, in words.
fn wanted(shape: &Shape) -> String {
    match shape {
        Shape::Text => "a text".to_owned(),
        Shape::Choice([only]) => format!("\"{only}\""),
        Shape::Choice(choices) => format!("one of {}", choices.join(", ")),
        Shape::Integer(range) => format!("a whole number from {} to {}", range.start(), range.end()),
        Shape::Number => "a number".to_owned(),
        Shape::Flag => "true or false".to_owned(),
        Shape::List(of) => format!("a list, each item {}", wanted(of)),
        Shape::Table(fields) => {
            format!("a table with {}", fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", "))
        }
        Shape::Texts => "a table of texts".to_owned(),
        Shape::Schema => "a table that is a JSON Schema".to_owned(),
        Shape::Any => "a value".to_owned(),
    }
}

/// A value of the shape that lets the rest be looked at.
fn stand_in(shape: &Shape) -> Value {
    match shape {
        Shape::Text => "".into(),
        Shape::Choice(choices) => choices.first().copied().unwrap_or_default().into(),
        Shape::Integer(range) => (*range.start()).into(),
        Shape::Number => Value::Number(Number::from(0)),
        Shape::Flag => Value::Bool(false),
        Shape::List(_) => Value::Array(Vec::new()),
        Shape::Table(fields) => fields
            .iter()
            .filter(|field| matches!(field.needed, Needed::Always))
            .map(|field| (field.name.to_owned(), stand_in(&field.shape)))
            .collect::<Map<_, _>>()
            .into(),
        Shape::Texts | Shape::Schema => Value::Object(Map::new()),
        Shape::Any => Value::Bool(true),
    }
}
