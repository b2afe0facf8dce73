//! An execution under test, with a time that moves by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use moltforge_api::AgentConfig;
use moltforge_types::conversation::{Message, ToolCall, Usage};
use moltforge_types::execution::ProbeOutcome;
use moltforge_types::journal::{Entry, ErrorInfo};
use moltforge_types::{AgentId, ExecutionId, Id as _, ProjectId, Timestamp, VersionId};
use serde_json::{Value, json};

use crate::engine::replay::{Journaled, Options, replay};
use crate::engine::{
    Action, Answer, Ask, Command, Context, EffectKeys, Execution, Hold, ModelAnswer, ModelFailure, Outcome,
    ProbeReport, Recorded, Refusal, Spec, Start, ToolFailure, apply, approval,
};

pub(super) struct Run {
    pub(super) execution: Execution,
    pub(super) journal: Vec<Recorded>,
    pub(super) now: Timestamp,
    spec: Arc<Spec>,
    /// Whether there is a running slot for it.
    pub(super) slot: bool,
    /// What holds its agent or project.
    pub(super) hold: Option<Hold>,
    /// How often each tool call was sent, by its step.
    pub(super) sent: BTreeMap<u32, u32>,
    /// Steps of which the other side is being asked. What is on its way for them is no call.
    probing: BTreeSet<u32>,
    /// Its owner before stopped in order.
    pub(super) handed_over: bool,
    /// Something was written that the engine does not write.
    forged: bool,
}

/// An agent with every built-in tool, and `pay` (at most once), `book` (keyed), `look` (read), `ship`
/// (reconcile) and `refund` (keyed), which waits for `finance` when `n` is above 10.
pub(super) fn config(change: impl FnOnce(&mut Value)) -> AgentConfig {
    let http = |name: &str, effect: &str| {
        json!({ "name": name, "description": "d", "url": "http://127.0.0.1:9/x", "effect": effect,
                "parameters": { "type": "object", "properties": { "n": { "type": "integer" } } } })
    };
    let mut ship = http("ship", "reconcile");
    ship["probe"] = json!({ "url": "http://127.0.0.1:9/x?key={idempotency_key}", "settle": "20s" });
    let mut config = json!({
        "name": "test", "kind": "prompt", "model": "scripted",
        "tools": ["math.add", "time.now", "time.sleep", "state.set", "signals.wait", "approvals.request", "pay", "book",
                  "look", "refund", "ship", "agents.call", "agents.start", "agents.wait"],
        "agents": ["helper"],
        "tool": [http("pay", "at_most_once"), http("book", "keyed"), http("look", "read"), http("refund", "keyed"), ship],
        "approvals": [{ "tools": ["refund"], "approvers": ["finance"], "expires": "10m", "escalate_after": "5m",
                        "escalate_to": ["board"], "when": { "argument": "/n", "above": 10 } }],
        "script": [{ "text": "unused" }],
    });
    change(&mut config);
    serde_json::from_value(config).expect("a valid configuration")
}

impl Run {
    /// Accepted and claimed.
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut Value)) -> Self {
        let (project, agent, version) = (ProjectId::from_u128(1), AgentId::from_u128(2), VersionId::from_u128(3));
        let keys = EffectKeys::new([7; 32]);
        let spec = Arc::new(Spec::compile(project, agent, version, 1, config(change), keys).expect("compiles"));
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let start = Start {
            id: ExecutionId::from_u128(4),
            spec: spec.clone(),
            environment: None,
            input: json!("hi"),
            trigger: "api",
            origin: moltforge_types::Origin::default(),
            request_hash: None,
            copied: None,
        };
        let (execution, outcome) = start.accept(Context { now, random: 0, slot: true, hold: None, handed_over: false });
        let mut run = Self {
            execution,
            journal: outcome.entries,
            now,
            spec,
            slot: true,
            hold: None,
            sent: BTreeMap::new(),
            probing: BTreeSet::new(),
            handed_over: false,
            forged: false,
        };
        run.apply(Command::Claim { recovered: false });
        run
    }

    pub(super) fn try_apply(&mut self, command: Command) -> Result<Outcome, Refusal> {
        let outcome = apply(
            &mut self.execution,
            command,
            Context { now: self.now, random: 1, slot: self.slot, hold: self.hold, handed_over: self.handed_over },
        )?;
        self.journal.extend(outcome.entries.iter().cloned());
        for step in called(&outcome) {
            self.probing.remove(&step);
            *self.sent.entry(step).or_default() += 1;
        }
        self.probing.extend(probes(&outcome));
        self.assert_replays();
        Ok(outcome)
    }

    pub(super) fn apply(&mut self, command: Command) -> Outcome {
        self.try_apply(command).expect("accepted")
    }

    pub(super) fn wait(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    /// The model replies to the call in flight.
    pub(super) fn reply(&mut self, text: &str, calls: &[(&str, Value)]) -> Outcome {
        let tool_calls = calls
            .iter()
            .enumerate()
            .map(|(index, (tool, arguments))| ToolCall {
                call_id: format!("c{}-{index}", self.execution.turns),
                tool: (*tool).to_owned(),
                arguments: match arguments {
                    Value::String(raw) => raw.clone(),
                    other => other.to_string(),
                },
            })
            .collect();
        let usage = Usage { input_tokens: 10, cached_tokens: 0, output_tokens: 5 };
        let answer = ModelAnswer { text: text.to_owned(), tool_calls, usage };
        let (step, started_at) = (self.execution.next_step, self.now);
        self.apply(Command::ModelAnswered { step, started_at, result: Ok(answer) })
    }

    pub(super) fn model_fails(&mut self, transient: bool) -> Outcome {
        let error = ErrorInfo::new("model_overloaded", "try later");
        let (step, started_at) = (self.execution.next_step, self.now);
        let result = Err(ModelFailure { error, transient, retry_after: None });
        self.apply(Command::ModelAnswered { step, started_at, result })
    }

    pub(super) fn tool_answers(&mut self, step: u32, output: Value) -> Outcome {
        if self.probing.contains(&step) {
            // the call of before is gone with its owner, or has answered
            return Outcome::default();
        }
        self.apply(Command::ToolAnswered { step, started_at: self.now, result: Ok(output) })
    }

    pub(super) fn tool_fails(&mut self, step: u32, outcome_unknown: bool) -> Outcome {
        if self.probing.contains(&step) {
            return Outcome::default();
        }
        let error = ErrorInfo::new("connection_lost", "gone");
        self.apply(Command::ToolAnswered {
            step,
            started_at: self.now,
            result: Err(ToolFailure { error, outcome_unknown }),
        })
    }

    /// The other side answers a probe.
    pub(super) fn probed(&mut self, step: u32, outcome: ProbeOutcome) -> Outcome {
        if !self.probing.remove(&step) {
            return Outcome::default();
        }
        let report = ProbeReport { outcome, output: json!("probed"), detail: None };
        self.apply(Command::ProbeAnswered { step, report, by: None })
    }

    /// The request that waits at a step.
    pub(super) fn ask(&self, step: u32) -> Ask {
        let mut waiting = approval::waiting(&self.execution);
        waiting.find(|(call, _)| call.step == step).map(|(_, ask)| ask.clone()).expect("a request waits")
    }

    /// An entry that the engine did not write.
    pub(super) fn forge(&mut self, entry: Entry) {
        self.forged = true;
        let recorded = Recorded { seq: self.execution.seq + 1, at: self.now, entry };
        self.execution.record(&recorded);
        self.journal.push(recorded);
    }

    /// Somebody approves a request that may no longer wait.
    pub(super) fn decide_with(&mut self, ask: Ask, who: &str) -> Result<Outcome, Refusal> {
        let answer = Answer {
            approval_id: ask.approval_id,
            call_sha256: ask.call_sha256,
            approve: true,
            arguments: None,
            form: None,
            note: None,
            names: vec![who.to_owned()],
            by: who.to_owned(),
        };
        self.try_apply(Command::Decide(Box::new(answer)))
    }

    /// Somebody decides about the request at a step.
    pub(super) fn decide(
        &mut self,
        step: u32,
        who: &str,
        change: impl FnOnce(&mut Answer),
    ) -> Result<Outcome, Refusal> {
        let ask = self.ask(step);
        let mut answer = Answer {
            approval_id: ask.approval_id,
            call_sha256: ask.call_sha256,
            approve: true,
            arguments: None,
            form: None,
            note: None,
            names: vec![who.to_owned()],
            by: who.to_owned(),
        };
        change(&mut answer);
        self.try_apply(Command::Decide(Box::new(answer)))
    }

    /// The server dies, and another one takes over: what was in memory is gone.
    pub(super) fn crash(&mut self) -> Outcome {
        self.execution = self.replayed();
        self.probing.clear();
        self.apply(Command::Claim { recovered: true })
    }

    /// The server was told to stop, and did.
    pub(super) fn restart(&mut self) -> Outcome {
        self.handed_over = true;
        let outcome = self.crash();
        self.handed_over = false;
        outcome
    }

    pub(super) fn replayed(&self) -> Execution {
        let mut replayed = Execution::empty(self.execution.id, self.spec.clone());
        for recorded in &self.journal {
            replayed.record(recorded);
        }
        replayed
    }

    /// The journal as it is stored.
    pub(super) fn journaled(&self) -> Vec<Journaled> {
        let bytes = |recorded: &Recorded| serde_json::to_vec(&recorded.entry).expect("json").len() as u64;
        self.journal.iter().map(|r| Journaled { recorded: r.clone(), bytes: bytes(r) }).collect()
    }

    /// The engine writes the same again.
    pub(super) fn assert_same_again(&self) {
        let replayed = replay(self.execution.id, &self.spec, &self.journaled(), Options::default());
        let replayed = replayed.unwrap_or_else(|difference| panic!("{difference:#?}\n{:#?}", self.journal));
        assert_eq!((replayed.seq, replayed.state), (self.execution.seq, self.execution.state));
    }

    /// A snapshot at any entry with the entries after it is the fold of all, to the byte.
    pub(super) fn assert_snapshots(&self) {
        let bytes = |execution: &Execution| serde_json::to_string(execution).expect("json");
        let whole = bytes(&self.replayed());
        let mut folded = Execution::empty(self.execution.id, self.spec.clone());
        for at in 0..self.journal.len() {
            let mut loaded: Execution = serde_json::from_str(&bytes(&folded)).expect("a snapshot");
            loaded.spec = self.spec.clone();
            self.journal[at..].iter().for_each(|recorded| loaded.record(recorded));
            assert_eq!(bytes(&loaded), whole, "a snapshot after entry {at}");
            folded.record(&self.journal[at]);
        }
    }

    /// The fold of the journal is the state, whatever the command was.
    fn assert_replays(&self) {
        let mut replayed = self.replayed();
        replayed.in_flight.clone_from(&self.execution.in_flight);
        replayed.in_line.clone_from(&self.execution.in_line);
        replayed.guest_heard = self.execution.guest_heard;
        replayed.guest_parked = self.execution.guest_parked;
        replayed.aborting.clone_from(&self.execution.aborting);
        // a decision is used up by the command that carries it
        replayed.unknown_effects.clone_from(&self.execution.unknown_effects);
        assert_eq!(format!("{replayed:?}"), format!("{:?}", self.execution));
    }

    pub(super) fn kinds(&self) -> Vec<&'static str> {
        self.journal.iter().map(|recorded| recorded.entry.event_type()).collect()
    }

    pub(super) fn last(&self) -> &Entry {
        &self.journal.last().expect("an entry").entry
    }

    /// The latest message of the conversation.
    pub(super) fn last_message(&self) -> &Message {
        self.execution.messages.last().expect("a message")
    }
}

/// The steps of the tool calls that an outcome asks for.
pub(super) fn called(outcome: &Outcome) -> Vec<u32> {
    outcome
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::CallTool { step, .. } => Some(*step),
            _ => None,
        })
        .collect()
}

/// The steps that an outcome asks the other side about.
pub(super) fn probes(outcome: &Outcome) -> Vec<u32> {
    let probe = |action: &Action| match action {
        Action::ProbeTool { step, .. } => Some(*step),
        _ => None,
    };
    outcome.actions.iter().filter_map(probe).collect()
}

/// Whether an outcome asks for a model call.
pub(super) fn calls_model(outcome: &Outcome) -> bool {
    outcome.actions.iter().any(|action| matches!(action, Action::CallModel { .. }))
}

/// Every test ends with a replay of what happened in it: a rule that does not follow from the journal is seen at once.
impl Drop for Run {
    fn drop(&mut self) {
        if !std::thread::panicking() && !self.forged {
            self.assert_same_again();
        }
    }
}
