//! How values look to people.

use anstyle::Style;
use moltforge_api::executions::Execution;
use serde_json::Value;

use crate::output::{ACCENT, BAD, DIM, GOOD, Output, PLAIN, WARN};

/// An execution in one line: its id, its state and why it waits.
pub fn execution(out: Output, execution: &Execution) {
    let mut pieces =
        vec![(ACCENT, execution.execution_id.as_str()), (PLAIN, "  "), (state(&execution.state), &execution.state)];
    if let Some(why) = execution.reason.as_deref().or(execution.waiting_for.as_deref()) {
        pieces.extend([(PLAIN, "  "), (PLAIN, why)]);
    }
    if let Some(from) = &execution.forked_from {
        pieces.extend([(DIM, "  forked from "), (DIM, from)]);
    }
    out.pieces(&pieces);
}

/// The style of an execution's, a step's or a deployment's state.
pub fn state(state: &str) -> Style {
    match state {
        "completed" | "succeeded" | "live" => GOOD,
        "failed" | "unknown" => BAD,
        "paused" | "backing_off" | "suspended" | "waiting" => WARN,
        "cancelled" | "superseded" | "undeployed" => DIM,
        _ => PLAIN,
    }
}

/// `2026-11-22 12:30:05`, UTC.
pub fn time(text: &str) -> String {
    match text.get(..19) {
        Some(short) if text.ends_with('Z') => short.replacen('T', " ", 1),
        _ => text.to_owned(),
    }
}

/// A time that may not be.
pub fn maybe_time(text: Option<&str>) -> String {
    text.map_or_else(|| "-".to_owned(), time)
}

/// `850 us`, `12.3 ms`, `4.56 s`, `3 m 20 s`.
pub fn duration(micros: u64) -> String {
    let (millis, rest) = (micros / 1000, micros % 1000);
    match micros {
        0..1000 => format!("{micros} us"),
        1000..1_000_000 => format!("{millis}.{} ms", rest / 100),
        1_000_000..60_000_000 => format!("{}.{:02} s", millis / 1000, millis % 1000 / 10),
        _ => format!("{} m {} s", millis / 60_000, millis % 60_000 / 1000),
    }
}

/// A value as people read it: a text as it is, anything else as JSON.
pub fn value(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_durations_are_short() {
        assert_eq!(time("2026-11-22T12:30:05.123456Z"), "2026-11-22 12:30:05");
        assert_eq!(time("soon"), "soon");
        for (micros, said) in
            [(0, "0 us"), (999, "999 us"), (12_345, "12.3 ms"), (4_560_000, "4.56 s"), (200_000_000, "3 m 20 s")]
        {
            assert_eq!(duration(micros), said);
        }
    }
}
