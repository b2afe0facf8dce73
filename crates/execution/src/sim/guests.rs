//! Guests without a sandbox: programs made from a seed, which ask for calls in parallel, hear answers in any order, give up,
//! log, return and fail. What a program does follows from its seed and from what it has heard, and from nothing else.

use std::collections::{BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use async_trait::async_trait;
use moltforge_types::ContentHash;
use moltforge_types::ExecutionId;
use moltforge_types::journal::{ErrorInfo, GuestCall, GuestCancel, GuestLog, GuestLogLevel};
use serde_json::{Value, json};

use super::dice::Dice;
use super::node::Process;
use super::plan::Kind;
use super::state::State;
use crate::engine::{GuestEvent, GuestLife, Heard, Made};
use crate::guests::{Guest, GuestStart};

/// A program, as far as it has come.
pub(super) struct Program {
    dice: Dice,
    open: BTreeSet<u32>,
    children: Vec<Value>,
    turns: u64,
    heard: u32,
    pub(super) calls: Vec<GuestCall>,
    pub(super) cancelled: Vec<GuestCancel>,
    logs: Vec<GuestLog>,
    pub(super) end: Option<Result<Value, ErrorInfo>>,
}

impl Program {
    /// At the place where it waits for the answer after these.
    pub(super) fn after(seed: [u8; 32], heard: &[Heard]) -> Self {
        let mut first = [0; 8];
        first.copy_from_slice(&seed[..8]);
        let dice = Dice::new(u64::from_le_bytes(first), 11);
        let turns = 1 + dice.below(4);
        let (open, children) = (BTreeSet::new(), Vec::new());
        let (calls, cancelled, logs) = (Vec::new(), Vec::new(), Vec::new());
        let mut program = Self { dice, open, children, turns, heard: 0, calls, cancelled, logs, end: None };
        program.log("begins");
        program.turn();
        for heard in heard {
            program.hear(heard);
        }
        program
    }

    fn hear(&mut self, heard: &Heard) {
        self.heard += 1;
        if self.end.is_some() || !self.open.remove(&heard.id) {
            return;
        }
        let mut hasher = DefaultHasher::new();
        (self.dice.next(), heard.id, heard.at.as_micros(), heard.ok, &heard.content).hash(&mut hasher);
        self.dice = Dice::new(hasher.finish(), 12);
        let value: Option<Value> = serde_json::from_str(&heard.content).ok();
        self.children.extend(value.as_ref().and_then(|value| value.get("execution_id")).cloned());
        if self.dice.chance(100) {
            self.log("hears");
        }
        if self.dice.chance(100) {
            self.give_up();
        }
        if self.dice.chance(150) {
            self.ask();
        }
        if self.open.is_empty() || self.dice.chance(80) {
            self.turn();
        }
        // so that nobody waits for ever for what nobody will send
        while self.end.is_none() && self.open.is_empty() {
            self.turn();
        }
    }

    fn turn(&mut self) {
        if self.turns == 0 || self.dice.chance(30) {
            self.end = Some(if self.dice.chance(50) {
                Err(ErrorInfo::new("guest_exception", "simulated"))
            } else {
                Ok(json!({ "heard": self.heard, "last": self.dice.next().to_string() }))
            });
            return;
        }
        self.turns -= 1;
        for _ in 0..=self.dice.below(if self.dice.chance(50) { 12 } else { 3 }) {
            self.ask();
        }
    }

    fn log(&mut self, message: &str) {
        let (level, message) = (GuestLogLevel::Info, message.to_owned());
        self.logs.push(GuestLog { level, message, after: self.heard });
    }

    fn give_up(&mut self) {
        let open: Vec<u32> = self.open.iter().copied().collect();
        if let Some(id) = self.dice.pick(&open).copied() {
            self.open.remove(&id);
            self.cancelled.push(GuestCancel { id, after: self.heard });
        }
    }

    fn ask(&mut self) {
        let dice = &self.dice;
        let n = json!({ "n": dice.below(9) });
        let reply = self.calls.iter().rev().find(|call| call.name == "llm.complete").map(|call| call.id);
        let (name, arguments) = match dice.below(24) {
            0 | 1 => ("math.add", json!({ "a": dice.below(9), "b": 2 })),
            2..=4 => ("look", n),
            5 | 6 => ("book", n),
            7 | 8 => ("pay", n),
            9 => ("ship", n),
            10 => ("stock", n),
            11 | 12 => ("timer", json!({ "ms": dice.millis(0, 20_000).as_millis() as u64 })),
            13 => ("time.sleep", json!({ "duration": "2s" })),
            14 | 15 => {
                let timeout = format!("{}s", 1 + dice.below(60));
                ("signals.wait", json!({ "name": format!("s{}", dice.below(3)), "timeout": timeout }))
            }
            16 => ("state.set", json!({ "key": format!("k{}", dice.below(3)), "value": dice.below(99) })),
            17 => ("state.get", json!({ "key": format!("k{}", dice.below(3)) })),
            18 => (["refund", "wire", "peek"][dice.below(3) as usize], n),
            19 => ("approvals.request", json!({ "title": "May I?", "expires": "30s" })),
            20 if dice.chance(400) => ("agents.start", json!({ "agent": "hasty", "input": 1 })),
            21 if dice.chance(400) => ("agents.call", json!({ "agent": "short", "input": 2, "timeout": "40s" })),
            22 if !self.children.is_empty() => {
                ("agents.wait", json!({ "executions": self.children, "timeout": "30s" }))
            }
            23 if dice.chance(300) => ("nothing.there", json!({})),
            23 if reply.is_some() && dice.chance(600) => ("llm.chunk", json!({ "call": reply })),
            23 => ("llm.complete", json!({ "messages": [{ "role": "user", "content": "hi" }] })),
            _ => ("math.add", json!("not what it takes")),
        };
        let id = u32::try_from(self.calls.len()).unwrap_or(u32::MAX) + 1;
        self.open.insert(id);
        let call = GuestCall { id, name: name.to_owned(), arguments: arguments.to_string(), after: self.heard };
        self.calls.push(call);
    }

    /// Whether it asked for all that a journal says, in this order; what it asks for behind that is new.
    pub(super) fn agrees_with(&self, life: &GuestLife) -> bool {
        let made = |call: &GuestCall| Made {
            id: call.id,
            name: call.name.clone(),
            arguments: ContentHash::of(call.arguments.as_bytes()),
            after: call.after,
        };
        self.calls.len() >= life.calls.len()
            && self.calls.iter().zip(&life.calls).all(|(now, before)| made(now) == *before)
            && self.cancelled.len() >= life.cancelled.len()
            && self.cancelled.iter().zip(&life.cancelled).all(|(now, before)| now == before)
    }
}

/// A program that runs.
pub(super) struct SimGuest {
    state: Arc<State>,
    process: Arc<Process>,
    execution_id: ExecutionId,
    program: Program,
    /// Calls, cancellations and lines of its log that were told.
    told: (usize, usize, usize),
    events: VecDeque<GuestEvent>,
}

impl SimGuest {
    /// Builds it again from what it has heard; it must have asked for the same.
    pub(super) fn build(state: Arc<State>, process: Arc<Process>, start: &GuestStart) -> Result<Self, GuestEvent> {
        if state.strikes(Kind::Worker) {
            return Err(lost());
        }
        let (program, life) = (Program::after(start.seed, &start.life.heard), &start.life);
        if !program.agrees_with(life) {
            let id = start.execution_id;
            state
                .violated("guest", format!("rebuilt, the guest of {id} asks for something else than {:?}", life.calls));
            return Err(GuestEvent::Diverged("it does something else".to_owned()));
        }
        let told = (life.calls.len(), life.cancelled.len(), life.logged as usize);
        let (execution_id, events) = (start.execution_id, VecDeque::new());
        let mut guest = Self { state, process, execution_id, program, told, events };
        guest.tell();
        Ok(guest)
    }

    /// What is new since it was last heard of.
    fn tell(&mut self) {
        let Program { calls, cancelled, logs, end, heard, .. } = &self.program;
        let new = logs.get(self.told.2..).unwrap_or_default();
        if !new.is_empty() {
            self.events.push_back(GuestEvent::Logged(new.to_vec()));
        }
        let (new, given_up) = (calls[self.told.0..].to_vec(), cancelled[self.told.1..].to_vec());
        let waits = end.is_none().then_some(*heard);
        if waits.is_some() || !new.is_empty() || !given_up.is_empty() {
            self.events.push_back(GuestEvent::Asked { calls: new, cancelled: given_up, heard: waits });
        }
        self.told = (calls.len(), cancelled.len(), logs.len().max(self.told.2));
        match end {
            Some(Ok(output)) => self.events.push_back(GuestEvent::Ended(output.clone())),
            Some(Err(error)) => self.events.push_back(GuestEvent::Failed(error.clone())),
            None => {}
        }
    }
}

fn lost() -> GuestEvent {
    GuestEvent::Lost(ErrorInfo::new("worker_lost", "simulated"))
}

#[async_trait]
impl Guest for SimGuest {
    async fn next(&mut self) -> GuestEvent {
        let computes = self.state.outside.millis(0, 40);
        if !computes.is_zero() {
            tokio::time::sleep(computes).await;
        }
        self.process.alive().await;
        let Some(event) = self.events.pop_front() else { return std::future::pending().await };
        if self.state.strikes(Kind::Worker) {
            return lost();
        }
        self.state.trace(|| format!("node {}: the guest of {} {event:?}", self.process.slot, self.execution_id));
        event
    }

    fn hear(&mut self, heard: Heard) {
        self.program.hear(&heard);
        self.tell();
    }
}
