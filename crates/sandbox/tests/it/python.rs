//! What Python agents do.

use moltforge_sandbox::{FailureKind, GuestRequest, Image};
use serde_json::json;

use crate::driver::run;
use crate::world::{agent, file, sandbox};

fn python(source: &str) -> GuestRequest {
    GuestRequest { image: Image::Python, files: vec![file("agent.py", source)], entry: "agent.py".into(), ..agent("") }
}

/// One test: the engine takes its time to compile, and each test has a process of its own.
#[tokio::test]
async fn python_agents_run() {
    crate::world::prepared(&Image::Python).await;
    let sandbox = sandbox();
    let source = "
import asyncio, os, random, secrets, time, uuid
import _random
from helper import twice
from moltforge import tools

async def run(input):
    started = time.time()
    a, b = await asyncio.gather(tools.call('a', ms=300), tools.call('b', ms=200))
    await asyncio.sleep(0.1)
    return {'tools': [a['tool'], b['tool']], 'took': round(time.time() - started, 3), 'twice': twice(input['n']),
            'chance': {'random': random.random(), 'new': random.Random().random(), 'inner': _random.Random().random(),
                       'system': random.SystemRandom().random(), 'os': os.urandom(8).hex(), 'secrets': secrets.token_hex(8),
                       'uuid': str(uuid.uuid4())}}
";
    let request = GuestRequest { input: r#"{"n": 21}"#.into(), ..python(source) };
    let helper = file("helper.py", "def twice(n):\n    return n * 2\n");
    let request = GuestRequest { files: [request.files, vec![helper]].concat(), ..request };
    let (end, journal) = run(&sandbox, request.clone()).await;
    let output = end.output();
    assert_eq!((&output["tools"], &output["twice"]), (&json!(["a", "b"]), &json!(42)));
    assert_eq!(output["took"], json!(0.4));
    assert_eq!(journal.completions.iter().map(|one| one.id).collect::<Vec<_>>(), [2, 1, 3], "as they came");
    assert_eq!(run(&sandbox, request.clone()).await.0.output(), output, "chance comes from the seed");
    let other = run(&sandbox, GuestRequest { seed: [8; 32], ..request }).await.0.output();
    for (name, value) in output["chance"].as_object().unwrap() {
        assert_ne!(other["chance"][name], *value, "the image's own {name} is in no execution");
    }

    for (source, kind, said) in [
        ("def run(input):\n    return 1\n\nx = = 2\n", FailureKind::Syntax, "agent.py"),
        ("import requests\n\ndef run(input):\n    pass\n", FailureKind::Syntax, "requests"),
        ("x = 1\n", FailureKind::NoRun, "run"),
        ("def run(input):\n    return 1 // 0\n", FailureKind::Exception, "line 2"),
    ] {
        let failure = run(&sandbox, python(source)).await.0.failure();
        assert_eq!(failure.kind, kind, "{failure:?}");
        assert!(format!("{}\n{}", failure.message, failure.stack).contains(said), "{failure:?}");
    }
}
