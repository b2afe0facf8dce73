//! `moltforge run`: starts an execution, and follows it when asked to.

use std::time::Duration;

use futures::StreamExt as _;
use moltforge_api::executions::{Execution, StartExecution};
use moltforge_client::{Client, ExecutionEvent, StartOptions};
use serde_json::{Value, json};

use super::{argument, show, timeline};
use crate::cli::Context;
use crate::output::progress::Progress;
use crate::output::{ACCENT, Attempt as _, BAD, DIM, Exit, Failure, GOOD, Output, PLAIN, WARN};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The agent's name or id
    agent: String,
    /// The input: JSON, @FILE or - for stdin; a text that is not JSON is passed as a text
    #[arg(long, short, value_name = "JSON|@FILE|-")]
    input: Option<String>,
    /// Show what happens as it happens; the exit code is the run's
    #[arg(long, short)]
    follow: bool,
    /// Wait for the end, this many seconds at most; the exit code is the run's
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "60", conflicts_with = "follow",
        value_parser = clap::value_parser!(u64).range(1..=300))]
    wait: Option<u64>,
    /// The environment whose live version runs
    #[arg(long, short, conflicts_with = "version")]
    env: Option<String>,
    /// Run this version instead of a deployed one
    #[arg(long)]
    version: Option<u32>,
    /// Which comes first among those that wait: 0 (last) to 9 (first); the agent's own when absent
    #[arg(long, value_name = "0-9", value_parser = clap::value_parser!(u8).range(0..=9))]
    priority: Option<u8>,
    /// Runs of the agent with the same key go one at a time, or as many as its `limits.key_concurrency`
    #[arg(long, value_name = "KEY")]
    concurrency_key: Option<String>,
    /// Starting again with the same key gives the same execution
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

/// Without `--follow` or `--wait` it prints the new execution's id and state.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let attempted = || format!("run {}", args.agent);
    let input = argument::json("--input", args.input.as_deref()).attempt(attempted)?.unwrap_or_default();
    let client = context.connection.client().attempt(attempted)?;
    let body = StartExecution {
        agent: args.agent.clone(),
        input,
        environment: args.env,
        version: args.version,
        priority: args.priority,
        concurrency_key: args.concurrency_key,
    };
    let options = StartOptions { idempotency_key: args.idempotency_key, wait: args.wait.map(Duration::from_secs) };
    let out = context.output;
    let progress = args.wait.map(|_| Progress::start(out, &format!("waiting for {}", args.agent)));
    let execution = client.executions().start(&body, &options).await.attempt(attempted)?;
    drop(progress);
    if args.follow {
        return follow(out, &client, &execution).await;
    }
    if args.wait.is_some() {
        out.data(&execution, |out| ended(out, &execution));
        return Ok(exit(&execution.state));
    }
    out.data(&execution, |out| {
        out.pieces(&[
            (ACCENT, &execution.execution_id),
            (PLAIN, "  "),
            (show::state(&execution.state), &execution.state),
        ]);
    });
    let next = format!("moltforge executions events {} --follow", execution.execution_id);
    out.notes(&[(DIM, "follow it with "), (DIM, &next)]);
    Ok(Exit::Done)
}

/// Prints what happens until the execution has ended or holds, then its output.
pub async fn follow(out: Output, client: &Client, execution: &Execution) -> Result<Exit, Failure> {
    let id = execution.execution_id.as_str();
    let attempted = || format!("follow {id}");
    let mut events = client.executions().events(id, 0);
    let mut streaming = Streaming::default();
    while let Some(item) = events.next().await {
        match item.attempt(attempted)? {
            ExecutionEvent::Event(event) => {
                let paused = event.event_type.ends_with(".execution.paused").then(|| event.id.clone());
                if out.is_json() {
                    out.json_line(&json!({ "event": event }));
                } else {
                    streaming.end(out);
                    timeline::note(out, &event);
                }
                if let Some(number) = paused
                    && still_paused(client, id, &number).await.attempt(attempted)?
                {
                    // only somebody else can move it
                    break;
                }
            }
            ExecutionEvent::Chunk(chunk) if out.is_json() => out.json_line(&json!({ "chunk": chunk })),
            ExecutionEvent::Chunk(chunk) => streaming.add(out, chunk.step, chunk.attempt, &chunk.text),
            ExecutionEvent::Reset => streaming.end(out),
        }
    }
    let execution = client.executions().get(id).await.attempt(attempted)?;
    if out.is_json() {
        out.json_line(&json!({ "execution": execution }));
    } else {
        ended(out, &execution);
    }
    Ok(exit(&execution.state))
}

/// Whether event `number` is the latest word: an old pause is history.
async fn still_paused(client: &Client, id: &str, number: &str) -> Result<bool, moltforge_client::Error> {
    let execution = client.executions().get(id).await?;
    Ok(execution.state == "paused" && execution.seq.to_string() == number)
}

/// The text that a model is writing.
#[derive(Default)]
struct Streaming {
    of: Option<(u32, u32)>,
}

impl Streaming {
    fn add(&mut self, out: Output, step: u32, attempt: u32, text: &str) {
        if self.of != Some((step, attempt)) {
            self.end(out);
            out.part(DIM, &format!("#{step} "));
            self.of = Some((step, attempt));
        }
        out.part(PLAIN, text);
    }

    fn end(&mut self, out: Output) {
        if self.of.take().is_some() {
            out.note("");
        }
    }
}

/// The output on stdout; how it ended, otherwise, on stderr.
fn ended(out: Output, execution: &Execution) {
    match (execution.state.as_str(), &execution.output, &execution.error) {
        ("completed", output, _) => match output {
            Some(Value::String(text)) => out.raw(text),
            Some(value) => out.raw(&serde_json::to_string_pretty(value).unwrap_or_default()),
            None => {}
        },
        ("failed", _, Some(error)) => {
            out.notes(&[(BAD, "failed: "), (PLAIN, &error.message), (DIM, "  code: "), (DIM, &error.code)]);
        }
        (state, ..) => {
            let why = execution.reason.as_deref().or(execution.waiting_for.as_deref()).unwrap_or_default();
            let style = if state == "cancelled" { DIM } else { WARN };
            out.notes(&[(style, state), (PLAIN, " "), (PLAIN, why), (DIM, "  "), (DIM, &execution.execution_id)]);
            if let Some(error) = &execution.error {
                out.notes(&[(DIM, "why: "), (PLAIN, &error.message), (DIM, "  code: "), (DIM, &error.code)]);
            }
            if let Some(next) = next(execution) {
                out.notes(&[(GOOD, "hint: "), (PLAIN, &next)]);
            }
        }
    }
}

/// What lets it go on, when somebody must.
fn next(execution: &Execution) -> Option<String> {
    let (id, waits) = (&execution.execution_id, execution.waiting_for.as_deref().unwrap_or_default());
    let resume = format!("moltforge resume {id}");
    Some(match (execution.state.as_str(), execution.reason.as_deref()) {
        ("paused", Some("held")) => {
            format!("moltforge resume --agent {} (or --project: `moltforge holds` says which)", execution.agent_name)
        }
        // refused without a decision: only people can find out whether the call took effect
        ("paused", Some("effect_unknown")) => format!(
            "{resume} --unknown-effects retry|fail (send the call again, or tell the model that it failed), or \
             `moltforge effects {id}` for more choices"
        ),
        ("paused", _) => resume,
        ("suspended", _) if waits.contains("approval apr_") => format!("moltforge approvals list --execution {id}"),
        _ => return None,
    })
}

/// What the shell is told of a state.
pub fn exit(state: &str) -> Exit {
    match state {
        "completed" => Exit::Done,
        "failed" => Exit::Failed,
        "cancelled" => Exit::Cancelled,
        _ => Exit::Waiting,
    }
}
