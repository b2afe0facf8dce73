//! What is logged while a run goes on: nothing of it may hold a credential (I11). In every eighth run only: it looks at
//! each span and event of every level.

use std::fmt::{Debug, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::agents::CREDENTIAL;
use super::state::State;

/// One of so many runs is listened to.
const EVERY: u64 = 8;

/// Listens in this thread for as long as the guard lives.
pub(super) fn listen(state: &Arc<State>) -> Option<tracing::subscriber::DefaultGuard> {
    let listener = Listener { state: state.clone(), spans: AtomicU64::new(1) };
    state.plan.seed.is_multiple_of(EVERY).then(|| tracing::subscriber::set_default(listener))
}

struct Listener {
    state: Arc<State>,
    spans: AtomicU64,
}

impl Listener {
    fn look(&self, record: impl FnOnce(&mut Words)) {
        let mut words = Words(String::new());
        record(&mut words);
        if words.0.contains(CREDENTIAL) {
            self.state.violated("I11", format!("a credential is logged: {}", words.0));
        }
    }
}

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.look(|words| span.record(words));
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        self.look(|words| values.record(words));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.look(|words| event.record(words));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}

#[tokio::test(start_paused = true)]
async fn a_credential_in_a_log_is_seen() {
    let (deaths, _heard) = tokio::sync::mpsc::unbounded_channel();
    let state = State::new(super::plan::Plan::of(EVERY), false, deaths);
    let listening = listen(&state);
    tracing::debug!(host = "127.0.0.1", "called");
    assert_eq!(state.violations(), Vec::<String>::new());
    tracing::debug!(header = ?Some(CREDENTIAL), "called");
    drop(listening);
    assert_eq!(state.violations().len(), 1);
}
