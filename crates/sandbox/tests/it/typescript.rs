//! TypeScript becomes JavaScript, and runs.

use moltforge_sandbox::{FailureKind, GuestRequest, StripError};
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
    assert_eq!(stripped.iter().map(|file| &file.name).collect::<Vec<_>>(), ["agent.ts", "lib.ts", "types.ts"]);
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
