//! `moltforge`

use std::process::ExitCode;

/// Less CPU per run than the C library's (docs/adr/0009-mimalloc-and-fdatasync.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    moltforge::cli::main()
}
