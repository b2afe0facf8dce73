//! Where a fork can be cut, what it copies, and that it goes its own way.

use moltforge_types::journal::Entry;
use moltforge_types::{ExecutionId, Id as _};
use serde_json::json;

use super::harness::Run;
use crate::engine::fork::{Fork, Refused, folded, places};
use crate::engine::replay::{Journaled, Options, replay};
use crate::engine::{Action, Command, Context, Execution, Recorded, apply};

fn run() -> Run {
    let mut run = Run::new();
    run.reply("", &[("book", json!({})), ("state.set", json!({"key": "k", "value": 1}))]);
    run.tool_answers(2, json!("booked"));
    run.reply("", &[("look", json!({}))]);
    run.apply(Command::Signal { name: "s0".into(), payload: json!(1), dedupe_key: Some("k".into()) });
    run.tool_answers(5, json!("seen"));
    run.reply("done", &[]);
    run
}

fn fork(run: &Run, step: u32) -> Fork {
    let (from, id) = (run.execution.id, ExecutionId::from_u128(5));
    let spec = run.execution.spec.clone();
    Fork { from, id, spec, other_version: false, step, input: None, by: "me".into(), note: None }
}

fn entries(run: &Run, fork: Fork) -> Result<Vec<Recorded>, Refused> {
    fork.entries(
        &run.journaled(),
        Context {
            now: run.now.plus(std::time::Duration::from_mins(15)),
            random: 0,
            slot: true,
            hold: None,
            handed_over: false,
        },
    )
}

fn journaled(entries: &[Recorded]) -> Vec<Journaled> {
    entries.iter().map(|recorded| Journaled { recorded: recorded.clone(), bytes: 1 }).collect()
}

#[test]
fn it_can_be_cut_between_turns() {
    let run = run();
    let steps: Vec<_> =
        places(run.execution.id, &run.execution.spec, &run.journaled()).iter().map(|p| p.step).collect();
    assert_eq!(steps, [1, 4, 6]);
    for step in [0, 2, 3, 5, 7, 99] {
        let Err(Refused::NoPlace(near)) = entries(&run, fork(&run, step)) else { panic!("{step}") };
        assert_eq!(near.len(), 3);
    }
    assert_eq!(entries(&run, fork(&run, 5)), Err(Refused::NoPlace(vec![4, 6, 1])));
}

#[test]
fn it_goes_on_after_the_copy() {
    let run = run();
    for step in [1, 4, 6] {
        let copied = entries(&run, fork(&run, step)).expect("forked");
        let mut forked = folded(ExecutionId::from_u128(5), run.execution.spec.clone(), &copied);
        let now = copied.last().expect("an entry").at;
        assert_eq!(forked.deadline, Some(now.plus(forked.spec.wall)));
        let claim = Command::Claim { recovered: false };
        let outcome = apply(&mut forked, claim, Context { now, random: 0, slot: true, hold: None, handed_over: false })
            .expect("claimed");
        // one entry, the attempt, and one call, the model's: no tool runs again, no write is made again
        assert!(
            matches!(outcome.entries[..], [Recorded { entry: Entry::Running { .. }, .. }]),
            "{:?}",
            outcome.entries
        );
        assert!(matches!(outcome.actions[..], [Action::CallModel { step: next, .. }] if next == step));
        // and the fork replays as well as what it was copied from
        let mut all = copied.clone();
        all.extend(outcome.entries);
        let replayed = replay(forked.id, &forked.spec, &journaled(&all), Options::default());
        let replayed = replayed.unwrap_or_else(|difference| panic!("step {step}: {difference:#?}"));
        assert_eq!(replayed.seq, forked.seq);
    }
}

#[test]
fn its_keys_are_its_own() {
    let run = run();
    let key = |execution: &Execution| execution.idempotency_key(9);
    let copied = entries(&run, fork(&run, 4)).expect("forked");
    assert_ne!(key(&folded(ExecutionId::from_u128(5), run.execution.spec.clone(), &copied)), key(&run.execution));
}

#[test]
fn a_fork_of_a_fork_replays() {
    let run = run();
    let first = entries(&run, fork(&run, 6)).expect("forked");
    let second = Fork { from: ExecutionId::from_u128(5), id: ExecutionId::from_u128(6), ..fork(&run, 4) };
    let context = Context {
        now: run.now.plus(std::time::Duration::from_mins(150)),
        random: 0,
        slot: true,
        hold: None,
        handed_over: false,
    };
    let second = second.entries(&journaled(&first), context).expect("forked again");
    replay(ExecutionId::from_u128(6), &run.execution.spec, &journaled(&second), Options::default()).expect("identical");
    // damage in the copy is found
    let mut damaged = journaled(&second);
    damaged.remove(3);
    (1..).zip(&mut damaged).for_each(|(seq, journaled)| journaled.recorded.seq = seq);
    assert!(replay(ExecutionId::from_u128(6), &run.execution.spec, &damaged, Options::default()).is_err());
}

#[test]
fn another_input_is_for_the_first_step() {
    let run = run();
    let other = |step| Fork { input: Some(json!("other")), ..fork(&run, step) };
    assert_eq!(entries(&run, other(4)), Err(Refused::InputFixed));
    let copied = entries(&run, other(1)).expect("forked");
    assert!(
        matches!(&copied[0].entry, Entry::Scheduled { input, trigger, .. } if input == "other" && trigger == "fork")
    );
    assert_eq!(copied.len(), 2);
}

#[test]
fn what_is_copied_must_fit_the_version() {
    let run = run();
    let mut journal = run.journaled();
    if let Entry::ToolInvoked { tool, .. } = &mut journal[3].recorded.entry {
        *tool = "pay".to_owned();
    }
    let context = Context { now: run.now, random: 0, slot: true, hold: None, handed_over: false };
    let Err(Refused::Differs(difference)) = fork(&run, 4).entries(&journal, context) else { panic!("accepted") };
    assert_eq!(difference.seq, 4);
    // before the place of the difference it is nobody's business
    fork(&run, 1).entries(&journal, context).expect("forked");
}
