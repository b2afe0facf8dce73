//! `llm.complete`: a model call that a program asks for. It is a step like a tool's, journaled and booked like the model
//! calls of a prompt agent.

use std::sync::Arc;

use moltforge_api::AgentConfig;
use moltforge_types::Timestamp;
use moltforge_types::conversation::{Message, Usage};
use moltforge_types::journal::{Entry, ErrorInfo};
use serde::Deserialize;
use serde_json::json;

use super::model_answered::micros;
use super::state::{Execution, Pending, PendingState};
use super::{Action, Context, ModelAnswer, Outcome, advance};

/// The capability.
pub(crate) const COMPLETE: &str = "llm.complete";

/// What a program may say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    messages: Vec<Said>,
    #[serde(default)]
    system: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    temperature: Option<f64>,
    #[serde(default)]
    max_output_tokens: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    role: String,
    content: String,
}

/// A model call, ready to be made.
pub(crate) struct Completion {
    pub(crate) config: Arc<AgentConfig>,
    pub(crate) messages: Vec<Arc<Message>>,
}

/// What arguments mean for an agent.
pub(crate) fn of(config: &Arc<AgentConfig>, arguments: &str) -> Result<Completion, ErrorInfo> {
    let invalid = |message: String| ErrorInfo::new("tool_arguments_invalid", message);
    let wanted: Arguments = serde_json::from_str(arguments).map_err(|error| invalid(error.to_string()))?;
    if config.model.is_empty() {
        return Err(ErrorInfo::new("model_unknown", "the agent's file names no `model` for llm.complete"));
    }
    if let Some(other) = wanted.model.filter(|model| *model != config.model) {
        let message = format!("the agent's file grants {:?}, not {other:?}", config.model);
        return Err(ErrorInfo::new("model_unknown", message));
    }
    if wanted.temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
        return Err(invalid("temperature is 0.0 to 2.0".to_owned()));
    }
    let mut instructions = wanted.system.unwrap_or_default();
    let mut messages = Vec::with_capacity(wanted.messages.len());
    for Said { role, content } in wanted.messages {
        match role.as_str() {
            "system" if messages.is_empty() => {
                instructions.push_str(if instructions.is_empty() { "" } else { "\n\n" });
                instructions.push_str(&content);
            }
            "user" => messages.push(Arc::new(Message::User { text: content })),
            "assistant" => messages.push(Arc::new(Message::Assistant { text: content, tool_calls: Vec::new() })),
            _ => {
                return Err(invalid(format!(
                    "a message of the role {role:?}: expected system (first), user, assistant"
                )));
            }
        }
    }
    if messages.is_empty() {
        return Err(invalid("there is no message of a user".to_owned()));
    }
    let changes = !instructions.is_empty() || wanted.temperature.is_some() || wanted.max_output_tokens.is_some();
    let config = if changes {
        let mut own = AgentConfig::clone(config);
        if !instructions.is_empty() {
            own.instructions = instructions;
        }
        own.parameters.temperature = wanted.temperature.or(own.parameters.temperature);
        own.parameters.max_output_tokens = wanted.max_output_tokens.or(own.parameters.max_output_tokens);
        Arc::new(own)
    } else {
        config.clone()
    };
    Ok(Completion { config, messages })
}

impl Execution {
    /// The model call of a program's step.
    pub(crate) fn completion(&self, step: u32) -> Option<Completion> {
        let call = self.pending.iter().find(|call| call.step == step && is_one(self, call))?;
        of(&self.spec.config, &call.arguments).ok()
    }

    /// Whether a step is a model call that a program waits for.
    pub(super) fn completes(&self, step: u32) -> bool {
        self.pending.iter().any(|call| call.step == step && is_one(self, call))
    }

    /// Model calls of a program that wait to begin.
    pub(super) fn completion_waits(&self) -> bool {
        let waits = |call: &Pending| call.state == PendingState::Open && !self.in_flight.contains(&call.step);
        self.pending.iter().any(|call| is_one(self, call) && waits(call))
    }
}

/// Whether a call is a program's model call.
pub(super) fn is_one(execution: &Execution, call: &Pending) -> bool {
    execution.spec.is_code() && call.tool == COMPLETE
}

/// Begins a model call.
pub(super) fn begin(execution: &mut Execution, call: &Pending, context: Context, out: &mut Outcome) {
    if let Err(error) = of(&execution.spec.config, &call.arguments) {
        return advance::fail(execution, call, error, true, context, out);
    }
    let others = execution.pending.iter().filter(|other| is_one(execution, other));
    let on_their_way = others.filter(|other| execution.in_flight.contains(&other.step)).count();
    let turn = execution.turns.saturating_add(u32::try_from(on_their_way).unwrap_or(u32::MAX)).saturating_add(1);
    execution.in_flight.insert(call.step);
    out.actions.push(Action::CallModel { step: call.step, turn, attempt: execution.failures + 1 });
}

/// A model's reply, for the program.
pub(super) fn replied(
    execution: &mut Execution,
    step: u32,
    started_at: Timestamp,
    answer: ModelAnswer,
    context: Context,
    out: &mut Outcome,
) {
    let entry = Entry::ModelCompleted {
        step,
        model: execution.spec.config.model.clone(),
        text: answer.text,
        // it was offered none
        tool_calls: Vec::new(),
        usage: answer.usage,
        started_at,
        duration_us: micros(context.now.since(started_at)),
    };
    execution.write(entry, context, out);
    advance::apply(execution, context, out);
}

/// What the program hears of a reply. Its attempt tells which pieces of a stream are of it.
pub(super) fn heard(model: &str, text: &str, usage: Usage, started_at: Timestamp) -> String {
    let attempt = attempt(started_at);
    json!({ "text": text, "model": model, "usage": usage, "attempt": attempt }).to_string()
}

/// The number of an attempt: no two of a call begin at once.
pub(crate) fn attempt(started_at: Timestamp) -> u64 {
    u64::try_from(started_at.as_micros()).unwrap_or(0)
}
