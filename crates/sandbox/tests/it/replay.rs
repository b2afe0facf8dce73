//! Guests whose worker dies are rebuilt and go on.

use std::time::Duration;

use moltforge_sandbox::{Completion, Event, Failure, FailureKind, Guest, GuestRequest, Sandbox};
use rustix::process::{Pid, Signal, kill_process};

use crate::driver::{End, Journal, go_on, run};
use crate::world::{agent, sandbox};

const SOURCE: &str = "export default async (input, { tools }) => {
    const log = [];
    const note = (x) => { log.push([x, Date.now(), Math.random()]); console.log(x) };
    note('start');
    const [a, b] = await Promise.all([tools.call('a', { ms: 300, r: Math.random() }), tools.call('b', { ms: 200 })]);
    note(a.tool + b.tool);
    const w = await Promise.race([tools.call('slow', { ms: 400 }), tools.call('fast', { ms: 50 })]);
    note(w.tool);
    const timer = setTimeout(() => note('never'), 10000);
    await new Promise(resolve => setTimeout(resolve, 120));
    clearTimeout(timer);
    try { await tools.call('fail', {}) } catch (error) { note(error.code) }
    for (let i = 0; i < 3; i++) note((await tools.call('loop', { ms: i })).at);
    note(crypto.randomUUID());
    return log;
}";

#[tokio::test]
async fn after_a_kill_at_each_completion_it_ends_the_same() {
    let sandbox = sandbox();
    let (end, whole) = run(&sandbox, agent(SOURCE)).await;
    let expected = end.output();
    assert!(whole.completions.len() >= 8, "{}", whole.completions.len());
    for kill_at in 1..=whole.completions.len() {
        let mut journal = Journal::default();
        let (end, mut guest) = go_on(&sandbox, agent(SOURCE), &mut journal, kill_at).await;
        assert_eq!(end, End::Enough);
        kill(&mut guest).await;
        drop(guest);
        let end = loop {
            match go_on(&sandbox, agent(SOURCE), &mut journal, usize::MAX).await.0 {
                // one that had ended before the kill does not tell when the worker has: the next one may still meet it
                End::Lost(_) => {}
                end => break end,
            }
        };
        assert_eq!(end.output(), expected, "killed at {kill_at}");
        assert_eq!(journal.divergences, [] as [String; 0], "killed at {kill_at}");
        assert_eq!(journal.completions, whole.completions, "killed at {kill_at}");
        assert_eq!(journal.calls, whole.calls, "each call was made once");
        assert_eq!(journal.cancelled, whole.cancelled);
    }
}

/// Kills the guest's worker and waits until it is noticed.
async fn kill(guest: &mut Guest) {
    let id = guest.process_id().and_then(|id| Pid::from_raw(id.cast_signed())).unwrap();
    kill_process(id, Signal::KILL).unwrap();
    while !matches!(guest.next().await, Event::Lost(_)) {}
}

async fn recorded(sandbox: &Sandbox, source: &str) -> Journal {
    run(sandbox, agent(source)).await.1
}

#[tokio::test]
async fn another_program_diverges() {
    let sandbox = sandbox();
    let before =
        "export default async (i, { tools }) => { await tools.call('a', { x: 1 }); await tools.call('b', {}) }";
    for (now, what) in [
        (before.replace("x: 1", "x: 2"), "call 1 of a"),
        (before.replace("'a'", "'c'"), "now: call 1 of c"),
        (before.replace("await tools.call('b', {})", ""), "before: call 2 of b"),
    ] {
        let mut journal = recorded(&sandbox, before).await;
        go_on(&sandbox, agent(&now), &mut journal, usize::MAX).await;
        assert!(journal.divergences.first().is_some_and(|first| first.contains(what)), "{:?}", journal.divergences);
    }
}

#[tokio::test]
async fn an_answer_to_no_call_is_a_divergence() {
    let completions = vec![Completion { id: 5, at: 0, value: Ok("1".into()) }];
    let source = "export default (i, { tools }) => tools.call('a', {})";
    let mut guest = sandbox().run(GuestRequest { completions, ..agent(source) }).await.unwrap();
    let Event::Failed { failure: Failure { kind, .. }, .. } = guest.next().await else { panic!("it goes on") };
    assert_eq!(kind, FailureKind::Diverged);
}

#[tokio::test]
async fn a_long_history_is_replayed_in_one_go() {
    let source = "export default async (i, { tools }) => {
        let sum = 0;
        for (let k = 0; k < 2000; k++) sum += (await tools.call('echo', { k, text: 'x'.repeat(1000) })).args.k;
        return sum;
    }";
    let sandbox = sandbox();
    let mut journal = Journal::default();
    go_on(&sandbox, agent(source), &mut journal, 1990).await;
    let (end, guest) = go_on(&sandbox, agent(source), &mut journal, usize::MAX).await;
    assert_eq!(end.output(), 1999 * 1000);
    assert_eq!(journal.divergences, [] as [String; 0]);
    assert_eq!(journal.calls.len(), 2000);
    assert!(guest.usage().cpu > Duration::ZERO);
    assert!(guest.usage().memory > 0);
}
