//! What the engine does for a guest, as small as it can be: a journal in memory, and calls that answer after the
//! milliseconds that they ask for.

use moltforge_sandbox::commands::Made;
use moltforge_sandbox::{
    Asked, Call, Cancelled, Commands, Completion, Event, Failure, Guest, GuestRequest, Log, Refusal, Sandbox,
};
use serde_json::{Value, json};

/// What outlives a worker.
#[derive(Default)]
pub(crate) struct Journal {
    pub(crate) completions: Vec<Completion>,
    pub(crate) calls: Vec<Call>,
    pub(crate) cancelled: Vec<Cancelled>,
    pub(crate) logs: Vec<Log>,
    /// Open calls: when they are due, and their ids.
    due: Vec<(u64, u32)>,
    /// The times at which a guest was rebuilt and asked for something else.
    pub(crate) divergences: Vec<String>,
}

/// How a guest ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    Output(Value),
    Failed(Failure),
    /// A component that is not taken.
    Refused(Refusal, String),
    Lost(String),
    /// Others needed its room.
    Evicted,
    /// Enough completions were handed over.
    Enough,
}

impl End {
    pub(crate) fn output(self) -> Value {
        match self {
            Self::Output(value) => value,
            other => panic!("no output: {other:?}"),
        }
    }

    pub(crate) fn failure(self) -> Failure {
        match self {
            Self::Failed(failure) => failure,
            other => panic!("no failure: {other:?}"),
        }
    }
}

/// What answers calls.
pub(crate) trait Answers {
    /// After how many milliseconds a call is answered, if ever.
    fn after(&self, call: &Call) -> Option<u64>;
    /// The answer, at a time.
    fn answer(&mut self, call: &Call, at: u64) -> Result<Value, Value>;
}

/// Answers after the `ms` of a call with what was called.
pub(crate) struct Echo;

impl Answers for Echo {
    fn after(&self, call: &Call) -> Option<u64> {
        let args: Value = serde_json::from_str(&call.args).unwrap();
        let ms = args["ms"].as_u64().unwrap_or(0);
        (ms != u64::from(u32::MAX)).then_some(ms)
    }

    fn answer(&mut self, call: &Call, at: u64) -> Result<Value, Value> {
        let args: Value = serde_json::from_str(&call.args).unwrap();
        match call.name.as_str() {
            "timer" => Ok(Value::Null),
            "fail" => Err(json!({ "code": "tool_refused", "message": "no" })),
            "llm.complete" => Ok(json!({ "tool": call.name, "args": args, "at": at, "text": "uno due" })),
            "llm.chunk" => Ok(chunk(&args)),
            name => Ok(json!({ "tool": name, "args": args, "at": at })),
        }
    }
}

/// After the first piece the model is asked again.
fn chunk(args: &Value) -> Value {
    let (attempt, from, text) = match (&args["attempt"], args["from"].as_u64()) {
        (attempt, Some(0)) if attempt == 0 => (1, 0, "one "),
        (attempt, _) if attempt == 1 => (2, 0, "uno "),
        (_, from) => (2, from.unwrap_or(0), "due"),
    };
    let to = from + text.len() as u64;
    json!({ "attempt": attempt, "from": from, "to": to, "text": text, "done": text == "due" })
}

/// Runs a guest that has not run before to its end.
pub(crate) async fn run(sandbox: &Sandbox, request: GuestRequest) -> (End, Journal) {
    run_with(sandbox, request, &mut Echo).await
}

/// The same with other answers.
pub(crate) async fn run_with(
    sandbox: &Sandbox,
    request: GuestRequest,
    answers: &mut (impl Answers + Send),
) -> (End, Journal) {
    let mut journal = Journal::default();
    let (end, _guest) = live(sandbox, request, &mut journal, answers, usize::MAX).await;
    (end, journal)
}

/// Builds the guest, from its journal if there is one, and goes on until it ends or the journal has `enough`
/// completions. Then the last of them is on its way.
pub(crate) async fn go_on(
    sandbox: &Sandbox,
    request: GuestRequest,
    journal: &mut Journal,
    enough: usize,
) -> (End, Guest) {
    live(sandbox, request, journal, &mut Echo, enough).await
}

async fn live(
    sandbox: &Sandbox,
    request: GuestRequest,
    journal: &mut Journal,
    answers: &mut (impl Answers + Send),
    enough: usize,
) -> (End, Guest) {
    let request = GuestRequest { completions: journal.completions.clone(), ..request };
    let mut now = journal.completions.last().map_or(request.now, |last| last.at);
    let mut commands = Commands::new(journal.calls.iter().map(Made::from).collect(), journal.cancelled.clone());
    let replayed = u32::try_from(request.completions.len()).unwrap();
    let mut guest = sandbox.run(request).await.unwrap();
    loop {
        let (asked, end) = match guest.next().await {
            Event::Asked(asked) => (asked, None),
            Event::Ended(end) => {
                let output = serde_json::from_str(&end.output).unwrap();
                (end.last, Some(End::Output(output)))
            }
            Event::Failed { failure, last } => (last, Some(End::Failed(failure))),
            Event::Lost(reason) => return (End::Lost(reason), guest),
            Event::Evicted { .. } => return (End::Evicted, guest),
        };
        let blocked = asked.blocked;
        journal.logs.extend(asked.logs.iter().filter(|log| log.after >= replayed).cloned());
        if let Err(divergence) = remember(asked, journal, &mut commands, answers, now) {
            journal.divergences.push(divergence);
        }
        if let Some(end) = end {
            if let Err(divergence) = commands.finish() {
                journal.divergences.push(divergence.to_string());
            }
            return (end, guest);
        }
        if !blocked {
            continue;
        }
        if journal.completions.len() >= enough {
            return (End::Enough, guest);
        }
        let next = journal.due.iter().min().copied().expect("a guest waits for nothing");
        journal.due.retain(|due| *due != next);
        now = now.max(next.0);
        let call = &journal.calls[next.1 as usize - 1];
        let value = answers.answer(call, now).map(|value| value.to_string()).map_err(|error| error.to_string());
        let completion = Completion { id: call.id, at: now, value };
        journal.completions.push(completion.clone());
        guest.deliver(completion).unwrap();
        if journal.completions.len() >= enough {
            return (End::Enough, guest);
        }
    }
}

fn remember(
    asked: Asked,
    journal: &mut Journal,
    commands: &mut Commands,
    answers: &impl Answers,
    now: u64,
) -> Result<(), String> {
    let new = commands.check(asked).map_err(|divergence| divergence.to_string())?;
    for call in new.calls {
        if let Some(ms) = answers.after(&call) {
            journal.due.push((now + ms * 1000, call.id));
        }
        journal.calls.push(call);
    }
    for cancelled in new.cancelled {
        journal.due.retain(|(_, id)| *id != cancelled.id);
        journal.cancelled.push(cancelled);
    }
    Ok(())
}
