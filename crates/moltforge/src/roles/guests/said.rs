//! What a guest does, in the words of executions: compared with what it did before, without what is known already.

use std::collections::VecDeque;

use moltforge_execution::guests::GuestEvent;
use moltforge_sandbox::{Asked, Commands, Divergence, Event, Failure, FailureKind, Log};
use moltforge_types::journal::{ErrorInfo, GuestCall, GuestCancel, GuestLog, GuestLogLevel};

use super::failures;

/// What is to be said of a guest.
pub(super) struct Said {
    /// What it asked for before, and must ask for again.
    commands: Commands,
    /// Lines of its log that are written down and that it has still to write again.
    logged: u32,
    next: VecDeque<GuestEvent>,
}

impl Said {
    /// Of a guest that must begin like this.
    pub(super) fn new(commands: Commands, logged: u32) -> Self {
        Self { commands, logged, next: VecDeque::new() }
    }

    /// What comes first.
    pub(super) fn next(&mut self) -> Option<GuestEvent> {
        self.next.pop_front()
    }

    pub(super) fn say(&mut self, event: GuestEvent) {
        self.next.push_back(event);
    }

    /// Something happened to the guest.
    pub(super) fn happened(&mut self, event: Event) {
        match event {
            Event::Asked(asked) => {
                if let Err(divergence) = self.asked(asked) {
                    self.say(diverged(&divergence.to_string()));
                }
            }
            // what it asks for with its last breath begins, as far as nobody has to wait for it
            Event::Ended(end) => {
                let last = self.asked(end.last).and_then(|()| self.commands.finish());
                let event = match (last, serde_json::from_str(&end.output)) {
                    (Err(divergence), _) => diverged(&format!("{divergence}, it returns")),
                    (Ok(()), Ok(output)) => GuestEvent::Ended(output),
                    (Ok(()), Err(error)) => failures::bad_output(&error),
                };
                self.say(event);
            }
            Event::Failed { failure, last } => {
                let event = self.failed(&failure, last);
                self.say(event);
            }
            // nothing is wrong with it: it is rebuilt as soon as there is room
            Event::Evicted { .. } => self.say(GuestEvent::Parked),
            Event::Lost(reason) => self.say(GuestEvent::Lost(ErrorInfo::new("worker_lost", reason))),
        }
    }

    fn asked(&mut self, mut asked: Asked) -> Result<(), Divergence> {
        self.logged(std::mem::take(&mut asked.logs));
        let heard = asked.blocked.then_some(asked.consumed);
        let new = self.commands.check(asked)?;
        let call = |call: moltforge_sandbox::Call| GuestCall {
            id: call.id,
            name: call.name,
            arguments: call.args,
            after: call.after,
        };
        let calls: Vec<_> = new.calls.into_iter().map(call).collect();
        let cancelled = new.cancelled.into_iter().map(|one| GuestCancel { id: one.id, after: one.after });
        let cancelled: Vec<_> = cancelled.collect();
        if !calls.is_empty() || !cancelled.is_empty() || heard.is_some() {
            self.say(GuestEvent::Asked { calls, cancelled, heard });
        }
        Ok(())
    }

    /// A failure before it has asked for all that it asked for before is that of another program; but what it may use is
    /// counted anew.
    fn failed(&mut self, failure: &Failure, mut last: Asked) -> GuestEvent {
        self.logged(std::mem::take(&mut last.logs));
        let again = self.commands.check(last).and_then(|_| self.commands.finish());
        match (again, failure.kind) {
            (_, FailureKind::Diverged) => diverged(&failure.message),
            (Err(divergence), kind) if !matches!(kind, FailureKind::Limit(_) | FailureKind::Engine) => {
                diverged(&format!("{divergence}, it fails: {}", failure.message))
            }
            _ => GuestEvent::Failed(failures::error(failure)),
        }
    }

    /// Says what is new of a log.
    fn logged(&mut self, mut logs: Vec<Log>) {
        let again = logs.len().min(self.logged as usize);
        logs.drain(..again);
        self.logged -= u32::try_from(again).unwrap_or(u32::MAX);
        if logs.is_empty() {
            return;
        }
        let line = |log: Log| GuestLog {
            level: match log.level {
                0 => GuestLogLevel::Debug,
                1 => GuestLogLevel::Info,
                2 => GuestLogLevel::Warn,
                _ => GuestLogLevel::Error,
            },
            message: log.message,
            after: log.after,
        };
        self.say(GuestEvent::Logged(logs.into_iter().map(line).collect()));
    }
}

fn diverged(sides: &str) -> GuestEvent {
    GuestEvent::Diverged(format!("rebuilt, the program did something else: {sides}"))
}

#[cfg(test)]
mod tests {
    use moltforge_sandbox::commands::Made;
    use moltforge_sandbox::{Call, End, Limit};
    use serde_json::json;

    use super::*;

    fn call(id: u32, name: &str) -> Call {
        Call { id, name: name.to_owned(), args: "{}".to_owned(), after: 0 }
    }

    /// A guest that has made the call 1 of `a` before and has logged one line.
    fn rebuilt() -> Said {
        Said::new(Commands::new(vec![Made::from(&call(1, "a"))], Vec::new()), 1)
    }

    fn asked(calls: Vec<Call>, blocked: bool) -> Asked {
        let line = |text: &str| Log { level: 3, message: text.to_owned(), after: 0 };
        Asked { calls, logs: vec![line("old"), line("new")], blocked, ..Asked::default() }
    }

    fn all(said: &mut Said) -> Vec<GuestEvent> {
        std::iter::from_fn(|| said.next()).collect()
    }

    fn failure(kind: FailureKind) -> Event {
        let failure = Failure { kind, message: "no".to_owned(), stack: "agent.js:3".to_owned() };
        Event::Failed { failure, last: Asked::default() }
    }

    #[test]
    fn what_is_known_is_not_said_again() {
        let mut said = rebuilt();
        said.happened(Event::Asked(asked(vec![call(1, "a"), call(2, "b")], true)));
        let new = GuestLog { level: GuestLogLevel::Error, message: "new".to_owned(), after: 0 };
        let b = GuestCall { id: 2, name: "b".to_owned(), arguments: "{}".to_owned(), after: 0 };
        let asks = GuestEvent::Asked { calls: vec![b], cancelled: Vec::new(), heard: Some(0) };
        assert_eq!(all(&mut said), [GuestEvent::Logged(vec![new]), asks]);
    }

    #[test]
    fn another_program_is_told_with_both_sides() {
        for event in [
            Event::Asked(asked(vec![call(1, "c")], true)),
            Event::Ended(End { output: "1".to_owned(), last: Asked::default() }),
            failure(FailureKind::Exception),
        ] {
            let mut said = rebuilt();
            said.happened(event);
            let Some(GuestEvent::Diverged(detail)) = all(&mut said).pop() else { panic!("it goes on") };
            assert!(detail.contains("before: call 1 of a") && detail.contains("now: "), "{detail}");
        }
        let mut said = rebuilt();
        said.happened(failure(FailureKind::Limit(Limit::Memory)));
        assert!(matches!(said.next(), Some(GuestEvent::Failed(error)) if error.code == "memory_limit"));
    }

    #[test]
    fn the_last_calls_come_before_the_end() {
        let mut said = rebuilt();
        let last = asked(vec![call(1, "a"), call(2, "b")], false);
        said.happened(Event::Ended(End { output: "{\"x\":1}".to_owned(), last }));
        let all = all(&mut said);
        assert!(matches!(&all[1], GuestEvent::Asked { calls, heard: None, .. } if calls.len() == 1), "{all:?}");
        assert_eq!(all[2], GuestEvent::Ended(json!({ "x": 1 })));
    }
}
