//! What a program does, beside what the journal says that it did.

use std::collections::VecDeque;

use moltforge_types::execution::State;
use moltforge_types::journal::{Entry, ErrorInfo, GuestCall, GuestCancel, GuestLog};
use serde::Serialize;
use serde_json::{Value, json};

use crate::engine::replay::{Difference, Journaled};
use crate::engine::{Execution, GuestEvent};

/// The first place where they are not the same.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Differs {
    /// The number of the entry.
    pub(crate) seq: u64,
    /// In words.
    pub(crate) message: String,
    /// What the journal says.
    pub(crate) recorded: Option<Value>,
    /// What the program does.
    pub(crate) produced: Option<Value>,
}

impl From<Difference> for Differs {
    fn from(difference: Difference) -> Self {
        let Difference { seq, message, recorded, produced } = difference;
        let json = |entry: Option<Entry>| entry.and_then(|entry| serde_json::to_value(entry).ok());
        Self { seq, message, recorded: json(recorded), produced: json(produced) }
    }
}

/// Where the program must have come to.
enum End {
    /// It returned this.
    Output(Value),
    /// It failed like this.
    Failed(ErrorInfo),
    /// It waits.
    Waits,
    /// It was stopped on its way, or still is on it.
    Open,
}

/// What is left of the journal, each with the number of its entry.
pub(super) struct Compare {
    calls: VecDeque<(u64, GuestCall)>,
    cancelled: VecDeque<(u64, GuestCancel)>,
    logs: VecDeque<(u64, GuestLog)>,
    end: End,
    heard: u32,
    last: u64,
}

impl Compare {
    pub(super) fn new(execution: &Execution, journal: &[Journaled]) -> Self {
        let (mut calls, mut cancelled, mut logs) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
        let mut end = if execution.state == State::Suspended { End::Waits } else { End::Open };
        let mut last = 1;
        for Journaled { recorded, .. } in journal {
            let seq = recorded.seq;
            match &recorded.entry {
                Entry::GuestAsked { calls: some, cancelled: given_up, .. } => {
                    calls.extend(some.iter().map(|call| (seq, call.clone())));
                    cancelled.extend(given_up.iter().map(|one| (seq, *one)));
                }
                Entry::GuestLogged { logs: some } => logs.extend(some.iter().map(|log| (seq, log.clone()))),
                Entry::GuestEnded { output } | Entry::Completed { output } => end = End::Output(output.clone()),
                Entry::Failed { error, .. } if is_own(&error.code) => end = End::Failed(error.clone()),
                _ => {}
            }
            last = seq;
        }
        let heard = u32::try_from(execution.guest.heard.len()).unwrap_or(u32::MAX);
        Self { calls, cancelled, logs, end, heard, last }
    }

    /// Whether these are all answers that there are.
    pub(super) fn is_all(&self, heard: u32) -> bool {
        heard >= self.heard
    }

    pub(super) fn asked(&mut self, calls: Vec<GuestCall>, cancelled: Vec<GuestCancel>) -> Result<(), Box<Differs>> {
        let goes_on = matches!(self.end, End::Open);
        for call in calls {
            same(&mut self.calls, &call, goes_on, self.last, "asks for")?;
        }
        for given_up in cancelled {
            same(&mut self.cancelled, &given_up, goes_on, self.last, "gives up")?;
        }
        Ok(())
    }

    pub(super) fn logged(&mut self, logs: Vec<GuestLog>) -> Result<(), Box<Differs>> {
        let goes_on = matches!(self.end, End::Open);
        logs.into_iter().try_for_each(|log| same(&mut self.logs, &log, goes_on, self.last, "logs"))
    }

    /// Its last event; that it is parked says that it waits.
    pub(super) fn ended(mut self, event: GuestEvent) -> Result<(), Box<Differs>> {
        let waits = matches!(event, GuestEvent::Parked);
        // with an answer that it has not heard it may ask for more
        missing(&mut self.calls, |call| !waits || call.after <= self.heard, "asks for")?;
        missing(&mut self.cancelled, |one| !waits || one.after <= self.heard, "gives up")?;
        missing(&mut self.logs, |log| !waits || log.after <= self.heard, "logs")?;
        let produced = match &event {
            GuestEvent::Ended(output) => json!({ "output": output }),
            GuestEvent::Failed(error) | GuestEvent::Missing(error) => json!({ "error": error }),
            GuestEvent::Diverged(detail) => json!({ "diverged": detail }),
            _ => json!("it waits"),
        };
        let recorded = match (&self.end, event) {
            (End::Open, GuestEvent::Ended(_) | GuestEvent::Failed(_) | GuestEvent::Parked)
            | (End::Waits, GuestEvent::Parked) => return Ok(()),
            (End::Output(was), GuestEvent::Ended(is)) if *was == is => return Ok(()),
            (End::Failed(was), GuestEvent::Failed(is)) if is_same(was, &is) => return Ok(()),
            // the engine saw that nothing can come
            (End::Failed(was), GuestEvent::Parked) if was.code == "guest_deadlock" => return Ok(()),
            (End::Open, _) => Value::Null,
            (End::Waits, _) => json!("it waits"),
            (End::Output(output), _) => json!({ "output": output }),
            (End::Failed(error), _) => json!({ "error": error }),
        };
        Err(Box::new(Differs {
            seq: self.last,
            message: "the program ends otherwise".to_owned(),
            recorded: Some(recorded),
            produced: Some(produced),
        }))
    }
}

/// Whether a program fails so by itself, and always in the same way.
fn is_own(code: &str) -> bool {
    ["guest_exception", "guest_deadlock", "guest_no_run", "guest_syntax", "guest_misuse"].contains(&code)
}

/// The same error, however a later version words the rest of it.
fn is_same(was: &ErrorInfo, is: &ErrorInfo) -> bool {
    was.code == is.code && was.message.lines().next() == is.message.lines().next()
}

fn same<T: PartialEq + Serialize>(
    left: &mut VecDeque<(u64, T)>,
    now: &T,
    goes_on: bool,
    last: u64,
    does: &str,
) -> Result<(), Box<Differs>> {
    let differs = |seq, message, recorded| {
        let produced = serde_json::to_value(now).ok();
        Err(Box::new(Differs { seq, message, recorded, produced }))
    };
    match left.pop_front() {
        Some((_, before)) if before == *now => Ok(()),
        Some((seq, before)) => {
            differs(seq, format!("the program {does} something else"), serde_json::to_value(before).ok())
        }
        None if goes_on => Ok(()),
        None => differs(last, format!("the program {does} something that is not in the journal"), None),
    }
}

fn missing<T: Serialize>(
    left: &mut VecDeque<(u64, T)>,
    is_due: impl Fn(&T) -> bool,
    does: &str,
) -> Result<(), Box<Differs>> {
    match left.pop_front().filter(|(_, before)| is_due(before)) {
        None => Ok(()),
        Some((seq, before)) => Err(Box::new(Differs {
            seq,
            message: format!("the program no longer {does} this"),
            recorded: serde_json::to_value(before).ok(),
            produced: None,
        })),
    }
}

#[cfg(test)]
mod tests;
