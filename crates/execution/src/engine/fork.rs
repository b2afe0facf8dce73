//! Fork: a new execution that begins with a copy of another's first entries and goes its own way from there.
//!
//! It can be cut before a model step whose turn before is answered whole: there nothing is on its way, and the
//! conversation is complete. A code agent can be cut where everything that its program has asked for is answered: the
//! program of the copy is given these answers, and goes on with the same chance and time. What the copied steps did is done; they are not repeated, and neither are their writes of
//! the agent's state. What comes after has effect keys of its own.

use std::sync::Arc;

use moltforge_types::conversation::Message;
use moltforge_types::journal::Entry;
use moltforge_types::{ExecutionId, Timestamp};
use serde_json::Value;

use super::replay::{Difference, Journaled, Options, replay, writer};
use super::{Context, Execution, Recorded, Spec};

/// Entries that are copied, at most.
pub const MAX_ENTRIES: u64 = 20_000;
/// Their bytes, at most.
pub const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// A place where an execution can be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The step that would come next: a model's, or a program's first one of the next that it asks for.
    pub step: u32,
    /// The number of the last entry before it.
    pub seq: u64,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Fork {
    /// The execution that is copied.
    pub from: ExecutionId,
    /// The id of the new one.
    pub id: ExecutionId,
    /// The version that goes on.
    pub spec: Arc<Spec>,
    /// Whether that is another version than the copied one's.
    pub other_version: bool,
    /// The first step that is not copied.
    pub step: u32,
    /// Another input; only before step 1.
    pub input: Option<Value>,
    /// Who asks.
    pub by: String,
    /// What they say.
    pub note: Option<String>,
}

/// Why it cannot be.
#[derive(Debug, Clone, PartialEq)]
pub enum Refused {
    /// The step is no place to cut; these are, those nearest to it first, at most 20.
    NoPlace(Vec<u32>),
    /// More entries or bytes would be copied than may be.
    TooLong {
        /// So many entries.
        entries: u64,
        /// So many bytes.
        bytes: u64,
    },
    /// An input can only be changed before the first step.
    InputFixed,
    /// The input does not fit the version: JSON pointers and messages.
    InputInvalid(Vec<(String, String)>),
    /// The version would have done something else.
    Differs(Box<Difference>),
}

/// The places where an execution can be cut, in order.
pub fn places(id: ExecutionId, spec: &Arc<Spec>, journal: &[Journaled]) -> Vec<Place> {
    let mut execution = Execution::empty(id, spec.clone());
    let mut places: Vec<Place> = Vec::new();
    for Journaled { recorded, .. } in journal {
        if execution.state.is_terminal() || recorded.seq != execution.seq + 1 {
            break;
        }
        execution.record(recorded);
        // after a text without calls comes the end
        let asks = !matches!(execution.messages.last().map(AsRef::as_ref), None | Some(Message::Assistant { .. }));
        let known = places.last().is_some_and(|place| place.step == execution.next_step);
        // a program that has returned asks for nothing more
        let is_over = execution.guest.output.is_some();
        if asks && execution.pending.is_empty() && !known && !is_over {
            places.push(Place { step: execution.next_step, seq: recorded.seq });
        }
    }
    places
}

impl Fork {
    /// The entries of the new execution: the copy, and the one that says so.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn entries(self, journal: &[Journaled], context: Context) -> Result<Vec<Recorded>, Refused> {
        let places = places(self.from, &self.spec, journal);
        let Some(place) = places.iter().find(|place| place.step == self.step) else {
            let mut steps: Vec<u32> = places.iter().map(|place| place.step).collect();
            steps.sort_by_key(|step| step.abs_diff(self.step));
            steps.truncate(20);
            return Err(Refused::NoPlace(steps));
        };
        let length = usize::try_from(place.seq).unwrap_or(usize::MAX).min(journal.len());
        let copied = &journal[..length];
        let writer = writer(self.from, journal, length);
        let bytes = copied.iter().map(|journaled| journaled.bytes).sum();
        if place.seq > MAX_ENTRIES || bytes > MAX_BYTES {
            return Err(Refused::TooLong { entries: place.seq, bytes });
        }
        if self.input.is_some() && self.step != 1 {
            return Err(Refused::InputFixed);
        }
        if self.input.is_none() {
            let options = Options { other_version: self.other_version, part: true };
            replay(writer, &self.spec, copied, options).map_err(Refused::Differs)?;
        }
        let deadline = Some(self.deadline(context.now));
        let Self { from, spec, step, by, note, .. } = self;
        let mut entries: Vec<Recorded> = copied.iter().map(|journaled| journaled.recorded.clone()).collect();
        if let Some(Recorded {
            entry: Entry::Scheduled { version_id, version, input, request_hash, trigger, origin, .. },
            ..
        }) = entries.first_mut()
        {
            (*version_id, *version) = (spec.version_id, spec.version);
            *request_hash = None;
            // it stands alone: nobody's child, started by no trigger
            origin.forked_from = Some(moltforge_types::Fork { execution_id: from, seq: place.seq });
            (origin.parent, origin.trigger_id) = (None, None);
            "fork".clone_into(trigger);
            if let Some(new) = self.input {
                let new = spec.with_defaults(new);
                let errors = spec.input_errors(&new);
                if !errors.is_empty() {
                    return Err(Refused::InputInvalid(errors));
                }
                *input = new;
            }
        }
        let written_by = Some(writer).filter(|writer| *writer != from);
        let entry = Entry::Forked { execution_id: from, written_by, seq: place.seq, step, by, note, deadline };
        entries.push(Recorded { seq: place.seq + 1, at: context.now, entry });
        Ok(entries)
    }

    fn deadline(&self, now: Timestamp) -> Timestamp {
        now.plus(self.spec.wall)
    }
}

/// What an execution did itself: without what it copied from another, whose writes and events are done.
pub(crate) fn own(entries: &[Recorded]) -> &[Recorded] {
    let copied = entries.iter().rposition(|recorded| matches!(recorded.entry, Entry::Forked { .. }));
    entries.get(copied.unwrap_or(0)..).unwrap_or_default()
}

/// The state of a fork after its entries.
pub fn folded(id: ExecutionId, spec: Arc<Spec>, entries: &[Recorded]) -> Execution {
    let mut execution = Execution::empty(id, spec);
    for recorded in entries {
        execution.record(recorded);
    }
    execution
}
