//! An execution's events as people read them.

use anstyle::Style;
use moltforge_types::approval::Decision;
use moltforge_types::event::CloudEvent;
use moltforge_types::journal::{Entry, GuestLog, GuestLogLevel};
use serde_json::Value;

use super::show;
use crate::output::{ACCENT, BAD, DIM, GOOD, Output, PLAIN, WARN, text};

/// The most characters of an input or output on a line.
const MOST: usize = 160;

/// One event in one line: time, what, details.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// What happened.
    pub what: String,
    /// How it is coloured.
    pub style: Style,
    /// More about it.
    pub detail: String,
}

/// Prints an event on stderr.
pub fn note(out: Output, event: &CloudEvent) {
    let line = line(event);
    let (time, what) = (clock(&event.time.to_string()), format!("{:<21} ", line.what));
    out.notes(&[(DIM, &time), (PLAIN, "  "), (line.style, &what), (PLAIN, &line.detail)]);
}

/// Prints an event as data.
pub fn print(out: Output, event: &CloudEvent) {
    let line = line(event);
    let (time, what) = (clock(&event.time.to_string()), format!("{:<21} ", line.what));
    out.pieces(&[
        (DIM, &format!("{:>4}  ", event.id)),
        (DIM, &time),
        (PLAIN, "  "),
        (line.style, &what),
        (PLAIN, &line.detail),
    ]);
}

/// `12:30:05.123` of an RFC 3339 time.
fn clock(time: &str) -> String {
    time.get(11..23).unwrap_or(time).to_owned()
}

/// What an event says. One that this program does not know is shown as it is.
pub fn line(event: &CloudEvent) -> Line {
    let what = event.event_type.strip_prefix(moltforge_types::event::TYPE_PREFIX).unwrap_or(&event.event_type);
    let (style, detail) = match entry(what, &event.data) {
        Some(entry) => detail(&entry),
        None => (PLAIN, event.data.to_string()),
    };
    Line { what: what.to_owned(), style, detail: text::one_line(&detail, MOST) }
}

/// The journal's entry that an event is: its kind is the event's type in the journal's spelling.
fn entry(what: &str, data: &Value) -> Option<Entry> {
    let kind = what.strip_prefix("execution.").unwrap_or(what).replace('.', "_");
    let mut data = data.clone();
    data.as_object_mut()?.insert("kind".to_owned(), Value::String(kind));
    serde_json::from_value(data).ok()
}

fn detail(entry: &Entry) -> (Style, String) {
    match entry {
        Entry::Scheduled { agent_name, version, input, .. } => (PLAIN, format!("{agent_name} v{version}  {input}")),
        Entry::Running { attempt, recovered, .. } => {
            let why = if *recovered { ", after the server was lost" } else { "" };
            (PLAIN, format!("attempt {attempt}{why}"))
        }
        Entry::ModelCompleted { step, model, text, tool_calls, usage, duration_us, .. } => {
            let calls: Vec<String> = tool_calls.iter().map(|c| format!("{}({})", c.tool, c.arguments)).collect();
            let calls = calls.join(", ");
            let said: Vec<&str> = [text.trim(), &calls].into_iter().filter(|text| !text.is_empty()).collect();
            let cost = format!("{}, {} tokens", show::duration(*duration_us), usage.total());
            (ACCENT, format!("#{step} {model} ({cost})  {}", said.join("  -> ")))
        }
        Entry::GuestAsked { step, calls, cancelled, .. } => {
            let calls =
                calls.iter().zip(*step..).map(|(call, step)| format!("#{step} {}({})", call.name, call.arguments));
            let cancelled = cancelled.iter().map(|call| format!("gives up its call {}", call.id));
            (ACCENT, calls.chain(cancelled).collect::<Vec<_>>().join(", "))
        }
        Entry::GuestEnded { output } => (PLAIN, format!("its last effects end  {output}")),
        Entry::GuestLogged { logs } => logged(logs),
        Entry::ToolInvoked { step, tool, effect, .. } => (PLAIN, format!("#{step} {tool} ({effect})")),
        Entry::ToolSucceeded { step, tool, output, duration_us, .. } => {
            (GOOD, format!("#{step} {tool} ({})  {output}", show::duration(*duration_us)))
        }
        Entry::ToolFailed { step, tool, error, .. } => {
            (WARN, format!("#{step} {tool}  {}: {}", error.code, error.message))
        }
        Entry::TimerSet { step, due, .. } => (PLAIN, format!("#{step} until {}", show::time(&due.to_string()))),
        Entry::SignalAwaited { step, name, due, .. } => {
            let until = due.map(|due| format!(", until {}", show::time(&due.to_string()))).unwrap_or_default();
            (WARN, format!("#{step} waits for the signal {name}{until}"))
        }
        Entry::SignalReceived { name, payload, .. } => (ACCENT, format!("{name}  {payload}")),
        Entry::Suspended { wake_at, signals } => {
            let signals = signals.join(", ");
            let time = wake_at.map(|at| format!("until {}", show::time(&at.to_string())));
            let parts = [time, (!signals.is_empty()).then(|| format!("for {signals}"))];
            (DIM, parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
        }
        Entry::Resumed { from, by, .. } => (PLAIN, format!("from {from}{}", by_whom(by.as_deref()))),
        Entry::Paused { reason, detail, by, .. } => {
            let detail = detail.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
            (WARN, format!("{reason}{detail}{}", by_whom(by.as_deref())))
        }
        Entry::RetryScheduled { step, error, failures, run_at } => {
            let at = clock(&run_at.to_string());
            // no call has the number 0
            let of = if *step == 0 { "the program".to_owned() } else { format!("#{step}") };
            (WARN, format!("{of}: failure {failures}, again at {at}  {}: {}", error.code, error.message))
        }
        Entry::Completed { output } => (GOOD, show::value(output)),
        Entry::Failed { error, .. } => (BAD, format!("{}: {}", error.code, error.message)),
        Entry::ChildRequested { step, agent, child_id, .. } => (PLAIN, format!("#{step} {agent} as {child_id}")),
        Entry::ChildStarted { step, child_id } => (PLAIN, format!("#{step} {child_id}")),
        Entry::ChildEnded { child_id, state, error, .. } => match error {
            Some(error) => (WARN, format!("{child_id} {state}: {}: {}", error.code, error.message)),
            None => (GOOD, format!("{child_id} {state}")),
        },
        Entry::ChildrenAwaited { step, children, any, due, .. } => {
            let which = if *any { "any of " } else { "" };
            let until = due.map(|due| format!(", until {}", show::time(&due.to_string()))).unwrap_or_default();
            (WARN, format!("#{step} waits for {which}{} children{until}", children.len()))
        }
        Entry::Stopping { by, note, kill, calls, .. } => {
            let how = if *kill { "killed" } else { "cancelled" };
            let note = note.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
            (WARN, format!("{how} by {by}{note}, {} calls on their way", calls.len()))
        }
        Entry::Cancelled { by, note, .. } => {
            let note = note.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
            (WARN, format!("by {by}{note}"))
        }
        Entry::ApprovalRequested { approval_id, step, tool, arguments, due, .. } => {
            let due = show::time(&due.to_string());
            (WARN, format!("#{step} {tool}({arguments}) waits for {approval_id}, until {due}"))
        }
        Entry::ApprovalDecided { step, decision, by, note, arguments, .. } => {
            let note = note.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
            let edited = arguments.as_ref().map(|edited| format!(", with {edited}")).unwrap_or_default();
            let style = if *decision == Decision::Approved { GOOD } else { WARN };
            (style, format!("#{step} {decision} by {by}{edited}{note}"))
        }
        Entry::ApprovalEscalated { step, to, .. } => (WARN, format!("#{step} to {}", to.join(", "))),
        Entry::ApprovalReopened { step, why, .. } => (WARN, format!("#{step} {why}")),
        Entry::EffectProbed { step, outcome, detail, by } => {
            let detail = detail.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
            (PLAIN, format!("#{step} {outcome}{detail}{}", by_whom(by.as_deref())))
        }
        Entry::EventEmitted { step, event_type, data, .. } => (ACCENT, format!("#{step} {event_type}  {data}")),
        Entry::EffectDecided { step, decision, note, by, .. } => {
            let note = note.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
            (WARN, format!("#{step} {decision} by {by}{note}"))
        }
        Entry::Forked { execution_id, seq, step, by, note, .. } => {
            let note = note.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
            (ACCENT, format!("from {execution_id}, entries 1 to {seq}, goes on with #{step}, by {by}{note}"))
        }
    }
}

fn logged(logs: &[GuestLog]) -> (Style, String) {
    let serious = |log: &GuestLog| matches!(log.level, GuestLogLevel::Warn | GuestLogLevel::Error);
    let texts: Vec<&str> = logs.iter().map(|log| log.message.as_str()).collect();
    (if logs.iter().any(serious) { WARN } else { PLAIN }, texts.join("\n"))
}

fn by_whom(by: Option<&str>) -> String {
    by.map(|by| format!(" by {by}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use moltforge_types::{Id as _, ProjectId, Timestamp};
    use serde_json::json;

    use super::*;

    fn shown(name: &str, data: Value) -> String {
        let at = Timestamp::from_micros(0);
        let line = line(&CloudEvent::new("1".to_owned(), String::new(), name, at, ProjectId::from_u128(1), data));
        format!("{}: {}", line.what, line.detail)
    }

    #[test]
    fn events_read_as_sentences() {
        let usage = json!({ "input_tokens": 3, "output_tokens": 2 });
        let calls = json!([{ "call_id": "1", "tool": "math.add", "arguments": "{}" }]);
        for (name, data, said) in [
            (
                "execution.running",
                json!({ "attempt": 2, "recovered": true, "seq": 2 }),
                "attempt 2, after the server was lost",
            ),
            (
                "model.completed",
                json!({ "step": 1, "model": "scripted", "text": "", "tool_calls": calls, "usage": usage,
                    "started_at": "1970-01-01T00:00:00Z", "duration_us": 1500 }),
                "#1 scripted (1.5 ms, 5 tokens) math.add({})",
            ),
            ("signal.awaited", json!({ "step": 2, "call_id": "1", "name": "go" }), "#2 waits for the signal go"),
            ("execution.completed", json!({ "output": "\u{1b}[31mhi" }), "hi"),
            ("execution.paused", json!({ "reason": "operator", "by": "key_1" }), "operator by key_1"),
            ("moon.risen", json!({ "full": true }), "{\"full\":true}"),
        ] {
            assert_eq!(shown(name, data), format!("{name}: {said}"));
        }
    }
}
