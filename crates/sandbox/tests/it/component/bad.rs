//! Components that break something: each ends as a failure with a name, and the next guest finds its worker unharmed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use moltforge_sandbox::{Config, Error, Event, FailureKind, GuestRequest, Limit, Limits, Refusal, Sandbox};
use serde_json::Value;

use super::forged::{self, Forged};
use super::{AGENT, of, tries};
use crate::driver::run;
use crate::world::{agent, config, program, sandbox};

#[tokio::test]
async fn each_failure_has_its_kind() {
    let sandbox = sandbox();
    let neighbour = "export default async (i, { tools }) => { await tools.call('a', {}) }";
    let mut neighbour = sandbox.run(agent(neighbour)).await.unwrap();
    assert!(matches!(neighbour.next().await, Event::Asked(_)));
    for (what, kind, said) in [
        ("panic", FailureKind::Exception, "what now"),
        ("fatal", FailureKind::Exception, "I give up"),
        ("deadlock", FailureKind::Exception, "no call is open"),
        ("wait for nothing", FailureKind::Deadlock, "no calls"),
        ("loop", FailureKind::Limit(Limit::Cpu), "processor"),
        ("memory", FailureKind::Limit(Limit::Memory), "memory"),
        ("recursion", FailureKind::Engine, ""),
        ("hoard", FailureKind::Limit(Limit::Memory), "memory"),
        ("many calls", FailureKind::Limit(Limit::Calls), "1000"),
        ("no json", FailureKind::Misuse, "the value is not JSON"),
        ("injection", FailureKind::Misuse, "the value is not JSON"),
        ("no name", FailureKind::Misuse, "cannot be the name"),
        ("much random", FailureKind::Misuse, "131072 random bytes"),
        ("logs", FailureKind::Limit(Limit::Logs), "bytes logged"),
    ] {
        let limits = Limits { cpu: Duration::from_secs(2), ..Limits::default() };
        let failure = run(&sandbox, GuestRequest { limits, ..tries(what) }).await.0.failure();
        let stack = FailureKind::Limit(Limit::Stack);
        assert!(failure.kind == kind || what == "recursion" && failure.kind == stack, "{what}: {failure:?}");
        assert!(failure.message.contains(said), "{what}: {failure:?}");
    }
    let after = sandbox.run(tries("every")).await.unwrap();
    assert_eq!(after.process_id(), neighbour.process_id(), "the worker is the same, the neighbour lives");
}

async fn refusal(component: Vec<u8>) -> (Refusal, String) {
    match sandbox().run(of(component, &Value::Null)).await {
        Err(Error::Refused { refusal, reason }) => (refusal, reason),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it runs"),
    }
}

#[tokio::test]
async fn what_is_no_component_of_the_world_is_refused_before_it_runs() {
    for bytes in [&b"no wasm"[..], b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0\x07\x05"] {
        assert_eq!(refusal(bytes.to_vec()).await.0, Refusal::Invalid);
    }
    let imports = ["wasi:sockets/tcp@0.2.0", "wasi:http/outgoing-handler@0.2.0", "moltforge:agent/llm@9.0.0"];
    let (kind, reason) = refusal(Forged { imports: &imports, ..Forged::default() }.component()).await;
    assert_eq!(kind, Refusal::Imports);
    assert!(imports.iter().all(|import| reason.contains(import)), "{reason}");
    let (kind, reason) = refusal(Forged { run: "go", ..Forged::default() }.component()).await;
    assert_eq!(kind, Refusal::Exports);
    assert!(reason.contains("it exports go"), "{reason}");
}

#[tokio::test]
async fn types_that_do_not_fit_are_seen_when_it_is_linked() {
    let sandbox = sandbox();
    for (forged, kind, said) in [
        (Forged::default(), FailureKind::Exports, "run"),
        (
            Forged { imports: &["moltforge:agent/clock@0.1.0"], function: Some("tomorrow"), ..Forged::default() },
            FailureKind::Imports,
            "tomorrow",
        ),
        (
            Forged { imports: &["moltforge:agent/clock@0.1.3"], function: Some("now"), ..Forged::default() },
            FailureKind::Imports,
            "now",
        ),
    ] {
        let failure = run(&sandbox, of(forged.component(), &Value::Null)).await.0.failure();
        assert_eq!(failure.kind, kind, "{failure:?}");
        assert!(failure.message.contains(said), "{failure:?}");
    }
}

/// Processes that compile under a limit of the shell: seconds, or kibibytes of address space.
fn limited(limit: &str) -> Sandbox {
    let script = format!("ulimit {limit}; exec {} compile \"$@\"", program().display());
    let compiler = ["-c", &script, "sh"].map(Into::into).into();
    // a cache of its own, so that nothing is there already
    let cache = tempfile::tempdir().unwrap().keep();
    Sandbox::new(Config { program: "/bin/sh".into(), compiler, cache, ..config() }).unwrap()
}

#[tokio::test]
async fn a_bomb_goes_off_alone() {
    let bomb = of(forged::bomb(500_000), &Value::Null);
    for limit in ["-t 1", "-v 300000"] {
        let sandbox = limited(limit);
        for _ in 0..2 {
            let error = sandbox.prepare("proj_1", &bomb.image).await.unwrap_err();
            assert!(matches!(error, Error::Refused { refusal: Refusal::Limit, .. }), "{limit}: {error}");
        }
    }
}

#[tokio::test]
async fn a_project_that_compiles_much_keeps_others_waiting_once() {
    let sandbox = limited("-t 1");
    let compiled = Arc::new(Mutex::new(Vec::new()));
    let compile = |project: &'static str, component: Vec<u8>| {
        let (sandbox, compiled) = (sandbox.clone(), Arc::clone(&compiled));
        tokio::spawn(async move {
            let _ = sandbox.prepare(project, &of(component, &Value::Null).image).await;
            compiled.lock().unwrap().push(project);
        })
    };
    let mut all: Vec<_> = (0..4).map(|n| compile("proj_1", forged::bomb(500_000 + n))).collect();
    tokio::task::yield_now().await;
    all.push(compile("proj_2", AGENT.to_vec()));
    for one in all {
        one.await.unwrap();
    }
    let place = compiled.lock().unwrap().iter().position(|project| *project == "proj_2").unwrap();
    assert!(place <= 2, "after {place} of the other project");
}
