//! The difference between two versions: which fields, and the text. Plus and minus stand in the text itself.

use maud::{Markup, html};
use moltforge_api::versions::{FieldChange, VersionDiff};

use super::json;
use super::table::{column, table};
use crate::text;

/// Characters of the unified text.
const UNIFIED_LIMIT: usize = 200_000;

/// The list of fields that differ.
pub(crate) fn fields(diff: &VersionDiff) -> Markup {
    let rows = html! { @for change in &diff.changes { (row(change)) } };
    let columns = [column("Field"), column("Before"), column("After")];
    html! {
        @if diff.changes.is_empty() {
            p { "No field differs: both versions behave the same." }
        } @else {
            div class="changes" { (table("Fields that differ", &columns, &rows)) }
        }
    }
}

fn row(change: &FieldChange) -> Markup {
    let (word, tone) = match (&change.from, &change.to) {
        (None, _) => ("added", "tone-good"),
        (_, None) => ("removed", "tone-bad"),
        _ => ("changed", "tone-warn"),
    };
    html! {
        tr {
            th scope="row" {
                code class="path" { (change.pointer) }
                span class={ "badge " (tone) } { (word) }
            }
            td data-label="Before" { (side(change.from.as_ref())) }
            td data-label="After" { (side(change.to.as_ref())) }
        }
    }
}

fn side(value: Option<&serde_json::Value>) -> Markup {
    html! {
        @if let Some(value) = value { (json::json(value, json::INLINE_LIMIT)) } @else { span class="dim" { "not set" } }
    }
}

/// The unified text, line by line.
pub(crate) fn unified(source: &str) -> Markup {
    let (head, rest) = text::clip(source, UNIFIED_LIMIT);
    html! {
        pre class="code diff" tabindex="0" {
            @for line in head.lines() {
                span class=(class(line)) { (line) "\n" }
            }
        }
        @if rest > 0 { p class="note" { "Cut here: " (text::grouped(rest as u64)) " more bytes. The API has the whole." } }
    }
}

fn class(line: &str) -> &'static str {
    if line.starts_with("+++") || line.starts_with("---") {
        "d-file"
    } else if line.starts_with('+') {
        "d-add"
    } else if line.starts_with('-') {
        "d-del"
    } else if line.starts_with("@@") {
        "d-hunk"
    } else {
        "d-same"
    }
}
