//! The compile process: a component in, machine code out.
//!
//! Components come from strangers and compiling has no bounds of its own, so it happens in a process that can do nothing
//! else and that has limits.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use crate::config::{self, Purpose};
use crate::confine::{self, Arguments};

/// The exit code that says: the component is bad, and standard error says why.
pub(crate) const REFUSED: u8 = 3;

/// The largest component.
pub(crate) const COMPONENT_MAX: u64 = 128 << 20;

/// Of a hidden subcommand: reads a component from the socket that is its standard input, and answers with the compiled
/// image. `args` are those that follow the subcommand.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let (code, error) = match compile(args) {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(refused)) => (ExitCode::from(REFUSED), format!("{refused:#}")),
        Err(error) => (ExitCode::FAILURE, error.to_string()),
    };
    let _ = writeln!(io::stderr(), "{error}");
    code
}

fn compile(args: impl IntoIterator<Item = OsString>) -> io::Result<wasmtime::Result<()>> {
    let policy = Arguments::read(args)?.compiler();
    let (_, mut socket) = confine::finish(confine::begin(&policy)?)?;
    let mut component = Vec::new();
    (&mut socket).take(COMPONENT_MAX).read_to_end(&mut component)?;
    let engine = config::engine(Purpose::Compile).map_err(io::Error::other)?;
    match engine.precompile_component(&component) {
        Ok(image) => socket.write_all(&image).map(Ok),
        Err(error) => Ok(Err(error)),
    }
}
