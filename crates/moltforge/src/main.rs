//! `moltforge`

use std::process::ExitCode;

/// Less CPU per run than the C library's (docs/adr/0009-mimalloc-and-fdatasync.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // a process for guests is confined before anything else happens in it: no thread, no log, no command line
    let mut words = std::env::args_os().skip(1);
    match words.next().as_deref().and_then(std::ffi::OsStr::to_str) {
        Some(moltforge::guests::WORKER) => moltforge_sandbox::worker::main(words),
        Some(moltforge::guests::COMPILER) => moltforge_sandbox::compile::main(words),
        _ => moltforge::cli::main(),
    }
}
