//! JSON for reading: indented, with the kinds of tokens marked, cut at a limit that is said.

use maud::{Markup, PreEscaped, Render as _, html};
use serde_json::Value;

use crate::text;

/// Characters of one value on a page that shows many.
pub(crate) const INLINE_LIMIT: usize = 6_000;
/// Characters of one value on a page of its own.
pub(crate) const WHOLE_LIMIT: usize = 200_000;

/// A value. A text is shown as the text that it is, everything else as indented JSON.
pub(crate) fn json(value: &Value, limit: usize) -> Markup {
    if let Value::String(plain) = value {
        return block(plain, limit);
    }
    let mut writer = Writer { out: String::new(), left: limit, cut: false };
    writer.value(value, 0);
    html! {
        pre class="code" tabindex="0" { code { (PreEscaped(writer.out)) } }
        @if writer.cut { (cut_note(None)) }
    }
}

/// Plain text in a block that keeps its line breaks.
pub(crate) fn block(plain: &str, limit: usize) -> Markup {
    let (head, rest) = text::clip(plain, limit);
    html! {
        pre class="code plain" tabindex="0" dir="auto" { (head) }
        @if rest > 0 { (cut_note(Some(rest))) }
    }
}

/// A value in a few words, for a list: `city: Berlin, days: 3`.
pub(crate) fn brief(value: &Value, limit: usize) -> String {
    let short = |value: &Value| match value {
        Value::String(plain) => text::one_line(plain, 40),
        Value::Array(items) => format!("[{}]", items.len()),
        Value::Object(fields) => format!("{{{}}}", fields.len()),
        other => other.to_string(),
    };
    let words = match value {
        Value::Null => String::new(),
        Value::String(plain) => text::one_line(plain, limit),
        Value::Object(fields) => {
            let parts: Vec<_> = fields
                .iter()
                .take(6)
                .map(|(key, value)| format!("{}: {}", text::one_line(key, 40), short(value)))
                .collect();
            parts.join(", ")
        }
        Value::Array(items) => items.iter().take(6).map(short).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    text::one_line(&words, limit)
}

fn cut_note(bytes: Option<usize>) -> Markup {
    html! {
        p class="note" {
            "Cut here"
            @if let Some(bytes) = bytes { ": " (text::grouped(bytes as u64)) " more bytes" }
            ". The API has the whole."
        }
    }
}

/// Writes tokens until the limit is reached; what is written is always whole elements.
struct Writer {
    out: String,
    left: usize,
    cut: bool,
}

impl Writer {
    fn token(&mut self, class: &str, raw: &str) {
        if self.cut {
            return;
        }
        let (shown, rest) = text::clip(raw, self.left);
        self.left -= shown.chars().count();
        self.cut = rest > 0;
        if class.is_empty() {
            shown.render_to(&mut self.out);
        } else {
            html! { span class=(class) { (shown) } }.render_to(&mut self.out);
        }
    }

    fn line(&mut self, depth: usize) {
        self.token("", "\n");
        self.token("", &"  ".repeat(depth));
    }

    fn value(&mut self, value: &Value, depth: usize) {
        if self.cut {
            return;
        }
        match value {
            Value::Null | Value::Bool(_) => self.token("j-word", &value.to_string()),
            Value::Number(number) => self.token("j-num", &number.to_string()),
            Value::String(_) => self.token("j-str", &value.to_string()),
            Value::Array(items) if items.is_empty() => self.token("", "[]"),
            Value::Object(fields) if fields.is_empty() => self.token("", "{}"),
            Value::Array(items) => {
                self.token("", "[");
                for (i, item) in items.iter().enumerate() {
                    self.token("", if i > 0 { "," } else { "" });
                    self.line(depth + 1);
                    self.value(item, depth + 1);
                }
                self.line(depth);
                self.token("", "]");
            }
            Value::Object(fields) => {
                self.token("", "{");
                for (i, (key, item)) in fields.iter().enumerate() {
                    self.token("", if i > 0 { "," } else { "" });
                    self.line(depth + 1);
                    self.token("j-key", &Value::String(key.clone()).to_string());
                    self.token("", ": ");
                    self.value(item, depth + 1);
                }
                self.line(depth);
                self.token("", "}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json as value;

    use super::*;

    #[test]
    fn tokens_are_marked_and_escaped() {
        let page = json(&value!({"<b>": [1, "a&b", null]}), 1000).into_string();
        assert!(page.contains(r#"<span class="j-key">&quot;&lt;b&gt;&quot;</span>"#), "{page}");
        assert!(page.contains(r#"<span class="j-num">1</span>"#), "{page}");
        assert!(!page.contains("Cut here"));
    }

    #[test]
    fn a_huge_value_is_cut_and_says_so() {
        let page = json(&value!({"key": "x".repeat(100_000)}), 100).into_string();
        assert!(page.len() < 600 && page.contains("Cut here"), "{}", page.len());
    }
}
