//! Limits of an agent file, through the whole server: the failure names the limit.

use serde_json::json;

use super::sides::Sides;
use super::{Report, Words};

pub(super) async fn all(sides: &Sides, report: &mut Report) {
    let limits = json!({ "tool_calls": 5, "memory": "16MiB", "cpu": "1s", "wall": "20s", "children": 1 });
    let fields = json!({ "limits": limits, "tools": ["math.add", "agents.start", "signals.wait"], "agents": ["echo"] });
    let source = "const AsyncFunction = (async () => {}).constructor;
export default (input, tools) => new AsyncFunction('c', 'n', input.code)(tools, input.n);";
    sides.owner.deploy("small", &fields, source).await;
    for (what, code, little, much, ends) in [
        (
            "memory",
            "const a = []; for (let k = 0; k < n; k++) a.push(new Uint8Array(1 << 20)); return 1",
            1_u64,
            1 << 40,
            "memory_limit",
        ),
        ("time", "for (let k = 0; k < n; k++); return 1", 10, 1 << 50, "cpu_limit"),
        ("output", "return 'x'.repeat(n)", 10, 3_000_000, "output_limit"),
        ("logs", "for (let k = 0; k < n; k++) console.log('x'.repeat(100)); return 1", 10, 1 << 40, "log_limit"),
        (
            "open calls",
            "for (let k = 0; k < n; k++) c.tools.call('math.add', { a: 1, b: 1 }); return 1",
            2,
            1 << 40,
            "open_call_limit",
        ),
        (
            "calls",
            "for (let k = 0; k < n; k++) await c.tools.call('math.add', { a: 1, b: 1 }); return 1",
            2,
            50,
            "tool_call_limit",
        ),
        // the runtime is made to believe that there is still somebody to wait for
        (
            "waiting for nobody",
            "const t = setTimeout(() => {}, 1); if (n < 2) return 1; Map.prototype.delete = () => true; \
             clearTimeout(t); clearTimeout(t); await new Promise(() => {})",
            1,
            2,
            "guest_deadlock",
        ),
    ] {
        let run = |n: u64| async move {
            let execution = sides.owner.run("small", json!({ "code": code, "n": n })).await;
            (execution.state == "completed", execution.error.map(|error| error.code))
        };
        let ((attempt, error), (control, _)) = (run(much).await, run(little).await);
        let words =
            Words { expected: "the execution fails and its error names the limit", control: "less of it completes" };
        report.add(
            &format!("more {what} than the agent file allows"),
            "limits",
            &format!("`{code}` with n = {much}"),
            &words,
            attempt,
            control,
        );
        if error.as_deref() != Some(ends) {
            report.faults.push(format!("{what}: the error is {error:?}, not {ends}"));
        }
    }
}
