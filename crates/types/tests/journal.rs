//! Journals that were written before: `journal.jsonl` holds what stands in the databases of earlier releases, with the
//! number of the `kind` column beside it. Lines are added, never changed: a line that does not read, or that says
//! something else when it is written again, is a journal that a new release would break.

use std::collections::BTreeMap;

use moltforge_types::event::is_own_type;
use moltforge_types::journal::Entry;
use serde::Deserialize;
use serde_json::Value;

const STORED: &str = include_str!("journal.jsonl");

#[derive(Deserialize)]
struct Line {
    /// The journal's `kind` column.
    code: i16,
    /// The journal's `payload` column.
    payload: Value,
}

fn lines() -> impl Iterator<Item = Line> {
    STORED.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
}

/// The names of all kinds, and a `match` that does not compile when one is missing here.
macro_rules! kinds {
    ($($kind:ident),* $(,)?) => {
        const KINDS: &[&str] = &[$(stringify!($kind)),*];

        fn name(entry: &Entry) -> &'static str {
            match entry { $(Entry::$kind { .. } => stringify!($kind),)* }
        }
    };
}

kinds! {
    Scheduled, Running, ModelCompleted, ToolInvoked, ToolSucceeded, ToolFailed, TimerSet, SignalAwaited, SignalReceived,
    Suspended, Resumed, Paused, RetryScheduled, Completed, Failed, Cancelled, ChildRequested, ChildStarted, ChildEnded,
    ChildrenAwaited, Stopping, ApprovalRequested, ApprovalDecided, ApprovalEscalated, ApprovalReopened, EffectProbed, EventEmitted,
    EffectDecided, Forked, GuestAsked, GuestLogged, GuestEnded,
}

#[test]
fn what_was_written_reads_and_is_written_the_same() {
    for Line { code, payload } in lines() {
        let entry: Entry = serde_json::from_value(payload.clone()).unwrap_or_else(|error| panic!("{error}: {payload}"));
        assert_eq!(entry.code(), code, "{payload}");
        // a new field has a default and is left out when it holds it: an old entry stays as it was
        let again = serde_json::to_value(&entry).unwrap();
        assert_eq!(again, payload);
        let bytes = serde_json::to_vec(&entry).unwrap();
        assert_eq!(serde_json::from_slice::<Entry>(&bytes).unwrap(), entry);
    }
}

#[test]
fn nobody_else_may_use_the_names_of_its_events() {
    for Line { payload, .. } in lines() {
        let entry: Entry = serde_json::from_value(payload).unwrap();
        assert!(is_own_type(entry.event_type()), "{}", entry.event_type());
    }
}

#[test]
fn every_kind_has_a_line_and_a_number_of_its_own() {
    let mut codes = BTreeMap::new();
    for Line { code, payload } in lines() {
        let entry: Entry = serde_json::from_value(payload).unwrap();
        assert_eq!(*codes.entry(name(&entry)).or_insert(code), code, "{}", name(&entry));
    }
    let missing: Vec<_> = KINDS.iter().filter(|kind| !codes.contains_key(*kind)).collect();
    assert!(missing.is_empty(), "journal.jsonl has no line for {missing:?}");
    let mut numbers: Vec<_> = codes.values().collect();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), KINDS.len(), "two kinds have one number: {codes:?}");
}

/// Fields that came later, and so are missing in what was written before them.
#[test]
fn fields_that_came_later_have_a_default() {
    for (kind, fields) in [
        ("scheduled", &["environment", "deadline", "request_hash"][..]),
        ("running", &["crashes", "recovered"]),
        ("signal_awaited", &["due"]),
        ("signal_received", &["dedupe_key"]),
        ("suspended", &["wake_at", "signals"]),
        ("resumed", &["by", "unknown_effects"]),
        ("paused", &["detail", "by"]),
        ("cancelled", &["note", "unknown_steps"]),
    ] {
        for Line { mut payload, .. } in lines().filter(|line| line.payload["kind"] == kind) {
            for field in fields {
                payload.as_object_mut().unwrap().remove(*field).unwrap_or_else(|| panic!("{kind} has no {field}"));
            }
            serde_json::from_value::<Entry>(payload).unwrap_or_else(|error| panic!("{kind}: {error}"));
        }
    }
}
