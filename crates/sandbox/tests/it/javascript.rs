//! What JavaScript agents do.

use moltforge_sandbox::{Event, FailureKind, GuestRequest};
use serde_json::json;

use crate::driver::run;
use crate::world::{agent, file, sandbox};

#[tokio::test]
async fn an_agent_returns_what_it_makes_of_its_input() {
    let request = GuestRequest {
        input: r#"{"n": 20}"#.into(),
        ..agent("export default async function run(input) { return { twice: input.n * 2 + 2 } }")
    };
    let (end, journal) = run(&sandbox(), request).await;
    assert_eq!(end.output(), json!({ "twice": 42 }));
    assert_eq!(journal.calls, []);
}

#[tokio::test]
async fn parallel_calls_are_asked_for_together() {
    let source = "export default async (input, { tools }) => {
        const [a, b] = await Promise.all([tools.call('a', { ms: 300 }), tools.call('b', { ms: 200, x: [1] })]);
        return [a.tool, b.tool, b.args.x];
    }";
    let sandbox = sandbox();
    let mut guest = sandbox.run(agent(source)).await.unwrap();
    let Event::Asked(asked) = guest.next().await else { panic!("it does not ask") };
    assert!(asked.blocked);
    let names: Vec<_> = asked.calls.iter().map(|call| (call.id, call.name.as_str(), call.after)).collect();
    assert_eq!(names, [(1, "a", 0), (2, "b", 0)]);
    assert_eq!(asked.calls[1].args, r#"{"ms":200,"x":[1]}"#);
    let (end, journal) = run(&sandbox, agent(source)).await;
    assert_eq!(end.output(), json!(["a", "b", [1]]));
    assert_eq!(journal.completions.iter().map(|one| one.id).collect::<Vec<_>>(), [2, 1], "as they came");
}

#[tokio::test]
async fn a_race_timers_and_time() {
    let source = "export default async (input, { tools }) => {
        const started = Date.now();
        const first = await Promise.race([tools.call('slow', { ms: 400 }), tools.call('fast', { ms: 50 })]);
        const timer = setTimeout(() => {}, 5000);
        await new Promise(resolve => setTimeout(resolve, 120));
        clearTimeout(timer);
        let code; try { await tools.call('fail', {}) } catch (error) { code = error.code }
        return [first.tool, Date.now() - started, code];
    }";
    let (end, journal) = run(&sandbox(), agent(source)).await;
    assert_eq!(end.output(), json!(["fast", 170, "tool_refused"]));
    assert_eq!(journal.cancelled.iter().map(|one| (one.id, one.after)).collect::<Vec<_>>(), [(3, 2)]);
}

#[tokio::test]
async fn the_seed_decides_about_chance_and_the_start_about_time() {
    let source = "export default () => [Math.random(), crypto.randomUUID(), Date.now()]";
    let sandbox = sandbox();
    let first = run(&sandbox, agent(source)).await.0.output();
    assert_eq!(run(&sandbox, agent(source)).await.0.output(), first);
    let other = run(&sandbox, GuestRequest { seed: [8; 32], ..agent(source) }).await.0.output();
    assert_ne!(other[0], first[0]);
    assert_ne!(other[1], first[1]);
    assert_eq!(other[2], json!(1_700_000_000_000_u64));
}

#[tokio::test]
async fn several_files_are_one_program() {
    let request = GuestRequest {
        files: vec![
            file(
                "agent.js",
                "import { twice } from './lib/math.js'; import c from './c.json' with { type: 'json' };\n export default () => twice(c.k)",
            ),
            file("lib/math.js", "export const twice = n => n * 2"),
            file("c.json", r#"{"k": 21}"#),
        ],
        ..agent("")
    };
    assert_eq!(run(&sandbox(), request).await.0.output(), json!(42));
}

#[tokio::test]
async fn logs_come_with_their_level() {
    let source = "export default () => { console.log('one', 2, { three: 3 }); console.error('four') }";
    let (end, journal) = run(&sandbox(), agent(source)).await;
    assert_eq!(end.output(), json!(null));
    let logs: Vec<_> = journal.logs.iter().map(|log| (log.level, log.message.as_str())).collect();
    assert_eq!(logs[1], (3, "four"));
    assert_eq!(logs[0].0, 1);
    assert!(logs[0].1.starts_with("one 2"), "{logs:?}");

    let source = "export default () => { console.table([{ a: 1, b: '%s' }, 7]); console.count(); console.count();
        console.time('t'); console.timeEnd('t'); console.groupCollapsed('g'); console.dirxml(1); console.groupEnd() }";
    let (end, journal) = run(&sandbox(), agent(source)).await;
    assert_eq!(end.output(), json!(null));
    let logs: Vec<_> = journal.logs.iter().map(|log| log.message.as_str()).collect();
    let table =
        "(index) | a | b    | Values\n--------+---+------+-------\n0       | 1 | \"%s\" |\n1       |   |      | 7";
    assert_eq!(logs, [table, "default: 1", "default: 2", "t: 0ms", "g", "  1"]);
}

#[tokio::test]
async fn mistakes_name_the_author_s_file_and_line() {
    let sandbox = sandbox();
    let failure = run(&sandbox, agent("export default () => 1\nlet = ;\n")).await.0.failure();
    assert_eq!(failure.kind, FailureKind::Syntax, "{failure:?}");
    assert!(format!("{failure:?}").contains("agent.js:2"), "{failure:?}");

    let failure = run(&sandbox, agent("import './nope.js'; export default () => 1")).await.0.failure();
    assert!(failure.message.contains("nope.js"), "{failure:?}");

    let source = "function inner() {\n  null.foo;\n}\nexport default async () => {\n  await 1;\n  inner();\n}";
    let failure = run(&sandbox, agent(source)).await.0.failure();
    assert_eq!(failure.kind, FailureKind::Exception);
    assert!(failure.stack.contains("agent.js:2") && failure.stack.contains("agent.js:6"), "{failure:?}");

    let failure = run(&sandbox, agent("export const nothing = 1")).await.0.failure();
    assert_eq!(failure.kind, FailureKind::NoRun);

    let failure = run(&sandbox, agent("export default () => new Promise(() => {})")).await.0.failure();
    assert_eq!(failure.kind, FailureKind::Deadlock);
}

#[tokio::test]
async fn what_it_logs_before_it_computes_for_long_is_heard() {
    let source = "export default () => { console.log('begins'); for (;;) {} }";
    let mut guest = sandbox().run(agent(source)).await.unwrap();
    let Event::Asked(asked) = guest.next().await else { panic!("it says nothing") };
    assert_eq!((asked.blocked, asked.logs[0].message.as_str()), (false, "begins"));
}
