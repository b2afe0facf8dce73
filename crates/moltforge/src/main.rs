//! `moltforge`

use std::process::ExitCode;

/// A tenth less CPU per run than the C library's, measured on workload W (docs/benchmarks.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    moltforge::cli::main()
}
