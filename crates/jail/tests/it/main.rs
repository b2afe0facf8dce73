//! What a confined process can still do, tried on the real kernel.
//!
//! This program is both sides. Started by `cargo test` it is the server: it starts itself again as an inmate, which
//! confines itself, tries one thing, and says over its socket what came of it. Every attempt has a control: the same
//! thing, tried by the same program without confinement, must succeed, or the attempt shows nothing.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "this is a test with a main of its own, and talks to the kernel in its numbers"
)]

mod attempts;
mod checks;
mod facts;
mod inmate;
mod kernel;
mod outside;
mod policies;
mod refusals;
mod server;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// What `cargo test` runs: a name and what it does.
type Test = (&'static str, fn());

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().map(String::as_str) == Some(server::INMATE) {
        return inmate::main(&arguments[1..]);
    }
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let measure = arguments.iter().any(|argument| argument == "--ignored");
    let all: Vec<Test> =
        if measure { checks::measurements() } else { [attempts::tests(), checks::tests(), refusals::tests()].concat() };
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let chosen =
        all.into_iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|part| name.contains(*part)));
    let mut failed = Vec::new();
    for (name, test) in chosen {
        let passed = catch_unwind(AssertUnwindSafe(test)).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        if !passed {
            failed.push(name);
        }
    }
    println!("test result: {}. {} failed {failed:?}", if failed.is_empty() { "ok" } else { "FAILED" }, failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
