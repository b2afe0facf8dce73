//! Guests that want too much end as failures that name the limit; their neighbours in the same process do not notice.

use std::time::{Duration, Instant};

use moltforge_sandbox::{Event, Failure, FailureKind, GuestRequest, Limit, Limits, Sandbox};
use serde_json::json;

use crate::driver::run;
use crate::world::{agent, file, sandbox};

/// Runs it beside a neighbour that waits, and looks after the neighbour.
async fn beside_a_neighbour(sandbox: &Sandbox, request: GuestRequest) -> Failure {
    let waits = "export default async (i, { tools }) => (await tools.call('a', {})).n";
    let mut neighbour = sandbox.run(agent(waits)).await.unwrap();
    let Event::Asked(asked) = neighbour.next().await else { panic!("the neighbour does not ask") };
    assert_eq!(asked.calls.len(), 1);
    let failure = run(sandbox, request).await.0.failure();
    let completion = moltforge_sandbox::Completion { id: 1, at: 0, value: Ok(r#"{"n": 42}"#.into()) };
    neighbour.deliver(completion).unwrap();
    let Event::Ended(end) = neighbour.next().await else { panic!("the neighbour did not end") };
    assert_eq!(end.output, "42");
    failure
}

async fn limit_of(source: &str, limits: Limits) -> Limit {
    let failure = beside_a_neighbour(&sandbox(), GuestRequest { limits, ..agent(source) }).await;
    let FailureKind::Limit(limit) = failure.kind else { panic!("{failure:?}") };
    assert!(!failure.message.is_empty());
    limit
}

fn short() -> Limits {
    Limits { cpu: Duration::from_millis(300), ..Limits::default() }
}

#[tokio::test]
async fn an_endless_loop_is_interrupted() {
    let started = Instant::now();
    assert_eq!(limit_of("export default () => { for (;;); }", short()).await, Limit::Cpu);
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn so_is_one_that_never_leaves_its_promises() {
    assert_eq!(limit_of("export default async () => { for (;;) await 1 }", short()).await, Limit::Cpu);
    let regexp = "export default () => /(a+)+$/.test('a'.repeat(40) + 'b')";
    assert_eq!(limit_of(regexp, short()).await, Limit::Cpu);
}

#[tokio::test]
async fn memory_is_bounded() {
    let limits = Limits { memory: 16 << 20, cpu: Duration::from_secs(30), ..Limits::default() };
    for bomb in [
        "export default () => { const all = []; for (;;) all.push(new Uint8Array(1 << 20)) }",
        "export default () => { const f = () => Promise.resolve().then(f), all = []; for (;;) all.push(f()) }",
    ] {
        assert_eq!(limit_of(bomb, limits.clone()).await, Limit::Memory, "{bomb}");
    }
}

#[tokio::test]
async fn deep_recursion_is_an_exception_or_the_stack_s_limit() {
    let caught = "export default () => { const f = n => 1 + f(n + 1); try { f(0) } catch (e) { return e.name } }";
    assert_eq!(run(&sandbox(), agent(caught)).await.0.output(), json!("RangeError"));
    for source in ["export default () => eval('('.repeat(200000))", "export default () => JSON.parse('['.repeat(1e6))"]
    {
        let failure = beside_a_neighbour(&sandbox(), agent(source)).await;
        let expected = [FailureKind::Limit(Limit::Stack), FailureKind::Exception, FailureKind::Syntax];
        assert!(expected.contains(&failure.kind), "{failure:?}");
    }
}

#[tokio::test]
async fn output_logs_and_calls_are_bounded() {
    let small = Limits { output: 100, logs: 100, calls: 10, call: 1000, ..Limits::default() };
    let limit = |source| limit_of(source, small.clone());
    assert_eq!(limit("export default () => 'x'.repeat(100)").await, Limit::Output);
    assert_eq!(limit("export default () => { for (;;) console.log('hello') }").await, Limit::Logs);
    let storm = "export default async (i, { tools }) => { for (;;) tools.call('a', {}) }";
    assert_eq!(limit(storm).await, Limit::Calls);
    let cancels = "export default () => { for (;;) clearTimeout(setTimeout(() => {}, 1)) }";
    assert_eq!(limit(cancels).await, Limit::Calls);
    let large = "export default (i, { tools }) => tools.call('a', { x: 'x'.repeat(1000) })";
    assert_eq!(limit(large).await, Limit::Call);
}

#[tokio::test]
async fn what_is_far_too_much_is_not_even_copied() {
    let limits = Limits { memory: 256 << 20, ..Limits::default() };
    let huge = "export default () => 'x'.repeat(26e6)";
    assert_eq!(limit_of(huge, limits.clone()).await, Limit::Output);
    let call = "export default (i, { tools }) => tools.call('a', { x: 'x'.repeat(26e6) })";
    assert_eq!(limit_of(call, limits).await, Limit::Call);
}

#[tokio::test]
async fn a_bundle_that_is_too_large_does_not_start() {
    let request = GuestRequest {
        files: vec![file("agent.js", "export default () => 1"), file("data.js", &"x".repeat(1000))],
        limits: Limits { bundle: 1000, ..Limits::default() },
        ..agent("")
    };
    let failure = beside_a_neighbour(&sandbox(), request).await;
    assert_eq!(failure.kind, FailureKind::Limit(Limit::Bundle));
}

#[tokio::test]
async fn texts_that_are_no_text_are_refused() {
    let lone = "export default (i, { tools }) => tools.call('a', { x: '\\ud800' })";
    let failure = beside_a_neighbour(&sandbox(), agent(lone)).await;
    assert!(matches!(failure.kind, FailureKind::Misuse | FailureKind::Exception), "{failure:?}");
    let name = "export default (i, { tools }) => tools.call('../../etc/passwd', {})";
    let failure = beside_a_neighbour(&sandbox(), agent(name)).await;
    assert!(matches!(failure.kind, FailureKind::Misuse | FailureKind::Exception), "{failure:?}");
}
