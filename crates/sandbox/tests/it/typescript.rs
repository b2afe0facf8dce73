//! TypeScript becomes JavaScript, and runs.

use moltforge_sandbox::{Completion, Event, FailureKind, GuestRequest, StripError};
use serde_json::json;

use crate::driver::run;
use crate::world::{agent, file, sandbox};

#[tokio::test]
async fn types_are_stripped_and_lines_stay() {
    let sandbox = sandbox();
    let agent_ts = "import type { Input } from './types';\nimport { twice } from './lib.js';\n\n\
                    export default async function run(input: Input): Promise<number> {\n  \
                    return twice(input.n as number);\n}\n";
    let files = vec![
        file("agent.ts", agent_ts),
        file("lib.ts", "export const twice = (n: number): number => n * 2;\n"),
        file("types.ts", "export interface Input { n: number }\n"),
    ];
    let stripped = sandbox.strip("proj_1", files.clone()).await.unwrap();
    assert_eq!(stripped.iter().map(|file| &*file.name).collect::<Vec<_>>(), ["agent.ts", "lib.ts", "types.ts"]);
    assert_eq!(stripped[0].text.lines().count(), agent_ts.lines().count());
    assert!(!stripped[0].text.contains("Promise<number>"), "{}", stripped[0].text);
    let request = GuestRequest { files: stripped, entry: "agent.ts".into(), input: r#"{"n": 21}"#.into(), ..agent("") };
    assert_eq!(run(&sandbox, request).await.0.output(), json!(42));

    for source in ["export const x: = 1;\n", "export enum Colour { Red }\n"] {
        let refused = sandbox.strip("proj_1", vec![file("lib/bad.ts", source)]).await.unwrap_err();
        let StripError::Refused(failure) = refused else { panic!("{refused:?}") };
        assert_eq!(failure.kind, FailureKind::Syntax, "{failure:?}");
        assert!(failure.message.starts_with("lib/bad.ts:1:"), "the place is named: {failure:?}");
        assert_eq!(failure.message.lines().count(), 1, "{failure:?}");
    }
}

/// So much of it.
type Bomb = fn(usize) -> String;

/// A little of it is stripped, much of it is too much.
#[tokio::test]
async fn what_is_too_much_to_strip_fails_alone() {
    let sandbox = sandbox();
    let waits = "export default async (i, { tools }) => (await tools.call('a', {})).n";
    let mut neighbour = sandbox.run(agent(waits)).await.unwrap();
    assert!(matches!(neighbour.next().await, Event::Asked(_)));
    let bombs: [(&str, Bomb); 5] = [
        ("parentheses", |n| format!("export const x = {}1{};\n", "(".repeat(n), ")".repeat(n))),
        ("types in types", |n| format!("export type X = {}1{};\n", "Array<".repeat(n), ">".repeat(n))),
        ("blocks", |n| format!("{}{}\n", "{".repeat(n), "}".repeat(n))),
        ("arrows", |n| format!("export const x = {}1;\n", "(a: number) => ".repeat(n))),
        ("templates", |n| format!("export const x = {}1{};\n", "`${".repeat(n), "}`".repeat(n))),
    ];
    for (what, bomb) in bombs {
        sandbox.strip("proj_1", vec![file("agent.ts", &bomb(10))]).await.unwrap();
        let refused = sandbox.strip("proj_1", vec![file("agent.ts", &bomb(200_000))]).await.unwrap_err();
        let StripError::Refused(failure) = refused else { panic!("{what}: {refused:?}") };
        println!("{what}: {:?} {}", failure.kind, failure.message.lines().next().unwrap_or_default());
        let is_limit = matches!(failure.kind, FailureKind::Limit(_) | FailureKind::Engine);
        assert!(is_limit || failure.kind == FailureKind::Syntax, "{what}: {failure:?}");
        assert!(!is_limit || failure.message.starts_with("its types cannot be stripped: "), "{what}: {failure:?}");
    }
    neighbour.deliver(Completion { id: 1, at: 0, value: Ok(r#"{"n": 42}"#.into()) }).unwrap();
    let Event::Ended(end) = neighbour.next().await else { panic!("the neighbour did not end") };
    assert_eq!(end.output, "42");
}
