//! A tree of values that remembers where each of them stands in its source.

use std::ops::Range;

use serde_json::{Number, Value};
use toml::Spanned;
use toml::de::{DeFloat, DeInteger, DeTable, DeValue};

/// A value and its place; the place is `0..0` when there is no source.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) span: Range<usize>,
    pub(crate) content: Content,
}

/// What a node is.
#[derive(Debug)]
pub(crate) enum Content {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
    /// Something that has no JSON form; the text says what to write instead.
    Foreign(&'static str),
}

/// One field of a table.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Range<usize>,
    pub(crate) node: Node,
}

impl Node {
    /// The tree of a parsed TOML document. Fields stand in the order of the source.
    pub(crate) fn from_toml(table: &Spanned<DeTable<'_>>) -> Self {
        Self { span: table.span(), content: Content::Table(entries(table.get_ref())) }
    }

    /// The tree of a JSON value.
    pub(crate) fn from_json(value: &Value) -> Self {
        let content = match value {
            Value::Null => Content::Null,
            Value::Bool(flag) => Content::Bool(*flag),
            Value::Number(number) => Content::Number(number.clone()),
            Value::String(text) => Content::Text(text.clone()),
            Value::Array(items) => Content::List(items.iter().map(Self::from_json).collect()),
            Value::Object(map) => Content::Table(
                map.iter()
                    .map(|(key, value)| Entry { key: key.clone(), key_span: 0..0, node: Self::from_json(value) })
                    .collect(),
            ),
        };
        Self { span: 0..0, content }
    }

    /// What kind of value this is, in the words of the error texts.
    pub(crate) fn describe(&self) -> String {
        match &self.content {
            Content::Null => "null".to_owned(),
            Content::Bool(flag) => format!("the boolean {flag}"),
            Content::Number(number) => format!("the number {number}"),
            Content::Text(text) => {
                let shown: String = text.chars().take(40).collect();
                format!("the text {shown:?}")
            }
            Content::List(_) => "a list".to_owned(),
            Content::Table(_) => "a table".to_owned(),
            Content::Foreign(_) => "a value without a JSON form".to_owned(),
        }
    }

    /// The field `key` of a table.
    pub(crate) fn field(&self, key: &str) -> Option<&Entry> {
        match &self.content {
            Content::Table(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }
}

fn entries(table: &DeTable<'_>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry { key: key.get_ref().to_string(), key_span: key.span(), node: node(value) })
        .collect();
    // the parser sorts by name; authors think in the order in which they wrote
    entries.sort_by_key(|entry| entry.key_span.start);
    entries
}

fn node(value: &Spanned<DeValue<'_>>) -> Node {
    let content = match value.get_ref() {
        DeValue::String(text) => Content::Text(text.to_string()),
        DeValue::Integer(integer) => whole(integer),
        DeValue::Float(float) => fraction(float),
        DeValue::Boolean(flag) => Content::Bool(*flag),
        DeValue::Datetime(_) => Content::Foreign("a date or time has no JSON form: put it in quotes"),
        DeValue::Array(items) => Content::List(items.iter().map(node).collect()),
        DeValue::Table(table) => Content::Table(entries(table)),
    };
    Node { span: value.span(), content }
}

fn whole(integer: &DeInteger<'_>) -> Content {
    i64::from_str_radix(integer.as_str(), integer.radix()).map_or(
        Content::Foreign("the integer is too large: expected one from -9223372036854775808 to 9223372036854775807"),
        |number| Content::Number(number.into()),
    )
}

fn fraction(float: &DeFloat<'_>) -> Content {
    let number = float.as_str().parse::<f64>().ok().and_then(Number::from_f64);
    number.map_or(
        Content::Foreign("the number has no JSON form: expected a finite one, at most about 1.8e308"),
        Content::Number,
    )
}
