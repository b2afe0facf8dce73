//! Why a guest has no output, as an execution's error.

use moltforge_execution::guests::GuestEvent;
use moltforge_sandbox::{Error, Failure, FailureKind, Limit, Refusal};
use moltforge_types::journal::ErrorInfo;

use crate::guests::explained;

/// A guest was not started, or cannot hear any more.
pub(super) fn not_started(error: &Error) -> GuestEvent {
    let message = error.to_string();
    match error {
        // its author can change these, time cannot
        Error::Refused { refusal, .. } => GuestEvent::Failed(of_refusal(*refusal, message)),
        Error::TooLarge { .. } | Error::Limit { .. } => GuestEvent::Failed(ErrorInfo::new("memory_limit", message)),
        Error::Start(_) => GuestEvent::Failed(ErrorInfo::new("bundle_size_limit", message)),
        Error::Compile(_) | Error::Cache { .. } | Error::Worker(_) => {
            GuestEvent::Lost(ErrorInfo::new("sandbox_unavailable", message))
        }
    }
}

/// Its process ended before it could run anything: the kernel may not confine it.
pub(super) fn no_process(reason: &str) -> GuestEvent {
    GuestEvent::Lost(ErrorInfo::new("sandbox_unavailable", format!("its process cannot be started: {reason}")))
}

/// Its process was lost again and again, at last one of its own.
pub(super) fn crashes(times: u32) -> GuestEvent {
    let message =
        format!("the process of the program was lost {times} times while it computed, at last one of its own");
    GuestEvent::Failed(ErrorInfo::new("guest_crash", message))
}

/// What a program returned is no JSON that can be kept.
pub(super) fn bad_output(error: &serde_json::Error) -> GuestEvent {
    GuestEvent::Failed(ErrorInfo::new("output_invalid", format!("what the program returned cannot be kept: {error}")))
}

/// The error of an execution whose guest failed by itself, with the place in the author's files where that is known.
pub(super) fn error(failure: &Failure) -> ErrorInfo {
    let text = explained(failure);
    match failure.kind {
        FailureKind::Syntax => ErrorInfo::new("guest_syntax", text),
        FailureKind::Exception => ErrorInfo::new("guest_exception", text),
        FailureKind::Deadlock => ErrorInfo::new("guest_deadlock", text),
        FailureKind::NoRun => ErrorInfo::new("guest_no_run", text),
        FailureKind::Misuse => ErrorInfo::new("guest_misuse", text),
        // told apart before it comes here
        FailureKind::Engine | FailureKind::Diverged => ErrorInfo::new("guest_trap", text),
        FailureKind::Limit(limit) => of_limit(limit, text),
        FailureKind::Imports => of_refusal(Refusal::Imports, text),
        FailureKind::Exports => of_refusal(Refusal::Exports, text),
        FailureKind::Size => of_refusal(Refusal::Limit, text),
    }
}

fn of_refusal(refusal: Refusal, text: String) -> ErrorInfo {
    match refusal {
        Refusal::Invalid => ErrorInfo::new("component_invalid", text),
        Refusal::Imports => ErrorInfo::new("component_imports", text),
        Refusal::Exports => ErrorInfo::new("component_exports", text),
        Refusal::Limit => ErrorInfo::new("component_limit", text),
    }
}

fn of_limit(limit: Limit, text: String) -> ErrorInfo {
    // those of the agent file are called as they are there
    let text = match limit {
        Limit::Memory | Limit::Cpu | Limit::Output => format!("limits.{limit}: {text}"),
        _ => text,
    };
    match limit {
        Limit::Memory => ErrorInfo::new("memory_limit", text),
        Limit::Cpu => ErrorInfo::new("cpu_limit", text),
        Limit::Stack => ErrorInfo::new("stack_limit", text),
        Limit::Output => ErrorInfo::new("output_limit", text),
        Limit::Logs => ErrorInfo::new("log_limit", text),
        Limit::Calls => ErrorInfo::new("open_call_limit", text),
        Limit::Call => ErrorInfo::new("call_size_limit", text),
        Limit::Bundle => ErrorInfo::new("bundle_size_limit", text),
    }
}
