//! What a component imports that there is not, and what it exports that is no agent.

use moltforge_sandbox::{FailureKind, Refusal};

use super::wat::{Parts, made};
use super::{Pair, attempts};
use crate::escape::attempt::{Attempt, Ends};

const IMPORTS: Ends = Ends::Refused(Refusal::Imports);
const LINKED: Ends = Ends::Fails(FailureKind::Imports);

/// What is after, its name, how it ends, and the import.
const ALL: [(&str, &str, Ends, &str); 25] = [
    ("network", "sockets", IMPORTS, r#"(import "wasi:sockets/tcp@0.2.0" (instance))"#),
    ("network", "names of hosts", IMPORTS, r#"(import "wasi:sockets/ip-name-lookup@0.2.0" (instance))"#),
    ("network", "HTTP that is not asked for", IMPORTS, r#"(import "wasi:http/outgoing-handler@0.2.0" (instance))"#),
    ("network", "TLS", IMPORTS, r#"(import "wasi:tls/types@0.2.0-draft" (instance))"#),
    ("files", "another file system", IMPORTS, r#"(import "wasi:filesystem/root@0.2.0" (instance))"#),
    ("files", "files of the first WASI", IMPORTS, r#"(import "wasi_snapshot_preview1" (instance))"#),
    ("secrets", "secrets", IMPORTS, r#"(import "moltforge:agent/secrets@0.1.0" (instance))"#),
    ("secrets", "settings", IMPORTS, r#"(import "wasi:config/store@0.2.0-rc.1" (instance))"#),
    ("processes", "processes", IMPORTS, r#"(import "wasi:cli/spawn@0.2.0" (instance))"#),
    ("capabilities", "what engines ask with", IMPORTS, r#"(import "submit" (func (param "id" u32)))"#),
    ("capabilities", "another version of the world", IMPORTS, r#"(import "moltforge:agent/llm@0.2.0" (instance))"#),
    ("capabilities", "no version of the world", IMPORTS, r#"(import "moltforge:agent/llm" (instance))"#),
    ("capabilities", "version 0.10 of the world", IMPORTS, r#"(import "moltforge:agent/llm@0.10.0" (instance))"#),
    ("capabilities", "a name in capital letters", IMPORTS, r#"(import "moltforge:agent/LLM@0.1.0" (instance))"#),
    ("capabilities", "a package that is called alike", IMPORTS, r#"(import "moltforge:agents/llm@0.1.0" (instance))"#),
    ("capabilities", "a nested name", IMPORTS, r#"(import "moltforge:agent/llm/more@0.1.0" (instance))"#),
    ("capabilities", "a letter that looks alike", IMPORTS, "(import \"moltforge:\u{430}gent/llm@0.1.0\" (instance))"),
    ("network", "an address in place of a name", IMPORTS, r#"(import "url=<https://10.0.0.1/x.wasm>" (instance))"#),
    ("files", "a package to be fetched", IMPORTS, r#"(import "unlocked-dep=<a:b>" (component))"#),
    ("engine", "a module", IMPORTS, r#"(import "module" (core module))"#),
    ("engine", "a module in place of a capability", LINKED, r#"(import "moltforge:agent/state@0.1.0" (core module))"#),
    (
        "capabilities",
        "a function that a capability has not",
        LINKED,
        r#"(import "moltforge:agent/clock@0.1.0" (instance (export "set" (func (param "time" u64)))))"#,
    ),
    (
        "capabilities",
        "a function with other parameters",
        LINKED,
        r#"(import "moltforge:agent/clock@0.1.0" (instance (export "now" (func (param "of" string) (result u64)))))"#,
    ),
    (
        "capabilities",
        "a function with another result",
        LINKED,
        r#"(import "moltforge:agent/clock@0.1.0" (instance (export "now" (func (result string)))))"#,
    ),
    (
        "capabilities",
        "calls that are another resource",
        LINKED,
        r#"(import "moltforge:agent/signals@0.1.0" (instance (export "pending" (type $q (sub resource)))
            (export "wait" (func (param "name" string) (param "timeout" (option u64)) (result (own $q))))))"#,
    ),
];

const NEAREST: &str = r#"(import "moltforge:agent/clock@0.1.0" (instance (export "now" (func (result u64)))))"#;

pub(super) fn all() -> Vec<Attempt> {
    let pairs = ALL.map(|(category, name, ends, import)| Pair {
        name: made(format!("the import of {name}")),
        category,
        tried: import,
        ends,
        bad: Parts::around(import),
        control_is: "the import of `moltforge:agent/clock@0.1.0` with its `now`",
        good: Parts::around(NEAREST),
    });
    attempts(&pairs)
}
