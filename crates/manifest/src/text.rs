//! A configuration as an agent file: readable, in a stable order, made to be compared line by line.

use std::fmt::Write as _;

use moltforge_api::AgentConfig;
use serde_json::{Map, Value};

/// A table is written on one line when it fits there.
const INLINE: usize = 80;

/// Writes the configuration as TOML. What [`parse_toml`](crate::parse_toml) accepts comes back from it unchanged; values
/// that TOML cannot say (`null`), which no checked configuration has, are left out.
pub fn to_toml(config: &AgentConfig) -> String {
    let mut out = String::new();
    if let Ok(Value::Object(map)) = serde_json::to_value(config) {
        table(&mut out, "", &map);
    }
    out
}

/// The fields of a table: first what fits a line, then what needs a header of its own.
fn table(out: &mut String, path: &str, map: &Map<String, Value>) {
    let fields: Vec<_> = map.iter().filter(|(_, value)| !value.is_null()).collect();
    let top = path.is_empty();
    // once one table needs a header, those after it get one too, so that their order is kept
    let first_block = fields.iter().position(|(_, value)| is_block(value, top)).unwrap_or(fields.len());
    let block = |at: usize, value: &Value| is_block(value, top) || (at > first_block && is_tabular(value));
    for (at, (name, value)) in fields.iter().enumerate() {
        if !block(at, value) {
            let _ = write!(out, "{} = ", key(name));
            line(out, value);
            out.push('\n');
        }
    }
    for (at, (name, value)) in fields.iter().enumerate() {
        if block(at, value) {
            let below = if top { key(name) } else { format!("{path}.{}", key(name)) };
            headed(out, &below, value);
        }
    }
}

/// A table, or each table of a list, under its header.
fn headed(out: &mut String, path: &str, value: &Value) {
    match value {
        Value::Object(map) => {
            let _ = write!(out, "\n[{path}]\n");
            table(out, path, map);
        }
        Value::Array(items) => {
            for map in items.iter().filter_map(Value::as_object) {
                let _ = write!(out, "\n[[{path}]]\n");
                table(out, path, map);
            }
        }
        _ => {}
    }
}

/// Tables at the top always have headers, tables below when they do not fit a line.
fn is_block(value: &Value, top: bool) -> bool {
    let long = || {
        let mut text = String::new();
        inline(&mut text, value);
        text.len() > INLINE
    };
    is_tabular(value) && (top || long())
}

/// A table with something in it, or a list of nothing but tables.
fn is_tabular(value: &Value) -> bool {
    match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty() && items.iter().all(Value::is_object),
        _ => false,
    }
}

/// A value after `=`: lists that do not fit get a line per item, texts of several lines a block.
fn line(out: &mut String, value: &Value) {
    match value {
        Value::String(text) if text.contains('\n') => long_text(out, text),
        Value::Array(items) if !items.is_empty() => {
            let mut short = String::new();
            inline(&mut short, value);
            if short.len() <= INLINE {
                out.push_str(&short);
                return;
            }
            out.push_str("[\n");
            for item in items.iter().filter(|item| !item.is_null()) {
                out.push_str("    ");
                inline(out, item);
                out.push_str(",\n");
            }
            out.push(']');
        }
        _ => inline(out, value),
    }
}

fn inline(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("\"\""),
        Value::Bool(flag) => {
            let _ = write!(out, "{flag}");
        }
        Value::Number(number) => {
            let _ = write!(out, "{number}");
        }
        Value::String(text) => short_text(out, text),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().filter(|item| !item.is_null()).enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                inline(out, item);
            }
            out.push(']');
        }
        Value::Object(map) => {
            let fields: Vec<_> = map.iter().filter(|(_, value)| !value.is_null()).collect();
            out.push_str(if fields.is_empty() { "{" } else { "{ " });
            for (at, (name, value)) in fields.iter().enumerate() {
                let _ = write!(out, "{}{} = ", if at == 0 { "" } else { ", " }, key(name));
                inline(out, value);
            }
            out.push_str(if fields.is_empty() { "}" } else { " }" });
        }
    }
}

fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if bare {
        return name.to_owned();
    }
    let mut quoted = String::new();
    short_text(&mut quoted, name);
    quoted
}

fn short_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => escaped(out, c),
        }
    }
    out.push('"');
}

fn long_text(out: &mut String, text: &str) {
    // the newline after the opening quotes is not part of the text
    out.push_str("\"\"\"\n");
    let mut quotes = 0;
    for c in text.chars() {
        quotes = if c == '"' { quotes + 1 } else { 0 };
        match c {
            '\n' => out.push('\n'),
            // never three in a row, and none before the closing ones
            '"' if quotes < 3 => out.push('"'),
            '"' => {
                out.push_str("\\\"");
                quotes = 0;
            }
            c => escaped(out, c),
        }
    }
    if out.ends_with('"') && quotes > 0 {
        let keep = out.len() - quotes;
        out.truncate(keep);
        out.push_str(&"\\\"".repeat(quotes));
    }
    out.push_str("\"\"\"");
}

fn escaped(out: &mut String, c: char) {
    match c {
        '\\' => out.push_str("\\\\"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        c if c.is_control() => {
            let _ = write!(out, "\\u{:04X}", u32::from(c));
        }
        c => out.push(c),
    }
}
