//! The hidden subcommands of the one binary, for the tests of this crate: they need no other crate of the workspace.

use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("worker") => moltforge_sandbox::worker::main(std::env::args_os().skip(2)),
        Some("compile") => moltforge_sandbox::compile::main(std::env::args_os().skip(2)),
        Some("hostile") => hostile(),
        _ => ExitCode::FAILURE,
    }
}

/// A worker that a guest has taken over: it is ready like one of ours, then says what its argument says, in hex.
fn hostile() -> ExitCode {
    let said = std::env::args().nth(2).and_then(|bytes| hex::decode(bytes).ok());
    let (Ok(fingerprint), Some(said)) = (moltforge_sandbox::fingerprint(), said) else { return ExitCode::FAILURE };
    let ready = [&[37, 0, 0, 0, 0], fingerprint.as_slice(), &[0; 4], &said].concat();
    let Ok(socket) = std::io::stdin().as_fd().try_clone_to_owned() else { return ExitCode::FAILURE };
    let mut socket = UnixStream::from(socket);
    if socket.write_all(&ready).is_err() {
        return ExitCode::FAILURE;
    }
    // until the server closes
    let _ = std::io::copy(&mut socket, &mut std::io::sink());
    ExitCode::SUCCESS
}
