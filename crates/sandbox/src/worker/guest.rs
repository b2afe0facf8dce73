//! One guest, from its start to its end.

use std::sync::Arc;

use tokio::sync::mpsc;
use wasmtime::{Store, Trap, WasmBacktrace};

use super::host::{Ended, Host};
use super::load::Loaded;
use super::meter::Metered;
use super::report::Report;
use super::ticker::Ticker;
use crate::limits::{Limit, Limits};
use crate::protocol::{Completion, End, Failure, FailureKind, FromWorker, Start, Usage, call};
use crate::world;

/// What wasmtime copies out of a guest in one call. Our own limits are below; this one is for what is far above.
const HOSTCALL_BYTES: usize = 24 << 20;

/// Runs it and reports its end.
pub(crate) async fn run(
    loaded: Result<Loaded, String>,
    start: Start,
    inbox: mpsc::UnboundedReceiver<Completion>,
    report: Report,
    ticker: Arc<Ticker>,
) {
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(message) => {
            let failure = Failure { kind: FailureKind::Engine, message, stack: String::new() };
            report.end(0, |guest, last| FromWorker::Failed { guest, failure, last, usage: Usage::default() });
            return;
        }
    };
    let Start { files, entry, input, seed, now, limits, replay, .. } = start;
    let host = Host::new(limits.clone(), seed, now, replay, inbox, report);
    let meter = Arc::clone(&host.meter);
    let mut store = Store::new(&loaded.engine, host);
    store.limiter(|host| host);
    store.set_hostcall_fuel(HOSTCALL_BYTES);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut store| store.data_mut().tick());

    let files: Vec<_> = files.into_iter().map(|file| world::File { name: file.name, text: file.text }).collect();
    let running = async {
        if files.iter().map(|file| file.name.len() + file.text.len()).sum::<usize>() > limits.bundle as usize {
            let message = format!("the files have more than {} bytes", limits.bundle);
            return Err(super::host::ended(FailureKind::Limit(Limit::Bundle), message));
        }
        let instance = loaded.pre.instantiate_async(&mut store).await?;
        instance.call_run(&mut store, &files, &entry, &input, &seed, now).await
    };
    let outcome = Metered::new(running, Arc::clone(&meter), ticker).await;

    let host = store.into_data();
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
    let copied_too_much = format!("{error:?}").contains("fuel allocated for hostcalls");
    let (kind, message) = if trap == Some(&Trap::StackOverflow) {
        (FailureKind::Limit(Limit::Stack), "the stack is exhausted".to_owned())
    } else if copied_too_much {
        // inside of the guest it was a call, outside it was what `run` returned
        let limit = if error.downcast_ref::<WasmBacktrace>().is_some() { Limit::Call } else { Limit::Output };
        (FailureKind::Limit(limit), format!("more than {HOSTCALL_BYTES} bytes at once"))
    } else {
        (FailureKind::Engine, trap.map_or_else(|| format!("{error:#}"), ToString::to_string))
    };
    Failure { kind, message: cut(message, 8 << 10), stack: String::new() }
}

fn cut(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes));
        text.push_str(" ...");
    }
    text
}
