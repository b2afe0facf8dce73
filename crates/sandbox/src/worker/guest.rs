//! One guest, from its start to its end.

use std::sync::Arc;

use tokio::sync::mpsc;
use wasmtime::{Store, Trap, WasmBacktrace};

use super::host::{Ended, Host};
use super::load::{Loaded, Program};
use super::memory::Memory;
use super::meter::Metered;
use super::report::Report;
use super::ticker::Ticker;
use crate::config::HANDLES;
use crate::limits::{Limit, Limits};
use crate::protocol::{Completion, End, Failure, FailureKind, FromWorker, Start, Usage, call};
use crate::world;
use crate::world::typescript::Typescript;

/// What wasmtime copies out of a guest in one call. Our own limits are below; this one is for what is far above.
const HOSTCALL_BYTES: usize = 24 << 20;

/// Runs it and reports its end.
pub(crate) async fn run(
    loaded: Result<Loaded, Failure>,
    start: Start,
    inbox: mpsc::UnboundedReceiver<Completion>,
    grants: mpsc::UnboundedReceiver<u64>,
    report: Report,
    ticker: Arc<Ticker>,
) {
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(failure) => {
            report.end(0, |guest, last| FromWorker::Failed { guest, failure, last, usage: Usage::default() });
            return;
        }
    };
    let Start { files, entry, input, seed, now, limits, granted, replay, .. } = start;
    let memory = Memory::new(granted, grants, loaded.is_ours());
    let host = Host::new(limits.clone(), seed, now, replay, inbox, memory, report);
    let meter = Arc::clone(&host.meter);
    let mut store = Store::new(&loaded.engine, host);
    store.limiter_async(|host| host);
    store.set_hostcall_fuel(HOSTCALL_BYTES);
    // that of an open call, and as many again while it waits for it
    store.set_max_component_handles(HANDLES + 4 * limits.calls as usize);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut store| store.data_mut().tick());

    let files: Vec<_> =
        files.iter().map(|file| world::File { name: file.name.to_string(), text: file.text.to_string() }).collect();
    let running = async {
        if files.iter().map(|file| file.name.len() + file.text.len()).sum::<usize>() > limits.bundle as usize {
            let message = format!("the files have more than {} bytes", limits.bundle);
            return Err(super::host::ended(FailureKind::Limit(Limit::Bundle), message));
        }
        match &loaded.program {
            Program::Engine(pre) => {
                let instance = pre.instantiate_async(&mut store).await?;
                instance.call_run(&mut store, &files, &entry, &input, &seed, now).await
            }
            Program::TypeScript(pre) => {
                let instance = pre.instantiate_async(&mut store).await?;
                strip(&instance, &mut store, &files).await
            }
            Program::Agent(pre) => {
                let instance = pre.instantiate_async(&mut store).await?;
                let returned = instance.call_run(&mut store, &input).await?;
                store.data_mut().flush_lines()?;
                Ok(returned.map_err(|error| world::Failure {
                    kind: "exception".to_owned(),
                    message: format!("{}: {}", error.code, error.message),
                    stack: error.details.unwrap_or_default(),
                }))
            }
        }
    };
    let outcome = Metered::new(running, Arc::clone(&meter), ticker).await;

    let mut host = store.into_data();
    if outcome.is_err() {
        // what was written last may say why; that it is too much for the log does not matter any more
        let _ = host.flush_lines();
    }
    let usage = Usage { cpu: meter.total(), ..host.usage() };
    let outcome = match outcome {
        Ok(Ok(output)) => check(output, &limits),
        Ok(Err(failure)) => Err(returned(failure)),
        Err(error) => Err(trapped(&error)),
    };
    host.report.end(host.consumed, |guest, last| match outcome {
        Ok(output) => FromWorker::Ended { guest, end: End { output, last }, usage },
        Err(failure) => FromWorker::Failed { guest, failure, last, usage },
    });
}

/// All files without their types, as JSON by name.
async fn strip(
    instance: &Typescript,
    store: &mut Store<Host>,
    files: &[world::File],
) -> wasmtime::Result<Result<String, world::Failure>> {
    let mut stripped = serde_json::Map::new();
    for file in files {
        match instance.call_strip(&mut *store, &file.name, &file.text).await? {
            Ok(text) => stripped.insert(file.name.clone(), text.into()),
            Err(message) => {
                let (kind, stack) = ("syntax".to_owned(), String::new());
                return Ok(Err(world::Failure { kind, message: located(&file.name, &message), stack }));
            }
        };
    }
    Ok(Ok(serde_json::Value::Object(stripped).to_string()))
}

/// What the compiler says, with the name of the file, and without the names of its own errors.
fn located(name: &str, message: &str) -> String {
    let lines = message.lines().filter(|line| !line.starts_with('['));
    let named = |line: &str| if line.starts_with(name) { line.to_owned() } else { format!("{name}:{line}") };
    lines.map(named).collect::<Vec<_>>().join("\n")
}

fn check(output: String, limits: &Limits) -> Result<String, Failure> {
    let failure = |kind, message| Failure { kind, message, stack: String::new() };
    if output.len() > limits.output as usize {
        let message = format!("an output of {} bytes, at most {}", output.len(), limits.output);
        return Err(failure(FailureKind::Limit(Limit::Output), message));
    }
    match call::json(&output) {
        Ok(()) => Ok(output),
        Err(error) => Err(failure(FailureKind::Misuse, format!("the output is {error}"))),
    }
}

/// What the engine image says about the author's program.
fn returned(failure: world::Failure) -> Failure {
    let kind = match failure.kind.as_str() {
        "syntax" => FailureKind::Syntax,
        "exception" => FailureKind::Exception,
        "deadlock" => FailureKind::Deadlock,
        "no-run" => FailureKind::NoRun,
        _ => FailureKind::Engine,
    };
    Failure { kind, message: cut(failure.message, 8 << 10), stack: cut(failure.stack, 32 << 10) }
}

fn trapped(error: &wasmtime::Error) -> Failure {
    if let Some(Ended(failure)) = error.downcast_ref() {
        return failure.clone();
    }
    let trap = error.downcast_ref::<Trap>();
    let causes = format!("{error:?}");
    let (kind, message) = if trap == Some(&Trap::StackOverflow) {
        (FailureKind::Limit(Limit::Stack), "the stack is exhausted".to_owned())
    } else if causes.contains("fuel allocated for hostcalls") {
        // inside of the guest it was a call, outside it was what `run` returned
        let limit = if error.downcast_ref::<WasmBacktrace>().is_some() { Limit::Call } else { Limit::Output };
        (FailureKind::Limit(limit), format!("more than {HOSTCALL_BYTES} bytes at once"))
    } else if causes.contains("store handle limit exceeded") {
        (FailureKind::Limit(Limit::Memory), format!("more than {HANDLES} handles of resources"))
    } else if error.chain().any(<dyn std::error::Error>::is::<std::str::Utf8Error>) {
        (FailureKind::Misuse, "a text that is not UTF-8".to_owned())
    } else {
        (FailureKind::Engine, trap.map_or_else(|| format!("{error:#}"), ToString::to_string))
    };
    Failure { kind, message: cut(message, 8 << 10), stack: String::new() }
}

/// At most so many bytes of a text.
pub(super) fn cut(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes));
        text.push_str(" ...");
    }
    text
}
