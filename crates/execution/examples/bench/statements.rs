//! Counts the statements that the store sends, by the spans that it opens for them. A batch of the journal is a `commit`.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

static SENT: LazyLock<Mutex<BTreeMap<String, u64>>> = LazyLock::new(Mutex::default);

/// Begins to count.
pub(crate) fn count() {
    // an error means that somebody counts already
    let _ = tracing::subscriber::set_global_default(Counter);
}

/// What was sent since the last call, by table.
pub(crate) fn take() -> BTreeMap<String, u64> {
    std::mem::take(&mut SENT.lock().unwrap_or_else(PoisonError::into_inner))
}

/// As text: how many of each for one of so many.
pub(crate) fn each(sent: &BTreeMap<String, u64>, of: usize) -> String {
    let of = u64::try_from(of).unwrap_or(u64::MAX);
    let words = sent.iter().map(|(name, count)| format!("{name} {:.2}", crate::figures::ratio(*count, of)));
    words.collect::<Vec<_>>().join(", ")
}

struct Counter;

/// Finds the table in a span's fields.
struct Table(Option<String>);

impl Visit for Table {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "table" {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

impl Subscriber for Counter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        (metadata.is_span() && ["statement", "commit"].contains(&metadata.name()))
            || (metadata.is_event() && *metadata.level() <= tracing::Level::WARN)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut table = Table(None);
        span.record(&mut table);
        let name = table.0.unwrap_or_else(|| span.metadata().name().to_owned());
        *SENT.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        eprintln!("{} {}:{}", event.metadata().level(), event.metadata().target(), text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// A warning's fields: what goes wrong while something is measured has to be seen.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        use std::fmt::Write as _;
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}
