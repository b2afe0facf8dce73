//! Programs without a sandbox: what they ask for is a list of stages, each of which begins when all before it is answered.

use std::collections::{BTreeSet, VecDeque};

use async_trait::async_trait;
use moltforge_execution::guests::{Guest, GuestEvent, GuestStart, Guests, Heard};
use moltforge_types::ContentHash;
use moltforge_types::journal::{GuestCall, GuestLog, GuestLogLevel};
use serde_json::{Value, json};

/// Runs the programs of this file.
pub(crate) struct Programs;

/// The program of every code agent of these tests.
fn stages() -> Vec<Vec<(&'static str, Value)>> {
    vec![
        vec![("look", json!({})), ("book", json!({})), ("timer", json!({ "ms": 30 }))],
        vec![("signals.wait", json!({ "name": "go" })), ("nothing.there", json!({}))],
        vec![("time.sleep", json!({ "duration": "1200ms" }))],
        vec![("book", json!({ "n": 2 })), ("state.set", json!({ "key": "k", "value": 1 }))],
    ]
}

struct Program {
    calls: Vec<GuestCall>,
    open: BTreeSet<u32>,
    stages: VecDeque<Vec<(&'static str, Value)>>,
    heard: Vec<(u32, bool)>,
    ended: bool,
    events: VecDeque<GuestEvent>,
    /// Calls that were told before.
    told: usize,
}

impl Program {
    fn next_stage(&mut self) {
        let Some(stage) = self.stages.pop_front() else {
            self.ended = true;
            return;
        };
        for (name, arguments) in stage {
            let id = u32::try_from(self.calls.len()).expect("few") + 1;
            let after = u32::try_from(self.heard.len()).expect("few");
            self.open.insert(id);
            self.calls.push(GuestCall { id, name: name.to_owned(), arguments: arguments.to_string(), after });
        }
    }

    fn heard(&mut self, heard: &Heard) {
        assert!(self.open.remove(&heard.id), "an answer to no call: {heard:?}");
        self.heard.push((heard.id, heard.ok));
        if self.open.is_empty() {
            self.next_stage();
        }
    }

    fn tell(&mut self) {
        let calls = self.calls.split_off(self.told.min(self.calls.len()));
        self.calls.extend(calls.iter().cloned());
        self.told = self.calls.len();
        if self.ended {
            // answers may come in any order; what was answered may not differ
            let mut heard = self.heard.clone();
            heard.sort_unstable();
            self.events.push_back(GuestEvent::Ended(json!(heard)));
        } else {
            let heard = u32::try_from(self.heard.len()).ok();
            self.events.push_back(GuestEvent::Asked { calls, cancelled: Vec::new(), heard });
        }
    }
}

#[async_trait]
impl Guests for Programs {
    async fn guest(&self, start: GuestStart) -> Result<Box<dyn Guest>, GuestEvent> {
        let (stages, life) = (stages().into(), start.life);
        let (calls, open, heard, events) = (Vec::new(), BTreeSet::new(), Vec::new(), VecDeque::new());
        let mut program = Program { calls, open, stages, heard, ended: false, events, told: life.calls.len() };
        program.next_stage();
        life.heard.iter().for_each(|heard| program.heard(heard));
        let agrees = life.calls.iter().zip(&program.calls).all(|(before, now)| {
            let arguments = ContentHash::of(now.arguments.as_bytes());
            (before.id, &before.name, before.arguments, before.after) == (now.id, &now.name, arguments, now.after)
        });
        assert!(agrees && program.calls.len() >= life.calls.len(), "rebuilt, it asks for something else: {life:?}");
        if life.logged == 0 {
            let begins = GuestLog { level: GuestLogLevel::Info, message: "begins".to_owned(), after: 0 };
            program.events.push_back(GuestEvent::Logged(vec![begins]));
        }
        program.tell();
        Ok(Box::new(program))
    }
}

#[async_trait]
impl Guest for Program {
    async fn next(&mut self) -> GuestEvent {
        match self.events.pop_front() {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }

    fn hear(&mut self, heard: Heard) {
        Self::heard(self, &heard);
        self.tell();
    }
}
