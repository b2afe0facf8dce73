//! The gate: actions, answers and hints leave only after the entries before them are durable.

use moltforge_bus::{Committed, Notice};
use moltforge_capabilities::llm::ModelRequest;
use moltforge_capabilities::tools::CallRequest;
use moltforge_types::ExecutionId;

use std::sync::Arc;

use super::Owner;
use crate::engine::{Action, Outcome};
use crate::shard::batch::Gated;
use crate::shard::effects;
use crate::shard::message::Reply;

type Answer = Result<moltforge_api::executions::Execution, crate::error::Error>;

impl Owner {
    /// Lets consequences wait for the batch with the execution's latest entries, or out at once when that is durable.
    pub(super) fn gate(&mut self, id: ExecutionId, outcome: Outcome, replies: Vec<(Reply, Answer)>) {
        let batch = self.hot.get(&id).map_or(0, |hot| hot.batch);
        let committed = outcome
            .entries
            .into_iter()
            .map(|recorded| Committed { seq: recorded.seq, at: recorded.at, entry: recorded.entry })
            .collect();
        let gated = Gated { execution_id: id, actions: outcome.actions, committed, replies };
        if batch <= self.committed {
            self.release(vec![gated]);
        } else if let Some(in_flight) = self.in_flight.as_mut().filter(|in_flight| in_flight.number == batch) {
            in_flight.gated.push(gated);
        } else {
            self.forming.gated.push(gated);
        }
    }

    /// Lets out what a durable batch gated.
    pub(super) fn release(&mut self, gated: Vec<Gated>) {
        for Gated { execution_id, actions, committed, replies } in gated {
            if !committed.is_empty() {
                self.shared.bus.publish(execution_id, || Notice::Committed(Arc::new(committed)));
            }
            for (reply, answer) in replies {
                // whoever asked may have gone
                let _ = reply.send(answer);
            }
            for action in actions {
                self.act(execution_id, action);
            }
            self.evict(execution_id);
        }
        self.pump();
    }

    fn act(&mut self, id: ExecutionId, action: Action) {
        let draining = self.draining.is_some();
        let Some(hot) = self.hot.get_mut(&id) else { return };
        let spec = &hot.execution.spec;
        match action {
            // a stopping node begins nothing: whoever comes after it does
            Action::CallModel { .. } | Action::CallTool { .. } | Action::ProbeTool { .. } if draining => {}
            // what was given up between the decision and the commit is not begun
            Action::CallModel { step, .. } | Action::CallTool { step, .. } | Action::ProbeTool { step, .. }
                if !hot.execution.is_in_flight(step) => {}
            Action::CallModel { step, turn, attempt } => {
                let request = ModelRequest {
                    project_id: spec.project_id,
                    execution_id: id,
                    step,
                    turn,
                    config: spec.config.clone(),
                    input: hot.execution.input.clone(),
                    messages: hot.execution.messages.clone(),
                    tools: spec.tools.clone(),
                };
                let call = effects::call_model(&self.shared, &self.events_in, request, spec.agent_id, attempt);
                hot.calls.insert(step, call);
            }
            Action::CallTool { step, tool, arguments, effect: _, idempotency_key } => {
                let request = CallRequest {
                    project_id: spec.project_id,
                    agent_id: spec.agent_id,
                    execution_id: id,
                    step,
                    tool,
                    arguments,
                    idempotency_key,
                    tools: spec.tools.clone(),
                    config: spec.config.clone(),
                };
                let call = effects::call_tool(&self.shared, &self.events_in, request);
                hot.calls.insert(step, call);
            }
            Action::ProbeTool { step, tool, arguments, idempotency_key, by } => {
                let request = CallRequest {
                    project_id: spec.project_id,
                    agent_id: spec.agent_id,
                    execution_id: id,
                    step,
                    tool,
                    arguments,
                    idempotency_key: Some(idempotency_key),
                    tools: spec.tools.clone(),
                    config: spec.config.clone(),
                };
                let call = effects::probe_tool(&self.shared, &self.events_in, request, by);
                hot.calls.insert(step, call);
            }
            Action::Abort { steps } => {
                for step in steps {
                    if let Some(call) = hot.calls.remove(&step) {
                        call.abort();
                    }
                }
            }
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
