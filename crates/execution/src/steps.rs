//! The timeline: steps from journal entries.

use std::collections::BTreeMap;

use moltforge_api::executions::{Step, StepUsage};
use moltforge_types::Timestamp;
use moltforge_types::execution::{ProbeOutcome, Reason, State, StepKind, StepState};
use moltforge_types::journal::{Entry, ErrorInfo};
use serde_json::{Value, json};

use crate::engine::{GUEST_STEP, Recorded};
use crate::views;

/// The steps that some entries in a row tell of. All entries about a step lie between the model call of its turn and the
/// next one: whole turns can be read without those around them.
#[derive(Default)]
pub(crate) struct Timeline {
    steps: Vec<Step>,
    /// The model's steps, and the numbers of the entries that made them.
    turns: Vec<(u32, u64)>,
    /// Steps whose effect was let out.
    sent: Vec<u32>,
    /// The steps of a program's calls, by the program's numbers.
    guest_calls: BTreeMap<u32, u32>,
    last_at: Option<Timestamp>,
}

impl Timeline {
    /// The model's steps that were seen, and the numbers of their entries.
    pub(crate) fn turns(&self) -> &[(u32, u64)] {
        &self.turns
    }

    /// The steps, in order, when later entries are not looked at: nothing in them may be about one of these.
    pub(crate) fn steps(self) -> Vec<Step> {
        self.steps
    }

    /// The steps, in order, when there are no later entries. `state` and `reason` are the execution's own, which decide
    /// what an unanswered step is. `model` is that of an agent that one runs.
    pub(crate) fn steps_at_end(self, state: State, reason: Option<Reason>, model: Option<&str>) -> Vec<Step> {
        let Self { mut steps, sent, last_at, .. } = self;
        finish(&mut steps, &sent, last_at, (state, reason), model);
        steps
    }

    /// The next entry.
    pub(crate) fn add(&mut self, recorded: &Recorded, model: &str) {
        let at = recorded.at;
        self.last_at = Some(at);
        match &recorded.entry {
            Entry::RetryScheduled { step, error, failures, .. } => self.failed(*step, error, *failures, at, model),
            Entry::ModelCompleted { .. } => self.replied(recorded),
            Entry::GuestAsked { step, calls, cancelled, .. } => {
                for (call, step) in calls.iter().zip(*step..) {
                    self.guest_calls.insert(call.id, step);
                    self.called(step, &call.name, &call.arguments, at);
                }
                for given_up in cancelled {
                    let Some(step) = self.guest_calls.get(&given_up.id).copied() else { continue };
                    self.given_up(step);
                }
            }
            Entry::GuestEnded { .. } => {
                let steps: Vec<u32> = self.guest_calls.values().copied().collect();
                for step in steps {
                    self.given_up(step);
                }
            }
            Entry::ToolInvoked { step, .. } => {
                self.sent.push(*step);
                self.with(*step, |s| {
                    s.state = StepState::Running.to_string();
                    s.waiting_for = None;
                    s.started_at = Some(at.to_string());
                });
            }
            Entry::ToolSucceeded { step, output, started_at, duration_us, .. } => self.with(*step, |s| {
                if !answered(s, StepState::Succeeded, *duration_us, at) {
                    s.started_at = Some(started_at.to_string());
                }
                s.error = None;
                s.output = Some(output.clone());
            }),
            Entry::ToolFailed { step, error, duration_us, .. } => self.with(*step, |s| {
                answered(s, StepState::Failed, *duration_us, at);
                s.error = Some(views::error(error));
            }),
            Entry::TimerSet { step, due, .. } => self.waits(*step, at, Some(format!("the time {due}"))),
            Entry::SignalAwaited { step, name, due, .. } => {
                self.waits(*step, at, Some(format!("the signal {name:?}{}", until(*due))));
            }
            Entry::ApprovalRequested { approval_id, step, due, .. } => {
                self.waits(*step, at, Some(format!("the approval {approval_id}{}", until(Some(*due)))));
                self.with(*step, |s| s.approval_id = Some(approval_id.to_string()));
            }
            Entry::ApprovalDecided { step, decision, by, arguments, .. } => self.with(*step, |s| {
                s.waiting_for = Some(format!("a resume ({decision} by {by})"));
                if let Some(arguments) = arguments {
                    s.input = Some(arguments.clone());
                }
            }),
            Entry::EffectProbed { step, outcome, detail, .. } if *outcome != ProbeOutcome::Done => {
                let message = detail.clone().unwrap_or_else(|| format!("the probe says {outcome}"));
                let error = views::error(&ErrorInfo::new("effect_unknown", message));
                self.with(*step, |s| s.error = Some(error));
            }
            Entry::ChildRequested { step, child_id, wait, .. } => {
                self.waits(*step, at, wait.then(|| format!("the child {child_id}")));
            }
            Entry::ChildrenAwaited { step, children, any, due, .. } => {
                let which = if *any { "any of " } else { "" };
                self.waits(*step, at, Some(format!("{which}{} children{}", children.len(), until(*due))));
            }
            Entry::Cancelled { unknown_steps, .. } | Entry::Failed { unknown_steps, .. } => {
                for step in unknown_steps {
                    self.with(*step, |s| s.state = StepState::Unknown.to_string());
                }
            }
            _ => {}
        }
    }

    /// A step failed and is tried again. Failures of a model's step stand before the entry that makes it.
    fn failed(&mut self, step: u32, error: &ErrorInfo, failures: u32, at: Timestamp, model: &str) {
        if step == GUEST_STEP {
            return;
        }
        if find(&mut self.steps, step).is_none() {
            self.steps.push(new_step(step, StepKind::Model, model, Some(at)));
        }
        self.with(step, |s| {
            s.retries = failures;
            s.error = Some(views::error(error));
        });
    }

    /// A model's step is done, and the steps of its calls begin.
    fn replied(&mut self, recorded: &Recorded) {
        let Entry::ModelCompleted { step, model, text, tool_calls, usage, started_at, duration_us } = &recorded.entry
        else {
            return;
        };
        let retries = find(&mut self.steps, *step).map_or(0, |failed| failed.retries);
        // a program's model call has its place already
        let place = self.steps.iter().position(|known| known.step == *step);
        let asked = place.map(|place| self.steps.remove(place));
        self.turns.push((*step, recorded.seq));
        let mut done = new_step(*step, StepKind::Model, model, Some(*started_at));
        done.state = StepState::Succeeded.to_string();
        done.retries = retries;
        done.duration_us = Some(*duration_us);
        done.usage = Some(StepUsage {
            input_tokens: usage.input_tokens,
            cached_tokens: usage.cached_tokens,
            output_tokens: usage.output_tokens,
        });
        done.output = Some(json!({ "text": text, "tool_calls": tool_calls }));
        done.input = asked.and_then(|asked| asked.input);
        let place = place.unwrap_or(self.steps.len()).min(self.steps.len());
        self.steps.insert(place, done);
        for (call, step) in tool_calls.iter().zip(step + 1..) {
            self.called(step, &call.tool, &call.arguments, recorded.at);
        }
    }

    /// The step of a call begins.
    fn called(&mut self, step: u32, name: &str, input: &str, at: Timestamp) {
        let mut called = new_step(step, StepKind::Tool, name, Some(at));
        called.input = Some(arguments(input));
        self.steps.push(called);
    }

    /// The program no longer waits for a call. One that was let out ends, and is answered.
    fn given_up(&mut self, step: u32) {
        let is_sent = self.sent.contains(&step);
        self.with(step, |s| {
            let is_open = s.state == StepState::Running.as_str() || s.state == StepState::Waiting.as_str();
            if is_open && !is_sent {
                s.state = StepState::Cancelled.to_string();
                s.waiting_for = None;
            }
        });
    }

    /// A step waits from here on.
    fn waits(&mut self, step: u32, at: Timestamp, what: Option<String>) {
        self.with(step, |s| {
            s.state = StepState::Waiting.to_string();
            s.started_at = Some(at.to_string());
            s.waiting_for = what;
        });
    }

    fn with(&mut self, step: u32, change: impl FnOnce(&mut Step)) {
        if let Some(known) = find(&mut self.steps, step) {
            change(known);
        }
    }
}

/// A step ends. One that waited took the time from its beginning: whether it did.
fn answered(step: &mut Step, state: StepState, duration_us: u64, at: Timestamp) -> bool {
    let waited = step.state == StepState::Waiting.as_str();
    step.state = state.to_string();
    step.waiting_for = None;
    step.duration_us = Some(if waited { since(step, at) } else { duration_us });
    waited
}

fn until(due: Option<Timestamp>) -> String {
    due.map(|due| format!(" until {due}")).unwrap_or_default()
}

/// What becomes of steps without an answer, and the step that has no entry yet.
fn finish(
    steps: &mut Vec<Step>,
    sent: &[u32],
    last_at: Option<Timestamp>,
    (state, reason): (State, Option<Reason>),
    model: Option<&str>,
) {
    if state.is_terminal() {
        for step in steps.iter_mut() {
            if step.state == StepState::Running.as_str() || step.state == StepState::Waiting.as_str() {
                step.state = if step.error.is_some() { StepState::Failed } else { StepState::Cancelled }.to_string();
                step.waiting_for = None;
            }
        }
    } else if state == State::Paused {
        for step in steps.iter_mut().filter(|step| step.state == StepState::Running.as_str()) {
            let unknown = reason == Some(Reason::EffectUnknown) && sent.contains(&step.step);
            if unknown {
                step.state = StepState::Unknown.to_string();
            } else if !sent.contains(&step.step) {
                step.state = if step.error.is_some() { StepState::Failed } else { StepState::Waiting }.to_string();
                step.waiting_for = step.error.is_none().then(|| "a resume".to_owned());
            }
        }
    } else if let Some(model) = model.filter(|_| state == State::Running)
        && steps.iter().all(|s| s.state != "running" && s.state != "waiting")
    {
        // the model call at work has no entry yet: it writes no intent
        let next = steps.last().map_or(1, |last| last.step + 1);
        steps.push(new_step(next, StepKind::Model, model, last_at));
    }
}

fn new_step(step: u32, kind: StepKind, name: &str, started_at: Option<Timestamp>) -> Step {
    Step {
        step,
        kind: kind.to_string(),
        name: name.to_owned(),
        state: StepState::Running.to_string(),
        input: None,
        output: None,
        error: None,
        usage: None,
        retries: 0,
        started_at: started_at.map(|at| at.to_string()),
        duration_us: None,
        waiting_for: None,
        approval_id: None,
    }
}

fn find(steps: &mut [Step], step: u32) -> Option<&mut Step> {
    steps.iter_mut().rev().find(|known| known.step == step)
}

fn since(step: &Step, now: Timestamp) -> u64 {
    let started: Option<Timestamp> = step.started_at.as_ref().and_then(|at| at.parse().ok());
    started.map_or(0, |started| u64::try_from(now.since(started).as_micros()).unwrap_or(u64::MAX))
}

/// The arguments as JSON where they are, else as the text that the model wrote.
fn arguments(raw: &str) -> Value {
    serde_json::from_str(raw).unwrap_or_else(|_| Value::String(raw.to_owned()))
}
