//! Which command wrote an entry, with what it brought in from outside.

use std::time::Duration;

use moltforge_types::approval::Decision;
use moltforge_types::execution::{Effect, HoldMode, ProbeOutcome, Reason, State};
use moltforge_types::journal::{Entry, ErrorInfo};
use moltforge_types::{ExecutionId, Id as _, Timestamp};
use serde_json::Value;

use super::Journaled;
use crate::engine::children::child_id as child_id_of;
use crate::engine::state::{Decided, Execution, Pending, PendingState};
use crate::engine::{
    Answer, ChildOutcome, Command, Context, GuestEvent, Hold, HoldOf, ModelAnswer, ModelFailure, ProbeReport,
    ToolFailure, UnknownEffects, approval, guest,
};

/// The commands that may have written `entry` as their first one, the likeliest first.
pub(super) fn commands(execution: &Execution, journal: &[Journaled]) -> Vec<Command> {
    let Some(Journaled { recorded, .. }) = journal.first() else { return Vec::new() };
    let command = match &recorded.entry {
        // a claim, a due retry and a wake that ends a back-off write the same
        Entry::Running { recovered, .. } => {
            Command::Claim { recovered: *recovered || execution.state == State::Running }
        }
        Entry::ModelCompleted { step, text, tool_calls, usage, started_at, .. } => {
            let answer = ModelAnswer { text: text.clone(), tool_calls: tool_calls.clone(), usage: *usage };
            Command::ModelAnswered { step: *step, started_at: *started_at, result: Ok(answer) }
        }
        Entry::ToolSucceeded { step, output, started_at, .. } if is_away(execution, *step) => {
            Command::ToolAnswered { step: *step, started_at: *started_at, result: Ok(output.clone()) }
        }
        Entry::ToolFailed { step, error, started_at, .. } if is_away(execution, *step) => {
            let failure = ToolFailure { error: error.clone(), outcome_unknown: false };
            Command::ToolAnswered { step: *step, started_at: *started_at, result: Err(failure) }
        }
        Entry::RetryScheduled { step, error, run_at, .. } => {
            failed(execution, *step, error.clone(), true, Some(run_at.since(recorded.at)))
        }
        Entry::GuestAsked { calls, cancelled, heard, .. } => {
            Command::Guest(GuestEvent::Asked { calls: calls.clone(), cancelled: cancelled.clone(), heard: *heard })
        }
        Entry::GuestLogged { logs } => Command::Guest(GuestEvent::Logged(logs.clone())),
        Entry::GuestEnded { output } => Command::Guest(GuestEvent::Ended(output.clone())),
        Entry::Completed { output } if execution.spec.is_code() => Command::Guest(GuestEvent::Ended(output.clone())),
        Entry::Failed { error, .. } if execution.is_in_flight(guest::STEP) && error.code != "wall_limit" => {
            let failed = Command::Guest(GuestEvent::Failed(error.clone()));
            return if error.code == "guest_deadlock" { vec![Command::Wake, failed] } else { vec![failed] };
        }
        Entry::Paused { reason: Reason::Diverged, detail: Some(detail), .. } if execution.is_in_flight(guest::STEP) => {
            return vec![Command::Guest(GuestEvent::Diverged(detail.clone())), Command::Wake];
        }
        Entry::Paused { reason: Reason::VersionMissing, detail: Some(detail), .. }
            if execution.is_in_flight(guest::STEP) =>
        {
            let (code, message) = detail.split_once(": ").unwrap_or(("", detail));
            return vec![Command::Guest(GuestEvent::Missing(ErrorInfo::new(code, message))), Command::Wake];
        }
        Entry::SignalReceived { name, payload, dedupe_key } => {
            Command::Signal { name: name.clone(), payload: payload.clone(), dedupe_key: dedupe_key.clone() }
        }
        Entry::Resumed { from: State::Paused, by, unknown_effects } => Command::Resume {
            by: by.clone().unwrap_or_default(),
            unknown_effects: match unknown_effects.as_deref() {
                Some("retry") => Some(UnknownEffects::Retry),
                Some("fail") => Some(UnknownEffects::Fail),
                _ => None,
            },
        },
        Entry::Paused { reason, detail, by, .. } => return paused(execution, *reason, detail.as_ref(), by.as_ref()),
        Entry::ApprovalDecided { decision, step, .. } if *decision != Decision::Expired => {
            let Some(answer) = answer(execution, *step, &recorded.entry) else { return Vec::new() };
            Command::Decide(Box::new(answer))
        }
        Entry::EffectProbed { step, outcome, detail, by } => {
            let output = match journal.get(1).map(|next| &next.recorded.entry) {
                Some(Entry::ToolSucceeded { output, .. }) if *outcome == ProbeOutcome::Done => output.clone(),
                _ => Value::Null,
            };
            let report = ProbeReport { outcome: *outcome, output, detail: detail.clone() };
            Command::ProbeAnswered { step: *step, report, by: by.clone() }
        }
        Entry::EffectDecided { step, decision, output, note, by } => Command::DecideEffect {
            step: *step,
            decision: *decision,
            output: output.clone(),
            note: note.clone(),
            by: by.clone(),
        },
        Entry::ChildStarted { step, .. } => Command::ChildStarted { step: *step, result: Ok(()) },
        Entry::ChildEnded { child_id, state, output, error } => Command::ChildEnded(ChildOutcome {
            child_id: *child_id,
            state: *state,
            output: output.clone(),
            error: error.clone(),
        }),
        // the last call of a stopped execution is gone, or its time is over
        Entry::Cancelled { .. } if execution.stopping.is_some() => {
            return vec![Command::Wake, Command::CallGone { step: 0 }];
        }
        Entry::Stopping { by, note, kill, .. } | Entry::Cancelled { by, note, kill, .. } => {
            stop(by, note.as_ref(), *kill)
        }
        Entry::Failed { error, .. } if error.code != "wall_limit" => {
            failed(execution, execution.next_step, error.clone(), false, None)
        }
        Entry::ToolInvoked { step, .. } | Entry::ApprovalReopened { step, .. } if execution.in_line.contains(step) => {
            Command::SlotTaken { step: *step }
        }
        // a time that has come; and whatever else follows from the state alone
        _ => Command::Wake,
    };
    vec![command]
}

/// Whether the owner before stopped in order: then its end counts as no crash.
pub(super) fn handed_over(execution: &Execution, journal: &[Journaled]) -> bool {
    let first = journal.first().map(|journaled| &journaled.recorded.entry);
    matches!(first, Some(Entry::Running { recovered: true, crashes, .. }) if *crashes == execution.crashes)
}

/// What an entry says about the calls on their way, which the state alone does not show.
pub(super) fn prepare(execution: &mut Execution, journal: &[Journaled]) {
    let Some(Journaled { recorded, .. }) = journal.first() else { return };
    let at = recorded.at;
    // a guest that waits is rebuilt with its execution when that was loaded, which writes nothing
    if execution.guest_parked && execution.state == State::Running && may_end_guest(&recorded.entry) {
        execution.in_flight.insert(guest::STEP);
    }
    // that the guest of a stopped execution is not gone yet shows by the end that is missing
    let ends = |next: &Journaled| matches!(next.recorded.entry, Entry::Cancelled { .. });
    if execution.spec.is_code()
        && execution.stopping.is_some()
        && !journal.iter().take_while(|next| next.recorded.at == at).any(ends)
    {
        execution.aborting.insert(guest::STEP);
    }
    match &recorded.entry {
        // the owner before was lost, and with it what was in flight
        Entry::Running { recovered: true, .. } | Entry::Paused { reason: Reason::CrashLoop, .. } => {
            execution.in_flight.clear();
        }
        // a call that is sent once more gets its slot without an entry; that it had left is seen by its answer, or by a
        // stop that names it
        Entry::Paused { .. } | Entry::Stopping { .. } => {
            let begins = |entry: &Entry| matches!(entry, Entry::Running { .. } | Entry::Resumed { .. });
            let later = journal.iter().skip(1).take_while(|next| !begins(&next.recorded.entry));
            for next in journal.iter().take(1).chain(later) {
                match &next.recorded.entry {
                    Entry::ToolSucceeded { step, .. } | Entry::ToolFailed { step, .. } => {
                        execution.in_line.remove(step);
                    }
                    Entry::Stopping { calls, .. } => {
                        execution.in_line.retain(|step| calls.iter().all(|call| call.step != *step));
                        // something was on its way, or it would have ended at once: a probe that somebody asked for
                        if execution.in_flight.is_empty() && execution.aborting.is_empty() {
                            execution.in_flight.extend(calls.first().map(|call| call.step));
                        }
                    }
                    _ => {}
                }
            }
        }
        // one that is sent once more gets its slot, and may be probed, without an entry: its answer shows that it was away
        Entry::ToolSucceeded { step, .. } | Entry::ToolFailed { step, .. } if is_away(execution, *step) => {
            execution.in_line.remove(step);
            execution.in_flight.insert(*step);
        }
        // somebody may have asked for the probe, which writes nothing
        Entry::EffectProbed { step, .. } => {
            execution.in_flight.insert(*step);
        }
        // an answer that was lost while the execution was held writes nothing
        Entry::EffectDecided { step, .. } => {
            execution.in_flight.remove(step);
        }
        // a guest that has heard the latest answer and asks for nothing writes nothing
        Entry::Suspended { .. } | Entry::Failed { .. } if execution.spec.is_code() => {
            execution.guest_heard = u32::try_from(execution.guest.heard.len()).ok();
            // nor does one that is parked
            if matches!(&recorded.entry, Entry::Suspended { .. }) {
                execution.guest_parked = true;
                execution.in_flight.remove(&guest::STEP);
            }
        }
        // nor does one to a call that is then given up
        Entry::Resumed { from: State::Paused, .. } => {
            let begins =
                |entry: &Entry| matches!(entry, Entry::Running { .. } | Entry::Resumed { .. } | Entry::Paused { .. });
            let same = |next: &&Journaled| next.recorded.at == at && !begins(&next.recorded.entry);
            for next in journal.iter().skip(2).take_while(same) {
                if let Entry::ToolFailed { step, error, .. } = &next.recorded.entry
                    && error.code == "outcome_unknown"
                {
                    execution.in_flight.remove(step);
                }
            }
            still_asked(execution, journal);
        }
        Entry::Running { .. } => still_asked(execution, journal),
        // a call that is gone writes nothing until it is the last one
        Entry::Cancelled { .. } if execution.stopping.as_ref().is_some_and(|stop| !is_over(stop.until, at)) => {
            execution.in_flight.clear();
            execution.aborting = [0].into();
        }
        _ => {}
    }
}

/// Whether an entry may be what became of a guest that asked for nothing.
fn may_end_guest(entry: &Entry) -> bool {
    match entry {
        Entry::RetryScheduled { step, .. } => *step == guest::STEP,
        Entry::Paused { reason, .. } => matches!(reason, Reason::Diverged | Reason::RetriesExhausted),
        Entry::Failed { .. } => true,
        _ => false,
    }
}

/// Whether an answer of this step comes from outside.
fn is_away(execution: &Execution, step: u32) -> bool {
    let sent = |call: &Pending| match &call.state {
        PendingState::Invoked { decision, .. } => matches!(decision, None | Some(Decided::Retry { .. })),
        _ => false,
    };
    execution.is_in_flight(step) || execution.pending.iter().any(|call| call.step == step && sent(call))
}

/// Who decides that unknown outcomes are failures does not decide about a call whose other side is being asked, which writes
/// nothing: it shows by the failure that is missing.
fn still_asked(execution: &mut Execution, journal: &[Journaled]) {
    let Some(Journaled { recorded: first, .. }) = journal.first() else { return };
    let command = || journal.iter().map(|next| &next.recorded).take_while(|next| next.at == first.at);
    let fails = match &first.entry {
        Entry::Resumed { unknown_effects, .. } => unknown_effects.as_deref() == Some("fail"),
        _ => execution.unknown_effects.as_deref() == Some("fail"),
    };
    if !fails || !command().any(|next| matches!(next.entry, Entry::Running { .. })) {
        return;
    }
    let failed =
        |step: u32| command().any(|next| matches!(&next.entry, Entry::ToolFailed { step: of, .. } if *of == step));
    let asked: Vec<u32> = execution
        .pending
        .iter()
        .filter(|call| {
            matches!(&call.state, PendingState::Invoked { effect: Effect::Reconcile, decision: None, .. })
                && !failed(call.step)
        })
        .map(|call| call.step)
        .collect();
    execution.in_flight.extend(asked);
}

fn is_over(until: Option<Timestamp>, at: Timestamp) -> bool {
    until.is_some_and(|until| until <= at)
}

fn stop(by: &str, note: Option<&String>, kill: bool) -> Command {
    Command::Stop { by: by.to_owned(), note: note.cloned(), kill }
}

/// The number that drew the recorded delay of a retry, or the id of a child.
pub(super) fn random(journal: &[Journaled]) -> u64 {
    let Some(first) = journal.first() else { return 0 };
    // what follows at another time, or behind a child, was written by another command
    let command = || journal.iter().take_while(|next| next.recorded.at == first.recorded.at);
    let children: Vec<_> = command()
        .filter_map(|next| match &next.recorded.entry {
            Entry::ChildRequested { step, child_id, .. } => Some((*step, *child_id)),
            _ => None,
        })
        .collect();
    let drawn = command().enumerate().find_map(|(offset, next)| match &next.recorded.entry {
        Entry::ChildRequested { .. } => random_of_children(&children, first.recorded.at),
        Entry::RetryScheduled { run_at, .. } if offset < 2 => {
            let delay = run_at.since(next.recorded.at).as_micros();
            Some(u64::try_from(delay).unwrap_or(u64::MAX).saturating_sub(1))
        }
        _ => None,
    });
    drawn.unwrap_or(0)
}

/// The number from which the ids of a command's children were made: all of its bits but six stand in the first one. Of those
/// that fit it (rarely more than one) the number that fits most of the others, which another command may have made.
fn random_of_children(children: &[(u32, ExecutionId)], now: Timestamp) -> Option<u64> {
    let (step, child_id) = *children.first()?;
    let bytes = child_id.as_u128().to_be_bytes();
    let mut low = [0; 8];
    low.copy_from_slice(&bytes[6..14]);
    let numbers = (0..64_u8).map(|lost| {
        let mut mixed = low;
        mixed[0] = (mixed[0] & 0x0f) | (lost << 4);
        mixed[2] = (mixed[2] & 0x3f) | ((lost >> 4) << 6);
        unmix(u64::from_le_bytes(mixed)) ^ u64::from(step)
    });
    let fits = |random: u64| {
        let context = Context { now, random, slot: true, hold: None, handed_over: false };
        children.iter().take_while(|(step, child_id)| child_id_of(context, *step) == *child_id).count()
    };
    let best = numbers.map(|random| (fits(random), random)).max_by_key(|(fits, _)| *fits)?;
    (best.0 > 0).then_some(best.1)
}

/// The inverse of SplitMix64's finaliser.
fn unmix(mut z: u64) -> u64 {
    z = (z ^ (z >> 31) ^ (z >> 62)).wrapping_mul(0x3196_42b2_d24d_8ec3);
    z = (z ^ (z >> 27) ^ (z >> 54)).wrapping_mul(0x96de_1b17_3f11_9089);
    z ^ (z >> 30) ^ (z >> 60)
}

fn answer(execution: &Execution, step: u32, entry: &Entry) -> Option<Answer> {
    let (_, ask) = approval::waiting(execution).find(|(call, _)| call.step == step)?;
    let Entry::ApprovalDecided { approval_id, decision, by, note, arguments, answer, .. } = entry else { return None };
    Some(Answer {
        approval_id: *approval_id,
        call_sha256: ask.call_sha256.clone(),
        approve: *decision == Decision::Approved,
        arguments: arguments.clone(),
        form: answer.clone(),
        note: note.clone(),
        // whoever decided was allowed to, or there would be no entry
        names: ask.approvers.clone(),
        by: by.clone(),
    })
}

/// Whether there was a slot for it: what goes on without one is not at work in the same command.
pub(super) fn slot(journal: &[Journaled]) -> bool {
    let command = |at: usize| {
        let first = journal.first()?;
        journal.get(at).map(|journaled| &journaled.recorded).filter(|recorded| recorded.at == first.recorded.at)
    };
    let resumed = |at: usize| match command(at).map(|recorded| &recorded.entry) {
        Some(Entry::Resumed { from, .. }) => Some(*from),
        _ => None,
    };
    // the first entry, or one after what woke it
    let far = match &journal[0].recorded.entry {
        Entry::Resumed { .. } => 1,
        Entry::EffectProbed { .. } | Entry::EffectDecided { .. } | Entry::ApprovalDecided { .. } => 3,
        Entry::Running { .. } | Entry::ModelCompleted { .. } => 0,
        _ => 2,
    };
    let Some(at) = (0..far).find(|at| resumed(*at).is_some()) else { return true };
    let running = matches!(command(at + 1).map(|recorded| &recorded.entry), Some(Entry::Running { .. }));
    running && resumed(at) != Some(State::BackingOff)
}

/// What else may have been so, the likeliest first: whether the owner was lost before, and what held the agent or project.
pub(super) fn circumstances(journal: &[Journaled]) -> Vec<(bool, Option<Hold>)> {
    let Some(first) = journal.first() else { return Vec::new() };
    let mut command = journal.iter().take_while(|next| next.recorded.at == first.recorded.at);
    let hold = command.find_map(|next| hold_of(&next.recorded.entry));
    let holds: Vec<Option<Hold>> = match (hold, hold_of(&first.recorded.entry)) {
        (Some(_), Some(_)) => vec![hold],
        // calls that began write nothing: were there any, the stop names them
        (Some(_), None) if matches!(first.recorded.entry, Entry::GuestAsked { .. }) => vec![hold, None],
        (Some(_), None) => vec![None, hold],
        _ => vec![None],
    };
    [false, true].into_iter().flat_map(|lost| holds.iter().map(move |hold| (lost, *hold))).collect()
}

/// The hold that an entry tells of.
fn hold_of(entry: &Entry) -> Option<Hold> {
    let (text, mode, since) = match entry {
        Entry::Paused { reason: Reason::Held, detail: Some(detail), since, .. } => (detail, HoldMode::Pause, *since),
        Entry::Stopping { note: Some(note), kill: true, .. }
        | Entry::Cancelled { note: Some(note), kill: true, .. }
            if note.ends_with("kill switch") =>
        {
            (note, HoldMode::Kill, None)
        }
        _ => return None,
    };
    let of = if text.starts_with("its project") { HoldOf::Project } else { HoldOf::Agent };
    Some(Hold { of, mode, since: since.unwrap_or_default() })
}

fn paused(execution: &Execution, reason: Reason, detail: Option<&String>, by: Option<&String>) -> Vec<Command> {
    match reason {
        Reason::Operator => vec![Command::Pause { by: by.cloned().unwrap_or_default(), note: detail.cloned() }],
        Reason::CrashLoop => vec![Command::Claim { recovered: true }],
        Reason::Held => vec![Command::Hold],
        Reason::RetriesExhausted | Reason::EffectUnknown => {
            let Some((step, error)) = detail.and_then(|detail| failure_of(detail)) else { return vec![Command::Wake] };
            vec![failed(execution, step, error, true, None), Command::Wake]
        }
        _ => vec![Command::Wake],
    }
}

/// The failed call of `step`: a guest's loss, the model's when no call of a reply is open, else a tool's without an answer.
fn failed(
    execution: &Execution,
    step: u32,
    error: ErrorInfo,
    transient: bool,
    retry_after: Option<Duration>,
) -> Command {
    if step == guest::STEP {
        return Command::Guest(GuestEvent::Lost(error));
    }
    let started_at = execution.updated_at;
    // the delay of a retry is drawn, or longer because the provider says so: both stand in the entry
    let result = Err(ModelFailure { error: error.clone(), transient, retry_after });
    if execution.completes(step) {
        return Command::ModelAnswered { step, started_at, result };
    }
    let of_tool = execution.pending.iter().any(|call| call.step == step && !answered(&call.state));
    if of_tool {
        let result = Err(ToolFailure { error, outcome_unknown: true });
        return Command::ToolAnswered { step, started_at, result };
    }
    Command::ModelAnswered { step, started_at, result }
}

fn answered(state: &PendingState) -> bool {
    matches!(state, PendingState::Answered { .. })
}

/// The step and the error that the detail of a hold names: `step 3 failed 5 times, at last with code: message`, or
/// `step 3 (tool) was sent and its outcome is not known`.
fn failure_of(detail: &str) -> Option<(u32, ErrorInfo)> {
    let step = detail.strip_prefix("step ")?.split(' ').next()?.parse().ok()?;
    let error = match detail.split_once(" times, at last with ") {
        Some((_, error)) => {
            let (code, message) = error.split_once(": ")?;
            ErrorInfo::new(code, message)
        }
        None => ErrorInfo::new("outcome_unknown", "no answer came"),
    };
    Some((step, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_behind_the_ids_of_siblings_is_found() {
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        for number in 0..20_000_u64 {
            let random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let context = Context { now, random, slot: true, hold: None, handed_over: false };
            let children: Vec<_> = (6..9).map(|step| (step, child_id_of(context, step))).collect();
            assert_eq!(random_of_children(&children, now), Some(random), "{number}");
        }
    }
}
