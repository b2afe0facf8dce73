//! The gate: actions, answers and hints leave only after the entries before them are durable.

use std::sync::Arc;

use moltforge_bus::{Committed, Notice};
use moltforge_capabilities::llm::ModelRequest;
use moltforge_capabilities::tools::CallRequest;
use moltforge_store::Message;
use moltforge_types::journal::Entry;
use moltforge_types::{ExecutionId, Origin, Parent};
use serde_json::Value;

use super::Owner;
use crate::children::Child;
use crate::engine::{Action, Command, Execution, GUEST_STEP, GuestEvent, Outcome};
use crate::fairness::calls::{Caller, Slot};
use crate::mutation::{Mutation, mutated};
use crate::shard::batch::Gated;
use crate::shard::effects;
use crate::shard::guests;
use crate::shard::hot::{Call, Feed, Hot};
use crate::shard::message::{Asker, Event, Reply};

type Answer = Result<moltforge_api::executions::Execution, crate::error::Error>;

impl Owner {
    /// Lets consequences wait for the batch with the execution's latest entries, or out at once when that is durable.
    pub(super) fn gate(&mut self, id: ExecutionId, outcome: Outcome, replies: Vec<(Reply, Answer)>) {
        self.gate_with(id, outcome, replies, Vec::new());
    }

    /// The same with messages, which are rows of the forming batch.
    pub(super) fn gate_with(
        &mut self,
        id: ExecutionId,
        outcome: Outcome,
        replies: Vec<(Reply, Answer)>,
        messages: Vec<Message>,
    ) {
        let batch = self.hot.get(&id).map_or(0, |hot| hot.batch);
        let committed = outcome
            .entries
            .into_iter()
            .map(|recorded| Committed { seq: recorded.seq, at: recorded.at, entry: recorded.entry })
            .collect();
        let gated = Gated { execution_id: id, actions: outcome.actions, committed, replies, messages };
        if batch <= self.committed || mutated(Mutation::NoGate) {
            self.release(vec![gated]);
        } else if let Some(in_flight) = self.in_flight.as_mut().filter(|in_flight| in_flight.number == batch) {
            in_flight.gated.push(gated);
        } else {
            self.forming.gated.push(gated);
        }
    }

    /// Lets out what a durable batch gated.
    pub(super) fn release(&mut self, gated: Vec<Gated>) {
        for Gated { execution_id, actions, committed, replies, messages } in gated {
            if !committed.is_empty() {
                // the next fire of its trigger may wait for this end
                if self.hot.get(&execution_id).is_some_and(Hot::has_ended_for_trigger) {
                    self.shared.listeners.hint();
                }
                self.replay(execution_id, &committed);
                self.shared.bus.publish(execution_id, || Notice::Committed(Arc::new(committed)));
            }
            for (reply, answer) in replies {
                // whoever asked may have gone
                let _ = reply.send(answer);
            }
            for message in messages {
                if self.shards.contains(&message.shard) {
                    // not at once: a receiver may send in turn
                    let _ = self.events_in.send(Event::Message(message));
                } else {
                    self.router.poke(message);
                }
            }
            for action in actions {
                self.act(execution_id, action);
            }
            self.keep_snapshot(execution_id);
            self.evict(execution_id);
        }
        self.pump();
    }

    /// Runs the program again whose execution has come to rest, where that is asked for.
    fn replay(&self, id: ExecutionId, committed: &[Committed]) {
        let rests =
            |entry: &Entry| matches!(entry, Entry::Suspended { .. } | Entry::Completed { .. } | Entry::Failed { .. });
        if !self.shared.config.replay_at_once || !committed.iter().any(|committed| rests(&committed.entry)) {
            return;
        }
        if let Some(hot) = self.hot.get(&id).filter(|hot| hot.execution.spec.is_code()) {
            crate::guests::replay::at_once(self.shared.clone(), id, hot.execution.spec.clone());
        }
    }

    fn act(&mut self, id: ExecutionId, action: Action) {
        let draining = self.draining.is_some();
        let (shared, events, authority) = (self.shared.clone(), self.events_in.clone(), self.authority.clone());
        self.calls_made += 1;
        let number = self.calls_made;
        let outlet = effects::Outlet { shared, events, authority, call: number };
        let Some(hot) = self.hot.get(&id) else { return };
        // what has an intent leaves, from a stopping node as well, or its outcome would be unknown
        let has_intent = matches!(&action, Action::CallTool { idempotency_key: Some(_), .. });
        let begins = !matches!(action, Action::ProbeTool { .. } | Action::Abort { .. });
        let spec = &hot.execution.spec;
        if begins && !has_intent && self.shared.holds.of(spec.project_id, spec.agent_id).is_some() {
            // it was held between the decision and the commit: with that it is given up
            self.apply(id, Command::Hold, Asker::Nobody);
        }
        let Some(hot) = self.hot.get_mut(&id) else { return };
        let spec = &hot.execution.spec;
        // back in line's hands when its call does not begin
        let slot = match &action {
            Action::CallTool { step, .. } => hot.slots.remove(step),
            _ => None,
        };
        match action {
            // a stopping node begins nothing: whoever comes after it does; nor does one whose shards may be another's by
            // now, whose loop ends; nor what was given up between the decision and the commit
            Action::RunGuest if draining || !self.authority.holds() || !hot.execution.is_in_flight(GUEST_STEP) => {}
            Action::CallModel { step, .. }
            | Action::TakeSlot { step, .. }
            | Action::CallTool { step, .. }
            | Action::ReadReply { step, .. }
            | Action::ProbeTool { step, .. }
            | Action::StartChild { step, .. }
                if (draining && !has_intent) || !self.authority.holds() || !hot.execution.is_in_flight(step) => {}
            Action::CallModel { step, turn, attempt } => {
                let request = model_request(&hot.execution, step, turn);
                let task = effects::call_model(outlet, request, spec.agent_id, attempt);
                hot.calls.insert(step, Call { number, task });
            }
            Action::RunGuest => {
                let start = hot.execution.guest_start();
                let fed = start.life.heard.len();
                let (task, to) = guests::run(outlet, start);
                hot.calls.insert(GUEST_STEP, Call { number, task });
                hot.feed = Some(Feed { to, fed });
            }
            Action::TakeSlot { step, tool } => {
                let limit = spec.tools.get(&tool).and_then(|tool| tool.concurrency).unwrap_or(u32::MAX);
                let (project_id, agent_id) = (spec.project_id, spec.agent_id);
                let caller = Caller { project_id, agent_id, execution_id: id, step };
                let task = effects::take_slot(outlet, caller, &tool, limit);
                hot.calls.insert(step, Call { number, task });
            }
            Action::CallTool { step, tool, arguments, effect: _, idempotency_key } => {
                let request = call_request(&hot.execution, step, tool, arguments, idempotency_key);
                let task = effects::call_tool(outlet, request, slot);
                hot.calls.insert(step, Call { number, task });
            }
            Action::ReadReply { step, of, place } => {
                let task = effects::read_reply(outlet, (id, step), of, place);
                hot.calls.insert(step, Call { number, task });
            }
            Action::ProbeTool { step, tool, arguments, idempotency_key, by } => {
                let request = call_request(&hot.execution, step, tool, arguments, Some(idempotency_key));
                let task = effects::probe_tool(outlet, request, by);
                hot.calls.insert(step, Call { number, task });
            }
            Action::StartChild { step, child_id, agent, input } => {
                let origin = &hot.execution.origin;
                let parent = Parent {
                    execution_id: id,
                    shard: hot.shard,
                    step,
                    root_id: origin.parent.as_ref().map_or(id, |parent| parent.root_id),
                    depth: hot.execution.depth() + 1,
                };
                let origin = Origin {
                    parent: Some(parent),
                    chain_depth: origin.chain_depth,
                    priority: origin.priority,
                    ..Origin::default()
                };
                let environment = hot.environment.clone();
                let child = Child { project_id: spec.project_id, id: child_id, agent, environment, input, origin };
                let task = effects::start_child(outlet, &self.router, (id, step), child);
                hot.calls.insert(step, Call { number, task });
            }
            Action::Abort { steps } => {
                for step in steps {
                    match hot.calls.remove(&step) {
                        Some(call) => call.abort(),
                        // it never was on its way
                        None => {
                            let _ = self.events_in.send(Event::CallGone { execution_id: id, step, call: None });
                        }
                    }
                }
            }
        }
    }

    /// A guest did something. One that was given up, or that another one has replaced, is not heard.
    pub(super) fn guest_did(&mut self, id: ExecutionId, call: u64, event: GuestEvent) {
        let Some(hot) = self.hot.get_mut(&id) else { return };
        let ends = !matches!(event, GuestEvent::Asked { .. } | GuestEvent::Logged(_));
        if hot.calls.get(&GUEST_STEP).is_none_or(|current| current.number != call) {
            if ends {
                self.ended(id, GUEST_STEP);
            }
            return;
        }
        if ends {
            hot.calls.remove(&GUEST_STEP);
            hot.feed = None;
        }
        self.apply(id, Command::Guest(event), Asker::Nobody);
    }

    /// A call in line has got its slot. It keeps it until it leaves with its intent's commit.
    pub(super) fn slot_taken(&mut self, id: ExecutionId, step: u32, call: u64, slot: Slot) {
        let Some(hot) = self.hot.get_mut(&id) else { return };
        // it was given up when its slot was on the way, and another one may be in line in its place
        if hot.calls.get(&step).is_none_or(|current| current.number != call) {
            drop(slot);
            return self.ended(id, step);
        }
        hot.calls.remove(&step);
        hot.slots.insert(step, slot);
        self.apply(id, Command::SlotTaken { step }, Asker::Nobody);
        if let Some(hot) = self.hot.get_mut(&id)
            && !hot.execution.is_in_flight(step)
        {
            hot.slots.remove(&step);
        }
    }

    /// Drops an execution from memory when nothing moves in it and all of it is durable.
    pub(super) fn evict(&mut self, id: ExecutionId) {
        let Some(hot) = self.hot.get(&id) else { return };
        if hot.is_evictable() && hot.batch <= self.committed && hot.watchers.is_empty() {
            self.hot.remove(&id);
        }
    }
}

/// The next model call of a prompt agent, or the one that a program asks for.
fn model_request(execution: &Execution, step: u32, turn: u32) -> ModelRequest {
    let (spec, input) = (&execution.spec, execution.input.clone());
    let (project_id, execution_id) = (spec.project_id, execution.id);
    let (config, messages, tools) = match execution.completion(step) {
        Some(own) => (own.config, own.messages, Arc::default()),
        None => (spec.config.clone(), execution.messages.clone(), spec.tools.clone()),
    };
    ModelRequest { project_id, execution_id, step, turn, config, input, messages, tools }
}

fn call_request(
    execution: &Execution,
    step: u32,
    tool: String,
    arguments: Value,
    idempotency_key: Option<String>,
) -> CallRequest {
    let spec = &execution.spec;
    CallRequest {
        project_id: spec.project_id,
        agent_id: spec.agent_id,
        execution_id: execution.id,
        step,
        tool,
        arguments,
        idempotency_key,
        chain_depth: execution.origin.chain_depth.saturating_add(1),
        tools: spec.tools.clone(),
        config: spec.config.clone(),
    }
}
