//! Executions in every state.

use moltforge_api::executions::{
    Execution, ExecutionError, ReplayDifference, Replayed, Step, StepUsage, StopReceipt, StoppedCall, StoppedExecution,
    TreeNode,
};
use moltforge_types::event::CloudEvent;
use moltforge_types::{Id as _, ProjectId, Timestamp};
use serde_json::{Value, json};

use super::{HOUR, MINUTE, NOW, Sample, before, flashed, sample};
use crate::flash::Flash;
use crate::pages::{execution, executions};

pub(super) const ID: &str = "exe_01h455vb4pex5vsknk084sn02q";

pub(super) fn execution(id: &str, agent: &str, state: &str, age: i64, took: i64) -> Execution {
    let ended = matches!(state, "completed" | "failed" | "cancelled");
    Execution {
        execution_id: id.to_owned(),
        agent_id: "agt_01h455vb4pex5vsknk084sn02q".to_owned(),
        agent_name: agent.to_owned(),
        version: 3,
        environment: Some("production".to_owned()),
        state: state.to_owned(),
        attempt: 1,
        seq: 12,
        input: json!({"repository": "moltforge/moltforge", "limit": 50, "style": "plain", "publish": true}),
        output: (state == "completed").then(|| json!(NOTES)),
        error: (state == "failed").then(|| ExecutionError {
            code: "turn_limit".to_owned(),
            message: "the agent used all of its 50 turns".to_owned(),
        }),
        created_at: before(age),
        updated_at: before(age - took),
        finished_at: ended.then(|| before(age - took)),
        tokens: 4_812,
        trigger: "api".to_owned(),
        priority: 5,
        ..Execution::default()
    }
}

const NOTES: &str = "# Release notes\n\nThe journal commits **twice as fast**, and `pause` holds across restarts.\n\n- Faster group commit on SQLite\n- Rollback is one command, see [the guide](https://docs.example.com/rollback)\n- Clearer errors for agent files\n\n| Area | Changes |\n|---|---|\n| engine | 4 |\n| dashboard | 7 |\n";

pub(super) fn some() -> Vec<Execution> {
    let id = |tail: &str| format!("exe_01h455vb4pex5vsknk084{tail}");
    vec![
        execution(ID, "release-notes", "running", 12_400, 0),
        execution(&id("aaaab"), "hello", "completed", 3 * MINUTE, 812),
        Execution {
            waiting_for: Some("the signal \"approve\" until 2026-11-22T13:00:00.000000Z".to_owned()),
            ..execution(&id("aaaac"), "invoice-reader", "suspended", 42 * MINUTE, 0)
        },
        Execution {
            reason: Some("effect_unknown".to_owned()),
            ..execution(&id("aaaad"), "invoice-reader", "paused", 2 * HOUR, 0)
        },
        execution(&id("aaaae"), "weather-reporter", "failed", 3 * HOUR, 48_200),
        execution(&id("aaaaf"), "hello", "scheduled", 400, 0),
        Execution {
            waiting_for: Some("the next attempt, after model_unavailable: the provider answered 503".to_owned()),
            ..execution(&id("aaaag"), "release-notes", "backing_off", 90_000, 0)
        },
        execution(&id("aaaah"), "release-notes", "cancelled", 26 * HOUR, 6_300),
    ]
}

/// A step that began `at` milliseconds after the start of an execution that began `age` milliseconds ago.
struct Sketch {
    age: i64,
    next: u32,
    steps: Vec<Step>,
}

impl Sketch {
    fn new(age: i64) -> Self {
        Self { age, next: 1, steps: Vec::new() }
    }

    fn step(&mut self, kind: &str, name: &str, state: &str, at: i64, ms: Option<u64>) -> &mut Step {
        let step = Step {
            step: self.next,
            kind: kind.to_owned(),
            name: name.to_owned(),
            state: state.to_owned(),
            input: None,
            output: None,
            error: None,
            usage: None,
            retries: 0,
            started_at: Some(before(self.age - at)),
            duration_us: ms.map(|ms| ms * 1000 + 371),
            waiting_for: None,
            approval_id: None,
        };
        self.next += 1;
        self.steps.push(step);
        let last = self.steps.len() - 1;
        &mut self.steps[last]
    }

    fn model(&mut self, at: i64, ms: u64, text: &str, calls: &[(&str, Value)]) -> &mut Step {
        let calls: Vec<_> = calls
            .iter()
            .map(|(tool, arguments)| json!({"call_id": "c1", "tool": tool, "arguments": arguments.to_string()}))
            .collect();
        let step = self.step("model", "scripted", "succeeded", at, Some(ms));
        step.output = Some(json!({"text": text, "tool_calls": calls}));
        step.usage = Some(StepUsage { input_tokens: 1_204, cached_tokens: 900, output_tokens: 88 });
        step
    }

    fn tool(&mut self, name: &str, at: i64, ms: u64, input: Value, output: Value) -> &mut Step {
        let step = self.step("tool", name, "succeeded", at, Some(ms));
        (step.input, step.output) = (Some(input), Some(output));
        step
    }
}

pub(super) fn steps(age: i64) -> Sketchy {
    let mut sketch = Sketch::new(age);
    let pulls = json!({"repository": "moltforge/moltforge", "page": 1});
    sketch.model(
        40,
        1_900,
        "I look at the merged pull requests first.",
        &[("github.pulls", pulls.clone()), ("state.get", json!({"key": "last_release"}))],
    );
    sketch
        .tool(
            "github.pulls",
            1_950,
            2_400,
            pulls,
            json!([{"number": 812, "title": "Fence per lane"}, {"number": 815, "title": "Rollback by one command"}]),
        )
        .retries = 2;
    sketch.tool("state.get", 1_950, 1, json!({"key": "last_release"}), json!("v1.3.2"));
    sketch.model(4_360, 2_200, "", &[("time.sleep", json!({"seconds": 2}))]);
    sketch.tool("time.sleep", 6_570, 2_004, json!({"seconds": 2}), json!({"slept": 2}));
    let failed = sketch.step("tool", "http.fetch", "failed", 8_600, Some(310));
    failed.input = Some(json!({"url": "https://example.com/changelog"}));
    failed.error = Some(ExecutionError {
        code: "host_not_granted".to_owned(),
        message: "example.com is not granted to this agent".to_owned(),
    });
    Sketchy(sketch.steps)
}

/// The steps so far.
pub(super) struct Sketchy(pub(super) Vec<Step>);

fn event(seq: u64, name: &str, age: i64, data: Value) -> CloudEvent {
    let at = Timestamp::from_micros(NOW.as_micros() - age * 1000);
    CloudEvent::new(seq.to_string(), format!("/v1/executions/{ID}"), name, at, ProjectId::from_u128(1), data)
}

pub(super) fn events(age: i64) -> Vec<CloudEvent> {
    let names = [
        ("execution.scheduled", 0, json!({"trigger": "api"})),
        ("execution.running", 30, json!({"attempt": 1})),
        ("model.completed", 1_940, json!({"step": 1, "text": "I look at the merged pull requests first."})),
        ("tool.succeeded", 1_951, json!({"step": 3, "output": "v1.3.2"})),
        ("tool.succeeded", 4_350, json!({"step": 2})),
        ("model.completed", 6_560, json!({"step": 4})),
        ("timer.set", 6_570, json!({"step": 5})),
        ("execution.suspended", 6_571, json!({})),
        ("execution.resumed", 8_574, json!({"from": "suspended"})),
        ("execution.running", 8_580, json!({"attempt": 2})),
        ("tool.failed", 8_910, json!({"step": 6, "error": {"code": "host_not_granted"}})),
        ("model.completed", 8_950, json!({"step": 7})),
    ];
    names.into_iter().enumerate().map(|(n, (name, at, data))| event(n as u64 + 1, name, age - at, data)).collect()
}

pub(super) fn page(execution: Execution, steps: Vec<Step>, events: Vec<CloudEvent>) -> execution::Page {
    let effects =
        if execution.reason.as_deref() == Some("effect_unknown") { super::approvals::effects() } else { Vec::new() };
    let all_steps = steps.len();
    execution::Page {
        execution,
        steps,
        all_steps,
        older: None,
        events,
        effects,
        tree: Vec::new(),
        receipt: None,
        replayed: None,
        form_key: "req_3".to_owned(),
    }
}

fn running() -> execution::Page {
    let mut all = steps(12_400).0;
    let mut last = Sketch { age: 12_400, next: 7, steps: Vec::new() };
    last.step("model", "scripted", "running", 8_950, None);
    all.append(&mut last.steps);
    page(execution(ID, "release-notes", "running", 12_400, 0), all, events(12_400))
}

fn completed() -> execution::Page {
    let mut all = steps(3 * MINUTE).0;
    let mut last = Sketch { age: 3 * MINUTE, next: 7, steps: Vec::new() };
    last.model(8_950, 3_400, NOTES, &[]);
    all.append(&mut last.steps);
    page(
        Execution { tokens: 18_204, ..execution(ID, "release-notes", "completed", 3 * MINUTE, 12_400) },
        all,
        events(3 * MINUTE),
    )
}

fn waiting() -> execution::Page {
    let mut all = steps(42 * MINUTE).0;
    let mut last = Sketch { age: 42 * MINUTE, next: 7, steps: Vec::new() };
    let step = last.step("tool", "signals.wait", "waiting", 9_000, None);
    (step.input, step.waiting_for) =
        (Some(json!({"name": "approve"})), Some("the signal \"approve\" until 2026-11-22T13:00:00.000000Z".to_owned()));
    all.append(&mut last.steps);
    let mut happened = events(42 * MINUTE);
    happened[11] = event(12, "signal.awaited", 42 * MINUTE - 9_000, json!({"name": "approve", "step": 7}));
    let execution = Execution {
        waiting_for: Some("the signal \"approve\" until 2026-11-22T13:00:00.000000Z".to_owned()),
        wake_at: Some(before(-HOUR)),
        ..execution(ID, "invoice-reader", "suspended", 42 * MINUTE, 0)
    };
    page(execution, all, happened)
}

fn unknown() -> execution::Page {
    let mut all = steps(2 * HOUR).0;
    let mut last = Sketch { age: 2 * HOUR, next: 7, steps: Vec::new() };
    last.step("tool", "bank.transfer", "unknown", 9_000, Some(30_000)).input =
        Some(json!({"iban": "DE00 0000", "amount": "120.00"}));
    all.append(&mut last.steps);
    page(
        Execution {
            reason: Some("effect_unknown".to_owned()),
            ..execution(ID, "invoice-reader", "paused", 2 * HOUR, 0)
        },
        all,
        events(2 * HOUR),
    )
}

/// Held before its first step: the error stands at the execution alone.
fn held(reason: &str, code: &str, message: &str) -> execution::Page {
    let error = ExecutionError { code: code.to_owned(), message: message.to_owned() };
    let execution = Execution {
        reason: Some(reason.to_owned()),
        error: Some(error),
        ..execution(ID, "release-notes", "paused", 9 * MINUTE, 0)
    };
    page(execution, Vec::new(), Vec::new())
}

fn exhausted() -> execution::Page {
    held("retries_exhausted", "model_unavailable", "the provider answered 503 five times")
}

fn diverged() -> execution::Page {
    let sides = "before: call 1 of state.set (0f5a31c2) after 0 answers; \
                 now: call 1 of state.set (98d0c1be) after 0 answers: {\"key\":\"b\"}";
    held("diverged", "diverged", &format!("rebuilt, the program did something else: {sides}"))
}

/// The same from a server that tells the error at the step alone.
fn exhausted_in(steps: Vec<Step>) -> execution::Page {
    let mut page = exhausted();
    (page.execution.error, page.steps) = (None, steps);
    page
}

/// A model call that was tried five times.
fn gave_up() -> Vec<Step> {
    let mut all = steps(9 * MINUTE).0;
    let mut last = Sketch { age: 9 * MINUTE, next: 7, steps: Vec::new() };
    let step = last.step("model", "scripted", "failed", 8_950, None);
    let message = "the provider answered 503".to_owned();
    (step.retries, step.error) = (5, Some(ExecutionError { code: "model_unavailable".to_owned(), message }));
    all.append(&mut last.steps);
    all
}

fn other(tail: &str) -> String {
    format!("exe_01h455vb4pex5vsknk084{tail}")
}

/// A child of a child, with two of its own.
fn child() -> execution::Page {
    let mut page = running();
    "agent".clone_into(&mut page.execution.trigger);
    (page.execution.parent_id, page.execution.root_id) = (Some(other("aaaaf")), Some(other("aaaag")));
    page.tree = tree();
    page
}

pub(super) fn tree() -> Vec<TreeNode> {
    let node = |id: String, agent: &str, state: &str, parent: Option<String>| TreeNode {
        execution_id: id,
        agent_name: agent.to_owned(),
        state: state.to_owned(),
        parent_id: parent,
    };
    vec![
        node(ID.to_owned(), "release-notes", "running", None),
        node(other("aaaab"), "hello", "completed", Some(ID.to_owned())),
        node(other("aaaac"), "invoice-reader", "cancelled", Some(ID.to_owned())),
        node(other("aaaad"), "weather-reporter", "running", Some(other("aaaac"))),
    ]
}

pub(super) fn receipt() -> StopReceipt {
    let stopped = |id: String, agent: &str, calls: Vec<StoppedCall>| StoppedExecution {
        execution_id: id,
        agent_name: agent.to_owned(),
        state: "cancelled".to_owned(),
        by: Some("key_01h455vb4pex5vsknk084sn02q".to_owned()),
        kill: true,
        requested_at: Some(before(HOUR - 9_388)),
        stopped_at: Some(before(HOUR - 9_400)),
        stop_us: Some(12_400),
        calls,
    };
    let call = |step: u32, name: &str, kind: &str| StoppedCall {
        step,
        name: name.to_owned(),
        kind: kind.to_owned(),
        outcome: "unknown".to_owned(),
        idempotency_key: (kind == "tool").then(|| "mf2_b1946ac92492d2347c6235b4d2611184".to_owned()),
        booked_tokens: (kind == "model").then_some(33_000),
    };
    StopReceipt {
        stopped: stopped(ID.to_owned(), "release-notes", vec![call(6, "bank.transfer", "tool")]),
        below: vec![
            stopped(other("aaaac"), "invoice-reader", vec![call(3, "scripted", "model")]),
            stopped(other("aaaad"), "weather-reporter", Vec::new()),
        ],
        stopping: 0,
        truncated: false,
        took_us: None,
    }
}

fn difference() -> ReplayDifference {
    ReplayDifference {
        seq: 7,
        message: "the version asks for another tool".to_owned(),
        recorded: Some(json!({"kind": "tool_invoked", "tool": "http.fetch"})),
        produced: Some(json!({"kind": "tool_invoked", "tool": "github.pulls"})),
    }
}

pub(super) fn samples() -> Vec<Sample> {
    let list = executions::Page {
        executions: some(),
        next: Some("abc=".to_owned()),
        asked: executions::Asked { cursor: "x".to_owned(), ..Default::default() },
    };
    let unfound = executions::Page {
        asked: executions::Asked { state: "paused".to_owned(), agent: "hello".to_owned(), cursor: String::new() },
        ..Default::default()
    };
    let paused = page(
        Execution { reason: Some("operator".to_owned()), ..execution(ID, "release-notes", "paused", 9 * MINUTE, 0) },
        steps(9 * MINUTE).0,
        events(9 * MINUTE),
    );
    let failed = page(execution(ID, "release-notes", "failed", HOUR, 9_400), steps(HOUR).0, events(HOUR));
    let mut cancelled = page(execution(ID, "release-notes", "cancelled", HOUR, 9_400), steps(HOUR).0, events(HOUR));
    let sixth = cancelled.steps[5].clone();
    cancelled.steps = (31..=230).map(|step| Step { step, ..sixth.clone() }).collect();
    (cancelled.all_steps, cancelled.older) = (430, Some("b2xk".to_owned()));
    (cancelled.receipt, cancelled.tree) = (Some(receipt()), tree());
    let mut waited = page(execution(ID, "release-notes", "cancelled", HOUR, 9_400), steps(HOUR).0, events(HOUR));
    waited.steps.truncate(2);
    (waited.all_steps, waited.steps[1].duration_us) = (2, None);
    "cancelled".clone_into(&mut waited.steps[1].state);
    let mut replayed = completed();
    replayed.replayed = Some(Replayed { identical: true, entries: 12, version: 3, difference: None });
    let mut differs = completed();
    differs.execution.forked_from = Some(other("aaaab"));
    differs.execution.archived_at = Some(before(MINUTE));
    differs.replayed = Some(Replayed { identical: false, entries: 6, version: 4, difference: Some(difference()) });
    let scheduled = page(execution(ID, "release-notes", "scheduled", 300, 0), Vec::new(), Vec::new());
    vec![
        sample("executions", "/executions", &list),
        sample("no executions", "/executions-none", &executions::Page::default()),
        sample("no execution found", "/executions-unfound", &unfound),
        sample("running", "/executions/running", &running()),
        sample("completed", "/executions/completed", &completed()),
        sample("waiting for a signal", "/executions/waiting", &waiting()),
        sample("outcome unknown", "/executions/unknown", &unknown()),
        flashed("paused", "/executions/paused", &paused, Some(Flash::Paused)),
        sample("retries exhausted", "/executions/exhausted", &exhausted()),
        sample("diverged", "/executions/diverged", &diverged()),
        sample("retries exhausted without an error", "/executions/exhausted-silent", &exhausted_in(steps(HOUR).0)),
        sample("retries exhausted in a step", "/executions/exhausted-step", &exhausted_in(gave_up())),
        sample("failed", "/executions/failed", &failed),
        sample("cancelled", "/executions/cancelled", &cancelled),
        sample("cancelled while it waited", "/executions/waited", &waited),
        sample("replayed", "/executions/replayed", &replayed),
        sample("replayed otherwise", "/executions/differs", &differs),
        sample("child", "/executions/child", &child()),
        sample("scheduled", "/executions/scheduled", &scheduled),
    ]
}
