//! `moltforge`

use std::process::ExitCode;

fn main() -> ExitCode {
    moltforge::cli::main()
}
