//! What a program wrote to its log, line by line.

use maud::{Markup, html};
use moltforge_api::executions::Execution;
use moltforge_types::event::{CloudEvent, TYPE_PREFIX};
use serde_json::Value;

use crate::{text, time};

/// The latest lines that are shown.
const LINES: usize = 200;

/// Characters of a line.
const LINE_LIMIT: usize = 2_000;

struct Line<'a> {
    event: &'a CloudEvent,
    level: &'a str,
    message: &'a str,
}

/// The card; nothing when there is no line among the events of the page.
pub(super) fn section(execution: &Execution, events: &[CloudEvent]) -> Markup {
    let lines: Vec<Line<'_>> = events.iter().flat_map(lines).collect();
    let earlier = lines.len().saturating_sub(LINES);
    let whole = events.len() as u64 >= execution.seq;
    html! {
        @if !lines.is_empty() {
            section class="card" aria-labelledby="log-title" {
                h2 id="log-title" { "Log" }
                @if earlier > 0 || !whole { p class="note" { "The latest lines. The API has all of them." } }
                ol class="log" {
                    @for Line { event, level, message } in &lines[earlier..] {
                        li {
                            time datetime=(event.time) title=(time::exact(event.time)) { "+" (time::duration(time::between(&execution.created_at, event.time))) }
                            span class={ "level " (tone(level)) } { (text::one_line(level, 10)) }
                            pre dir="auto" { (text::clip(message, LINE_LIMIT).0) @if text::clip(message, LINE_LIMIT).1 > 0 { "…" } }
                        }
                    }
                }
            }
        }
    }
}

fn lines(event: &CloudEvent) -> Vec<Line<'_>> {
    if event.event_type.strip_prefix(TYPE_PREFIX) != Some("guest.logged") {
        return Vec::new();
    }
    let logs = event.data.get("logs").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    logs.iter()
        .filter_map(|log| {
            let part = |name: &str| log.get(name)?.as_str();
            Some(Line { event, level: part("level")?, message: part("message")? })
        })
        .collect()
}

fn tone(level: &str) -> &'static str {
    match level {
        "warn" => "warn",
        "error" => "bad",
        _ => "dim",
    }
}

/// The message of an error: its first line stands out, the others are where it happened.
pub(super) fn message(words: &str) -> (String, Option<&str>) {
    let (first, rest) = words.split_once('\n').unwrap_or((words, ""));
    let rest = rest.trim_end();
    (text::one_line(first, 1_000), (!rest.is_empty()).then(|| text::clip(rest, LINE_LIMIT).0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_a_line_and_where_it_happened() {
        assert_eq!(message("a b"), ("a b".to_owned(), None));
        let (first, rest) = message("TypeError: no\n    at run (agent.js:1:2)\n");
        assert_eq!((first.as_str(), rest), ("TypeError: no", Some("    at run (agent.js:1:2)")));
    }
}
