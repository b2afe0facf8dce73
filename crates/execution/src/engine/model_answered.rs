//! A model call ended: with a reply, with an error worth another attempt, or for good.

use std::time::Duration;

use moltforge_types::Timestamp;
use moltforge_types::execution::{Reason, State};
use moltforge_types::journal::{Entry, ErrorInfo};

use super::{Context, Execution, ModelAnswer, ModelFailure, Outcome, ToolFailure, advance, completion, tool_answered};

/// Full-jitter exponential back-off: 250 ms doubling up to 60 s (engine.md 1.7).
const BACKOFF_BASE: Duration = Duration::from_millis(250);
const BACKOFF_CAP: Duration = Duration::from_mins(1);
/// Tool calls of one reply: it bounds what one command writes.
const MAX_CALLS: usize = 128;

pub(super) fn apply(
    execution: &mut Execution,
    step: u32,
    started_at: Timestamp,
    result: Result<ModelAnswer, ModelFailure>,
    context: Context,
    out: &mut Outcome,
) {
    // an answer to a call that was given up (paused, cancelled, timed out) is no longer wanted
    if execution.state != State::Running || !execution.in_flight.remove(&step) {
        return;
    }
    if execution.completes(step) {
        return match result {
            Ok(answer) => completion::replied(execution, step, started_at, answer, context, out),
            Err(failure) if failure.transient => {
                let (error, retry_after) = (failure.error, failure.retry_after);
                retry(execution, step, error, retry_after, Reason::RetriesExhausted, context, out);
            }
            Err(failure) => {
                execution.in_flight.insert(step);
                let failure = ToolFailure { error: failure.error, outcome_unknown: false };
                tool_answered::apply(execution, step, started_at, Err(failure), context, out);
            }
        };
    }
    match result {
        Ok(answer) => replied(execution, step, started_at, answer, context, out),
        Err(failure) if failure.transient => {
            let error = failure.error.clone();
            retry(execution, step, error, failure.retry_after, Reason::RetriesExhausted, context, out);
        }
        Err(failure) => advance::finish_failed(execution, failure.error, context, out),
    }
}

fn replied(
    execution: &mut Execution,
    step: u32,
    started_at: Timestamp,
    answer: ModelAnswer,
    context: Context,
    out: &mut Outcome,
) {
    if answer.tool_calls.len() > MAX_CALLS {
        let message =
            format!("the model asked for {} tools in one reply, at most {MAX_CALLS} are", answer.tool_calls.len());
        let error = ErrorInfo::new("too_many_tool_calls", message);
        advance::finish_failed(execution, error, context, out);
        return;
    }
    let ends = answer.tool_calls.is_empty();
    let text = ends.then(|| answer.text.clone());
    let entry = Entry::ModelCompleted {
        step,
        model: execution.spec.config.model.clone(),
        text: answer.text,
        tool_calls: answer.tool_calls,
        usage: answer.usage,
        started_at,
        duration_us: micros(context.now.since(started_at)),
    };
    execution.write(entry, context, out);
    match text {
        Some(text) => match execution.spec.output(&text) {
            Ok(output) => advance::finish(execution, Entry::Completed { output }, context, out),
            Err(error) => advance::finish_failed(execution, error, context, out),
        },
        None => advance::apply(execution, context, out),
    }
}

/// Schedules the next attempt of a step, or holds the execution when its attempts are used up.
pub(super) fn retry(
    execution: &mut Execution,
    step: u32,
    error: ErrorInfo,
    retry_after: Option<Duration>,
    exhausted: Reason,
    context: Context,
    out: &mut Outcome,
) {
    let failures = execution.failures.saturating_add(1);
    if failures >= execution.spec.config.limits.attempts {
        let detail = format!("step {step} failed {failures} times, at last with {}: {}", error.code, error.message);
        advance::finish(execution, Entry::paused(exhausted, detail), context, out);
        return;
    }
    back_off(execution, step, error, failures, retry_after, context, out);
}

/// Schedules an attempt after so many failures.
pub(super) fn back_off(
    execution: &mut Execution,
    step: u32,
    error: ErrorInfo,
    failures: u32,
    retry_after: Option<Duration>,
    context: Context,
    out: &mut Outcome,
) {
    let delay = backoff(failures, context.random).max(retry_after.unwrap_or_default());
    let entry = Entry::RetryScheduled { step, error, failures, run_at: context.now.plus(delay) };
    execution.write(entry, context, out);
    // calls with a durable intent may go on: their answers are taken while backing off, too
    super::pause::abort_repeatable(execution, out);
}

/// The delay before the next attempt after `failures` failures: uniformly between zero and the doubled base.
pub(crate) fn backoff(failures: u32, random: u64) -> Duration {
    let exponent = failures.saturating_sub(1).min(20);
    let ceiling = BACKOFF_BASE.saturating_mul(1 << exponent).min(BACKOFF_CAP);
    let micros = u64::try_from(ceiling.as_micros()).unwrap_or(u64::MAX).max(1);
    Duration::from_micros(1 + random % micros)
}

pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
