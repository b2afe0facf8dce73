//! The compile process: a component in, machine code out.
//!
//! Components come from strangers and compiling has no bounds of its own, so it happens in a process that can do nothing
//! else and that has limits.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use crate::component::{self, Refusal, Refused};
use crate::config::{self, Purpose};
use crate::confine::{self, Arguments};

/// How far it steps back behind the server and its guests.
const NICE: i32 = 10;

/// The largest component.
pub(crate) const COMPONENT_MAX: u64 = 128 << 20;

/// Of a hidden subcommand: reads a component from the socket that is its standard input, and answers with the compiled
/// image. `args` are those that follow the subcommand. One of a user is checked before it is compiled.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let (code, error) = match compile(args) {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        // standard error says why
        Ok(Err(Refused(refusal, reason))) => (ExitCode::from(refusal.exit()), reason),
        Err(error) => (ExitCode::FAILURE, error.to_string()),
    };
    let _ = writeln!(io::stderr(), "{error}");
    code
}

fn compile(args: impl IntoIterator<Item = OsString>) -> io::Result<Result<(), Refused>> {
    // whatever the server does comes first; a kernel that refuses this changes nothing else
    let _ = rustix::process::nice(NICE);
    let args = Arguments::read(args)?;
    let policy = args.compiler();
    let (_, mut socket) = confine::finish(confine::begin(&policy)?)?;
    let mut component = Vec::new();
    (&mut socket).take(COMPONENT_MAX).read_to_end(&mut component)?;
    let engine = config::engine(Purpose::Compile).map_err(io::Error::other)?;
    let work = move || {
        if args.is_component {
            component::check(&component)?;
        }
        let image = engine.precompile_component(&component);
        image.map_err(|error| Refused(Refusal::Invalid, format!("{error:#}")))
    };
    // what breaks a parser is bad, not unlucky: it would break it again
    std::panic::set_hook(Box::new(|_| {}));
    let broke = |_| Err(Refused(Refusal::Invalid, "it cannot be read".to_owned()));
    match std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(broke) {
        Ok(image) => socket.write_all(&image).map(Ok),
        Err(refused) => Ok(Err(refused)),
    }
}
