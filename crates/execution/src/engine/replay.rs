//! Replay: the engine once more over a recorded journal, without effects, to see whether it would write the same again.
//!
//! The journal does not hold commands, but what each command brought in from outside stands in the first entry that it
//! wrote: a reply, an answer, a signal, who decided what, and when. So the next recorded entry names the command, the
//! engine is given it at the recorded time, and everything that it writes is compared with what is recorded.

mod cause;

use std::sync::Arc;

use moltforge_types::ExecutionId;
use moltforge_types::journal::{Entry, ErrorInfo};
use serde_json::Value;

use super::{Context, Execution, Recorded, Spec, apply};

/// States that are folded anew because an owner may have been lost between two entries, at most: it bounds the work.
const MAX_REBUILDS: u32 = 1_000;

/// One entry with the bytes that it has in the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Journaled {
    /// The entry.
    pub recorded: Recorded,
    /// Bytes of its payload.
    pub bytes: u64,
}

/// How a journal is replayed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// The version is another than the recorded one: its number and id are not compared.
    pub other_version: bool,
    /// The journal is a part that ends at a safe point: that the engine would go on there is no difference.
    pub part: bool,
}

/// The first place where the engine would write something else.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The number of the entry.
    pub seq: u64,
    /// What is recorded, `None` behind the end.
    pub recorded: Option<Entry>,
    /// What the engine writes, `None` when it writes nothing.
    pub produced: Option<Entry>,
    /// In words.
    pub message: String,
}

/// Replays a journal from its first entry. Gives the state at its end.
///
/// # Errors
/// The first difference.
pub fn replay(
    id: ExecutionId,
    spec: &Arc<Spec>,
    journal: &[Journaled],
    options: Options,
) -> Result<Execution, Box<Difference>> {
    Run { id, spec, journal, options, rebuilds: 0 }.run()
}

/// Who wrote the entry at `at`: what was copied was written by another execution, whose id is in its keys.
pub(super) fn writer(id: ExecutionId, journal: &[Journaled], at: usize) -> ExecutionId {
    let copied = journal.iter().skip(at).find_map(|journaled| match &journaled.recorded.entry {
        Entry::Forked { execution_id, written_by, .. } => Some(written_by.unwrap_or(*execution_id)),
        _ => None,
    });
    copied.unwrap_or(id)
}

struct Run<'a> {
    id: ExecutionId,
    spec: &'a Arc<Spec>,
    journal: &'a [Journaled],
    options: Options,
    rebuilds: u32,
}

impl Run<'_> {
    fn run(mut self) -> Result<Execution, Box<Difference>> {
        if let Some(ErrorInfo { code, message }) = &self.spec.missing {
            return Err(self.differs(0, None, &format!("the version cannot run here: {code}: {message}")));
        }
        self.dense()?;
        let mut execution = self.start()?;
        let mut at = 1;
        while at < self.journal.len() {
            let wrote = self.step(&mut execution, at)?;
            execution.bytes += self.journal[at..].iter().take(wrote).map(|journaled| journaled.bytes).sum::<u64>();
            at += wrote;
        }
        Ok(execution)
    }

    fn dense(&self) -> Result<(), Box<Difference>> {
        match (1..).zip(self.journal).position(|(seq, journaled)| journaled.recorded.seq != seq) {
            None => Ok(()),
            Some(at) => Err(self.differs(at, None, "the numbers of the entries have a gap here")),
        }
    }

    /// The first entry says what was asked for; the version says what that means.
    fn start(&self) -> Result<Execution, Box<Difference>> {
        let Some(first) = self.journal.first() else { return Err(self.differs(0, None, "there is no entry")) };
        let mut produced = first.recorded.entry.clone();
        let Entry::Scheduled { agent_id, agent_name, version_id, version, input, deadline, .. } = &mut produced else {
            return Err(self.differs(0, None, "the first entry is not `scheduled`"));
        };
        if let Some((pointer, message)) = self.spec.input_errors(input).first() {
            let message = format!("the input does not fit the version's input_schema at {pointer:?}: {message}");
            return Err(self.differs(0, None, &message));
        }
        *input = self.spec.with_defaults(std::mem::take(input));
        *agent_id = self.spec.agent_id;
        if !self.options.other_version {
            (*agent_name, *version_id, *version) =
                (self.spec.agent_name.clone(), self.spec.version_id, self.spec.version);
        }
        // a copy keeps the time that it was copied with
        if writer(self.id, self.journal, 0) == self.id && !self.options.part {
            *deadline = deadline.map(|_| first.recorded.at.plus(self.spec.wall));
        }
        self.compare(0, Some(&produced))?;
        let mut execution = Execution::empty(writer(self.id, self.journal, 0), self.spec.clone());
        execution.record(&first.recorded);
        execution.bytes += first.bytes;
        Ok(execution)
    }

    /// One command: how many entries it wrote, all of them as recorded.
    fn step(&mut self, execution: &mut Execution, at: usize) -> Result<usize, Box<Difference>> {
        let next = &self.journal[at].recorded;
        if matches!(next.entry, Entry::Forked { .. }) {
            // where the copy ends the engine may have gone on; whoever asked decided otherwise
            *execution = self.folded(at);
            execution.id = writer(self.id, self.journal, at + 1);
            execution.record(next);
            return Ok(1);
        }
        let on_their_way = (execution.in_flight.clone(), execution.in_line.clone(), execution.aborting.clone());
        let mut first_difference = None;
        for (owner_lost, hold) in cause::circumstances(&self.journal[at..]) {
            let count = cause::commands(execution, &self.journal[at..]).len();
            for number in 0..count.max(1) {
                if first_difference.is_some() || owner_lost {
                    if self.rebuilds >= MAX_REBUILDS {
                        break;
                    }
                    self.rebuilds += 1;
                    *execution = self.folded(at);
                    if !owner_lost {
                        (execution.in_flight, execution.in_line, execution.aborting) = on_their_way.clone();
                    }
                }
                let Some(command) = cause::commands(execution, &self.journal[at..]).into_iter().nth(number) else {
                    break;
                };
                cause::prepare(execution, &self.journal[at..]);
                let slot = cause::slot(&self.journal[at..]);
                let random = cause::random(&self.journal[at..]);
                let handed_over = cause::handed_over(execution, &self.journal[at..]);
                let context = Context { now: next.at, random, slot, hold, handed_over };
                match self.written(execution, command, context, at) {
                    Ok(wrote) => return Ok(wrote),
                    Err(difference) => {
                        first_difference.get_or_insert(difference);
                    }
                }
            }
        }
        Err(first_difference.unwrap_or_else(|| {
            self.differs(at, None, "nothing that can happen to an execution writes this entry here")
        }))
    }

    fn written(
        &self,
        execution: &mut Execution,
        command: super::Command,
        context: Context,
        at: usize,
    ) -> Result<usize, Box<Difference>> {
        let Ok(outcome) = apply(execution, command, context) else {
            return Err(self.differs(at, None, "the engine refuses this here"));
        };
        if outcome.entries.is_empty() {
            return Err(self.differs(at, None, "the engine writes nothing here"));
        }
        for (offset, produced) in outcome.entries.iter().enumerate() {
            let recorded = self.journal.get(at + offset).map(|journaled| &journaled.recorded.entry);
            let ends = recorded.map_or(self.options.part, |entry| matches!(entry, Entry::Forked { .. }));
            if ends && offset > 0 {
                return Ok(offset);
            }
            self.compare(at + offset, Some(&produced.entry))?;
            if self.journal[at + offset].recorded.at != produced.at {
                return Err(self.differs(
                    at + offset,
                    Some(&produced.entry),
                    "it has another time than the entry before",
                ));
            }
        }
        Ok(outcome.entries.len())
    }

    /// The state as a new owner reads it: what was in flight is lost.
    fn folded(&self, until: usize) -> Execution {
        let mut execution = Execution::empty(writer(self.id, self.journal, until), self.spec.clone());
        for journaled in &self.journal[..until] {
            execution.record(&journaled.recorded);
            execution.bytes += journaled.bytes;
        }
        execution
    }

    fn compare(&self, at: usize, produced: Option<&Entry>) -> Result<(), Box<Difference>> {
        let recorded = self.journal.get(at).map(|journaled| &journaled.recorded.entry);
        if recorded == produced {
            return Ok(());
        }
        let message = match (recorded, produced) {
            (None, Some(entry)) => format!("the journal ends here, and the engine goes on with {}", entry.event_type()),
            (Some(was), Some(is)) if was.code() != is.code() => {
                format!("{} is recorded, and the engine writes {}", was.event_type(), is.event_type())
            }
            (Some(was), Some(is)) => format!("{} says something else: {}", was.event_type(), paths(was, is).join(", ")),
            (_, None) => "the engine writes nothing here".to_owned(),
        };
        Err(self.differs(at, produced, &message))
    }

    fn differs(&self, at: usize, produced: Option<&Entry>, message: &str) -> Box<Difference> {
        let recorded = self.journal.get(at).map(|journaled| &journaled.recorded);
        Box::new(Difference {
            seq: recorded.map_or(at as u64 + 1, |recorded| recorded.seq),
            recorded: recorded.map(|recorded| recorded.entry.clone()),
            produced: produced.cloned(),
            message: message.to_owned(),
        })
    }
}

/// JSON pointers of what differs between two entries, at most 10.
fn paths(was: &Entry, is: &Entry) -> Vec<String> {
    fn walk(was: &Value, is: &Value, at: &str, into: &mut Vec<String>) {
        if was == is || into.len() >= 10 {
            return;
        }
        match (was, is) {
            (Value::Object(was), Value::Object(is)) => {
                let all: std::collections::BTreeSet<&String> = was.keys().chain(is.keys()).collect();
                for key in all {
                    let null = Value::Null;
                    walk(was.get(key).unwrap_or(&null), is.get(key).unwrap_or(&null), &format!("{at}/{key}"), into);
                }
            }
            (Value::Array(was), Value::Array(is)) if was.len() == is.len() => {
                for (index, (was, is)) in was.iter().zip(is).enumerate() {
                    walk(was, is, &format!("{at}/{index}"), into);
                }
            }
            _ => into.push(at.to_owned()),
        }
    }
    let mut found = Vec::new();
    let json = |entry| serde_json::to_value(entry).unwrap_or_default();
    walk(&json(was), &json(is), "", &mut found);
    found
}
